/* What the parts of the lowering share: lower.c finds what is alive and where it lies, fuse.c makes groups, emit.c writes
 * them as steps by means of steps.c. */
#ifndef CLGEN_GRAPH_LOWER_H
#define CLGEN_GRAPH_LOWER_H

#include "graph/internal.h"

/* A consumer of a node's memory; not direct when it looks through a view. */
typedef struct {
  int id;
  bool direct;
} clgen_use;

/* Nodes that become one step: elementwise nodes and assignments; or those, sums of them, and what is made from the sums,
 * which has the sums' shape. */
typedef struct {
  int *member;
  int n, room;
  int last;    /* the largest member: the group runs there */
  bool closed; /* takes no more members, but for what is made from its sums */
  bool reduce;
  clgen_shape domain;
} clgen_group;

typedef struct {
  const clgen_graph *g;
  clgen_lowered *low;
  bool *alive, *materialized; /* materialized: a view (or constant) that must be written out */
  int *use_start;             /* uses of node i: use[use_start[i] .. use_start[i+1]-1], in the order of their ids */
  clgen_use *use;
  int *group; /* by node; -1: none */
  clgen_group *groups;
  int n_groups, room_groups;
  int *placed_in; /* by node: the PACK or CONCAT that takes it as a piece in place, or -1 */
} clgen_lowering;

const clgen_tensor *clgen_state_of(const clgen_tensor *t); /* the STATE under assignments, packs and views; NULL */
/* The node whose memory operand `t` is read from. */
const clgen_tensor *clgen_base_of(const clgen_lowering *L, const clgen_tensor *t);
static inline bool clgen_writes_state(const clgen_tensor *t) { return t->op == CLGEN_OP_ASSIGN || t->op == CLGEN_OP_PACK; }
/* What operand k of a PACK or CONCAT is a reshaped view of, and where in the whole it belongs. */
const clgen_tensor *clgen_piece(const clgen_tensor *whole, int k, int64_t *offset);
/* Whether a node becomes part of an elementwise step. */
bool clgen_is_grouped(const clgen_lowering *L, const clgen_tensor *t);

/* Whether a member of a group with sums comes after them. */
static inline bool clgen_is_after(const clgen_group *group, const clgen_tensor *t) {
  return group->reduce && t->op != CLGEN_OP_SUM && !clgen_shape_equal(&t->shape, &group->domain);
}

int clgen_fuse(clgen_lowering *L);
int clgen_emit(clgen_lowering *L);

#endif
