/* Builders that change shape: views where possible, and the reduction that is the broadcast's adjoint. */
#include "graph/internal.h"

#include <string.h>

clgen_tensor *clgen_reshape(clgen_tensor *x, clgen_shape shape) {
  if (!clgen_operands_ok("reshape", 1, &x)) return NULL;
  if (clgen_shape_count(&shape) != clgen_shape_count(&x->shape)) {
    char a[96], b[96];
    return clgen_node_fail("reshape", "%s has another number of elements than %s", clgen_shape_text(&x->shape, a, sizeof a),
                           clgen_shape_text(&shape, b, sizeof b));
  }
  if (clgen_shape_equal(&shape, &x->shape)) return x;
  if (clgen_is_constant(x)) return clgen_constant(x->graph, x->attr.p, shape);
  return clgen_node_add(x->graph, CLGEN_OP_RESHAPE, x->dtype, shape, 1, &x, NULL);
}

clgen_tensor *clgen_permute(clgen_tensor *x, const int *axes) {
  if (!clgen_operands_ok("permute", 1, &x)) return NULL;
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  clgen_shape shape = {.ndim = x->shape.ndim};
  unsigned seen = 0;
  bool identity = true;
  for (int i = 0; i < shape.ndim; ++i) {
    if (axes[i] < 0 || axes[i] >= shape.ndim || (seen >> axes[i] & 1u)) {
      char a[96];
      return clgen_node_fail("permute", "axis %d at place %d: not an order of the %d axes of %s", axes[i], i, shape.ndim,
                             clgen_shape_text(&x->shape, a, sizeof a));
    }
    seen |= 1u << axes[i];
    attr.axes[i] = axes[i];
    shape.dim[i] = x->shape.dim[axes[i]];
    identity = identity && axes[i] == i;
  }
  if (identity) return x;
  if (clgen_is_constant(x)) return clgen_constant(x->graph, x->attr.p, shape);
  return clgen_node_add(x->graph, CLGEN_OP_PERMUTE, x->dtype, shape, 1, &x, &attr);
}

clgen_tensor *clgen_transpose(clgen_tensor *x) {
  if (!clgen_operands_ok("transpose", 1, &x)) return NULL;
  char a[96];
  if (x->shape.ndim != 2)
    return clgen_node_fail("transpose", "%s is not a matrix", clgen_shape_text(&x->shape, a, sizeof a));
  return clgen_permute(x, (int[]){1, 0});
}

clgen_tensor *clgen_broadcast(clgen_tensor *x, clgen_shape shape) {
  if (!clgen_operands_ok("broadcast", 1, &x)) return NULL;
  if (clgen_shape_equal(&shape, &x->shape)) return x;
  int lead = shape.ndim - x->shape.ndim;
  bool ok = lead >= 0;
  for (int k = 0; ok && k < x->shape.ndim; ++k) ok = x->shape.dim[k] == 1 || x->shape.dim[k] == shape.dim[lead + k];
  if (!ok) {
    char a[96], b[96];
    return clgen_node_fail("broadcast", "%s does not broadcast to %s", clgen_shape_text(&x->shape, a, sizeof a),
                           clgen_shape_text(&shape, b, sizeof b));
  }
  if (clgen_is_constant(x)) return clgen_constant(x->graph, x->attr.p, shape);
  return clgen_node_add(x->graph, CLGEN_OP_BROADCAST, x->dtype, shape, 1, &x, NULL);
}

static bool axis_ok(const char *op, const clgen_tensor *x, int axis) {
  if (axis >= 0 && axis < x->shape.ndim) return true;
  char a[96];
  clgen_node_fail(op, "%s has no axis %d", clgen_shape_text(&x->shape, a, sizeof a), axis);
  return false;
}

clgen_tensor *clgen_slice(clgen_tensor *x, int axis, int64_t start, int64_t size) {
  if (!clgen_operands_ok("slice", 1, &x) || !axis_ok("slice", x, axis)) return NULL;
  int64_t have = x->shape.dim[axis];
  if (start < 0 || size < 1 || start > have - size) {
    char a[96];
    return clgen_node_fail("slice", "%lld elements from %lld on are not inside axis %d of %s", (long long)size,
                           (long long)start, axis, clgen_shape_text(&x->shape, a, sizeof a));
  }
  if (size == have) return x;
  clgen_shape shape = x->shape;
  shape.dim[axis] = size;
  if (clgen_is_constant(x)) return clgen_constant(x->graph, x->attr.p, shape);
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.axis = axis;
  attr.start = start;
  return clgen_node_add(x->graph, CLGEN_OP_SLICE, x->dtype, shape, 1, &x, &attr);
}

clgen_tensor *clgen_pad(clgen_tensor *x, int axis, int64_t before, int64_t after) {
  if (!clgen_operands_ok("pad", 1, &x) || !axis_ok("pad", x, axis)) return NULL;
  if (before < 0 || after < 0)
    return clgen_node_fail("pad", "a negative amount (%lld, %lld)", (long long)before, (long long)after);
  if (!before && !after) return x;
  clgen_shape shape = x->shape;
  shape.dim[axis] += before + after;
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.axis = axis;
  attr.before = before;
  attr.after = after;
  return clgen_node_add(x->graph, CLGEN_OP_PAD, CLGEN_F32, shape, 1, &x, &attr);
}

clgen_tensor *clgen_concat(int n, clgen_tensor *const *xs, int axis) {
  if (n < 1) return clgen_node_fail("concat", "nothing to join");
  if (!clgen_operands_ok("concat", n, xs) || !axis_ok("concat", xs[0], axis)) return NULL;
  clgen_shape shape = xs[0]->shape;
  for (int i = 1; i < n; ++i) {
    bool ok = xs[i]->shape.ndim == shape.ndim;
    for (int k = 0; ok && k < shape.ndim; ++k) ok = k == axis || xs[i]->shape.dim[k] == shape.dim[k];
    char a[96], b[96];
    if (!ok)
      return clgen_node_fail("concat", "%s and %s differ elsewhere than on axis %d",
                             clgen_shape_text(&xs[0]->shape, a, sizeof a), clgen_shape_text(&xs[i]->shape, b, sizeof b),
                             axis);
    shape.dim[axis] += xs[i]->shape.dim[axis];
    if (!clgen_shape_fits(&shape))
      return clgen_node_fail("concat", "%d tensors like %s have more elements together than can be counted", n,
                             clgen_shape_text(&xs[0]->shape, a, sizeof a));
  }
  if (n == 1) return xs[0];
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.axis = axis;
  return clgen_node_add(xs[0]->graph, CLGEN_OP_CONCAT, CLGEN_F32, shape, n, xs, &attr);
}

/* Whether t is the same along all of these axes because it was broadcast there. */
static bool constant_along(const clgen_tensor *t, unsigned axes) {
  if (t->op != CLGEN_OP_BROADCAST) return false;
  int lead = t->shape.ndim - t->in[0]->shape.ndim;
  for (int k = lead; k < t->shape.ndim; ++k)
    if ((axes >> k & 1u) && t->in[0]->shape.dim[k - lead] != 1) return false;
  return true;
}

/* Splits a product into a factor that is constant along the axes and the rest; NULL when there is none. */
static clgen_tensor *split_factor(clgen_tensor *x, unsigned axes, clgen_tensor **factor) {
  if (x->op != CLGEN_EW_MUL) return NULL;
  for (int side = 0; side < 2; ++side)
    if (constant_along(x->in[side], axes)) return *factor = x->in[side]->in[0], x->in[1 - side];
  for (int side = 0; side < 2; ++side) {
    clgen_tensor *rest = split_factor(x->in[side], axes, factor);
    if (rest) return clgen_mul(rest, x->in[1 - side]);
  }
  return NULL;
}

static clgen_tensor *sum(clgen_tensor *x, unsigned axes, bool keep_dims, bool split);

static clgen_tensor *sum_node(clgen_tensor *x, unsigned axes, const clgen_shape *kept, bool split) {
  clgen_tensor *factor = NULL, *rest = split ? split_factor(x, axes, &factor) : NULL;
  if (rest) {
    clgen_shape small = {.ndim = kept->ndim};
    int lead = kept->ndim - factor->shape.ndim;
    for (int k = 0; k < kept->ndim; ++k) small.dim[k] = k < lead ? 1 : factor->shape.dim[k - lead];
    return clgen_mul(sum(rest, axes, true, true), clgen_reshape(factor, small));
  }
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.mask = axes;
  return clgen_node_add(x->graph, CLGEN_OP_SUM, CLGEN_F32, *kept, 1, &x, &attr);
}

static clgen_tensor *sum(clgen_tensor *x, unsigned axes, bool keep_dims, bool split) {
  if (!clgen_operands_ok("sum", 1, &x)) return NULL;
  unsigned all = (1u << x->shape.ndim) - 1u;
  if (axes == CLGEN_ALL_AXES) axes = all;
  if (axes & ~all) {
    char a[96];
    return clgen_node_fail("sum", "axes 0x%x are not all axes of %s", axes, clgen_shape_text(&x->shape, a, sizeof a));
  }
  clgen_shape kept = x->shape, dropped = {.ndim = 0};
  int64_t count = 1;
  for (int k = 0; k < x->shape.ndim; ++k) {
    if (axes >> k & 1u) {
      count *= kept.dim[k];
      kept.dim[k] = 1;
    } else {
      dropped.dim[dropped.ndim++] = kept.dim[k];
    }
  }
  clgen_tensor *s;
  if (clgen_is_constant(x)) {
    s = clgen_constant(x->graph, (float)((double)x->attr.p * (double)count), kept);
  } else if (count == 1) {
    s = clgen_affine(x, 1, 0);
  } else {
    s = sum_node(x, axes, &kept, split);
  }
  return keep_dims ? s : clgen_reshape(s, dropped);
}

clgen_tensor *clgen_sum(clgen_tensor *x, unsigned axes, bool keep_dims) { return sum(x, axes, keep_dims, false); }
clgen_tensor *clgen_sum_split(clgen_tensor *x, unsigned axes) { return sum(x, axes, true, true); }

clgen_tensor *clgen_mean(clgen_tensor *x, unsigned axes, bool keep_dims) {
  clgen_tensor *s = clgen_sum(x, axes, true);
  if (!s) return NULL;
  double ratio = (double)clgen_shape_count(&s->shape) / (double)clgen_shape_count(&x->shape);
  s = clgen_affine(s, (float)ratio, 0); /* in the shape of the sum, so that it is part of its launch */
  if (keep_dims) return s;
  clgen_shape dropped = {.ndim = 0};
  for (int k = 0; k < x->shape.ndim; ++k)
    if (!(axes >> k & 1u)) dropped.dim[dropped.ndim++] = x->shape.dim[k];
  return clgen_reshape(s, dropped);
}

clgen_tensor *clgen_stop_gradient(clgen_tensor *x) {
  if (!clgen_operands_ok("stop_gradient", 1, &x)) return NULL;
  if (clgen_is_constant(x)) return x;
  return clgen_node_add(x->graph, CLGEN_OP_STOP_GRADIENT, x->dtype, x->shape, 1, &x, NULL);
}
