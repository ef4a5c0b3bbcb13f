/* Convolutions that a style modulates: Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN". */
#include <clgen/blocks.h>

#include <math.h>

#include "nn/nn_internal.h"

int clgen_net_modulated(clgen_net *net, const char *name, clgen_modulated *c) {
  char layer[64];
  int code = c->affine = clgen_net_linear(net, clgen_layer_name(layer, name, "affine", 0), c->style, c->in);
  if (code >= 0) clgen_net_init_normal(net, net->layers[code].bias, 1, 0);
  if (code >= 0) code = c->conv = clgen_net_conv2d(net, name, c->in, c->out, c->kernel, 1, c->kernel / 2, true);
  c->noise = c->fixed = -1;
  if (code >= 0 && c->side) {
    clgen_shape square = clgen_shape_of(2, c->side, c->side);
    code = c->noise = clgen_net_parameter(net, clgen_layer_name(layer, name, "noise_strength", 0), clgen_shape_of(0), 0);
    if (code >= 0) code = c->fixed = clgen_net_buffer(net, clgen_layer_name(layer, name, "noise_const", 0), square, 0, 1);
  }
  return code < 0 ? code : CLGEN_OK;
}

/* Weights of each image's own, w s, are the same as shared weights w on channels scaled by s; and that each output's weights
 * have length 1 (equation 3) is the output times rsqrt(sum (w s)^2), of which the squares can be added up over the kernel
 * beforehand: a matrix product of s^2 and sums of w^2. */
static clgen_tensor *demodulation(clgen_tensor *w, clgen_tensor *s) {
  clgen_tensor *power = clgen_sum(clgen_square(w), 1u << 2 | 1u << 3, false); /* (O,I) */
  clgen_tensor *length = clgen_matmul(clgen_square(s), power, false, true);   /* (N,O) */
  return clgen_rsqrt(clgen_affine(length, 1, 1e-8f));
}

static clgen_tensor *as_channels(clgen_tensor *x) {
  return x ? clgen_reshape(x, clgen_shape_of(4, clgen_tensor_dim(x, 0), clgen_tensor_dim(x, 1), 1, 1)) : NULL;
}

clgen_tensor *clgen_module_modulated(clgen_module *b, const clgen_modulated *c, clgen_tensor *x, clgen_tensor *style,
                                     clgen_tensor *noise) {
  if (!x || !style) return NULL;
  const clgen_layer *l = &b->net->layers[c->conv];
  clgen_tensor *w = clgen_module_weight(b, l, true), *s = clgen_module_forward(b, c->affine, 1, style, true);
  clgen_tensor *y = clgen_mul(x, as_channels(s));
  y = c->kernel == 3 ? clgen_conv3x3(y, w, c->resample)
                     : clgen_conv2d(y, w, (clgen_conv){1, 1, c->kernel / 2, c->kernel / 2});
  if (c->demodulate) y = clgen_mul(y, as_channels(demodulation(w, s)));
  if (c->noise >= 0) {
    clgen_tensor *strength = b->tensor[b->net->layers[c->noise].weight];
    if (!noise) noise = clgen_reshape(b->tensor[b->net->layers[c->fixed].weight], clgen_shape_of(4, 1, 1, c->side, c->side));
    y = clgen_add(y, clgen_mul(noise, strength));
  }
  y = clgen_add(y, clgen_per_channel(b->tensor[l->bias], c->out));
  return c->slope > 0 ? clgen_affine(clgen_leaky_relu(y, c->slope), (float)sqrt(2), 0) : y;
}
