/* Networks as lists of layers, and where their tensors lie. */
#include "nn/nn_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16 /* floats: a cache line, and every vector width */

int clgen_net_create(clgen_net **out, clgen_init_scheme scheme) {
  *out = calloc(1, sizeof **out);
  if (!*out) return clgen_fail_nomem(sizeof **out);
  (*out)->scheme = scheme;
  return CLGEN_OK;
}

void clgen_net_free(clgen_net *net) {
  if (!net) return;
  free(net->layers);
  free(net->tensors);
  free(net);
}

const char *clgen_layer_name(char out[64], const char *name, const char *what, int number) {
  char digits[16] = "";
  if (number) snprintf(digits, sizeof digits, "%d", number);
  snprintf(out, 64, "%s%s%s%s", name, *name ? "." : "", what, digits);
  return out;
}

int clgen_net_add_layer(clgen_net *net, clgen_layer layer) {
  if (net->n_layers == net->room_layers) {
    int room = net->room_layers ? 2 * net->room_layers : 16;
    clgen_layer *layers = realloc(net->layers, (size_t)room * sizeof *layers);
    if (!layers) return clgen_fail_nomem((size_t)room * sizeof *layers);
    net->layers = layers;
    net->room_layers = room;
  }
  net->layers[net->n_layers] = layer;
  return net->n_layers++;
}

/* "layer.what", or "layer" where `what` is empty. */
int clgen_net_add_tensor(clgen_net *net, clgen_net_kind kind, const char *layer, const char *what, clgen_shape shape) {
  for (int i = 0; i < shape.ndim; ++i)
    if (shape.dim[i] < 1) {
      char text[96];
      return clgen_fail(CLGEN_E_INVALID, "%s.%s: a shape of %s is empty", layer, what,
                        clgen_shape_text(&shape, text, sizeof text));
    }
  if (net->n_tensors == net->room_tensors) {
    int room = net->room_tensors ? 2 * net->room_tensors : 16;
    clgen_net_tensor *tensors = realloc(net->tensors, (size_t)room * sizeof *tensors);
    if (!tensors) return clgen_fail_nomem((size_t)room * sizeof *tensors);
    net->tensors = tensors;
    net->room_tensors = room;
  }
  clgen_net_tensor *t = &net->tensors[net->n_tensors];
  *t = (clgen_net_tensor){.kind = kind, .shape = shape};
  if (snprintf(t->name, sizeof t->name, "%s%s%s", layer, *what ? "." : "", what) >= (int)sizeof t->name)
    return clgen_fail(CLGEN_E_INVALID, "%s.%s: longer than a parameter's name may be", layer, what);
  if (kind != CLGEN_NET_COUNTER) {
    int64_t *end = kind == CLGEN_NET_PARAM ? &net->params : &net->stats;
    t->offset = *end;
    *end += (clgen_shape_count(&shape) + ALIGN - 1) / ALIGN * ALIGN;
  }
  return net->n_tensors++;
}

void clgen_net_init_normal(clgen_net *net, int tensor, double mean, double deviation) {
  net->tensors[tensor].mean = mean;
  net->tensors[tensor].spread = deviation;
}

static void start_uniform(clgen_net *net, int tensor, double bound) {
  net->tensors[tensor].spread = bound;
  net->tensors[tensor].uniform = true;
}

/* Vectors of length about 1, as a normal vector is when divided by the root of its size. */
static int add_power_iteration(clgen_net *net, clgen_layer *layer, const char *name, const clgen_shape *weight) {
  if (layer->kind == CLGEN_LAYER_CONV_TRANSPOSE2D)
    return clgen_fail(CLGEN_E_INVALID, "%s: a transposed convolution cannot be spectrally normalised", name);
  int64_t inputs = clgen_shape_count(weight) / layer->out;
  layer->u = clgen_net_add_tensor(net, CLGEN_NET_STAT, name, "weight_u", clgen_shape_of(1, layer->out));
  layer->v = clgen_net_add_tensor(net, CLGEN_NET_STAT, name, "weight_v", clgen_shape_of(1, inputs));
  if (layer->u < 0 || layer->v < 0) return CLGEN_E_NOMEM;
  clgen_net_init_normal(net, layer->u, 0, 1 / sqrt((double)layer->out));
  clgen_net_init_normal(net, layer->v, 0, 1 / sqrt((double)inputs));
  return CLGEN_OK;
}

/* The weight (and bias) of a layer, and how they start. */
static int add_weights(clgen_net *net, clgen_layer layer, const char *name, clgen_shape weight, bool bias, int64_t fan_in) {
  layer.bias = layer.mean = layer.var = layer.u = layer.v = -1;
  layer.weight = clgen_net_add_tensor(net, CLGEN_NET_PARAM, name, net->spectral ? "weight_orig" : "weight", weight);
  if (layer.weight < 0) return layer.weight;
  if (bias) layer.bias = clgen_net_add_tensor(net, CLGEN_NET_PARAM, name, "bias", clgen_shape_of(1, layer.out));
  if (bias && layer.bias < 0) return layer.bias;
  int code = net->spectral ? add_power_iteration(net, &layer, name, &weight) : CLGEN_OK;
  if (code) return code;
  if (net->equalized > 0) {
    layer.gain = (float)((double)net->equalized / sqrt((double)fan_in));
    layer.bias_gain = net->equalized;
    clgen_net_init_normal(net, layer.weight, 0, 1 / (double)net->equalized);
  } else if (net->scheme == CLGEN_INIT_DCGAN) {
    clgen_net_init_normal(net, layer.weight, 0, 0.02);
  } else if (net->scheme == CLGEN_INIT_XAVIER) {
    double fan_out = (double)fan_in / (double)weight.dim[1] * (double)weight.dim[0];
    start_uniform(net, layer.weight, sqrt(6 / ((double)fan_in + fan_out)));
  } else {
    start_uniform(net, layer.weight, 1 / sqrt((double)fan_in));
    if (bias) start_uniform(net, layer.bias, 1 / sqrt((double)fan_in));
  }
  return clgen_net_add_layer(net, layer);
}

void clgen_net_spectral_norm(clgen_net *net) { net->spectral = true; }
void clgen_net_equalize(clgen_net *net, float multiplier) { net->equalized = multiplier; }

int clgen_net_linear(clgen_net *net, const char *name, int64_t in, int64_t out) {
  clgen_layer layer = {.kind = CLGEN_LAYER_LINEAR, .in = in, .out = out};
  return add_weights(net, layer, name, clgen_shape_of(2, out, in), true, in);
}

int clgen_net_embedding(clgen_net *net, const char *name, int64_t count, int64_t size) {
  clgen_layer layer = {.kind = CLGEN_LAYER_LINEAR, .in = size, .out = count};
  return add_weights(net, layer, name, clgen_shape_of(2, count, size), false, size);
}

int clgen_net_conv2d(clgen_net *net, const char *name, int64_t in, int64_t out, int kernel, int stride, int pad, bool bias) {
  clgen_layer layer = {.kind = CLGEN_LAYER_CONV2D, .in = in, .out = out, .kernel = kernel, .stride = stride, .pad = pad};
  return add_weights(net, layer, name, clgen_shape_of(4, out, in, kernel, kernel), bias, in * kernel * kernel);
}

int clgen_net_conv_transpose2d(clgen_net *net, const char *name, int64_t in, int64_t out, int kernel, int stride, int pad,
                               bool bias) {
  clgen_layer layer = {
      .kind = CLGEN_LAYER_CONV_TRANSPOSE2D, .in = in, .out = out, .kernel = kernel, .stride = stride, .pad = pad};
  /* PyTorch takes the fan from the second axis of the weight, which is `out` here. */
  return add_weights(net, layer, name, clgen_shape_of(4, in, out, kernel, kernel), bias, out * kernel * kernel);
}

static clgen_layer without_tensors(clgen_layer_kind kind) {
  return (clgen_layer){.kind = kind, .weight = -1, .bias = -1, .mean = -1, .var = -1, .u = -1, .v = -1};
}

static int add_activation(clgen_net *net, clgen_layer_kind kind, float slope) {
  clgen_layer layer = without_tensors(kind);
  layer.slope = slope;
  return clgen_net_add_layer(net, layer);
}

static int add_own(clgen_net *net, clgen_net_kind kind, const char *name, clgen_shape shape, double mean, double deviation) {
  clgen_layer layer = without_tensors(CLGEN_LAYER_PARAMETER);
  layer.weight = clgen_net_add_tensor(net, kind, name, "", shape);
  if (layer.weight < 0) return layer.weight;
  clgen_net_init_normal(net, layer.weight, mean, deviation);
  return clgen_net_add_layer(net, layer);
}

int clgen_net_parameter(clgen_net *net, const char *name, clgen_shape shape, double start) {
  return add_own(net, CLGEN_NET_PARAM, name, shape, start, 0);
}

int clgen_net_buffer(clgen_net *net, const char *name, clgen_shape shape, double mean, double deviation) {
  return add_own(net, CLGEN_NET_STAT, name, shape, mean, deviation);
}

int clgen_net_relu(clgen_net *net) { return add_activation(net, CLGEN_LAYER_RELU, 0); }
int clgen_net_leaky_relu(clgen_net *net, float slope) { return add_activation(net, CLGEN_LAYER_LEAKY_RELU, slope); }
int clgen_net_tanh(clgen_net *net) { return add_activation(net, CLGEN_LAYER_TANH, 0); }

int clgen_net_minibatch_std(clgen_net *net, int64_t in) {
  clgen_layer layer = without_tensors(CLGEN_LAYER_MINIBATCH_STD);
  layer.in = in;
  layer.out = in + 1;
  return clgen_net_add_layer(net, layer);
}

int clgen_net_minibatch_disc(clgen_net *net, const char *name, int64_t in, int kernels, int dims) {
  clgen_layer layer = {.kind = CLGEN_LAYER_MINIBATCH_DISC, .in = in, .out = (int64_t)kernels * dims, .dims = dims};
  return add_weights(net, layer, name, clgen_shape_of(2, layer.out, in), false, in);
}

int clgen_net_layer_count(const clgen_net *net) { return net->n_layers; }
int clgen_net_tensor_count(const clgen_net *net) { return net->n_tensors; }
const clgen_net_tensor *clgen_net_tensor_at(const clgen_net *net, int index) { return &net->tensors[index]; }
int64_t clgen_net_param_size(const clgen_net *net) { return net->params; }
int64_t clgen_net_stat_size(const clgen_net *net) { return net->stats; }

int64_t clgen_net_param_count(const clgen_net *net) {
  int64_t n = 0;
  for (int i = 0; i < net->n_tensors; ++i)
    if (net->tensors[i].kind == CLGEN_NET_PARAM) n += clgen_shape_count(&net->tensors[i].shape);
  return n;
}

/* ---- Starting values ---- */

static void start(const clgen_net_tensor *t, const char *prefix, uint64_t seed, float *out) {
  int64_t n = clgen_shape_count(&t->shape);
  if (t->spread == 0) {
    for (int64_t i = 0; i < n; ++i) out[i] = (float)t->mean;
    return;
  }
  /* Each tensor has a key of its own, so that adding a layer changes no other layer's start. */
  uint64_t key = clgen_hash64(t->name, strlen(t->name), clgen_hash64(prefix, strlen(prefix), seed));
  if (t->uniform)
    clgen_uniforms_fill(key, CLGEN_STREAM_INIT, 0, n, out);
  else
    clgen_normals_fill(key, CLGEN_STREAM_INIT, 0, n, out);
  for (int64_t i = 0; i < n; ++i) {
    double v = t->uniform ? 2.0 * (double)out[i] - 1.0 : (double)out[i];
    out[i] = (float)(t->mean + t->spread * v);
  }
}

static int init_state(const clgen_net *net, clgen_store *store, const char *prefix, clgen_net_kind kind, uint64_t seed) {
  int64_t size = kind == CLGEN_NET_PARAM ? net->params : net->stats;
  if (!size) return CLGEN_OK;
  char *name = clgen_format("%s.%s", prefix, kind == CLGEN_NET_PARAM ? "param" : "stat");
  float *values = calloc((size_t)size, sizeof *values);
  int code = name && values ? CLGEN_OK : clgen_fail_nomem((size_t)size * sizeof *values);
  for (int i = 0; !code && i < net->n_tensors; ++i)
    if (net->tensors[i].kind == kind) start(&net->tensors[i], prefix, seed, values + net->tensors[i].offset);
  if (!code) code = clgen_store_declare(store, name, CLGEN_F32, clgen_shape_of(1, size));
  if (!code) code = clgen_store_write(store, name, 0, size, values);
  free(values);
  free(name);
  return code;
}

int clgen_net_init(const clgen_net *net, clgen_store *store, const char *prefix, uint64_t seed) {
  int code = init_state(net, store, prefix, CLGEN_NET_PARAM, seed);
  return code ? code : init_state(net, store, prefix, CLGEN_NET_STAT, seed);
}
