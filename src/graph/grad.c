/* Reverse-mode differentiation that adds nodes: each operation has one rule, written with the public builders, so that what
 * it adds can be differentiated again. */
#include "graph/internal.h"

#include <stdlib.h>

typedef struct {
  clgen_graph *g;
  clgen_tensor **adjoint; /* by node id */
  bool *needed;           /* depends on something that is differentiated */
  bool *wanted;           /* is itself one of those: what lies behind it is of no interest */
  bool failed;
} context;

/* Adds gradient to what operand i of y has gathered. */
static void give(context *c, const clgen_tensor *y, int i, clgen_tensor *gradient) {
  int id = y->in[i]->id;
  if (!gradient) {
    c->failed = true;
    return;
  }
  c->adjoint[id] = c->adjoint[id] ? clgen_add(c->adjoint[id], gradient) : gradient;
  if (!c->adjoint[id]) c->failed = true;
}

static bool asks(const context *c, const clgen_tensor *y, int i) { return c->needed[y->in[i]->id]; }

/* ---- Elementwise ---- */

/* dy/dx of a unary operation as nodes; NULL with *zero set where it is 0 (almost) everywhere. */
static clgen_tensor *slope_of(clgen_tensor *y, clgen_tensor *x, bool *zero) {
  float p = y->attr.p, q = y->attr.q;
  clgen_graph *g = y->graph;
  switch (y->op) {
    case CLGEN_EW_COPY: return clgen_constant(g, 1, y->shape);
    case CLGEN_EW_AFFINE: return clgen_constant(g, p, y->shape);
    case CLGEN_EW_NEG: return clgen_constant(g, -1, y->shape);
    case CLGEN_EW_ABS: return clgen_sign(x);
    /* By the sign of the result, which is that of x: what comes after keeps it anyway, so x need not be. */
    case CLGEN_EW_RELU: return clgen_unit_step(y);
    case CLGEN_EW_LEAKY_RELU: return clgen_elementwise(CLGEN_EW_LEAKY_STEP, 1, p > 0 ? &y : &x, p, 0);
    case CLGEN_EW_TANH: return clgen_affine(clgen_square(y), -1, 1);
    case CLGEN_EW_SIGMOID: return clgen_mul(y, clgen_affine(y, -1, 1));
    case CLGEN_EW_SOFTPLUS: return clgen_sigmoid(x);
    case CLGEN_EW_EXP: return y;
    case CLGEN_EW_LOG: return clgen_reciprocal(x);
    case CLGEN_EW_SQRT: return clgen_affine(clgen_reciprocal(y), 0.5f, 0);
    case CLGEN_EW_RSQRT: return clgen_affine(clgen_mul(y, clgen_square(y)), -0.5f, 0);
    case CLGEN_EW_SQUARE: return clgen_affine(x, 2, 0);
    case CLGEN_EW_RECIPROCAL: return clgen_affine(clgen_square(y), -1, 0);
    case CLGEN_EW_SIN: return clgen_cos(x);
    case CLGEN_EW_COS: return clgen_affine(clgen_sin(x), -1, 0);
    case CLGEN_EW_POW: return clgen_affine(clgen_pow(x, p - 1), p, 0);
    case CLGEN_EW_CLAMP: return clgen_elementwise(CLGEN_EW_IN_RANGE, 1, &x, p, q);
    default: *zero = true; return NULL;
  }
}

static void grad_binary(context *c, clgen_tensor *y, clgen_tensor *gy) {
  clgen_tensor *a = y->in[0], *b = y->in[1];
  bool to_a = asks(c, y, 0), to_b = asks(c, y, 1);
  switch (y->op) {
    case CLGEN_EW_ADD:
      if (to_a) give(c, y, 0, gy);
      if (to_b) give(c, y, 1, gy);
      break;
    case CLGEN_EW_SUB:
      if (to_a) give(c, y, 0, gy);
      if (to_b) give(c, y, 1, clgen_neg(gy));
      break;
    case CLGEN_EW_MUL:
      if (to_a) give(c, y, 0, clgen_mul(gy, b));
      if (to_b) give(c, y, 1, clgen_mul(gy, a));
      break;
    case CLGEN_EW_DIV:
      if (to_a) give(c, y, 0, clgen_div(gy, b));
      if (to_b) give(c, y, 1, clgen_neg(clgen_div(clgen_mul(gy, y), b)));
      break;
    case CLGEN_EW_MAXIMUM:
    case CLGEN_EW_MINIMUM: { /* at a tie all of it goes to b */
      clgen_tensor *first = y->op == CLGEN_EW_MAXIMUM ? clgen_greater(a, b) : clgen_greater(b, a);
      if (to_a) give(c, y, 0, clgen_mul(gy, first));
      if (to_b) give(c, y, 1, clgen_mul(gy, clgen_affine(first, -1, 1)));
      break;
    }
    default: break; /* greater: 0 */
  }
}

static void grad_where(context *c, clgen_tensor *y, clgen_tensor *gy) {
  clgen_tensor *zero = clgen_constant(y->graph, 0, y->shape);
  if (asks(c, y, 1)) give(c, y, 1, clgen_where(y->in[0], gy, zero));
  if (asks(c, y, 2)) give(c, y, 2, clgen_where(y->in[0], zero, gy));
}

/* x^ = (x - mean) s, with mean and s the statistics of x over the axes in which they have size 1:
 * dx = s (g - mean(g) - x^ mean(g x^)); Ioffe & Szegedy 2015, section 3, brought into one line. The statistics in it are
 * ordinary nodes, so its own derivative is complete. */
static void grad_normalize(context *c, clgen_tensor *y, clgen_tensor *gy) {
  if (!asks(c, y, 0)) return;
  clgen_tensor *s = y->in[2];
  clgen_shape small = s->op == CLGEN_OP_BROADCAST ? s->in[0]->shape : s->shape;
  unsigned axes = 0;
  for (int k = 0; k < y->shape.ndim; ++k)
    if (small.dim[k] == 1) axes |= 1u << k;
  /* Both sums before anything that uses them, so that one pass over memory can make both. */
  clgen_tensor *m1 = clgen_sum_split(gy, axes), *m2 = clgen_sum_split(clgen_mul(gy, y), axes);
  if (!m1 || !m2) {
    c->failed = true;
    return;
  }
  float share = (float)((double)clgen_shape_count(&m1->shape) / (double)clgen_shape_count(&y->shape));
  m1 = clgen_affine(m1, share, 0);
  m2 = clgen_affine(m2, share, 0);
  give(c, y, 0, clgen_mul(clgen_sub(clgen_sub(gy, m1), clgen_mul(y, m2)), s));
}

static void grad_elementwise(context *c, clgen_tensor *y, clgen_tensor *gy) {
  if (y->dtype != CLGEN_F32) return; /* to_u8: a rounding, of derivative 0 */
  if (y->op == CLGEN_EW_NORMALIZE) {
    grad_normalize(c, y, gy);
  } else if (y->op == CLGEN_EW_WHERE) {
    grad_where(c, y, gy);
  } else if (y->n_in == 2) {
    grad_binary(c, y, gy);
  } else if (y->n_in == 1 && asks(c, y, 0) && !clgen_op_is_random(y->op)) {
    bool zero = false;
    clgen_tensor *slope = slope_of(y, y->in[0], &zero);
    if (!zero) give(c, y, 0, clgen_mul(gy, slope));
  }
}

/* ---- Shape ---- */

static void grad_broadcast(context *c, clgen_tensor *y, clgen_tensor *gy) {
  const clgen_shape *small = &y->in[0]->shape;
  int lead = y->shape.ndim - small->ndim;
  unsigned axes = 0;
  for (int k = 0; k < y->shape.ndim; ++k)
    if (k < lead || (small->dim[k - lead] == 1 && y->shape.dim[k] != 1)) axes |= 1u << k;
  give(c, y, 0, clgen_reshape(clgen_sum_split(gy, axes), *small));
}

static void grad_permute(context *c, clgen_tensor *y, clgen_tensor *gy) {
  int back[CLGEN_MAX_DIMS];
  for (int i = 0; i < y->shape.ndim; ++i) back[y->attr.axes[i]] = i;
  give(c, y, 0, clgen_permute(gy, back));
}

static void grad_slice(context *c, clgen_tensor *y, clgen_tensor *gy) {
  int axis = y->attr.axis;
  int64_t after = y->in[0]->shape.dim[axis] - y->attr.start - y->shape.dim[axis];
  give(c, y, 0, clgen_pad(gy, axis, y->attr.start, after));
}

static void grad_concat(context *c, clgen_tensor *y, clgen_tensor *gy) {
  int64_t start = 0;
  for (int i = 0; i < y->n_in; ++i) {
    int64_t size = y->in[i]->shape.dim[y->attr.axis];
    if (asks(c, y, i)) give(c, y, i, clgen_slice(gy, y->attr.axis, start, size));
    start += size;
  }
}

/* ---- Linear ---- */

static void grad_matmul(context *c, clgen_tensor *y, clgen_tensor *g) {
  clgen_tensor *a = y->in[0], *b = y->in[1];
  bool ta = y->attr.transpose_a, tb = y->attr.transpose_b;
  if (asks(c, y, 0)) give(c, y, 0, ta ? clgen_matmul(b, g, tb, true) : clgen_matmul(g, b, false, !tb));
  if (asks(c, y, 1)) give(c, y, 1, tb ? clgen_matmul(g, a, true, ta) : clgen_matmul(a, g, !ta, false));
}

static void grad_conv(context *c, clgen_tensor *y, clgen_tensor *g) {
  clgen_tensor *a = y->in[0], *b = y->in[1];
  clgen_conv conv = y->attr.conv;
  bool to_a = asks(c, y, 0), to_b = asks(c, y, 1);
  const int64_t *da = a->shape.dim, *db = b->shape.dim;
  if (y->op == CLGEN_OP_CONV2D) { /* a is x, b is w */
    if (to_a) give(c, y, 0, clgen_conv2d_input_grad(g, b, conv, da[2], da[3]));
    if (to_b) give(c, y, 1, clgen_conv2d_weight_grad(a, g, conv, db[2], db[3]));
  } else if (y->op == CLGEN_OP_CONV2D_INPUT_GRAD) { /* a is dy, b is w, g is like x */
    if (to_a) give(c, y, 0, clgen_conv2d(g, b, conv));
    if (to_b) give(c, y, 1, clgen_conv2d_weight_grad(g, a, conv, db[2], db[3]));
  } else { /* a is x, b is dy, g is like w */
    if (to_a) give(c, y, 0, clgen_conv2d_input_grad(b, g, conv, da[2], da[3]));
    if (to_b) give(c, y, 1, clgen_conv2d(a, g, conv));
  }
}

static void grad_sample(context *c, clgen_tensor *y, clgen_tensor *g) { /* nothing flows into the map */
  const int64_t *d = y->in[0]->shape.dim;
  clgen_tensor *theta = y->in[1];
  if (!asks(c, y, 0)) return;
  give(c, y, 0,
       y->op == CLGEN_OP_AFFINE_SAMPLE ? clgen_affine_sample_grad(g, theta, d[2], d[3])
                                       : clgen_affine_sample(g, theta, d[2], d[3]));
}

static void rule(context *c, clgen_tensor *y, clgen_tensor *gy) {
  if (clgen_op_is_elementwise(y->op)) {
    grad_elementwise(c, y, gy);
    return;
  }
  switch (y->op) {
    case CLGEN_OP_RESHAPE: give(c, y, 0, clgen_reshape(gy, y->in[0]->shape)); break;
    case CLGEN_OP_PERMUTE: grad_permute(c, y, gy); break;
    case CLGEN_OP_BROADCAST: grad_broadcast(c, y, gy); break;
    case CLGEN_OP_SLICE: grad_slice(c, y, gy); break;
    case CLGEN_OP_PAD:
      give(c, y, 0, clgen_slice(gy, y->attr.axis, y->attr.before, y->in[0]->shape.dim[y->attr.axis]));
      break;
    case CLGEN_OP_CONCAT: grad_concat(c, y, gy); break;
    case CLGEN_OP_SUM: give(c, y, 0, clgen_broadcast(gy, y->in[0]->shape)); break;
    case CLGEN_OP_MATMUL: grad_matmul(c, y, gy); break;
    case CLGEN_OP_CONV2D:
    case CLGEN_OP_CONV2D_INPUT_GRAD:
    case CLGEN_OP_CONV2D_WEIGHT_GRAD: grad_conv(c, y, gy); break;
    case CLGEN_OP_AFFINE_SAMPLE:
    case CLGEN_OP_AFFINE_SAMPLE_GRAD: grad_sample(c, y, gy); break;
    case CLGEN_OP_ASSIGN:
      if (asks(c, y, 1)) give(c, y, 1, gy);
      break;
    default: break; /* sources, stop_gradient, and pack, whose result is for the optimiser */
  }
}

static bool carries(const clgen_tensor *t, int operand) {
  switch (t->op) {
    case CLGEN_OP_STOP_GRADIENT:
    case CLGEN_OP_PACK: return false;
    case CLGEN_OP_ASSIGN: return operand == 1;
    case CLGEN_OP_AFFINE_SAMPLE:
    case CLGEN_OP_AFFINE_SAMPLE_GRAD: return operand == 0;
    case CLGEN_EW_NORMALIZE:
    case CLGEN_EW_WHERE: return t->op == CLGEN_EW_WHERE ? operand > 0 : operand == 0;
    default: return true;
  }
}

static void find_needed(context *c, const clgen_tensor *loss) {
  for (int i = 0; i <= loss->id; ++i) {
    const clgen_tensor *t = c->g->node[i];
    c->needed[i] = c->wanted[i];
    for (int k = 0; k < t->n_in && !c->needed[i]; ++k) c->needed[i] = c->needed[t->in[k]->id] && carries(t, k);
  }
}

static bool leads_on(const context *c, const clgen_tensor *t) {
  for (int k = 0; k < t->n_in; ++k)
    if (asks(c, t, k) && carries(t, k)) return true;
  return false;
}

int clgen_grad(clgen_tensor *loss, int n, clgen_tensor *const *wrt, clgen_tensor **grads) {
  if (!clgen_operands_ok("grad", 1, &loss) || !clgen_operands_ok("grad", n, wrt)) return clgen_last_code();
  if (clgen_shape_count(&loss->shape) != 1 || loss->dtype != CLGEN_F32) {
    char text[96];
    return clgen_fail(CLGEN_E_INVALID, "grad: the loss must be one F32 element, not %s",
                      clgen_shape_text(&loss->shape, text, 96));
  }
  /* Rules add nodes behind the loss, and may find equal ones before it: only nodes up to the loss have an adjoint. */
  size_t room = (size_t)loss->graph->count;
  context c = {.g = loss->graph,
               .adjoint = calloc(room, sizeof *c.adjoint),
               .needed = calloc(room, sizeof *c.needed),
               .wanted = calloc(room, sizeof *c.wanted)};
  int code = CLGEN_OK;
  if (!c.adjoint || !c.needed || !c.wanted) {
    code = clgen_fail_nomem(room * sizeof *c.adjoint);
  } else {
    for (int i = 0; i < n; ++i) c.wanted[wrt[i]->id] = true;
    find_needed(&c, loss);
    c.adjoint[loss->id] = clgen_constant(loss->graph, 1, loss->shape);
    for (int i = loss->id; i >= 0 && !c.failed; --i)
      if (c.adjoint[i] && leads_on(&c, c.g->node[i])) rule(&c, c.g->node[i], c.adjoint[i]);
    for (int i = 0; i < n && !c.failed; ++i) {
      grads[i] = wrt[i]->id <= loss->id && c.adjoint[wrt[i]->id] ? c.adjoint[wrt[i]->id]
                                                                 : clgen_constant(loss->graph, 0, wrt[i]->shape);
      if (!grads[i]) c.failed = true;
    }
    if (c.failed) code = CLGEN_E_INVALID;
  }
  free(c.adjoint);
  free(c.needed);
  free(c.wanted);
  return code;
}
