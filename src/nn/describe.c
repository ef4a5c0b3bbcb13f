/* Layers in words. */
#include "nn/nn_internal.h"

static const char *const kinds[] = {
    [CLGEN_LAYER_LINEAR] = "linear",
    [CLGEN_LAYER_CONV2D] = "conv2d",
    [CLGEN_LAYER_CONV_TRANSPOSE2D] = "conv_transpose2d",
    [CLGEN_LAYER_BATCH_NORM] = "batch_norm",
    [CLGEN_LAYER_GROUP_NORM] = "group_norm",
    [CLGEN_LAYER_CONDITIONAL_BATCH_NORM] = "conditional_batch_norm",
    [CLGEN_LAYER_VIRTUAL_BATCH_NORM] = "virtual_batch_norm",
    [CLGEN_LAYER_PARAMETER] = "parameter",
    [CLGEN_LAYER_RELU] = "relu",
    [CLGEN_LAYER_LEAKY_RELU] = "leaky_relu",
    [CLGEN_LAYER_TANH] = "tanh",
    [CLGEN_LAYER_MINIBATCH_STD] = "minibatch_std",
    [CLGEN_LAYER_MINIBATCH_DISC] = "minibatch_disc",
};

const char *clgen_net_layer_text(const clgen_net *net, int layer, char *buf, size_t size) {
  const clgen_layer *l = &net->layers[layer];
  long long in = l->in, out = l->out;
  switch (l->kind) {
    case CLGEN_LAYER_LINEAR:
    case CLGEN_LAYER_MINIBATCH_STD: snprintf(buf, size, "%s %lld -> %lld", kinds[l->kind], in, out); break;
    case CLGEN_LAYER_CONV2D:
    case CLGEN_LAYER_CONV_TRANSPOSE2D:
      snprintf(buf, size, "%s %lld -> %lld, %dx%d, stride %d, pad %d", kinds[l->kind], in, out, l->kernel, l->kernel,
               l->stride, l->pad);
      break;
    case CLGEN_LAYER_BATCH_NORM: snprintf(buf, size, "%s %lld", kinds[l->kind], in); break;
    case CLGEN_LAYER_GROUP_NORM: /* one group and groups of one have names of their own */
      if (l->groups == 1 || l->groups == l->in)
        snprintf(buf, size, "%s %lld", l->groups == 1 ? "layer_norm" : "instance_norm", in);
      else
        snprintf(buf, size, "%s %lld, %lld groups", kinds[l->kind], in, (long long)l->groups);
      break;
    case CLGEN_LAYER_CONDITIONAL_BATCH_NORM:
      snprintf(buf, size, "%s %lld, %lld classes", kinds[l->kind], in, (long long)l->groups);
      break;
    case CLGEN_LAYER_VIRTUAL_BATCH_NORM:
      snprintf(buf, size, "%s %lld, %lld references", kinds[l->kind], in, (long long)l->groups);
      break;
    case CLGEN_LAYER_MINIBATCH_DISC:
      snprintf(buf, size, "%s %lld -> %lld kernels of %d", kinds[l->kind], in, out / l->dims, l->dims);
      break;
    case CLGEN_LAYER_PARAMETER:
      snprintf(buf, size, "%s %s", net->tensors[l->weight].kind == CLGEN_NET_STAT ? "buffer" : kinds[l->kind],
               net->tensors[l->weight].name);
      break;
    case CLGEN_LAYER_LEAKY_RELU: clgen_snprintf(buf, size, "%s %g", kinds[l->kind], (double)l->slope); break;
    case CLGEN_LAYER_RELU:
    case CLGEN_LAYER_TANH: snprintf(buf, size, "%s", kinds[l->kind]); break;
  }
  return buf;
}

int clgen_net_layer_tensors(const clgen_net *net, int layer, int *first) {
  *first = net->layers[layer].weight;
  if (*first < 0) return 0;
  int end = net->n_tensors; /* up to where the next layer's begin */
  for (int i = net->n_layers - 1; i > layer; --i)
    if (net->layers[i].weight >= 0) end = net->layers[i].weight;
  return end - *first;
}
