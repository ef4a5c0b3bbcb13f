/* Gradients collected into one buffer, and what is done with them: optimisers and averages over all parameters at once. */
#include "nn/nn_internal.h"

#include <math.h>
#include <stdlib.h>

clgen_tensor *clgen_module_grad(clgen_module *b, clgen_tensor *loss) {
  size_t room = (size_t)b->net->n_tensors + 1;
  clgen_tensor **wrt = calloc(room, sizeof(clgen_tensor *)), **grads = calloc(room, sizeof(clgen_tensor *)), *out = NULL;
  int64_t *offsets = calloc(room, sizeof *offsets);
  int n = 0;
  if (!wrt || !grads || !offsets) {
    clgen_fail_nomem(room * sizeof *offsets);
  } else {
    for (int i = 0; i < b->net->n_tensors; ++i) {
      if (b->net->tensors[i].kind != CLGEN_NET_PARAM || (b->frozen && b->frozen[i])) continue;
      wrt[n] = b->tensor[i];
      offsets[n++] = b->net->tensors[i].offset;
    }
    if (!clgen_grad(loss, n, wrt, grads)) out = clgen_pack(clgen_module_grad_sum(b), n, grads, offsets);
  }
  free(wrt);
  free(grads);
  free(offsets);
  return out;
}

/* From the last parameter to the first and one at a time: the nodes that they have in common are the same, and each gradient
 * is added, and its memory free again, before the next is computed. Where the sum begins, the old one does not count even
 * if it is not finite. */
int clgen_module_grad_add(clgen_module *b, clgen_tensor *loss, clgen_tensor *first) {
  clgen_tensor *all = clgen_module_grad_sum(b), *zero = clgen_constant(b->graph, 0, clgen_shape_of(0)), *grad;
  first = clgen_reshape(first, clgen_shape_of(0)); /* a parameter may be a scalar */
  int code = CLGEN_OK;
  for (int i = b->net->n_tensors; !code && i-- > 0;) {
    const clgen_net_tensor *t = &b->net->tensors[i];
    if (t->kind != CLGEN_NET_PARAM || (b->frozen && b->frozen[i])) continue;
    code = clgen_grad(loss, 1, &b->tensor[i], &grad);
    if (code) break;
    clgen_tensor *old = clgen_reshape(clgen_slice(all, 0, t->offset, clgen_shape_count(&t->shape)), t->shape);
    if (!clgen_assign(old, clgen_add(clgen_where(first, zero, old), grad))) code = CLGEN_E_INVALID;
  }
  return code;
}

clgen_tensor *clgen_module_grad_sum(const clgen_module *b) { return clgen_module_state(b, "grad"); }

void clgen_optimizer_scalars(const clgen_optimizer *o, double lr, uint64_t step, float out[CLGEN_OPTIMIZER_SCALARS]) {
  bool adam = o->kind == CLGEN_ADAM || o->kind == CLGEN_ADAMW;
  out[0] = (float)(adam ? lr / (1 - pow(o->beta1, (double)step)) : lr);
  out[1] = (float)(adam ? 1 / sqrt(1 - pow(o->beta2, (double)step)) : 0);
  out[2] = (float)(o->kind == CLGEN_ADAMW ? 1 - lr * o->weight_decay : 1);
}

/* old + share (target - old), written over old */
static clgen_tensor *move(clgen_tensor *old, clgen_tensor *target, double share) {
  return clgen_assign(old, clgen_add(clgen_affine(old, (float)(1 - share), 0), clgen_affine(target, (float)share, 0)));
}

static clgen_tensor *adam(const clgen_optimizer *o, clgen_module *b, clgen_tensor *grad, clgen_tensor *scalars) {
  clgen_tensor *m = move(clgen_module_state(b, "adam.m"), grad, 1 - o->beta1);
  clgen_tensor *v = move(clgen_module_state(b, "adam.v"), clgen_square(grad), 1 - o->beta2);
  clgen_tensor *root = clgen_mul(clgen_sqrt(v), clgen_slice(scalars, 0, 1, 1));
  return clgen_div(m, clgen_affine(root, 1, (float)o->eps));
}

static clgen_tensor *rmsprop(const clgen_optimizer *o, clgen_module *b, clgen_tensor *grad) {
  clgen_tensor *v = move(clgen_module_state(b, "rmsprop.v"), clgen_square(grad), 1 - o->beta2);
  return clgen_div(grad, clgen_affine(clgen_sqrt(v), 1, (float)o->eps));
}

static clgen_tensor *descent(const clgen_optimizer *o, clgen_module *b, clgen_tensor *grad) {
  if (!(o->momentum > 0)) return grad;
  clgen_tensor *m = clgen_module_state(b, "sgd.m");
  return clgen_assign(m, clgen_add(clgen_affine(m, (float)o->momentum, 0), grad));
}

/* What weight decay leaves of each parameter: 1 - rate decay. */
static clgen_tensor *kept_share(const clgen_module *b, clgen_tensor *share) {
  return b->rate ? clgen_affine(clgen_mul(b->rate, clgen_affine(share, -1, 1)), -1, 1) : share;
}

clgen_tensor *clgen_optimizer_mean_gradient(const clgen_optimizer *o, const clgen_module *b) {
  return o->kind == CLGEN_ADAM || o->kind == CLGEN_ADAMW ? clgen_module_state(b, "adam.m") : NULL;
}

int clgen_optimizer_apply(const clgen_optimizer *o, clgen_module *b, clgen_tensor *grad, clgen_tensor *scalars) {
  clgen_tensor *rate = clgen_slice(scalars, 0, 0, 1), *update = NULL, *from = b->param;
  switch (o->kind) {
    case CLGEN_ADAMW:
      from = clgen_mul(from, kept_share(b, clgen_slice(scalars, 0, 2, 1)));
      update = adam(o, b, grad, scalars);
      break;
    case CLGEN_ADAM: update = adam(o, b, grad, scalars); break;
    case CLGEN_RMSPROP: update = rmsprop(o, b, grad); break;
    case CLGEN_SGD: update = descent(o, b, grad); break;
  }
  if (b->rate) rate = clgen_mul(rate, b->rate);
  clgen_tensor *param = clgen_assign(b->param, clgen_module_keep_frozen(b, clgen_sub(from, clgen_mul(rate, update))));
  return param ? clgen_module_rebind(b, param) : CLGEN_E_INVALID;
}

/* torch.nn.utils.clip_grad_norm_ */
clgen_tensor *clgen_clip_grad_norm(clgen_tensor *grad, clgen_tensor *norm, double limit) {
  clgen_tensor *factor = clgen_reciprocal(clgen_affine(norm, (float)(1 / limit), (float)(1e-6 / limit)));
  return clgen_mul(grad, clgen_clamp(factor, 0, 1));
}

int clgen_module_clip(clgen_module *b, double limit) {
  clgen_tensor *param =
      clgen_assign(b->param, clgen_module_keep_frozen(b, clgen_clamp(b->param, (float)-limit, (float)limit)));
  return param ? clgen_module_rebind(b, param) : CLGEN_E_INVALID;
}

clgen_tensor *clgen_module_history_residual(clgen_module *b, clgen_tensor *share) {
  clgen_tensor *mean = clgen_module_state(b, "history");
  mean = clgen_assign(mean, clgen_add(mean, clgen_mul(share, clgen_sub(b->param, mean))));
  return clgen_sub(b->param, mean);
}

static clgen_tensor *towards(clgen_tensor *average, clgen_tensor *value, clgen_tensor *beta) {
  return clgen_assign(average, clgen_add(value, clgen_mul(beta, clgen_sub(average, value))));
}

int clgen_module_average(clgen_module *average, const clgen_module *b, clgen_tensor *beta) {
  clgen_tensor *param = towards(average->param, b->param, beta);
  if (!param) return clgen_last_code();
  int code = clgen_module_rebind(average, param);
  for (int i = 0; !code && i < b->net->n_tensors; ++i) {
    if (b->net->tensors[i].kind != CLGEN_NET_STAT) continue;
    average->tensor[i] = towards(average->tensor[i], b->tensor[i], beta);
    if (!average->tensor[i]) code = CLGEN_E_INVALID;
  }
  return code;
}
