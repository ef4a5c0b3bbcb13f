/* The graph's insides: nodes, the table of operations, and what passes between the compiler's parts. */
#ifndef CLGEN_GRAPH_INTERNAL_H
#define CLGEN_GRAPH_INTERNAL_H

#include "backend/backend.h"
#include "base/base.h"

/* Operations that are not elementwise, X(NAME, name). An elementwise operation is its clgen_ew_op. */
#define CLGEN_STRUCTURAL_OPS(X)             \
  X(INPUT, input)                           \
  X(STATE, state)                           \
  X(RESHAPE, reshape)                       \
  X(PERMUTE, permute)                       \
  X(BROADCAST, broadcast)                   \
  X(SLICE, slice)                           \
  X(STOP_GRADIENT, stop_gradient)           \
  X(PAD, pad)                               \
  X(CONCAT, concat)                         \
  X(SUM, sum)                               \
  X(MATMUL, matmul)                         \
  X(CONV2D, conv2d)                         \
  X(CONV2D_INPUT_GRAD, conv2d_input_grad)   \
  X(CONV2D_WEIGHT_GRAD, conv2d_weight_grad) \
  X(AFFINE_SAMPLE, affine_sample)           \
  X(AFFINE_SAMPLE_GRAD, affine_sample_grad) \
  X(ASSIGN, assign)                         \
  X(PACK, pack)

enum {
  CLGEN_OP_FIRST_STRUCTURAL = CLGEN_EW_COUNT,
  CLGEN_OP_BEFORE_STRUCTURAL = CLGEN_EW_COUNT - 1,
#define X(NAME, name) CLGEN_OP_##NAME,
  CLGEN_STRUCTURAL_OPS(X)
#undef X
      CLGEN_OP_COUNT
};

const char *clgen_op_name(int op);
static inline bool clgen_op_is_elementwise(int op) { return op < CLGEN_EW_COUNT; }
static inline bool clgen_op_is_random(int op) { return op == CLGEN_EW_RANDOM_UNIFORM || op == CLGEN_EW_RANDOM_NORMAL; }
/* Operations of two contiguous operands that are a kind of step each, in the order of those. */
static inline bool clgen_op_is_heavy(int op) { return op >= CLGEN_OP_MATMUL && op <= CLGEN_OP_AFFINE_SAMPLE_GRAD; }
/* Operations that only rename memory. */
static inline bool clgen_op_is_view(int op) {
  return op == CLGEN_OP_RESHAPE || op == CLGEN_OP_PERMUTE || op == CLGEN_OP_BROADCAST || op == CLGEN_OP_SLICE ||
         op == CLGEN_OP_STOP_GRADIENT;
}

/* Everything but the operands that makes two nodes of one operation different; compared byte by byte, so always zeroed. */
typedef struct {
  float p, q;
  uint64_t seed;
  uint32_t stream, mask;        /* mask: the axes of a sum */
  int64_t start, before, after; /* slice; pad */
  int axes[CLGEN_MAX_DIMS];     /* permute */
  int axis;                     /* slice, pad, concat */
  int transpose_a, transpose_b;
  clgen_conv conv;
} clgen_attr;

struct clgen_tensor {
  clgen_graph *graph;
  int id; /* position in the graph, and in time */
  int op;
  clgen_dtype dtype;
  clgen_shape shape;
  int n_in;
  clgen_tensor **in;
  clgen_attr attr;
  int64_t *offsets; /* pack */
  char *name;       /* input, state */
  bool output;
};

struct clgen_graph {
  clgen_tensor **node;
  int count, room;
  int *table; /* open hash of node ids + 1, to find an equal node */
  int table_room;
};

/* Elements that a tensor may have: so few that the bytes of several fit 64 bits. */
#define CLGEN_MOST_ELEMENTS ((int64_t)1 << 48)
/* No dimension is negative. */
bool clgen_shape_fits(const clgen_shape *shape);

/* Adds a node, or returns the equal one that is there already. Copies ins. */
clgen_tensor *clgen_node_add(clgen_graph *g, int op, clgen_dtype dtype, clgen_shape shape, int n_in, clgen_tensor *const *in,
                             const clgen_attr *attr);
/* Whether every operand is there and all are of one graph; sets the message otherwise. */
bool clgen_operands_ok(const char *op, int n, clgen_tensor *const *in);
/* Sets "op: ..." and returns NULL. */
clgen_tensor *clgen_node_fail(const char *op, const char *format, ...) CLGEN_PRINTF(2, 3);
/* The sum over the axes, which stay with size 1, with factors that do not vary there pulled out: sum(a f) = f sum(a), so
 * that the gradients of a scale and of the normalisation under it share their sums. For gradients only: the result does not
 * depend on the node of the product, and so gives it no gradient. */
clgen_tensor *clgen_sum_split(clgen_tensor *x, unsigned axes);
static inline bool clgen_is_constant(const clgen_tensor *t) { return t->op == CLGEN_EW_CONST; }
clgen_tensor *clgen_elementwise(int op, int n, clgen_tensor *const *in, float p, float q);

/* ---- Views: how a node's elements lie in memory ------------------------------------------------------------------ */

typedef struct {
  const clgen_tensor *base; /* the node whose memory it is: never a view that is not materialised */
  int64_t offset;
  int64_t stride[CLGEN_MAX_DIMS]; /* over the viewing node's shape */
} clgen_view;

void clgen_view_contiguous(clgen_view *v, const clgen_tensor *base, const clgen_shape *shape);
bool clgen_view_is_contiguous(const clgen_view *v, const clgen_shape *shape);
/* The view of `t` through its operand's view; false when a copy is needed (some reshapes). */
bool clgen_view_apply(const clgen_tensor *t, const clgen_view *in, clgen_view *out);

/* ---- Lowering ------------------------------------------------------------------------------------------------------ */

typedef enum { CLGEN_SLOT_TEMP, CLGEN_SLOT_INPUT, CLGEN_SLOT_OUTPUT, CLGEN_SLOT_STATE } clgen_slot_kind;

typedef struct {
  clgen_slot_kind kind;
  const clgen_tensor *node; /* whose memory it is; for a state the STATE node */
  uint64_t bytes;
  int first, last; /* steps that write it first and touch it last */
  int alias;       /* another slot whose memory it takes over in place, or -1 */
  int arena;
  uint64_t offset; /* in its arena, bytes */
  clgen_buffer *buffer;
} clgen_slot;

typedef struct {
  clgen_step *step;
  size_t n_steps, room_steps;
  clgen_slot *slot;
  int n_slots, room_slots;
  clgen_view *view; /* by node id: where it can be read, valid where has_view */
  bool *has_view;
  size_t alive; /* nodes */
} clgen_lowered;

int clgen_lower(clgen_lowered *out, const clgen_graph *g);
void clgen_lowered_free(clgen_lowered *low);
int clgen_lowered_slot_of(const clgen_lowered *low, const clgen_tensor *base); /* -1: none */

/* Gives each TEMP slot its place. arena_bytes gets one size for each arena, none above max_arena (0: no limit of the
 * device's) and none that a step could not count to the end of. */
#define CLGEN_MAX_ARENAS 32
int clgen_plan_memory(clgen_lowered *low, uint64_t max_arena, uint64_t arena_bytes[CLGEN_MAX_ARENAS], int *n_arenas);

/* ---- Stores ---------------------------------------------------------------------------------------------------------- */

/* The buffer of a state, NULL if it is not there. */
clgen_buffer *clgen_store_buffer(const clgen_store *store, const char *name);

/* Counts what a program will ask for. CLGEN_E_NOMEM, and nothing of it is counted, where the device has not as much as all
 * programs of the store want together. */
int clgen_store_admit(clgen_store *store, const clgen_lowered *low, const uint64_t arena_bytes[CLGEN_MAX_ARENAS],
                      const clgen_memory *memory);
void clgen_store_program_gone(clgen_store *store, const clgen_memory *memory);
/* Arena number `index`, which has at least `bytes`; the programs of a store share it. Each that took it gives it back. */
int clgen_store_arena(clgen_store *store, int index, uint64_t bytes, clgen_buffer **out);
void clgen_store_arena_release(clgen_store *store, int index, clgen_buffer *arena);

#endif
