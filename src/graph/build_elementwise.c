/* Builders of elementwise operations: broadcasting, and the folding of constants. */
#include "graph/internal.h"

#include <math.h>
#include <string.h>

static bool broadcast_shape(const char *op, int n, clgen_tensor *const *in, clgen_shape *out) {
  *out = (clgen_shape){.ndim = 0};
  for (int i = 0; i < n; ++i)
    if (in[i]->shape.ndim > out->ndim) out->ndim = in[i]->shape.ndim;
  for (int k = 0; k < out->ndim; ++k) out->dim[k] = 1;
  for (int i = 0; i < n; ++i) {
    int lead = out->ndim - in[i]->shape.ndim;
    for (int k = 0; k < in[i]->shape.ndim; ++k) {
      int64_t d = in[i]->shape.dim[k], *o = &out->dim[lead + k];
      if (*o == 1) *o = d;
      if (d == 1 || d == *o) continue;
      char a[96], b[96];
      clgen_node_fail(op, "shapes %s and %s do not broadcast", clgen_shape_text(&in[0]->shape, a, sizeof a),
                      clgen_shape_text(&in[i]->shape, b, sizeof b));
      return false;
    }
  }
  return true;
}

clgen_tensor *clgen_elementwise(int op, int n, clgen_tensor *const *in, float p, float q) {
  const char *name = clgen_op_name(op);
  if (!clgen_operands_ok(name, n, in)) return NULL;
  clgen_shape shape;
  if (!broadcast_shape(name, n, in, &shape)) return NULL;
  clgen_tensor *wide[3];
  for (int i = 0; i < n; ++i)
    if (!(wide[i] = clgen_broadcast(in[i], shape))) return NULL;
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.p = p;
  attr.q = q;
  return clgen_node_add(in[0]->graph, op, CLGEN_F32, shape, n, wide, &attr);
}

static clgen_tensor *unary(int op, clgen_tensor *x, float p, float q) { return clgen_elementwise(op, 1, &x, p, q); }

static clgen_tensor *binary(int op, clgen_tensor *a, clgen_tensor *b) {
  return clgen_elementwise(op, 2, (clgen_tensor *[]){a, b}, 0, 0);
}

clgen_tensor *clgen_affine(clgen_tensor *x, float scale, float shift) {
  if (!clgen_operands_ok("affine", 1, &x)) return NULL;
  if (clgen_is_constant(x)) return clgen_constant(x->graph, scale * x->attr.p + shift, x->shape);
  if (scale == 1 && shift == 0 && x->dtype == CLGEN_F32) return x;
  if (x->op == CLGEN_EW_AFFINE) return clgen_affine(x->in[0], scale * x->attr.p, scale * x->attr.q + shift);
  return unary(CLGEN_EW_AFFINE, x, scale, shift);
}

/* x op constant as one affine. */
static clgen_tensor *fold_constant(const char *op, clgen_tensor *x, clgen_tensor *c, float scale, float shift) {
  clgen_shape shape;
  if (!broadcast_shape(op, 2, (clgen_tensor *[]){x, c}, &shape)) return NULL;
  return clgen_affine(clgen_broadcast(x, shape), scale, shift);
}

static bool both(clgen_tensor *a, clgen_tensor *b) { return a && b && a->graph == b->graph; }

clgen_tensor *clgen_add(clgen_tensor *a, clgen_tensor *b) {
  if (both(a, b) && clgen_is_constant(b)) return fold_constant("add", a, b, 1, b->attr.p);
  if (both(a, b) && clgen_is_constant(a)) return fold_constant("add", b, a, 1, a->attr.p);
  return binary(CLGEN_EW_ADD, a, b);
}

clgen_tensor *clgen_sub(clgen_tensor *a, clgen_tensor *b) {
  if (both(a, b) && clgen_is_constant(b)) return fold_constant("sub", a, b, 1, -b->attr.p);
  if (both(a, b) && clgen_is_constant(a)) return fold_constant("sub", b, a, -1, a->attr.p);
  return binary(CLGEN_EW_SUB, a, b);
}

clgen_tensor *clgen_mul(clgen_tensor *a, clgen_tensor *b) {
  if (both(a, b) && clgen_is_constant(b)) return fold_constant("mul", a, b, b->attr.p, 0);
  if (both(a, b) && clgen_is_constant(a)) return fold_constant("mul", b, a, a->attr.p, 0);
  if (a && a == b) return clgen_square(a);
  return binary(CLGEN_EW_MUL, a, b);
}

clgen_tensor *clgen_div(clgen_tensor *a, clgen_tensor *b) { return binary(CLGEN_EW_DIV, a, b); }
clgen_tensor *clgen_maximum(clgen_tensor *a, clgen_tensor *b) { return binary(CLGEN_EW_MAXIMUM, a, b); }
clgen_tensor *clgen_minimum(clgen_tensor *a, clgen_tensor *b) { return binary(CLGEN_EW_MINIMUM, a, b); }
clgen_tensor *clgen_greater(clgen_tensor *a, clgen_tensor *b) { return binary(CLGEN_EW_GREATER, a, b); }
clgen_tensor *clgen_where(clgen_tensor *condition, clgen_tensor *a, clgen_tensor *b) {
  return clgen_elementwise(CLGEN_EW_WHERE, 3, (clgen_tensor *[]){condition, a, b}, 0, 0);
}
clgen_tensor *clgen_neg(clgen_tensor *x) { return clgen_affine(x, -1, 0); }
clgen_tensor *clgen_abs(clgen_tensor *x) { return unary(CLGEN_EW_ABS, x, 0, 0); }
clgen_tensor *clgen_sign(clgen_tensor *x) { return unary(CLGEN_EW_SIGN, x, 0, 0); }
clgen_tensor *clgen_unit_step(clgen_tensor *x) { return unary(CLGEN_EW_STEP, x, 0, 0); }
clgen_tensor *clgen_relu(clgen_tensor *x) { return unary(CLGEN_EW_RELU, x, 0, 0); }
clgen_tensor *clgen_leaky_relu(clgen_tensor *x, float slope) { return unary(CLGEN_EW_LEAKY_RELU, x, slope, 0); }
clgen_tensor *clgen_tanh(clgen_tensor *x) { return unary(CLGEN_EW_TANH, x, 0, 0); }
clgen_tensor *clgen_sigmoid(clgen_tensor *x) { return unary(CLGEN_EW_SIGMOID, x, 0, 0); }
clgen_tensor *clgen_softplus(clgen_tensor *x) { return unary(CLGEN_EW_SOFTPLUS, x, 0, 0); }
clgen_tensor *clgen_exp(clgen_tensor *x) { return unary(CLGEN_EW_EXP, x, 0, 0); }
clgen_tensor *clgen_log(clgen_tensor *x) { return unary(CLGEN_EW_LOG, x, 0, 0); }
clgen_tensor *clgen_sqrt(clgen_tensor *x) { return unary(CLGEN_EW_SQRT, x, 0, 0); }
clgen_tensor *clgen_rsqrt(clgen_tensor *x) { return unary(CLGEN_EW_RSQRT, x, 0, 0); }
clgen_tensor *clgen_square(clgen_tensor *x) { return unary(CLGEN_EW_SQUARE, x, 0, 0); }
clgen_tensor *clgen_reciprocal(clgen_tensor *x) { return unary(CLGEN_EW_RECIPROCAL, x, 0, 0); }
clgen_tensor *clgen_sin(clgen_tensor *x) { return unary(CLGEN_EW_SIN, x, 0, 0); }
clgen_tensor *clgen_cos(clgen_tensor *x) { return unary(CLGEN_EW_COS, x, 0, 0); }
clgen_tensor *clgen_pow(clgen_tensor *x, float exponent) {
  if (exponent == 1) return clgen_affine(x, 1, 0);
  if (exponent == 2) return clgen_square(x);
  return unary(CLGEN_EW_POW, x, exponent, 0);
}
clgen_tensor *clgen_round(clgen_tensor *x) { return unary(CLGEN_EW_ROUND, x, 0, 0); }
clgen_tensor *clgen_clamp(clgen_tensor *x, float low, float high) { return unary(CLGEN_EW_CLAMP, x, low, high); }
clgen_tensor *clgen_is_finite(clgen_tensor *x) { return unary(CLGEN_EW_IS_FINITE, x, 0, 0); }

clgen_tensor *clgen_to_u8(clgen_tensor *x) {
  if (!clgen_operands_ok("to_u8", 1, &x)) return NULL;
  return clgen_node_add(x->graph, CLGEN_EW_COPY, CLGEN_U8, x->shape, 1, &x, NULL);
}

clgen_tensor *clgen_normalize(clgen_tensor *x, clgen_tensor *mean, clgen_tensor *inv_std) {
  clgen_tensor *in[] = {x, mean, inv_std};
  if (!clgen_operands_ok("normalize", 3, in)) return NULL;
  for (int i = 1; i < 3; ++i) {
    bool ok = in[i]->shape.ndim == x->shape.ndim;
    for (int k = 0; ok && k < x->shape.ndim; ++k) ok = in[i]->shape.dim[k] == 1 || in[i]->shape.dim[k] == x->shape.dim[k];
    char a[96], b[96];
    if (!ok || !clgen_shape_equal(&mean->shape, &inv_std->shape))
      return clgen_node_fail("normalize", "statistics of shape %s do not fit x of shape %s",
                             clgen_shape_text(&in[i]->shape, a, sizeof a), clgen_shape_text(&x->shape, b, sizeof b));
  }
  return clgen_elementwise(CLGEN_EW_NORMALIZE, 3, in, 0, 0);
}
