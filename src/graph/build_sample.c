/* Builders of sampling through affine maps, and of its adjoint: each other's derivatives. */
#include "graph/internal.h"

static clgen_tensor *sample_node(int op, clgen_tensor *x, clgen_tensor *theta, int64_t height, int64_t width) {
  const char *name = clgen_op_name(op);
  char a[96], b[96];
  if (!clgen_operands_ok(name, 2, (clgen_tensor *[]){x, theta})) return NULL;
  if (x->dtype != CLGEN_F32 || theta->dtype != CLGEN_F32) return clgen_node_fail(name, "the operands are not F32");
  const clgen_shape *s = &theta->shape;
  if (x->shape.ndim != 4 || s->ndim != 3 || s->dim[0] != x->shape.dim[0] || s->dim[1] != 2 || s->dim[2] != 3)
    return clgen_node_fail(name, "%s and %s: images (N,C,H,W) and a map (N,2,3) are needed",
                           clgen_shape_text(&x->shape, a, sizeof a), clgen_shape_text(s, b, sizeof b));
  if (height < 1 || width < 1 || x->shape.dim[2] < 1 || x->shape.dim[3] < 1)
    return clgen_node_fail(name, "%s to %lldx%lld: pixels are needed", clgen_shape_text(&x->shape, a, sizeof a),
                           (long long)height, (long long)width);
  clgen_shape shape = {.ndim = 4, .dim = {x->shape.dim[0], x->shape.dim[1], height, width}};
  return clgen_node_add(x->graph, op, CLGEN_F32, shape, 2, (clgen_tensor *[]){x, theta}, NULL);
}

clgen_tensor *clgen_affine_sample(clgen_tensor *x, clgen_tensor *theta, int64_t height, int64_t width) {
  return sample_node(CLGEN_OP_AFFINE_SAMPLE, x, theta, height, width);
}

clgen_tensor *clgen_affine_sample_grad(clgen_tensor *dy, clgen_tensor *theta, int64_t height, int64_t width) {
  return sample_node(CLGEN_OP_AFFINE_SAMPLE_GRAD, dy, theta, height, width);
}
