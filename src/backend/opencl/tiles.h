/* What the plans for the kernels of cl/tiles*.cl share: sizes of pieces, launches, the packed left operand. */
#ifndef CLGEN_OPENCL_TILES_H
#define CLGEN_OPENCL_TILES_H

#include "backend/opencl/linear.h"

enum {
  CLGEN_TILES_DEPTH = 256,        /* of a block of the inner dimension: a panel of the left operand stays in the first-level
                                     cache */
  CLGEN_TILES_COLUMNS = 256,      /* of a task: with DEPTH, the right operand's block stays in the second-level cache */
  CLGEN_TILES_ITEMS_PER_UNIT = 4, /* work-items that a compute unit gets, so that the last ones to end are small */
  CLGEN_TILES_LINE = 16           /* floats in a cache line; parts of the working memory begin at one */
};

static inline int64_t tile_up(int64_t n, int64_t d) { return (n + d - 1) / d; }
static inline int64_t tile_aligned(int64_t floats) { return tile_up(floats, CLGEN_TILES_LINE) * CLGEN_TILES_LINE; }
static inline int64_t tile_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t tile_most(int64_t a, int64_t b) { return a > b ? a : b; }
/* Pieces of at most `piece` that are as even as they can be: the size of each. */
static inline int64_t tile_even(int64_t n, int64_t piece) { return tile_up(n, tile_up(n, piece)); }

void clgen_tiles_words(clgen_plan *plan, const int64_t *value, size_t n);
/* A launch of a kernel whose work-items share `tasks`; NULL: out of memory. */
clgen_ocl_launch *clgen_tiles_item(clgen_ocl *ocl, clgen_plan *plan, size_t step, const char *name, int64_t tasks);

/* One matrix that is packed: element (m, (k1,k2,k3)) is at `at` + m sm + k1 s1 + k2 s2 + k3 s3 of `from`, m < rows; into the
 * scratch memory, at `to`. */
typedef struct {
  int64_t k1, k2, k3, sm, s1, s2, s3, at, to;
  int64_t rows;
  int from; /* of the pieces of memory */
} clgen_tiles_left;

/* Packs operand `which` of the step, and of those that run with it: `from` is their memory. Returns the launch; NULL: out of
 * memory. */
clgen_ocl_launch *clgen_tiles_pack(clgen_ocl *ocl, clgen_plan *plan, size_t step, int which, const clgen_ocl_mem *from,
                                   int pieces, const clgen_tiles_left *part, int parts);

/* ---- Products -------------------------------------------------------------------------------------------------------- */

/* A product (m,k) x (k,n) as tasks: column groups times panel groups times stretches of k, which are sums of their own and
 * added up afterwards; they are made where there are too few columns to keep every compute unit busy. */
typedef struct {
  int64_t column_groups;       /* as even as whole vectors make them */
  int64_t columns;             /* of a task at most, rounded up to whole tiles */
  int64_t panels, panels_each; /* of rows: all, and those of a task */
  int64_t splits, blocks_each; /* stretches, and blocks of k in one */
  int64_t items;
} clgen_tiles_cutting;

clgen_tiles_cutting clgen_tiles_cut(const clgen_ocl *ocl, int64_t m, int64_t n, int64_t blocks);
/* Adds up `splits` products of `total` elements, which lie one behind the other in the scratch memory from `from` on. */
int clgen_tiles_sum(clgen_ocl *ocl, clgen_plan *plan, size_t step, int64_t total, int64_t splits, int64_t from,
                    clgen_ocl_mem out, int64_t out_at);

#endif
