/* Spectral normalisation: Miyato, Kataoka, Koyama, Yoshida 2018, "Spectral normalization for generative adversarial
 * networks", algorithm 1, as PyTorch's spectral_norm computes it. */
#include "nn/nn_internal.h"

/* x / |x|, and 0 of 0 */
static clgen_tensor *unit(clgen_tensor *x) {
  return clgen_mul(x, clgen_rsqrt(clgen_affine(clgen_sum(clgen_square(x), CLGEN_ALL_AXES, true), 1, 1e-24f)));
}

static clgen_tensor *keep(clgen_module *b, int index, clgen_tensor *value) {
  b->tensor[index] = clgen_assign(b->tensor[index], clgen_reshape(value, b->net->tensors[index].shape));
  return b->tensor[index];
}

/* w / (u . w v): u and v count as constants in the gradient. */
clgen_tensor *clgen_module_weight(clgen_module *b, const clgen_layer *l, bool training) {
  clgen_tensor *w = b->tensor[l->weight];
  if (l->gain > 0) return clgen_affine(w, l->gain, 0);
  if (l->u < 0) return w;
  int64_t inputs = clgen_shape_count(clgen_tensor_shape(w)) / l->out;
  clgen_tensor *matrix = clgen_reshape(w, clgen_shape_of(2, l->out, inputs)), *fixed = clgen_stop_gradient(matrix);
  clgen_tensor *u = clgen_reshape(b->tensor[l->u], clgen_shape_of(2, l->out, 1)), *v;
  if (training && !b->stats_frozen) {
    v = keep(b, l->v, unit(clgen_sum(clgen_mul(fixed, u), 1u << 0, true)));
    v = clgen_reshape(v, clgen_shape_of(2, 1, inputs));
    u = keep(b, l->u, unit(clgen_sum(clgen_mul(fixed, v), 1u << 1, true)));
    u = clgen_reshape(u, clgen_shape_of(2, l->out, 1));
  } else {
    v = clgen_reshape(b->tensor[l->v], clgen_shape_of(2, 1, inputs));
  }
  clgen_tensor *outer = clgen_stop_gradient(clgen_mul(u, v));
  clgen_tensor *sigma = clgen_sum(clgen_mul(matrix, outer), CLGEN_ALL_AXES, true);
  return clgen_reshape(clgen_div(matrix, sigma), *clgen_tensor_shape(w));
}

/* The state beside the statistics is the run's own business: training goes on from between two batches. */
static int take_back(clgen_module *b, int index, clgen_tensor *first) {
  const clgen_net_tensor *t = &b->net->tensors[index];
  char name[128];
  snprintf(name, sizeof name, "train.%s.%s", b->prefix, t->name);
  clgen_tensor *kept = clgen_state(b->graph, name, CLGEN_F32, t->shape);
  kept = clgen_assign(kept, clgen_where(first, b->tensor[index], kept));
  return keep(b, index, kept) ? CLGEN_OK : clgen_last_code();
}

int clgen_module_take_back(clgen_module *b, const clgen_layer *l, clgen_tensor *first) {
  int code = take_back(b, l->u, first);
  return code ? code : take_back(b, l->v, first);
}
