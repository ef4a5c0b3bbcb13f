/* Builders of the matrix product and the three convolutions, which are each other's derivatives; and of writes to states. */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

static bool all_f32(const char *op, int n, clgen_tensor *const *in) {
  if (!clgen_operands_ok(op, n, in)) return false;
  for (int i = 0; i < n; ++i)
    if (in[i]->dtype != CLGEN_F32) {
      clgen_node_fail(op, "operand %d is not F32", i);
      return false;
    }
  return true;
}

static clgen_tensor *shapes_fail(const char *op, const clgen_tensor *a, const clgen_tensor *b, const char *why) {
  char ta[96], tb[96];
  return clgen_node_fail(op, "%s and %s: %s", clgen_shape_text(&a->shape, ta, sizeof ta),
                         clgen_shape_text(&b->shape, tb, sizeof tb), why);
}

static bool is_transpose(const clgen_tensor *t) { return t->op == CLGEN_OP_PERMUTE && t->shape.ndim == 2; }

/* A product with a row, a column, or of a column and a row: elementwise with a sum, which runs together with its neighbours,
 * where a matrix product would pack operands for a tile that stays empty. */
static clgen_tensor *vector_product(clgen_tensor *a, clgen_tensor *b, bool ta, bool tb, int64_t m, int64_t n, int64_t k) {
  clgen_shape result = {.ndim = 2, .dim = {m, n}}, column = {.ndim = 2, .dim = {k, 1}}, row = {.ndim = 2, .dim = {1, k}};
  if (k == 1) {
    column.dim[0] = m;
    row.dim[1] = n;
    return clgen_mul(clgen_reshape(a, column), clgen_reshape(b, row));
  }
  clgen_tensor *matrix = n == 1 ? a : b, *vector = n == 1 ? b : a;
  bool down = n == 1 ? ta : !tb; /* the inner dimension is the matrix's first */
  clgen_tensor *product = clgen_mul(matrix, clgen_reshape(vector, down ? column : row));
  return clgen_reshape(clgen_sum(product, down ? 1u << 0 : 1u << 1, true), result);
}

clgen_tensor *clgen_matmul(clgen_tensor *a, clgen_tensor *b, bool transpose_a, bool transpose_b) {
  if (!all_f32("matmul", 2, (clgen_tensor *[]){a, b})) return NULL;
  if (a->shape.ndim != 2 || b->shape.ndim != 2) return shapes_fail("matmul", a, b, "two matrices are needed");
  if (is_transpose(a)) a = a->in[0], transpose_a = !transpose_a;
  if (is_transpose(b)) b = b->in[0], transpose_b = !transpose_b;
  int64_t m = a->shape.dim[transpose_a ? 1 : 0], k = a->shape.dim[transpose_a ? 0 : 1];
  int64_t k2 = b->shape.dim[transpose_b ? 1 : 0], n = b->shape.dim[transpose_b ? 0 : 1];
  if (k != k2) return shapes_fail("matmul", a, b, "the inner sizes differ");
  if (m == 1 || n == 1 || k == 1) return vector_product(a, b, transpose_a, transpose_b, m, n, k);
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.transpose_a = transpose_a;
  attr.transpose_b = transpose_b;
  clgen_shape shape = {.ndim = 2, .dim = {m, n}};
  return clgen_node_add(a->graph, CLGEN_OP_MATMUL, CLGEN_F32, shape, 2, (clgen_tensor *[]){a, b}, &attr);
}

static bool conv_ok(const char *op, const clgen_tensor *a, const clgen_tensor *b, clgen_conv conv) {
  if (a->shape.ndim != 4 || b->shape.ndim != 4)
    return shapes_fail(op, a, b, "two tensors of four dimensions are needed"), false;
  if (conv.stride_h < 1 || conv.stride_w < 1 || conv.pad_h < 0 || conv.pad_w < 0)
    return shapes_fail(op, a, b, "the stride must be at least 1 and the padding at least 0"), false;
  return true;
}

/* Output size of the forward convolution; below 1 when the kernel does not fit. */
static int64_t conv_out(int64_t size, int64_t kernel, int stride, int pad) {
  int64_t room = size + 2 * (int64_t)pad - kernel;
  return room < 0 ? 0 : room / stride + 1;
}

static clgen_tensor *conv_node(int op, clgen_tensor *a, clgen_tensor *b, clgen_conv conv, clgen_shape shape) {
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.conv = conv;
  return clgen_node_add(a->graph, op, CLGEN_F32, shape, 2, (clgen_tensor *[]){a, b}, &attr);
}

clgen_tensor *clgen_conv2d(clgen_tensor *x, clgen_tensor *w, clgen_conv conv) {
  if (!all_f32("conv2d", 2, (clgen_tensor *[]){x, w}) || !conv_ok("conv2d", x, w, conv)) return NULL;
  if (x->shape.dim[1] != w->shape.dim[1]) return shapes_fail("conv2d", x, w, "the numbers of channels differ");
  int64_t oh = conv_out(x->shape.dim[2], w->shape.dim[2], conv.stride_h, conv.pad_h);
  int64_t ow = conv_out(x->shape.dim[3], w->shape.dim[3], conv.stride_w, conv.pad_w);
  if (oh < 1 || ow < 1) return shapes_fail("conv2d", x, w, "the kernel is larger than the padded image");
  clgen_shape shape = {.ndim = 4, .dim = {x->shape.dim[0], w->shape.dim[0], oh, ow}};
  return conv_node(CLGEN_OP_CONV2D, x, w, conv, shape);
}

clgen_tensor *clgen_conv2d_input_grad(clgen_tensor *dy, clgen_tensor *w, clgen_conv conv, int64_t h, int64_t width) {
  const char *op = "conv2d_input_grad";
  if (!all_f32(op, 2, (clgen_tensor *[]){dy, w}) || !conv_ok(op, dy, w, conv)) return NULL;
  if (dy->shape.dim[1] != w->shape.dim[0]) return shapes_fail(op, dy, w, "the numbers of channels differ");
  if (conv_out(h, w->shape.dim[2], conv.stride_h, conv.pad_h) != dy->shape.dim[2] ||
      conv_out(width, w->shape.dim[3], conv.stride_w, conv.pad_w) != dy->shape.dim[3]) {
    char a[96], b[96];
    return clgen_node_fail(op, "an image of %lldx%lld does not give %s with a kernel of %s", (long long)h, (long long)width,
                           clgen_shape_text(&dy->shape, a, sizeof a), clgen_shape_text(&w->shape, b, sizeof b));
  }
  clgen_shape shape = {.ndim = 4, .dim = {dy->shape.dim[0], w->shape.dim[1], h, width}};
  return conv_node(CLGEN_OP_CONV2D_INPUT_GRAD, dy, w, conv, shape);
}

clgen_tensor *clgen_conv2d_weight_grad(clgen_tensor *x, clgen_tensor *dy, clgen_conv conv, int64_t kh, int64_t kw) {
  const char *op = "conv2d_weight_grad";
  if (!all_f32(op, 2, (clgen_tensor *[]){x, dy}) || !conv_ok(op, x, dy, conv)) return NULL;
  if (x->shape.dim[0] != dy->shape.dim[0]) return shapes_fail(op, x, dy, "the batches differ");
  if (conv_out(x->shape.dim[2], kh, conv.stride_h, conv.pad_h) != dy->shape.dim[2] ||
      conv_out(x->shape.dim[3], kw, conv.stride_w, conv.pad_w) != dy->shape.dim[3])
    return shapes_fail(op, x, dy, "no kernel of the size asked for gives the one from the other");
  clgen_shape shape = {.ndim = 4, .dim = {dy->shape.dim[1], x->shape.dim[1], kh, kw}};
  return conv_node(CLGEN_OP_CONV2D_WEIGHT_GRAD, x, dy, conv, shape);
}

/* ---- Writes to states ---- */

static const clgen_tensor *state_under(const clgen_tensor *t) {
  while (t->op == CLGEN_OP_ASSIGN || t->op == CLGEN_OP_PACK || t->op == CLGEN_OP_RESHAPE || t->op == CLGEN_OP_SLICE)
    t = t->in[0];
  return t->op == CLGEN_OP_STATE ? t : NULL;
}

clgen_tensor *clgen_assign(clgen_tensor *target, clgen_tensor *value) {
  clgen_tensor *in[] = {target, value};
  if (!clgen_operands_ok("assign", 2, in)) return NULL;
  if (!state_under(target)) return clgen_node_fail("assign", "the target is not a state or a view of one");
  if (!clgen_shape_equal(&target->shape, &value->shape)) return shapes_fail("assign", target, value, "the shapes differ");
  return clgen_node_add(target->graph, CLGEN_OP_ASSIGN, target->dtype, target->shape, 2, in, NULL);
}

clgen_tensor *clgen_pack(clgen_tensor *state, int n, clgen_tensor *const *pieces, const int64_t *offsets) {
  if (!clgen_operands_ok("pack", 1, &state) || !clgen_operands_ok("pack", n, pieces)) return NULL;
  if (!state_under(state) || state->shape.ndim != 1 || state->dtype != CLGEN_F32)
    return clgen_node_fail("pack", "the target is not a one-dimensional F32 state");
  for (int i = 0; i < n; ++i) {
    char a[96], b[96];
    int64_t count = clgen_shape_count(&pieces[i]->shape);
    if (offsets[i] < 0 || offsets[i] > state->shape.dim[0] - count)
      return clgen_node_fail("pack", "piece %d of shape %s at %lld does not fit into %s", i,
                             clgen_shape_text(&pieces[i]->shape, a, sizeof a), (long long)offsets[i],
                             clgen_shape_text(&state->shape, b, sizeof b));
  }
  clgen_tensor **in = malloc(((size_t)n + 1) * sizeof *in);
  int64_t *copy = malloc(((size_t)n + 1) * sizeof *copy);
  clgen_tensor *t = NULL;
  if (in && copy) {
    in[0] = state;
    if (n) memcpy(in + 1, pieces, (size_t)n * sizeof *in);
    if (n) memcpy(copy, offsets, (size_t)n * sizeof *copy);
    t = clgen_node_add(state->graph, CLGEN_OP_PACK, CLGEN_F32, state->shape, n + 1, in, NULL);
  } else {
    clgen_fail_nomem((size_t)n * sizeof *in);
  }
  if (t)
    t->offsets = copy;
  else
    free(copy);
  free(in);
  return t;
}
