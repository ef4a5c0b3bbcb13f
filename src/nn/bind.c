/* A network's tensors as views of its states in a graph, and its layers as nodes. */
#include "nn/nn_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static clgen_tensor *view(clgen_tensor *flat, const clgen_net_tensor *t) {
  return clgen_reshape(clgen_slice(flat, 0, t->offset, clgen_shape_count(&t->shape)), t->shape);
}

int clgen_module_rebind(clgen_module *b, clgen_tensor *param) {
  b->param = param;
  for (int i = 0; i < b->net->n_tensors; ++i) {
    if (b->net->tensors[i].kind != CLGEN_NET_PARAM) continue;
    b->tensor[i] = view(param, &b->net->tensors[i]);
    if (!b->tensor[i]) return clgen_last_code();
  }
  return CLGEN_OK;
}

static clgen_tensor *state(const clgen_module *b, const char *suffix, int64_t size) {
  char name[64];
  snprintf(name, sizeof name, "%s.%s", b->prefix, suffix);
  return clgen_state(b->graph, name, CLGEN_F32, clgen_shape_of(1, size));
}

clgen_tensor *clgen_module_state(const clgen_module *b, const char *suffix) { return state(b, suffix, b->net->params); }

int clgen_net_bind(clgen_module **out, const clgen_net *net, clgen_graph *graph, const char *prefix) {
  *out = NULL;
  clgen_module *b = calloc(1, sizeof *b);
  if (!b) return clgen_fail_nomem(sizeof *b);
  b->net = net;
  b->graph = graph;
  b->momentum = CLGEN_BATCH_NORM_MOMENTUM;
  b->tensor = calloc((size_t)net->n_tensors + 1, sizeof(clgen_tensor *));
  int code = b->tensor ? CLGEN_OK : clgen_fail_nomem((size_t)net->n_tensors * sizeof(clgen_tensor *));
  if (!code && snprintf(b->prefix, sizeof b->prefix, "%s", prefix) >= (int)sizeof b->prefix)
    code = clgen_fail(CLGEN_E_INVALID, "%s: longer than a network's name may be", prefix);
  if (!code) code = clgen_module_rebind(b, state(b, "param", net->params));
  clgen_tensor *stat = !code && net->stats ? state(b, "stat", net->stats) : NULL;
  for (int i = 0; !code && i < net->n_tensors; ++i) {
    if (net->tensors[i].kind != CLGEN_NET_STAT) continue;
    b->tensor[i] = view(stat, &net->tensors[i]);
    if (!b->tensor[i]) code = CLGEN_E_INVALID;
  }
  if (code)
    clgen_module_free(b);
  else
    *out = b;
  return code;
}

void clgen_module_free(clgen_module *b) {
  if (!b) return;
  free(b->tensor);
  free(b->frozen);
  free(b);
}

int clgen_module_accumulate_grads(clgen_module *b, int64_t micro_batches, clgen_tensor *first, bool freeze_stats) {
  b->momentum = freeze_stats ? 0 : 1 - pow(1 - CLGEN_BATCH_NORM_MOMENTUM, 1 / (double)micro_batches);
  int code = first ? CLGEN_OK : clgen_last_code();
  for (int i = 0; !code && i < b->net->n_layers; ++i)
    if (b->net->layers[i].u >= 0) code = clgen_module_take_back(b, &b->net->layers[i], first);
  return code;
}

void clgen_module_freeze_stats(clgen_module *b, bool frozen) { b->stats_frozen = frozen; }

clgen_tensor *clgen_module_tensor(const clgen_module *b, int index) { return b->tensor[index]; }
clgen_tensor *clgen_module_param(const clgen_module *b) { return b->param; }
clgen_graph *clgen_module_graph(const clgen_module *b) { return b->graph; }

int clgen_module_update_running_stats(clgen_module *b, int index, clgen_tensor *value, double momentum) {
  momentum *= b->momentum / CLGEN_BATCH_NORM_MOMENTUM;
  if (!(momentum > 0) || b->stats_frozen) return CLGEN_OK;
  clgen_tensor *old = b->tensor[index];
  clgen_tensor *now = clgen_add(clgen_affine(old, (float)(1 - momentum), 0), clgen_affine(value, (float)momentum, 0));
  b->tensor[index] = clgen_assign(old, now);
  return b->tensor[index] ? CLGEN_OK : clgen_last_code();
}

clgen_tensor *clgen_module_bias(clgen_module *b, const clgen_layer *l) {
  clgen_tensor *bias = b->tensor[l->bias];
  return l->bias_gain > 0 && l->bias_gain != 1 ? clgen_affine(bias, l->bias_gain, 0) : bias;
}

/* ---- Layers ---- */

clgen_tensor *clgen_layer_misfit(const clgen_module *b, const clgen_layer *l, const clgen_tensor *x, const char *wanted) {
  char text[96];
  clgen_fail(CLGEN_E_INVALID, "%s.%s: the input is %s, expected %s", b->prefix, b->net->tensors[l->weight].name,
             clgen_shape_text(clgen_tensor_shape(x), text, sizeof text), wanted);
  return NULL;
}

clgen_tensor *clgen_per_channel(clgen_tensor *t, int64_t channels) {
  return clgen_reshape(t, clgen_shape_of(4, 1, channels, 1, 1));
}

static clgen_tensor *linear(clgen_module *b, const clgen_layer *l, clgen_tensor *x, bool training) {
  int64_t n = clgen_tensor_dim(x, 0);
  if (clgen_shape_count(clgen_tensor_shape(x)) != n * l->in)
    return clgen_layer_misfit(b, l, x, "another number of features");
  x = clgen_reshape(x, clgen_shape_of(2, n, l->in));
  clgen_tensor *y = clgen_matmul(x, clgen_module_weight(b, l, training), false, true);
  return l->bias < 0 ? y : clgen_add(y, clgen_module_bias(b, l));
}

static clgen_tensor *convolution(clgen_module *b, const clgen_layer *l, clgen_tensor *x, bool training) {
  const clgen_shape *s = clgen_tensor_shape(x);
  if (s->ndim != 4 || s->dim[1] != l->in) return clgen_layer_misfit(b, l, x, "(N,C,H,W) with the layer's channels");
  clgen_conv conv = {l->stride, l->stride, l->pad, l->pad};
  clgen_tensor *w = clgen_module_weight(b, l, training), *y;
  int64_t n = s->dim[0], h = s->dim[2], wd = s->dim[3], k = l->kernel;
  /* Where the kernel meets one position only, the convolution is a matrix product, and is said so. */
  if (l->kind == CLGEN_LAYER_CONV2D && !l->pad && h == k && wd == k) {
    y = clgen_matmul(clgen_reshape(x, clgen_shape_of(2, n, l->in * k * k)),
                     clgen_reshape(w, clgen_shape_of(2, l->out, l->in * k * k)), false, true);
    y = clgen_reshape(y, clgen_shape_of(4, n, l->out, 1, 1));
  } else if (l->kind == CLGEN_LAYER_CONV2D) {
    y = clgen_conv2d(x, w, conv);
  } else if (!l->pad && h == 1 && wd == 1) {
    y = clgen_matmul(clgen_reshape(x, clgen_shape_of(2, n, l->in)),
                     clgen_reshape(w, clgen_shape_of(2, l->in, l->out * k * k)), false, false);
    y = clgen_reshape(y, clgen_shape_of(4, n, l->out, k, k));
  } else {
    y = clgen_conv2d_input_grad(x, w, conv, (h - 1) * l->stride - 2 * l->pad + k, (wd - 1) * l->stride - 2 * l->pad + k);
  }
  return l->bias < 0 ? y : clgen_add(y, clgen_per_channel(clgen_module_bias(b, l), l->out));
}

clgen_tensor *clgen_module_forward(clgen_module *b, int first, int count, clgen_tensor *x, bool training) {
  return clgen_module_forward_labelled(b, first, count, x, NULL, training);
}

clgen_tensor *clgen_module_forward_labelled(clgen_module *b, int first, int count, clgen_tensor *x, clgen_tensor *labels,
                                            bool training) {
  if (first < 0 || count < 0 || count > b->net->n_layers - first) {
    clgen_fail(CLGEN_E_INVALID, "%s: layers %d to %d are not all of its %d", b->prefix, first, first + count - 1,
               b->net->n_layers);
    return NULL;
  }
  for (int i = first; x && i < first + count; ++i) {
    const clgen_layer *l = &b->net->layers[i];
    bool moves = training && !clgen_module_is_frozen(b, l);
    switch (l->kind) {
      case CLGEN_LAYER_LINEAR: x = linear(b, l, x, moves); break;
      case CLGEN_LAYER_CONV2D:
      case CLGEN_LAYER_CONV_TRANSPOSE2D: x = convolution(b, l, x, moves); break;
      case CLGEN_LAYER_BATCH_NORM: x = clgen_batch_norm_forward(b, l, x, moves); break;
      case CLGEN_LAYER_GROUP_NORM: x = clgen_group_norm_forward(b, l, x); break;
      case CLGEN_LAYER_VIRTUAL_BATCH_NORM: x = clgen_virtual_norm_forward(b, l, x); break;
      case CLGEN_LAYER_CONDITIONAL_BATCH_NORM: x = clgen_conditional_norm_forward(b, l, x, labels, moves); break;
      case CLGEN_LAYER_PARAMETER: break;
      case CLGEN_LAYER_RELU: x = clgen_relu(x); break;
      case CLGEN_LAYER_LEAKY_RELU: x = clgen_leaky_relu(x, l->slope); break;
      case CLGEN_LAYER_TANH: x = clgen_tanh(x); break;
      case CLGEN_LAYER_MINIBATCH_STD: x = clgen_minibatch_std(x); break;
      case CLGEN_LAYER_MINIBATCH_DISC: x = clgen_minibatch_disc(x, clgen_module_weight(b, l, training), l->dims); break;
    }
  }
  return x;
}
