/* Layers that tell a discriminator of the other images of the batch: more channels, the same at every position. */
#include "nn/nn_internal.h"

/* x (N,C,...) with (N,k) behind its channels. */
static clgen_tensor *with_channels(clgen_tensor *x, clgen_tensor *more) {
  if (!x || !more) return NULL;
  clgen_shape narrow = *clgen_tensor_shape(x), wide = narrow;
  narrow.dim[1] = wide.dim[1] = clgen_tensor_dim(more, 1);
  for (int k = 2; k < narrow.ndim; ++k) narrow.dim[k] = 1;
  return clgen_concat(2, (clgen_tensor *[]){x, clgen_broadcast(clgen_reshape(more, narrow), wide)}, 1);
}

int64_t clgen_minibatch_group(int64_t batch) {
  int64_t n = CLGEN_MINIBATCH_GROUP;
  while (batch % n) --n;
  return n;
}

/* Karras, Aila, Laine, Lehtinen 2018, section 3: the standard deviation of each feature over a group, averaged over all
 * features, is one more channel. Group m has images m, m + N/G, m + 2N/G, ... */
clgen_tensor *clgen_minibatch_std(clgen_tensor *x) {
  int64_t n = clgen_tensor_dim(x, 0), group = clgen_minibatch_group(n), groups = n / group;
  clgen_tensor *apart = clgen_reshape(x, clgen_shape_of(3, group, groups, clgen_shape_count(clgen_tensor_shape(x)) / n));
  apart = clgen_sub(apart, clgen_mean(apart, 1u << 0, true));
  clgen_tensor *deviation = clgen_sqrt(clgen_affine(clgen_mean(clgen_square(apart), 1u << 0, true), 1, 1e-8f));
  deviation = clgen_mean(deviation, 1u << 2, true);
  return with_channels(
      x, clgen_reshape(clgen_broadcast(deviation, clgen_shape_of(3, group, groups, 1)), clgen_shape_of(2, n, 1)));
}

/* Salimans et al. 2016, section 3.2: o(x_i)_b = sum over j of exp(-|M_ib - M_jb|), the absolute values of M's `dims` numbers
 * added up. Here it is the mean over j, which the next layer's weights make up for: it does not depend on the size of the
 * batch, and starts on (0,1]. What is as large as the square of the batch are its distances, dims times fewer than their
 * parts. */
clgen_tensor *clgen_minibatch_disc(clgen_tensor *x, clgen_tensor *weight, int dims) {
  int64_t n = clgen_tensor_dim(x, 0), in = clgen_shape_count(clgen_tensor_shape(x)) / n;
  if (!weight) return NULL;
  int64_t kernels = clgen_tensor_dim(weight, 0) / dims;
  clgen_tensor *m = clgen_matmul(clgen_reshape(x, clgen_shape_of(2, n, in)), weight, false, true);
  clgen_tensor *one = clgen_reshape(m, clgen_shape_of(4, n, 1, kernels, dims));
  clgen_tensor *other = clgen_reshape(m, clgen_shape_of(4, 1, n, kernels, dims));
  clgen_tensor *distance = clgen_sum(clgen_abs(clgen_sub(one, other)), 1u << 3, false);
  return with_channels(x, clgen_mean(clgen_exp(clgen_neg(distance)), 1u << 1, false));
}
