/* Writing the steps of a lowered graph. A writer is a step in the making; what it lacks memory for it remembers, and
 * clgen_step_end says so. */
#ifndef CLGEN_GRAPH_STEPS_H
#define CLGEN_GRAPH_STEPS_H

#include "graph/lower.h"

typedef struct {
  clgen_lowering *L;
  clgen_step *s;
  unsigned after; /* the axes that were summed over, once what follows their sums is written */
  bool failed;    /* out of memory; the fusion's limits keep everything else from happening */
} clgen_step_writer;

/* The slot of a node's memory, made when it is first asked for; -1: out of memory. */
int clgen_slot_for(clgen_lowering *L, const clgen_tensor *base);

/* Adds a step at the end; false: out of memory. */
bool clgen_step_begin(clgen_step_writer *w, clgen_lowering *L, clgen_step_kind kind, const char *label);
void clgen_step_domain(clgen_step_writer *w, const clgen_shape *shape);
/* Memory as a step sees it. What follows a sum stays where it is along the axes that were summed over; they have size 1 for
 * it. */
clgen_operand clgen_step_operand(clgen_step_writer *w, const clgen_view *view, clgen_dtype dtype);
int clgen_step_instr(clgen_step_writer *w, clgen_ew_instr instr);
/* The value loaded through this view: one load for all who ask. */
int clgen_step_load(clgen_step_writer *w, const clgen_view *view, clgen_dtype dtype);
/* The value of operand `in`, for a step over in's own shape: a constant or a load. */
int clgen_step_outside(clgen_step_writer *w, const clgen_tensor *in);
void clgen_step_store(clgen_step_writer *w, int value, const clgen_view *view, clgen_dtype dtype);
/* Merges axes that every operand walks alike, and counts the work. */
int clgen_step_end(clgen_step_writer *w);

/* The last two steps become one where they do the same over neighbours in memory, such as the averages of all running
 * statistics. */
void clgen_steps_join(clgen_lowered *low);
/* Moves matrix products up to earlier ones that they do not depend on (order.c). */
void clgen_steps_gather(clgen_lowered *low);

#endif
