/* Losses. */
#include "nn/nn_internal.h"

clgen_tensor *clgen_loss_real(clgen_tensor *logits) { return clgen_loss_fake(clgen_neg(logits)); }
clgen_tensor *clgen_loss_fake(clgen_tensor *logits) { return clgen_mean(clgen_softplus(logits), CLGEN_ALL_AXES, false); }

static clgen_tensor *sum_of_each(clgen_tensor *x) {
  if (!x) return NULL;
  unsigned all = (1u << clgen_tensor_shape(x)->ndim) - 1u;
  return clgen_sum(x, all & ~1u, false);
}

/* -t log s(l) - (1 - t) log(1 - s(l)) = softplus(l) - t l */
clgen_tensor *clgen_loss_bernoulli(clgen_tensor *logits, clgen_tensor *target) {
  return sum_of_each(clgen_sub(clgen_softplus(logits), clgen_mul(target, logits)));
}

/* Kingma & Welling 2013, appendix B */
clgen_tensor *clgen_loss_kl(clgen_tensor *mu, clgen_tensor *logvar) {
  clgen_tensor *inside = clgen_sub(clgen_add(clgen_square(mu), clgen_exp(logvar)), clgen_affine(logvar, 1, 1));
  return clgen_affine(sum_of_each(inside), 0.5f, 0);
}
