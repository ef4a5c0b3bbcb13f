/* Graphs of tensor operations, their gradients, and the programs compiled from them.
 *
 * A graph is device-agnostic and is built once per configuration. A call that adds an operation infers the shape of its
 * result, and fails if the operands do not fit. Gradients are nodes of the same kinds, so they can be differentiated again.
 * A program is a graph compiled for one device: a flat list of kernel launches, whose memory is planned beforehand.
 *
 * Nodes EXECUTE IN THE ORDER IN WHICH THEY WERE ADDED; clgen_assign relies on it. Nodes that nothing uses are dropped.
 *
 * Every builder returns a tensor owned by its graph, or NULL with clgen_last_error() set. A NULL operand makes a builder
 * return NULL and keeps the first message, so a chain of calls needs one check at its end. */
#ifndef CLGEN_GRAPH_H
#define CLGEN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clgen/device.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLGEN_MAX_DIMS 6

typedef enum { CLGEN_F32, CLGEN_U8, CLGEN_U32 } clgen_dtype;
size_t clgen_dtype_size(clgen_dtype dtype);

typedef struct {
  int ndim; /* 0 (a scalar) to CLGEN_MAX_DIMS */
  int64_t dim[CLGEN_MAX_DIMS];
} clgen_shape;

/* The number of dimensions, then each: clgen_shape_of(4, 64, 3, 32, 32); clgen_shape_of(0) is a scalar. */
#define clgen_shape_of(...) clgen_shape_from((const int64_t[]){__VA_ARGS__})
clgen_shape clgen_shape_from(const int64_t *ndim_and_dims);
int64_t clgen_shape_count(const clgen_shape *shape);
bool clgen_shape_equal(const clgen_shape *a, const clgen_shape *b);
/* "64x3x32x32" ("scalar" for none) into buf; returns buf. 96 bytes hold every shape. */
const char *clgen_shape_text(const clgen_shape *shape, char *buf, size_t size);

typedef struct clgen_graph clgen_graph;
typedef struct clgen_tensor clgen_tensor;

int clgen_graph_create(clgen_graph **out);
void clgen_graph_free(clgen_graph *graph); /* and every tensor of it; programs compiled from it must go first */

clgen_graph *clgen_tensor_graph(const clgen_tensor *t);
const clgen_shape *clgen_tensor_shape(const clgen_tensor *t);
clgen_dtype clgen_tensor_dtype(const clgen_tensor *t);
int64_t clgen_tensor_dim(const clgen_tensor *t, int i);

/* ---- Sources -------------------------------------------------------------------------------------------------- */

/* Written by the caller before a run (clgen_program_write); keeps its value until written again. */
clgen_tensor *clgen_input(clgen_graph *g, const char *name, clgen_dtype dtype, clgen_shape shape);
/* Memory that outlives a run and is shared, by name, between the programs of one store. Zero at first. */
clgen_tensor *clgen_state(clgen_graph *g, const char *name, clgen_dtype dtype, clgen_shape shape);
clgen_tensor *clgen_constant(clgen_graph *g, float value, clgen_shape shape);
/* Philox4x32-10 (Salmon et al., SC 2011): element i is a function of (seed, stream, counter, i) and of nothing else.
 * `counter` is a U32 tensor of one element. Uniform on [0,1); normal by Box-Muller, the same bits on every device. */
clgen_tensor *clgen_random_uniform(clgen_graph *g, clgen_tensor *counter, uint64_t seed, uint32_t stream, clgen_shape shape);
clgen_tensor *clgen_random_normal(clgen_graph *g, clgen_tensor *counter, uint64_t seed, uint32_t stream, clgen_shape shape);

/* ---- Elementwise ---------------------------------------------------------------------------------------------- */
/* Operands broadcast as in NumPy. U8 operands are read as floats 0..255. Results are F32. */

clgen_tensor *clgen_add(clgen_tensor *a, clgen_tensor *b);
clgen_tensor *clgen_sub(clgen_tensor *a, clgen_tensor *b);
clgen_tensor *clgen_mul(clgen_tensor *a, clgen_tensor *b);
clgen_tensor *clgen_div(clgen_tensor *a, clgen_tensor *b);
clgen_tensor *clgen_maximum(clgen_tensor *a, clgen_tensor *b);
clgen_tensor *clgen_minimum(clgen_tensor *a, clgen_tensor *b);
clgen_tensor *clgen_greater(clgen_tensor *a, clgen_tensor *b); /* 1 where a > b, else 0; derivative 0 */
clgen_tensor *clgen_where(clgen_tensor *condition, clgen_tensor *a, clgen_tensor *b); /* a where condition != 0 */

clgen_tensor *clgen_affine(clgen_tensor *x, float scale, float shift); /* scale * x + shift */
clgen_tensor *clgen_neg(clgen_tensor *x);
clgen_tensor *clgen_abs(clgen_tensor *x);
clgen_tensor *clgen_sign(clgen_tensor *x);
clgen_tensor *clgen_unit_step(clgen_tensor *x); /* 1 where x > 0, else 0; derivative 0 */
clgen_tensor *clgen_relu(clgen_tensor *x);
clgen_tensor *clgen_leaky_relu(clgen_tensor *x, float slope);
clgen_tensor *clgen_tanh(clgen_tensor *x);
clgen_tensor *clgen_sigmoid(clgen_tensor *x);
clgen_tensor *clgen_softplus(clgen_tensor *x); /* log(1 + exp(x)), without overflow */
clgen_tensor *clgen_exp(clgen_tensor *x);
clgen_tensor *clgen_log(clgen_tensor *x);
clgen_tensor *clgen_sqrt(clgen_tensor *x);
clgen_tensor *clgen_rsqrt(clgen_tensor *x);
clgen_tensor *clgen_square(clgen_tensor *x);
clgen_tensor *clgen_reciprocal(clgen_tensor *x);
clgen_tensor *clgen_sin(clgen_tensor *x);
clgen_tensor *clgen_cos(clgen_tensor *x);
clgen_tensor *clgen_pow(clgen_tensor *x, float exponent);
clgen_tensor *clgen_round(clgen_tensor *x); /* to the nearest integer, of two the even one; derivative 0 */
clgen_tensor *clgen_clamp(clgen_tensor *x, float low, float high);
clgen_tensor *clgen_is_finite(clgen_tensor *x); /* 1 or 0; derivative 0 */
/* Rounds to nearest even and saturates to 0..255. Not differentiable. */
clgen_tensor *clgen_to_u8(clgen_tensor *x);

/* ---- Shape ---------------------------------------------------------------------------------------------------- */

clgen_tensor *clgen_reshape(clgen_tensor *x, clgen_shape shape);
clgen_tensor *clgen_permute(clgen_tensor *x, const int *axes); /* out.dim[i] = x.dim[axes[i]] */
clgen_tensor *clgen_transpose(clgen_tensor *x);                /* of a matrix */
clgen_tensor *clgen_broadcast(clgen_tensor *x, clgen_shape shape);
clgen_tensor *clgen_slice(clgen_tensor *x, int axis, int64_t start, int64_t size);
clgen_tensor *clgen_pad(clgen_tensor *x, int axis, int64_t before, int64_t after); /* with zeros */
clgen_tensor *clgen_concat(int n, clgen_tensor *const *xs, int axis);

/* ---- Reductions ----------------------------------------------------------------------------------------------- */
/* `axes` is a bit mask (1u << axis); every reduction adds in a fixed order. */

#define CLGEN_ALL_AXES (~0u)
clgen_tensor *clgen_sum(clgen_tensor *x, unsigned axes, bool keep_dims);
clgen_tensor *clgen_mean(clgen_tensor *x, unsigned axes, bool keep_dims);

/* ---- Linear algebra and convolution ---------------------------------------------------------------------------- */

/* op(a) x op(b), op transposing where asked: (M,K) x (K,N) -> (M,N). */
clgen_tensor *clgen_matmul(clgen_tensor *a, clgen_tensor *b, bool transpose_a, bool transpose_b);

typedef struct {
  int stride_h, stride_w, pad_h, pad_w;
} clgen_conv;

/* Cross-correlation, as in PyTorch: x (N,C,H,W), w (O,C,KH,KW) -> (N,O,OH,OW), OH = (H + 2 pad - KH) / stride + 1. */
clgen_tensor *clgen_conv2d(clgen_tensor *x, clgen_tensor *w, clgen_conv conv);
/* Its gradient in x, given dy (N,O,OH,OW) and w -> (N,C,h,w). It is also PyTorch's conv_transpose2d, whose weight
 * (in,out,KH,KW) is this w; h and w must be one of the sizes that conv2d would map to OH, OW. */
clgen_tensor *clgen_conv2d_input_grad(clgen_tensor *dy, clgen_tensor *w, clgen_conv conv, int64_t h, int64_t width);
/* Its gradient in w, given x and dy -> (O,C,kh,kw). */
clgen_tensor *clgen_conv2d_weight_grad(clgen_tensor *x, clgen_tensor *dy, clgen_conv conv, int64_t kh, int64_t kw);

/* Resamples images by an affine map each, as PyTorch's affine_grid and grid_sample do: x (N,C,H,W), theta (N,2,3) ->
 * (N,C,height,width); height and width are at least 1. Coordinates are in pixels, from the centre of the input and of the
 * output: u and t02 point to the right, v and t12 downwards. The output at (u, v) is x at (t00 u + t01 v + t02, t10 u +
 * t11 v + t12), bilinear between pixels. Outside of the image x is reflected about the centres of its outermost pixels
 * (grid_sample: padding_mode "reflection", align_corners); at a distance of 8 image sizes or more it is 0. Maps of whole
 * pixels (flips, rotations by 90 degrees, shifts) are exact. Linear in x; no gradient flows into theta. */
clgen_tensor *clgen_affine_sample(clgen_tensor *x, clgen_tensor *theta, int64_t height, int64_t width);
/* Its gradient in x, given dy -> (N,C,height,width), the shape of x: the adjoint. The order of its sums is fixed. */
clgen_tensor *clgen_affine_sample_grad(clgen_tensor *dy, clgen_tensor *theta, int64_t height, int64_t width);

/* (x - mean) * inv_std. mean and inv_std must be the statistics of x over the axes in which their size is 1; the caller
 * computes them from x, and they broadcast to x. The gradient in x is the total derivative, through the statistics too; no
 * gradient flows into mean and inv_std (Ioffe & Szegedy 2015, section 3). */
clgen_tensor *clgen_normalize(clgen_tensor *x, clgen_tensor *mean, clgen_tensor *inv_std);

/* ---- State ---------------------------------------------------------------------------------------------------- */

/* Writes value over target, a state or a contiguous view of one (reshape, slice of the first axis), and returns the new
 * version. After this call the old handles must not be read; clgen_compile fails for a graph that reads them. */
clgen_tensor *clgen_assign(clgen_tensor *target, clgen_tensor *value);
/* Writes each piece at its element offset into a one-dimensional state and returns the new version. Where possible, a piece
 * is computed in place instead of copied. Elements between the pieces do not change. */
clgen_tensor *clgen_pack(clgen_tensor *state, int n, clgen_tensor *const *pieces, const int64_t *offsets);

/* ---- Gradients ------------------------------------------------------------------------------------------------ */

/* Adds nodes for d(loss)/d(wrt[i]), for each i; loss has one element. grads[i] has the shape of wrt[i]; it is zeros if the
 * loss does not depend on wrt[i]. */
int clgen_grad(clgen_tensor *loss, int n, clgen_tensor *const *wrt, clgen_tensor **grads);
/* PyTorch's detach: the value is x, and no gradient flows through. */
clgen_tensor *clgen_stop_gradient(clgen_tensor *x);

/* Marks a tensor as an output, which the caller reads after a run. Only outputs and assignments are computed, and what they
 * depend on. */
int clgen_output(clgen_tensor *t);

/* ---- Stores and programs --------------------------------------------------------------------------------------- */

/* The states of one device, by name. */
typedef struct clgen_store clgen_store;
int clgen_store_create(clgen_store **out, clgen_device *device); /* the device must outlive it */
void clgen_store_free(clgen_store *store);
clgen_device *clgen_store_device(const clgen_store *store);
/* Creates a state of zeros if it does not exist; fails if it exists with another type or shape. */
int clgen_store_declare(clgen_store *store, const char *name, clgen_dtype dtype, clgen_shape shape);
/* Blocking; offset and count in elements. */
int clgen_store_read(clgen_store *store, const char *name, int64_t offset, int64_t count, void *data);
int clgen_store_write(clgen_store *store, const char *name, int64_t offset, int64_t count, const void *data);
size_t clgen_store_count(const clgen_store *store); /* in the order of declaration */
const char *clgen_store_name(const clgen_store *store, size_t index);
int clgen_store_info(const clgen_store *store, const char *name, clgen_dtype *dtype, clgen_shape *shape);

/* Memory of a device. */
typedef struct {
  uint64_t state_bytes;   /* states */
  uint64_t input_bytes;   /* inputs and outputs, and what one program keeps between runs (packed weights) */
  uint64_t arena_bytes;   /* intermediate results, after reuse */
  uint64_t scratch_bytes; /* working memory of single operations */
  uint64_t peak_bytes;    /* the sum */
} clgen_memory;
/* The memory of a store's states and of all programs compiled for it, once they are prepared. Programs run one after the
 * other, so they share the arena and the scratch memory: the largest program decides their size. */
clgen_memory clgen_store_memory(const clgen_store *store);

typedef struct clgen_program clgen_program;

/* The cost of a program, known before anything is allocated. */
typedef struct {
  clgen_memory memory;
  size_t nodes, steps; /* nodes of the graph that are used; steps after fusion */
  size_t launches;     /* kernel launches per run, without those that pack weights which the caller has written */
  double flops, bytes; /* floating-point operations, and bytes read and written, per run */
} clgen_program_info;

/* Drops dead nodes, fuses elementwise chains, plans memory, and checks that it fits the device. Keeps no memory of the
 * device. The first time on a device it tunes and checks matrix products, which takes some seconds: the memory that a step
 * needs depends on the result. The store must outlive the program. */
int clgen_compile(clgen_program **out, clgen_graph *graph, clgen_store *store);
void clgen_program_free(clgen_program *program);
const clgen_program_info *clgen_program_get_info(const clgen_program *program);
/* Allocates memory and builds the kernels, so that the first run takes no longer than the others. Without this call the
 * first run does it. */
int clgen_program_prepare(clgen_program *program);

/* Copies `bytes` bytes from data into an input; data may be reused at once. Does not wait for the device.
 * An input that nothing uses is accepted and ignored. */
int clgen_program_write(clgen_program *program, clgen_tensor *input, const void *data, size_t bytes);
/* Enqueues one run. If too many runs are in flight, waits for an earlier one. */
int clgen_program_run(clgen_program *program);
/* Waits for the device and copies an output (or input or state) to data. */
int clgen_program_read(clgen_program *program, clgen_tensor *output, void *data, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
