/* What the two parts of REDUCE share: reduce.c decides how a sum goes through memory, reduce_code.c writes the kernel. */
#ifndef CLGEN_REDUCE_H
#define CLGEN_REDUCE_H

#include "backend/opencl/ew_code.h"

enum {
  CLGEN_REDUCE_BLOCK = 32,  /* additions in a block */
  CLGEN_REDUCE_VECTORS = 64 /* of columns that an item of a wide device owns */
};

typedef struct {
  clgen_ew_gen gen;
  clgen_ew_walk walk;
  bool wide, columns;
  bool pairs;       /* an item goes through two sums at a time, which are two streams for the memory */
  int width, lanes; /* lanes > 1: a group of so many items for each sum */
  int n_sums;       /* how many values are summed, and which */
  int sum[CLGEN_STEP_MAX_INSTRS];
  int64_t outs;          /* sums of each */
  int64_t chunk, blocks; /* stretches of the column axis: of a run, or of the columns that an item owns */
  int64_t owners;        /* what u counts within a part: sums, or stretches of columns */
  int64_t summands;      /* what is cut into parts: runs, elements (groups) or rows (columns) */
  int64_t parts, per_part;
} clgen_reduction;

static inline unsigned clgen_reduction_kept(const clgen_ew_walk *w) { return ~w->axes & ((1u << w->nd) - 1u); }

/* How many runs make a block. */
int64_t clgen_reduction_runs_together(const clgen_reduction *r);
/* The place of run number `run`, at which its elements begin: j and stop, and x<k> of the outer axes that are summed over.
 */
void clgen_reduction_place_run(clgen_reduction *r);
/* Stores what belongs to the sums `own`, total0, total1, ... with bases B<k>. */
void clgen_reduction_store_totals(clgen_reduction *r);
void clgen_reduction_write_pairs(clgen_reduction *r, int64_t per_item);

/* The body of the kernel into r->gen.t, for items that do `per_item` tasks each. */
void clgen_reduction_write(clgen_reduction *r, int64_t per_item);

#endif
