/* What a device must be able to do: a table of functions behind which OpenCL, or anything else, is hidden.
 *
 * The graph compiler lowers a graph to STEPS. Few kinds are enough: an elementwise program over strided operands (which is
 * also every copy, slice, pad, permutation and broadcast), the same followed by a sum over some axes, a matrix product, the
 * three convolutions, and sampling through an affine map with its adjoint. A backend prepares a list of steps once (building
 * kernels, binding arguments) and then runs it any number of times. */
#ifndef CLGEN_BACKEND_H
#define CLGEN_BACKEND_H

#include <clgen/device.h>
#include <clgen/error.h>
#include <clgen/graph.h>

/* ---- Elementwise programs ------------------------------------------------------------------------------------- */

/* CLGEN_EW_OPS(X): one row for each elementwise operation, X(NAME, name, arity, flops, low, high): arity counts the value
 * operands a, b, c; flops is what one element costs in the tables of speed; [low, high] is a domain in which it is defined
 * and smooth enough to be tested. p and q are the instruction's two parameters. */
#define CLGEN_EW_OPS(X)                                                         \
  X(CONST, constant, 0, 0, 0, 0)                 /* p */                        \
  X(RANDOM_UNIFORM, random_uniform, 1, 40, 0, 0) /* Philox; a is the counter */ \
  X(RANDOM_NORMAL, random_normal, 1, 60, 0, 0)   /* the same, by Box-Muller */  \
  X(COPY, copy, 1, 0, -3, 3)                     /* a */                        \
  X(AFFINE, affine, 1, 2, -3, 3)                 /* p a + q */                  \
  X(NEG, neg, 1, 1, -3, 3)                       /* -a */                       \
  X(ABS, abs, 1, 1, 0.1, 3)                      /* |a| */                      \
  X(SIGN, sign, 1, 1, 0.1, 3)                    /* -1, 0 or 1 */               \
  X(STEP, step, 1, 1, 0.1, 3)                    /* a > 0 */                    \
  X(RELU, relu, 1, 1, 0.1, 3)                    /* max(a, 0) */                \
  X(LEAKY_RELU, leaky_relu, 1, 1, 0.1, 3)        /* a > 0 ? a : p a */          \
  X(LEAKY_STEP, leaky_step, 1, 1, 0.1, 3)        /* a > 0 ? 1 : p */            \
  X(TANH, tanh, 1, 10, -3, 3)                                                   \
  X(SIGMOID, sigmoid, 1, 10, -3, 3)                                             \
  X(SOFTPLUS, softplus, 1, 12, -3, 3) /* max(a,0) + log1p(exp(-|a|)) */         \
  X(EXP, exp, 1, 8, -3, 3)                                                      \
  X(LOG, log, 1, 8, 0.2, 3)                                                     \
  X(SQRT, sqrt, 1, 1, 0.2, 3)                                                   \
  X(RSQRT, rsqrt, 1, 2, 0.2, 3)                                                 \
  X(SQUARE, square, 1, 1, -3, 3)                                                \
  X(RECIPROCAL, reciprocal, 1, 1, 0.2, 3)                                       \
  X(SIN, sin, 1, 8, -3, 3)                                                      \
  X(COS, cos, 1, 8, -3, 3)                                                      \
  X(POW, pow, 1, 15, 0.2, 3)            /* a to the power p */                  \
  X(ROUND, round, 1, 1, 0.6, 1.4)       /* to even at ties */                   \
  X(CLAMP, clamp, 1, 2, 0.1, 0.9)       /* min(max(a, p), q) */                 \
  X(IN_RANGE, in_range, 1, 2, 0.1, 0.9) /* p <= a <= q */                       \
  X(IS_FINITE, is_finite, 1, 1, -3, 3)                                          \
  X(ADD, add, 2, 1, -3, 3)                                                      \
  X(SUB, sub, 2, 1, -3, 3)                                                      \
  X(MUL, mul, 2, 1, -3, 3)                                                      \
  X(DIV, div, 2, 1, 0.2, 3)                                                     \
  X(MAXIMUM, maximum, 2, 1, -3, 3)                                              \
  X(MINIMUM, minimum, 2, 1, -3, 3)                                              \
  X(GREATER, greater, 2, 1, -3, 3)                                              \
  X(WHERE, where, 3, 1, -3, 3)          /* a != 0 ? b : c */                    \
  X(NORMALIZE, normalize, 3, 2, 0.2, 3) /* (a - b) c */

typedef enum {
#define X(NAME, name, arity, flops, low, high) CLGEN_EW_##NAME,
  CLGEN_EW_OPS(X)
#undef X
      CLGEN_EW_COUNT,
  CLGEN_EW_LOAD = CLGEN_EW_COUNT, /* the value of step operand a at this element, as a float (the counter: raw bits) */
  CLGEN_EW_TOTAL                  /* after the sums of a REDUCE: the sum of value a */
} clgen_ew_op;

typedef struct {
  clgen_ew_op op;
  int a, b, c; /* earlier instructions; for LOAD, a is an index into the step's inputs */
  float p, q;
  uint64_t seed; /* RANDOM_* */
  uint32_t stream;
} clgen_ew_instr;

#define CLGEN_STEP_MAX_INPUTS 16
#define CLGEN_STEP_MAX_OUTPUTS 8
#define CLGEN_STEP_MAX_INSTRS 64

/* ---- Operands -------------------------------------------------------------------------------------------------- */

/* A step's domain and whatever an operand reaches in its buffer have no more elements than this: kernels count in int, and a
 * loop over all of them by as many as there are work-items must not overflow. */
#define CLGEN_STEP_MAX_ELEMENTS (INT32_MAX - (1 << 24))
#define CLGEN_STEP_MAX_ITEMS (1 << 23) /* work-items that loop so */

typedef struct clgen_buffer clgen_buffer; /* device memory, defined by each backend */

/* Elements of a buffer, seen over a step's domain: element (i0, i1, ...) is at offset + sum i_k stride_k, all counted in
 * elements of dtype. Stride 0 repeats. Before memory is bound `buffer` is NULL and `slot` says which one it will be. */
typedef struct {
  clgen_buffer *buffer;
  int slot;
  clgen_dtype dtype;
  int64_t offset;
  int64_t stride[CLGEN_MAX_DIMS];
} clgen_operand;

typedef enum {
  CLGEN_STEP_MAP,                /* outputs[j][i] = value[out[j]](i) for every i of the domain */
  CLGEN_STEP_REDUCE,             /* outputs[j][i] = sum of value[out[j]] over the axes in `axes`; the outputs' strides there
                                    are 0. Adds in a fixed order with an error like that of pairwise summation. With
                                    first_after, outputs store values that are made from the sums. */
  CLGEN_STEP_MATMUL,             /* in0 (M,K) or transposed, in1 (K,N) or transposed -> out0 (M,N); contiguous */
  CLGEN_STEP_CONV2D,             /* in0 x (N,C,H,W), in1 w (O,C,KH,KW) -> out0 y (N,O,OH,OW); contiguous */
  CLGEN_STEP_CONV2D_INPUT_GRAD,  /* in0 dy, in1 w -> out0 dx */
  CLGEN_STEP_CONV2D_WEIGHT_GRAD, /* in0 x, in1 dy -> out0 dw */
  CLGEN_STEP_AFFINE_SAMPLE,      /* in0 x (N,C,H,W), in1 theta (N,2,3) -> out0 y (N,C,OH,OW); contiguous */
  CLGEN_STEP_AFFINE_SAMPLE_GRAD, /* in0 dy, in1 theta -> out0 dx */
  CLGEN_STEP_KINDS
} clgen_step_kind;

typedef struct {
  clgen_step_kind kind;
  const char *label; /* what the profile calls it: "conv2d", "reduce", "adam", ...; lives as long as the library */
  int n_inputs, n_outputs;
  clgen_operand in[CLGEN_STEP_MAX_INPUTS], out[CLGEN_STEP_MAX_OUTPUTS];
  double flops, bytes;

  /* MAP and REDUCE. Adjacent axes that every operand walks alike are already merged, and axes of size 1 dropped, so ndim is
   * small; the last axis varies fastest in the graph's order. RANDOM_* draw by the row-major index in the domain, which
   * merging keeps. An output may be the same memory as an input only where both have the same strides and offset. */
  int ndim;
  int64_t dim[CLGEN_MAX_DIMS];
  unsigned axes; /* REDUCE: the axes to sum over, a bit mask */
  /* REDUCE: 0, or the first of the instructions that are evaluated once the sums are there, one time for each. They use each
   * other, the sums by TOTAL, and inputs whose strides along `axes` are 0; every output is one of them. There is something
   * to sum then: the domain is not empty. */
  int first_after;
  int n_instrs;
  clgen_ew_instr instr[CLGEN_STEP_MAX_INSTRS];
  int value[CLGEN_STEP_MAX_OUTPUTS]; /* the instruction that output j stores */

  /* MATMUL */
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  /* CONV2D*: sizes of the forward convolution whichever of the three it is */
  struct {
    int64_t n, c, h, w, o, kh, kw, oh, ow;
    clgen_conv conv;
  } conv;
  /* AFFINE_SAMPLE*, likewise. y[n][c][oy][ox] is x[n][c] at column t0 u + t1 v + t2 + (W-1)/2 and row t3 u + t4 v + t5 +
   * (H-1)/2, where u = ox - (OW-1)/2, v = oy - (OH-1)/2 and t = theta[n]: bilinear between pixels, which go on beyond the
   * edges as if reflected about the centres of the outermost ones. Where the column is CLGEN_SAMPLE_REACH W or more away
   * from 0, or the row as many H, y is 0. */
  struct {
    int64_t n, c, h, w, oh, ow;
  } sample;
} clgen_step;

#define CLGEN_SAMPLE_REACH 8

/* ---- The table -------------------------------------------------------------------------------------------------- */

typedef struct clgen_plan clgen_plan; /* a list of steps made ready by a backend */

typedef struct {
  size_t scratch_bytes; /* working memory */
  size_t cache_bytes; /* memory of the plan's own: what it keeps from run to run, such as weights in the order of a kernel */
  size_t launches;    /* what the device is asked to run, each time */
} clgen_plan_needs;

typedef struct clgen_backend {
  const char *name;

  /* Appends this backend's devices to the list (clgen_device_list_add). Not having any is no error. */
  int (*find)(clgen_device_list *list);
  int (*open)(void **impl, const clgen_device_info *info, const clgen_device_options *options);
  void (*close)(void *impl);
  int (*finish)(void *impl);

  /* Whether a step can run on this device, and if not, why (clgen_last_error). Asked before a graph is compiled. */
  bool (*supports)(void *impl, const clgen_step *step);

  int (*buffer_create)(void *impl, size_t bytes, clgen_buffer **out); /* zeroed */
  void (*buffer_free)(void *impl, clgen_buffer *buffer);
  /* Returns when data may be reused; ordered with the runs enqueued before and after; need not wait for the device. */
  int (*buffer_write)(void *impl, clgen_buffer *buffer, size_t offset, size_t bytes, const void *data);
  int (*buffer_read)(void *impl, clgen_buffer *buffer, size_t offset, size_t bytes, void *data); /* waits */

  /* What a plan of these steps will need. The plans of a device share working memory, since one runs after the other: it is
   * allocated by the first that is created, as large as was asked for by then. */
  int (*needs)(void *impl, const clgen_step *steps, size_t n, clgen_plan_needs *out);
  /* Builds and binds. The steps' operands have their buffers; the steps are copied. */
  int (*plan_create)(void *impl, const clgen_step *steps, size_t n, clgen_plan **out);
  void (*plan_free)(void *impl, clgen_plan *plan);
  int (*plan_run)(void *impl, clgen_plan *plan); /* enqueues; waits only when several runs are already in flight */

  /* Optional (may be NULL): short texts about a device that need not be open, kept in the cache where options (may be NULL)
   * allow one. recall gives NULL where nothing is kept; free() it. */
  char *(*recall)(const clgen_device_info *info, const clgen_device_options *options, const char *key);
  int (*keep)(const clgen_device_info *info, const clgen_device_options *options, const char *key, const char *value);

  /* Optional (may be NULL). */
  void (*library)(char *text, size_t size); /* "CLBlast 1.5.3": what of others' it computes with */
  size_t (*profile_count)(void *impl);
  int (*profile_get)(void *impl, size_t index, clgen_profile_row *row);
  void (*profile_reset)(void *impl);
} clgen_backend;

/* The registry: a backend is one folder and one line in src/backend/registry.c. */
const clgen_backend *const *clgen_backends(size_t *count);

const clgen_backend *clgen_backend_find(const char *name); /* NULL: this build lacks it */

struct clgen_device {
  const clgen_backend *backend;
  void *impl;
  clgen_device_info info;
  clgen_device_options options;
};

/* Takes ownership of the strings in info (all from malloc; NULL means ""). */
int clgen_device_list_add(clgen_device_list *list, const clgen_device_info *info);
int clgen_device_list_add_platform(clgen_device_list *list, const char *line);

/* Whether a step writes what operand o of step s is in; whether what s reads or writes; whether neither of two disturbs the
 * other. Where memory is not bound yet, slots are compared. */
bool clgen_step_writes(const clgen_step *writer, const clgen_step *s, const clgen_operand *o);
bool clgen_step_disturbs(const clgen_step *writer, const clgen_step *s);
bool clgen_steps_are_apart(const clgen_step *s, const clgen_step *t);

/* How many of these steps, the first of them included, may run at once: matrix products of which none writes what another
 * one touches. What they touch has places of its own in memory, so a backend may run them so. */
#define CLGEN_STEP_TOGETHER 4
size_t clgen_step_together(const clgen_step *steps, size_t n);

/* Names of operations, for tables and messages. */
const char *clgen_ew_name(int op);
int clgen_ew_arity(int op);
const char *clgen_step_kind_name(clgen_step_kind kind);
/* Fills in flops and bytes from the other members. */
void clgen_step_count(clgen_step *step);

#endif
