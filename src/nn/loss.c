/* Losses. */
#include "nn/nn_internal.h"

static clgen_tensor *sum_of_each(clgen_tensor *x) {
  if (!x) return NULL;
  unsigned all = (1u << clgen_tensor_shape(x)->ndim) - 1u;
  return clgen_sum(x, all & ~1u, false);
}

/* By halves, since there are no reductions but sums; the classes are few. */
clgen_tensor *clgen_row_max(clgen_tensor *x) {
  while (x && clgen_tensor_dim(x, 1) > 1) {
    int64_t n = clgen_tensor_dim(x, 1), half = n / 2;
    clgen_tensor *larger = clgen_maximum(clgen_slice(x, 1, 0, half), clgen_slice(x, 1, half, half));
    clgen_tensor *parts[] = {larger, n % 2 ? clgen_slice(x, 1, n - 1, 1) : NULL};
    x = n % 2 ? clgen_concat(2, parts, 1) : larger;
  }
  return x;
}

/* The shift changes nothing but the rounding, so no gradient flows through it. */
clgen_tensor *clgen_log_softmax(clgen_tensor *logits) {
  clgen_tensor *x = clgen_sub(logits, clgen_stop_gradient(clgen_row_max(logits)));
  return clgen_sub(x, clgen_log(clgen_sum(clgen_exp(x), 1u << 1, true)));
}

clgen_tensor *clgen_log_sum_exp(clgen_tensor *x) {
  clgen_tensor *shift = clgen_stop_gradient(clgen_row_max(x));
  return clgen_add(shift, clgen_log(clgen_sum(clgen_exp(clgen_sub(x, shift)), 1u << 1, true)));
}

clgen_tensor *clgen_loss_classes(clgen_tensor *logits, clgen_tensor *target) {
  return clgen_neg(sum_of_each(clgen_mul(target, clgen_log_softmax(logits))));
}

/* Kingma & Welling 2013, appendix B */
static clgen_tensor *twice_kl(clgen_tensor *mu, clgen_tensor *logvar) {
  return clgen_sub(clgen_add(clgen_square(mu), clgen_exp(logvar)), clgen_affine(logvar, 1, 1));
}
clgen_tensor *clgen_loss_kl(clgen_tensor *mu, clgen_tensor *logvar) {
  return clgen_affine(sum_of_each(twice_kl(mu, logvar)), 0.5f, 0);
}
clgen_tensor *clgen_kl_per_dim(clgen_tensor *mu, clgen_tensor *logvar) {
  return clgen_affine(twice_kl(mu, logvar), 0.5f, 0);
}
