/* Larger and smaller pictures, from operations that there are. */
#include <clgen/blocks.h>

#include "nn/nn_internal.h"

bool clgen_is_picture(const char *what, const clgen_tensor *x, int64_t multiple) {
  if (!x) return false;
  const clgen_shape *s = clgen_tensor_shape(x);
  if (s->ndim == 4 && s->dim[2] % multiple == 0 && s->dim[3] % multiple == 0) return true;
  char text[96];
  clgen_fail(CLGEN_E_INVALID, "%s: the input is %s, expected (N,C,H,W) with height and width multiples of %d", what,
             clgen_shape_text(s, text, sizeof text), (int)multiple);
  return false;
}

clgen_tensor *clgen_upsample_nearest(clgen_tensor *x, int factor) {
  if (!clgen_is_picture("nearest upsampling", x, 1)) return NULL;
  const clgen_shape s = *clgen_tensor_shape(x);
  x = clgen_reshape(x, clgen_shape_of(6, s.dim[0], s.dim[1], s.dim[2], 1, s.dim[3], 1));
  x = clgen_broadcast(x, clgen_shape_of(6, s.dim[0], s.dim[1], s.dim[2], factor, s.dim[3], factor));
  return clgen_reshape(x, clgen_shape_of(4, s.dim[0], s.dim[1], s.dim[2] * factor, s.dim[3] * factor));
}

/* Between each number and its neighbours along an axis, whose ends are their own neighbours: a quarter of the way. */
static clgen_tensor *double_axis(clgen_tensor *x, int axis) {
  if (!x) return NULL;
  clgen_shape s = *clgen_tensor_shape(x), pair = s;
  int64_t n = s.dim[axis];
  clgen_tensor *before =
      n == 1 ? x : clgen_concat(2, (clgen_tensor *[]){clgen_slice(x, axis, 0, 1), clgen_slice(x, axis, 0, n - 1)}, axis);
  clgen_tensor *after =
      n == 1 ? x : clgen_concat(2, (clgen_tensor *[]){clgen_slice(x, axis, 1, n - 1), clgen_slice(x, axis, n - 1, 1)}, axis);
  pair.ndim = s.ndim + 1; /* (..., n, 1, ...), so that the two lie side by side */
  pair.dim[axis + 1] = 1;
  for (int i = axis + 1; i < s.ndim; ++i) pair.dim[i + 1] = s.dim[i];
  clgen_tensor *mine = clgen_affine(x, 0.75f, 0), *even = clgen_add(mine, clgen_affine(before, 0.25f, 0));
  clgen_tensor *odd = clgen_add(mine, clgen_affine(after, 0.25f, 0));
  x = clgen_concat(2, (clgen_tensor *[]){clgen_reshape(even, pair), clgen_reshape(odd, pair)}, axis + 1);
  s.dim[axis] = 2 * n;
  return clgen_reshape(x, s);
}

clgen_tensor *clgen_upsample_bilinear(clgen_tensor *x) {
  return clgen_is_picture("bilinear upsampling", x, 1) ? double_axis(double_axis(x, 2), 3) : NULL;
}

/* ---- Convolutions that change the size ---- */

/* (w0, w1, w2) along an axis as (w2, w1, w0). */
static clgen_tensor *turn_axis(clgen_tensor *w, int axis) {
  clgen_tensor *one[3];
  for (int i = 0; i < 3; ++i) one[i] = clgen_slice(w, axis, 2 - i, 1);
  return clgen_concat(3, one, axis);
}

/* (w0, w1, ...) along both axes of a kernel as (w0, w0 + w1, w1 + ...), so many times: convolved with (1, 1). */
static clgen_tensor *widen(clgen_tensor *w, int times) {
  for (int k = 0; k < 2 * times; ++k) w = clgen_add(clgen_pad(w, 2 + k % 2, 0, 1), clgen_pad(w, 2 + k % 2, 1, 0));
  return w;
}

/* Output o of a transposed convolution of stride 2 and padding 1 meets input i through weight t = o + 1 - 2 i. Behind
 * nearest upsampling they meet through weights k with (o + k - 1) / 2 = i, which are 2 - t and 3 - t: the kernel, turned,
 * convolved with (1, 1). The smooth filter (1, 3, 3, 1) is (1, 1) three times. With pooling, output i and input 2 i - 1 + t
 * meet through t - 1 and t, at a quarter of the sum. */
clgen_tensor *clgen_conv3x3(clgen_tensor *x, clgen_tensor *w, clgen_resample resample) {
  if (!x || !w) return NULL;
  if (resample == CLGEN_SAME_SIZE) return clgen_conv2d(x, w, (clgen_conv){1, 1, 1, 1});
  if (!clgen_is_picture("a 3x3 convolution that changes the size", x, resample == CLGEN_DOWNSAMPLE ? 2 : 1)) return NULL;
  if (resample == CLGEN_DOWNSAMPLE) return clgen_conv2d(x, clgen_affine(widen(w, 1), 0.25f, 0), (clgen_conv){2, 2, 1, 1});
  bool smooth = resample == CLGEN_UPSAMPLE_SMOOTH;
  int pad = smooth ? 2 : 1;
  w = widen(turn_axis(turn_axis(w, 2), 3), smooth ? 3 : 1);
  w = clgen_permute(smooth ? clgen_affine(w, 1 / 16.0f, 0) : w, (const int[]){1, 0, 2, 3});
  return clgen_conv2d_input_grad(x, w, (clgen_conv){2, 2, pad, pad}, 2 * clgen_tensor_dim(x, 2), 2 * clgen_tensor_dim(x, 3));
}
