/* Residual blocks, and squeeze and excitation. */
#include <clgen/blocks.h>

#include "nn/nn_internal.h"

int clgen_net_squeeze_excite(clgen_net *net, const char *name, int64_t channels) {
  char layer[64];
  int64_t between = channels / 16 < 4 ? 4 : channels / 16;
  int first = clgen_net_linear(net, clgen_layer_name(layer, name, "fc1", 0), channels, between), code = first;
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = clgen_net_linear(net, clgen_layer_name(layer, name, "fc2", 0), between, channels);
  return code < 0 ? code : first;
}

clgen_tensor *clgen_module_squeeze_excite(clgen_module *b, int first, clgen_tensor *x) {
  if (!x) return NULL;
  clgen_tensor *means = clgen_mean(x, 1u << 2 | 1u << 3, false);
  clgen_tensor *weights = clgen_sigmoid(clgen_module_forward(b, first, 3, means, true));
  return clgen_mul(x, clgen_reshape(weights, clgen_shape_of(4, clgen_tensor_dim(x, 0), clgen_tensor_dim(x, 1), 1, 1)));
}

/* ---- Residual ---- */

static int add_norm(clgen_net *net, const clgen_residual *r, const char *name, const char *what, int64_t channels) {
  char layer[64];
  clgen_layer_name(layer, name, what, 0);
  if (r->classes) return clgen_net_conditional_batch_norm(net, layer, r->classes, channels);
  return clgen_net_norm(net, r->norm, layer, channels);
}

int clgen_net_residual(clgen_net *net, const char *name, clgen_residual *r) {
  char layer[64];
  bool norm = r->norm != CLGEN_NORM_NONE || r->classes, changes = r->resample != CLGEN_SAME_SIZE || r->in != r->out;
  int64_t between = r->resample == CLGEN_DOWNSAMPLE && !r->first ? r->in : r->out;
  int code = 0;
  r->norm1 = r->norm2 = r->shortcut = r->se = -1;
  if (norm && !r->first) code = r->norm1 = add_norm(net, r, name, "norm1", r->in);
  clgen_layer_name(layer, name, "conv1", 0);
  if (code >= 0) code = r->conv1 = clgen_net_conv2d(net, layer, r->in, between, 3, 1, 1, !norm);
  if (code >= 0 && norm) code = r->norm2 = add_norm(net, r, name, "norm2", between);
  if (code >= 0)
    code = r->conv2 = clgen_net_conv2d(net, clgen_layer_name(layer, name, "conv2", 0), between, r->out, 3, 1, 1, true);
  if (code >= 0 && changes)
    code = r->shortcut = clgen_net_conv2d(net, clgen_layer_name(layer, name, "shortcut", 0), r->in, r->out, 1, 1, 0, true);
  if (code >= 0 && r->squeeze) code = r->se = clgen_net_squeeze_excite(net, clgen_layer_name(layer, name, "se", 0), r->out);
  return code < 0 ? code : CLGEN_OK;
}

/* Norm, where there is one, and activation. */
static clgen_tensor *activate(clgen_module *b, const clgen_residual *r, int norm, clgen_tensor *x, clgen_tensor *labels,
                              bool training) {
  if (norm >= 0) x = clgen_module_forward_labelled(b, norm, 1, x, labels, training);
  return r->slope > 0 ? clgen_leaky_relu(x, r->slope) : clgen_relu(x);
}

clgen_tensor *clgen_module_conv3x3(clgen_module *b, int layer, clgen_tensor *x, clgen_resample resample, bool training) {
  const clgen_layer *l = &b->net->layers[layer];
  clgen_tensor *w = clgen_module_weight(b, l, training && !clgen_module_is_frozen(b, l));
  x = clgen_conv3x3(x, w, resample);
  return l->bias < 0 ? x : clgen_add(x, clgen_per_channel(clgen_module_bias(b, l), l->out));
}

/* A 1x1 convolution and either way of resampling may change places: it runs where the picture is smaller. */
static clgen_tensor *beside(clgen_module *b, const clgen_residual *r, clgen_tensor *x, bool training) {
  if (r->resample == CLGEN_DOWNSAMPLE) x = clgen_average_pool(x, 2);
  if (r->shortcut >= 0) x = clgen_module_forward(b, r->shortcut, 1, x, training);
  return r->resample == CLGEN_UPSAMPLE ? clgen_upsample_nearest(x, 2) : x;
}

clgen_tensor *clgen_module_residual(clgen_module *b, const clgen_residual *r, clgen_tensor *x, clgen_tensor *labels,
                                    bool training) {
  if (!x) return NULL;
  clgen_tensor *h = r->first ? x : activate(b, r, r->norm1, x, labels, training);
  h = clgen_module_conv3x3(b, r->conv1, h, r->resample == CLGEN_UPSAMPLE ? CLGEN_UPSAMPLE : CLGEN_SAME_SIZE, training);
  h = activate(b, r, r->norm2, h, labels, training);
  h = clgen_module_conv3x3(b, r->conv2, h, r->resample == CLGEN_DOWNSAMPLE ? CLGEN_DOWNSAMPLE : CLGEN_SAME_SIZE, training);
  if (r->se >= 0) h = clgen_module_squeeze_excite(b, r->se, h);
  return clgen_add(h, beside(b, r, x, training));
}
