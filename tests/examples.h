/* Examples of every operation on random odd shapes, for test_ops.c: an example makes its inputs and returns its output. */
#ifndef CLGEN_TESTS_EXAMPLES_H
#define CLGEN_TESTS_EXAMPLES_H

#include "graphs.h"

#include <clgen/augment.h>

typedef struct {
  clgen_graph *g;
  uint64_t random;
  int64_t a, b, c, d, e; /* sizes from 1 to 5 */
  char name[48];
  bool positive; /* draw nothing below 0 */
  derived t;     /* its inputs and output, then its derivatives */
  float *value[MAX_IN];
} example;

/* An input whose values are uniform in [low, high]. */
static inline clgen_tensor *in_of(example *x, double low, double high, clgen_shape shape) {
  char name[80];
  int k = x->t.n++;
  assert_true(k < MAX_IN);
  snprintf(name, sizeof name, "%s.in%d", x->name, k);
  x->t.in[k] = test_input(x->g, name, shape);
  size_t n = count_of(x->t.in[k]);
  x->value[k] = new_floats(n);
  for (size_t i = 0; i < n; ++i) x->value[k][i] = (float)random_between(&x->random, low, high);
  return x->t.in[k];
}

#define S(...) ((clgen_shape){.ndim = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dim = {__VA_ARGS__}})
static inline clgen_tensor *in(example *x, clgen_shape shape) { return in_of(x, -1.5, 1.5, shape); }
/* Squares, so that a second derivative is not 0 everywhere. */
static inline clgen_tensor *sq(clgen_tensor *t) { return clgen_square(t); }

/* ---- Elementwise, by the table ----------------------------------------------------------------------------------- */

typedef struct {
  int op;
  float p, q;
} ew_parameters;

static inline ew_parameters parameters_of(int op) {
  static const ew_parameters rows[] = {{CLGEN_EW_AFFINE, 1.7f, -0.3f}, {CLGEN_EW_LEAKY_RELU, 0.2f, 0},
                                       {CLGEN_EW_LEAKY_STEP, 0.2f, 0}, {CLGEN_EW_POW, 1.7f, 0},
                                       {CLGEN_EW_CLAMP, 0.3f, 0.7f},   {CLGEN_EW_IN_RANGE, 0.3f, 0.7f}};
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i)
    if (rows[i].op == op) return rows[i];
  return (ew_parameters){op, 0.4f, 0.8f};
}

static inline void domain_of(int op, double *low, double *high) {
  static const double domain[][2] = {
#define X(NAME, name, arity, flops, low, high) {low, high},
      CLGEN_EW_OPS(X)
#undef X
  };
  *low = domain[op][0];
  *high = domain[op][1];
}

/* 0 to 5 axes of odd sizes. */
static inline clgen_shape random_shape(uint64_t *random) {
  clgen_shape s = {.ndim = random_int(random, 0, 5)};
  for (int k = 0; k < s.ndim; ++k) s.dim[k] = 1 + 2 * random_int(random, 0, s.ndim > 3 ? 1 : 3);
  return s;
}

/* A shape that broadcasts to s: leading axes dropped, others perhaps 1. */
static inline clgen_shape narrower(uint64_t *random, clgen_shape s) {
  int drop = random_int(random, 0, 2) ? 0 : random_int(random, 0, s.ndim);
  clgen_shape out = {.ndim = s.ndim - drop};
  for (int k = 0; k < out.ndim; ++k) out.dim[k] = random_int(random, 0, 2) ? s.dim[drop + k] : 1;
  return out;
}

/* Operands of one elementwise operation: the first of the whole shape, the others broadcast to it. */
static inline void make_elementwise(example *x, int op) {
  double low, high;
  domain_of(op, &low, &high);
  ew_parameters par = parameters_of(op);
  clgen_shape shape = random_shape(&x->random);
  for (int k = 0; k < clgen_ew_arity(op); ++k) {
    in_of(x, low, high, k ? narrower(&x->random, shape) : shape);
    for (size_t i = 0; i < count_of(x->t.in[k]); ++i) {
      if (low > 0 && !x->positive && random_int(&x->random, 0, 1)) x->value[k][i] *= -1;
      if (op == CLGEN_EW_WHERE && k == 0 && x->value[k][i] < 0) x->value[k][i] = 0;
    }
  }
  x->t.y = clgen_elementwise(op, x->t.n, x->t.in, par.p, par.q);
}

/* ---- Shape --------------------------------------------------------------------------------------------------------- */

static inline clgen_tensor *ex_reshape(example *x) {
  return sq(clgen_reshape(in(x, S(x->a, x->b, x->c)), S(x->b, x->c * x->a)));
}
static inline clgen_tensor *ex_reshape_copy(example *x) {
  clgen_tensor *t = clgen_permute(in(x, S(x->a, x->b, 3)), (int[]){2, 0, 1});
  return clgen_mul(clgen_reshape(t, S(x->a * 3, x->b)), in(x, S(x->b)));
}
static inline clgen_tensor *ex_reshape_scalar(example *x) {
  return sq(clgen_reshape(in(x, S(1, 1)), (clgen_shape){.ndim = 0}));
}
static inline clgen_tensor *ex_permute(example *x) {
  return sq(clgen_permute(in(x, S(x->a, x->b, x->c, x->d)), (int[]){2, 0, 3, 1}));
}
static inline clgen_tensor *ex_permute_six(example *x) {
  clgen_tensor *t = clgen_permute(in(x, S(2, x->a, 3, 1, x->b, 2)), (int[]){5, 3, 1, 0, 4, 2});
  return clgen_mul(t, in(x, S(x->b, 3)));
}
static inline clgen_tensor *ex_transpose(example *x) {
  return clgen_mul(clgen_transpose(in(x, S(x->a, x->b))), in(x, S(x->b, x->a)));
}
static inline clgen_tensor *ex_broadcast(example *x) {
  return sq(clgen_broadcast(in(x, S(x->a, 1, x->b)), S(x->c, x->a, x->d, x->b)));
}
static inline clgen_tensor *ex_broadcast_add(example *x) {
  return sq(clgen_add(clgen_add(in(x, S(x->a, x->b, 1, x->c)), in(x, S(x->b, x->d, 1))), in(x, S(x->c))));
}
static inline clgen_tensor *ex_slice(example *x) {
  clgen_tensor *t = in(x, S(x->a + 2, x->b + 2, x->c + 2));
  return clgen_mul(clgen_slice(clgen_slice(t, 0, 1, x->a), 2, 2, x->c), clgen_slice(clgen_slice(t, 2, 0, x->c), 0, 0, x->a));
}
static inline clgen_tensor *ex_pad(example *x) {
  return sq(clgen_pad(clgen_pad(in(x, S(x->a, x->b, x->c)), 1, 2, 1), 2, 0, 3));
}
static inline clgen_tensor *ex_pad_slice(example *x) {
  clgen_tensor *t = clgen_pad(in(x, S(x->a, x->b)), 0, 1, 2);
  return clgen_mul(clgen_slice(t, 0, 0, x->a + 1), in(x, S(x->a + 1, x->b)));
}
static inline clgen_tensor *ex_concat(example *x) {
  clgen_tensor *parts[] = {in(x, S(x->a, x->b, x->c)), in(x, S(x->a, x->d, x->c)), in(x, S(x->a, 1, x->c))};
  return sq(clgen_concat(3, parts, 1));
}
static inline clgen_tensor *ex_concat_many(example *x) { /* more operands than a step takes */
  clgen_tensor *parts[20];
  for (int k = 0; k < 20; ++k) parts[k] = clgen_affine(in(x, S(k % 3 + 1, x->a)), 1, (float)k);
  return sq(clgen_concat(20, parts, 0));
}
static inline clgen_tensor *ex_concat_channels(example *x) {
  clgen_tensor *a = in(x, S(2, x->a, x->b, x->c)), *b = clgen_tanh(a);
  return clgen_mul(clgen_concat(2, (clgen_tensor *[]){a, b}, 1), clgen_concat(2, (clgen_tensor *[]){b, b}, 1));
}
static inline clgen_tensor *ex_u8(example *x) { /* levels are U8 images */
  clgen_tensor *t = clgen_to_u8(clgen_affine(in(x, S(x->a, x->b, x->c)), 100, 100.25f));
  return clgen_affine(clgen_permute(t, (int[]){1, 2, 0}), 1 / 128.0f, -1);
}
static inline clgen_tensor *ex_to_u8(example *x) { return clgen_to_u8(clgen_affine(in(x, S(x->a, 7)), 128, 64)); }

/* ---- Reductions ------------------------------------------------------------------------------------------------------ */

static inline clgen_tensor *ex_sum_all(example *x) {
  return sq(clgen_sum(in(x, S(x->a, x->b, x->c)), CLGEN_ALL_AXES, false));
}
static inline clgen_tensor *ex_sum_first(example *x) { return sq(clgen_sum(sq(in(x, S(x->a, x->b, x->c))), 1, false)); }
static inline clgen_tensor *ex_sum_last(example *x) { return sq(clgen_sum(sq(in(x, S(x->a, x->b, x->c))), 4, true)); }
static inline clgen_tensor *ex_sum_outer(example *x) {
  return sq(clgen_sum(sq(in(x, S(x->a, x->b, x->c, x->d))), 13, false));
}
static inline clgen_tensor *ex_sum_inner(example *x) { return sq(clgen_sum(sq(in(x, S(x->a, x->b, x->c, x->d))), 6, true)); }
static inline clgen_tensor *ex_sum_permuted(example *x) {
  return sq(clgen_sum(clgen_permute(in(x, S(x->a, x->b, x->c)), (int[]){2, 0, 1}), 2, false));
}
static inline clgen_tensor *ex_sum_broadcast(example *x) {
  return clgen_sum(clgen_mul(in(x, S(x->a, 1, x->b)), in(x, S(x->c, 1))), 5, false);
}
static inline clgen_tensor *ex_mean(example *x) { return sq(clgen_mean(sq(in(x, S(x->a, x->b, x->c))), 3, true)); }
static inline clgen_tensor *ex_moments(example *x) { /* two sums over one domain, and something from both */
  clgen_tensor *t = in(x, S(x->a, x->b + 2, x->c));
  clgen_tensor *m = clgen_mean(t, 5, true), *s = clgen_mean(sq(t), 5, true);
  return clgen_mul(clgen_sub(t, m), clgen_rsqrt(clgen_affine(clgen_sub(s, sq(m)), 1, 0.5f)));
}
static inline clgen_tensor *ex_sum_long(example *x) { return clgen_sum(in(x, S(10007)), CLGEN_ALL_AXES, false); }
static inline clgen_tensor *ex_sum_rows(example *x) { return clgen_sum(in(x, S(3, 2503)), 2, false); }
static inline clgen_tensor *ex_sum_columns(example *x) { return clgen_sum(in(x, S(1501, 7)), 1, false); }
static inline clgen_tensor *ex_sum_planes(example *x) { return clgen_sum(in(x, S(5, 37, 9, 11)), 13, false); }

/* ---- Matrices -------------------------------------------------------------------------------------------------------- */

static inline clgen_tensor *ex_matmul_nn(example *x) {
  return clgen_matmul(in(x, S(x->a, x->b)), in(x, S(x->b, x->c)), false, false);
}
static inline clgen_tensor *ex_matmul_nt(example *x) {
  return clgen_matmul(in(x, S(x->a, x->b)), in(x, S(x->c, x->b)), false, true);
}
static inline clgen_tensor *ex_matmul_tn(example *x) {
  return clgen_matmul(in(x, S(x->b, x->a)), in(x, S(x->b, x->c)), true, false);
}
static inline clgen_tensor *ex_matmul_tt(example *x) {
  return clgen_matmul(in(x, S(x->b, x->a)), in(x, S(x->c, x->b)), true, true);
}
static inline clgen_tensor *ex_matmul_views(example *x) { /* operands that are not contiguous */
  clgen_tensor *a = clgen_slice(in(x, S(x->a, x->b + 2)), 1, 1, x->b), *b = in(x, S(x->c, 2, x->b));
  b = clgen_reshape(clgen_permute(b, (int[]){2, 1, 0}), S(x->b, 2 * x->c));
  return sq(clgen_matmul(a, b, false, false));
}
static inline clgen_tensor *ex_matmul_broadcast(example *x) {
  return clgen_matmul(in(x, S(x->a, x->b)), clgen_broadcast(in(x, S(1, x->c)), S(x->b, x->c)), false, false);
}
static inline clgen_tensor *ex_matmul_square(example *x) { /* one operand twice */
  clgen_tensor *t = in(x, S(x->a, x->a));
  return clgen_matmul(t, t, true, false);
}
static inline clgen_tensor *ex_matmul_large(example *x) {
  return clgen_matmul(in(x, S(65, 131)), in(x, S(131, 33)), false, false);
}
static inline clgen_tensor *ex_matmul_large_nt(example *x) {
  return clgen_matmul(in(x, S(70, 100)), in(x, S(129, 100)), false, true);
}
static inline clgen_tensor *ex_matmul_large_tn(example *x) {
  return clgen_matmul(in(x, S(200, 37)), in(x, S(200, 50)), true, false);
}
static inline clgen_tensor *ex_mlp(example *x) {
  clgen_tensor *h = clgen_matmul(in(x, S(x->a, x->b)), in(x, S(x->c, x->b)), false, true);
  h = clgen_tanh(clgen_add(h, in(x, S(x->c))));
  return clgen_softplus(clgen_add(clgen_matmul(h, in(x, S(x->d, x->c)), false, true), in(x, S(x->d))));
}

/* ---- Convolutions ---------------------------------------------------------------------------------------------------- */

typedef struct {
  int64_t kh, kw, h, w, oh, ow;
  clgen_conv conv;
} conv_sizes;

/* Kernels of 1 to 5, strides of 1 to 3, padding of 0 to 2, each axis its own, and an image in which they fit. */
static inline conv_sizes random_conv(example *x) {
  conv_sizes s = {.kh = random_int(&x->random, 1, 5), .kw = random_int(&x->random, 1, 5)};
  s.conv = (clgen_conv){random_int(&x->random, 1, 3), random_int(&x->random, 1, 3), random_int(&x->random, 0, 2),
                        random_int(&x->random, 0, 2)};
  s.h = s.kh + random_int(&x->random, 0, 4);
  s.w = s.kw + random_int(&x->random, 0, 4);
  s.oh = (s.h + 2 * s.conv.pad_h - s.kh) / s.conv.stride_h + 1;
  s.ow = (s.w + 2 * s.conv.pad_w - s.kw) / s.conv.stride_w + 1;
  return s;
}
static inline clgen_tensor *ex_conv2d(example *x) {
  conv_sizes s = random_conv(x);
  return clgen_conv2d(in(x, S(2, x->a, s.h, s.w)), in(x, S(x->b, x->a, s.kh, s.kw)), s.conv);
}
static inline clgen_tensor *ex_conv2d_input_grad(example *x) {
  conv_sizes s = random_conv(x);
  return clgen_conv2d_input_grad(in(x, S(2, x->b, s.oh, s.ow)), in(x, S(x->b, x->a, s.kh, s.kw)), s.conv, s.h, s.w);
}
static inline clgen_tensor *ex_conv2d_weight_grad(example *x) {
  conv_sizes s = random_conv(x);
  return clgen_conv2d_weight_grad(in(x, S(2, x->a, s.h, s.w)), in(x, S(2, x->b, s.oh, s.ow)), s.conv, s.kh, s.kw);
}
static inline clgen_tensor *ex_conv2d_views(example *x) { /* channels last outside, first inside */
  clgen_tensor *t = clgen_permute(in(x, S(2, 5, 4, x->a)), (int[]){0, 3, 1, 2});
  return clgen_permute(clgen_conv2d(t, in(x, S(x->b, x->a, 3, 3)), (clgen_conv){1, 1, 1, 1}), (int[]){0, 2, 3, 1});
}
static inline clgen_tensor *ex_conv2d_large(example *x) {
  return clgen_conv2d(in(x, S(3, 8, 17, 19)), in(x, S(16, 8, 4, 4)), (clgen_conv){2, 2, 1, 1});
}
static inline clgen_tensor *ex_conv2d_transposed_large(example *x) {
  return clgen_conv2d_input_grad(in(x, S(3, 16, 9, 8)), in(x, S(16, 8, 4, 4)), (clgen_conv){2, 2, 1, 1}, 18, 16);
}
static inline clgen_tensor *ex_conv2d_weight_large(example *x) {
  return clgen_conv2d_weight_grad(in(x, S(5, 8, 16, 16)), in(x, S(5, 16, 8, 8)), (clgen_conv){2, 2, 1, 1}, 4, 4);
}

/* ---- Sampling through affine maps --------------------------------------------------------------------------------------
 */

/* A map for each of n images, of constants: no gradient flows into it. */
static inline clgen_tensor *random_maps(example *x, int64_t n, double reach) {
  clgen_tensor *entry[30];
  assert_true(n <= 5);
  for (int64_t k = 0; k < 6 * n; ++k) {
    double far = k % 3 == 2 ? reach : 1.2;
    entry[k] = clgen_constant(x->g, (float)random_between(&x->random, -far, far), S(1));
  }
  return clgen_reshape(clgen_concat((int)(6 * n), entry, 0), S(n, 2, 3));
}
static inline clgen_tensor *ex_affine_sample(example *x) {
  clgen_tensor *t = in(x, S(x->a, x->b, x->c, 7));
  return clgen_affine_sample(t, random_maps(x, x->a, 3), x->d + 1, x->e);
}
static inline clgen_tensor *ex_affine_sample_grad(example *x) {
  clgen_tensor *t = in(x, S(x->a, x->b, x->c + 1, x->d));
  return clgen_affine_sample_grad(t, random_maps(x, x->a, 3), x->e, x->d + 1);
}
static inline clgen_tensor *ex_affine_sample_both(example *x) { /* there and back, of a view that is not contiguous */
  clgen_tensor *t = clgen_permute(in(x, S(2, 6, 5, x->a)), (int[]){0, 3, 1, 2}), *maps = random_maps(x, 2, 9);
  return sq(clgen_affine_sample_grad(sq(clgen_affine_sample(t, maps, 4, 7)), maps, 5, 3));
}

static inline clgen_tensor *random_rows(example *x, int rows, double low, double high) {
  clgen_tensor *entry[CLGEN_AUGMENT_UNIFORMS];
  for (int k = 0; k < rows; ++k) entry[k] = clgen_constant(x->g, (float)random_between(&x->random, low, high), S(1, 1));
  return clgen_concat(rows, entry, 0);
}
static inline clgen_tensor *ex_augment(example *x) { /* everything at once, of one image */
  clgen_tensor *uniform = random_rows(x, CLGEN_AUGMENT_UNIFORMS, 0, 1),
               *normal = random_rows(x, CLGEN_AUGMENT_NORMALS, -1, 1);
  clgen_tensor *image = in(x, S(1, x->a > 2 ? 3 : 1, 5, x->b + 2)), *p = clgen_constant(x->g, 0.8f, S(1));
  clgen_tensor *seen = clgen_augment(x->g, clgen_tanh(image), 63, p, uniform, normal, clgen_constant(x->g, 0.3f, S(1)));
  return sq(seen);
}

/* ---- Composed ----------------------------------------------------------------------------------------------------------
 */

static inline clgen_tensor *batch_norm(clgen_tensor *t, unsigned axes) {
  clgen_tensor *m = clgen_mean(t, axes, true), *centred = clgen_sub(t, m);
  return clgen_normalize(t, m, clgen_rsqrt(clgen_affine(clgen_mean(sq(centred), axes, true), 1, 1e-2f)));
}
static inline clgen_tensor *ex_normalize(example *x) {
  return clgen_mul(batch_norm(in(x, S(x->a + 2, x->b, x->c)), 5), in(x, S(x->b, 1)));
}
static inline clgen_tensor *ex_penalty(example *x) { /* (|| d critic / d image || - 1)^2, without kinks */
  clgen_tensor *image = in(x, S(2, 1, 6, 6)), *w0 = in(x, S(2, 1, 4, 4)), *w1 = in(x, S(1, 2, 3, 3)), *slope;
  clgen_tensor *score =
      clgen_conv2d(clgen_softplus(clgen_conv2d(image, w0, (clgen_conv){2, 2, 1, 1})), w1, (clgen_conv){1, 1, 0, 0});
  OK(clgen_grad(NEED(clgen_sum(score, CLGEN_ALL_AXES, false)), 1, &image, &slope));
  clgen_tensor *norm = clgen_sqrt(clgen_affine(clgen_sum(sq(slope), 14, false), 1, 1e-3f));
  return clgen_mean(sq(clgen_affine(norm, 1, -1)), CLGEN_ALL_AXES, false);
}
static inline clgen_tensor *ex_long_chain(example *x) { /* more instructions than a step takes */
  clgen_tensor *t = in(x, S(x->a, x->b)), *other = in(x, S(x->b));
  for (int k = 0; k < 50; ++k) t = clgen_affine(clgen_tanh(clgen_add(t, other)), 1.1f, 0.01f * (float)k);
  return t;
}
static inline clgen_tensor *ex_many_inputs(example *x) { /* more operands than a step takes */
  clgen_tensor *t = NULL;
  for (int k = 0; k < 20; ++k) {
    clgen_tensor *factor = clgen_affine(in(x, S(x->a, k % 2 ? x->b : 1)), 0.1f, 1);
    t = t ? clgen_mul(t, factor) : factor;
  }
  return t;
}
static inline clgen_tensor *ex_constants(example *x) {
  clgen_tensor *c = NEED(clgen_constant(x->g, 2.5f, S(x->a, x->b)));
  clgen_tensor *joined = clgen_concat(2, (clgen_tensor *[]){c, in(x, S(x->c, x->b))}, 0);
  return clgen_add(clgen_div(joined, clgen_constant(x->g, 4, S(1))),
                   clgen_maximum(joined, clgen_constant(x->g, 9, S(x->b))));
}
static inline clgen_tensor *ex_stop_gradient(example *x) {
  clgen_tensor *t = in(x, S(x->a, x->b));
  return clgen_add(sq(t), clgen_mul(clgen_stop_gradient(sq(t)), clgen_constant(x->g, 3, S(1))));
}

/* ---- State ---------------------------------------------------------------------------------------------------------------
 */

static inline clgen_tensor *state_of(example *x, const char *role, clgen_shape shape) {
  char name[80];
  snprintf(name, sizeof name, "%s.%s", x->name, role);
  return NEED(clgen_state(x->g, name, CLGEN_F32, shape));
}
static inline clgen_tensor *ex_assign(example *x) { /* the gradient goes through what is written */
  clgen_tensor *t = in(x, S(x->a, x->b)), *s = clgen_assign(state_of(x, "s", S(x->a, x->b)), clgen_tanh(t));
  return clgen_mul(s, t);
}
static inline clgen_tensor *ex_assign_view(example *x) {
  clgen_tensor *s = state_of(x, "s", S(4 * x->a * x->b));
  clgen_tensor *part = clgen_assign(clgen_reshape(clgen_slice(s, 0, 1, x->a * x->b), S(x->a, x->b)), in(x, S(x->a, x->b)));
  return sq(part);
}
static inline clgen_tensor *ex_pack(example *x) {
  clgen_tensor *a = sq(in(x, S(x->a, x->b))), *b = clgen_sum(in(x, S(x->c, x->d)), 1, false);
  clgen_tensor *state = state_of(x, "s", S(x->a * x->b + x->d + 3));
  clgen_tensor *packed = clgen_pack(state, 2, (clgen_tensor *[]){a, b}, (int64_t[]){1, x->a * x->b + 2});
  return clgen_affine(packed, 2, 0);
}

/* LARGE: too slow for finite differences. BY_DIFFERENCES: derivatives on the host only, they are hundreds of kernels. */
enum { VALUES_ONLY = 1, LARGE = 2, BY_DIFFERENCES = 4 };

static const struct {
  const char *name;
  clgen_tensor *(*make)(example *);
  int flags;
} structural[] = {
#define ROW(name, flags) \
  { #name, ex_##name, flags }
    ROW(reshape, 0),
    ROW(reshape_copy, 0),
    ROW(reshape_scalar, 0),
    ROW(permute, 0),
    ROW(permute_six, 0),
    ROW(transpose, 0),
    ROW(broadcast, 0),
    ROW(broadcast_add, 0),
    ROW(slice, 0),
    ROW(pad, 0),
    ROW(pad_slice, 0),
    ROW(concat, 0),
    ROW(concat_many, 0),
    ROW(concat_channels, 0),
    ROW(u8, VALUES_ONLY),
    ROW(to_u8, VALUES_ONLY),
    ROW(sum_all, 0),
    ROW(sum_first, 0),
    ROW(sum_last, 0),
    ROW(sum_outer, 0),
    ROW(sum_inner, 0),
    ROW(sum_permuted, 0),
    ROW(sum_broadcast, 0),
    ROW(mean, 0),
    ROW(moments, 0),
    ROW(sum_long, LARGE),
    ROW(sum_rows, LARGE),
    ROW(sum_columns, LARGE),
    ROW(sum_planes, LARGE),
    ROW(matmul_nn, 0),
    ROW(matmul_nt, 0),
    ROW(matmul_tn, 0),
    ROW(matmul_tt, 0),
    ROW(matmul_views, 0),
    ROW(matmul_broadcast, 0),
    ROW(matmul_square, 0),
    ROW(matmul_large, LARGE),
    ROW(matmul_large_nt, LARGE),
    ROW(mlp, 0),
    ROW(matmul_large_tn, LARGE),
    ROW(conv2d, 0),
    ROW(conv2d_input_grad, 0),
    ROW(conv2d_views, 0),
    ROW(conv2d_weight_grad, 0),
    ROW(conv2d_large, LARGE),
    ROW(conv2d_transposed_large, LARGE),
    ROW(normalize, 0),
    ROW(conv2d_weight_large, LARGE),
    ROW(affine_sample, 0),
    ROW(affine_sample_grad, 0),
    ROW(affine_sample_both, 0),
    ROW(augment, BY_DIFFERENCES),
    ROW(penalty, 0),
    ROW(long_chain, 0),
    ROW(many_inputs, 0),
    ROW(constants, 0),
    ROW(stop_gradient, VALUES_ONLY),
    ROW(assign, 0),
    ROW(assign_view, 0),
    ROW(pack, VALUES_ONLY),
#undef ROW
};

static inline void begin_example(example *x, clgen_graph *g, const char *name, uint64_t seed) {
  *x = (example){.g = g, .random = (seed + 1) * 0x9E3779B97F4A7C15u ^ clgen_hash64(name, strlen(name), 0)};
  if (!x->random) x->random = 1;
  snprintf(x->name, sizeof x->name, "%s", name);
  int64_t *size[] = {&x->a, &x->b, &x->c, &x->d, &x->e};
  for (int k = 0; k < 5; ++k) *size[k] = random_int(&x->random, 1, 5);
}

static inline void end_example(example *x) {
  if (!x->t.y) fail_msg("%s: %s", x->name, clgen_last_error());
  OK(clgen_output(x->t.y));
}

static inline void free_example(example *x) {
  for (int k = 0; k < x->t.n; ++k) free(x->value[k]);
}

#endif
