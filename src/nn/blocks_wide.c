/* Blocks whose parts run side by side: dense, inception, fully convolutional. */
#include <clgen/blocks.h>

#include "nn/nn_internal.h"

/* ---- Dense ---- */

int clgen_net_dense(clgen_net *net, const char *name, clgen_dense *d) {
  char layer[64];
  int code = 0;
  d->first = clgen_net_layer_count(net);
  for (int i = 0; code >= 0 && i < d->layers; ++i) {
    int64_t in = d->in + i * d->growth;
    if (d->norm != CLGEN_NORM_NONE) code = clgen_net_norm(net, d->norm, clgen_layer_name(layer, name, "norm", i + 1), in);
    if (code >= 0) code = clgen_net_relu(net);
    if (code >= 0) code = clgen_net_conv2d(net, clgen_layer_name(layer, name, "conv", i + 1), in, d->growth, 3, 1, 1, false);
  }
  return code < 0 ? code : CLGEN_OK;
}

clgen_tensor *clgen_module_dense(clgen_module *b, const clgen_dense *d, clgen_tensor *x, bool training) {
  int each = d->norm == CLGEN_NORM_NONE ? 2 : 3;
  for (int i = 0; x && i < d->layers; ++i) {
    clgen_tensor *more = clgen_module_forward(b, d->first + i * each, each, x, training);
    x = clgen_concat(2, (clgen_tensor *[]){x, more}, 1);
  }
  return x;
}

/* ---- Inception ---- */

int clgen_net_inception(clgen_net *net, const char *name, clgen_inception *p) {
  const struct {
    const char *name;
    int64_t in, out;
    int kernel;
  } convolutions[] = {
      {"one", p->in, p->one, 1},
      {"three1", p->in, p->three_reduced, 1},
      {"three2", p->three_reduced, p->three, 3},
      {"five1", p->in, p->five_reduced, 1},
      {"five2", p->five_reduced, p->five, 5},
      {"pool", p->in, p->pool, 1},
  };
  char layer[64];
  int code = 0;
  p->first = clgen_net_layer_count(net);
  for (size_t i = 0; code >= 0 && i < CLGEN_COUNT(convolutions); ++i) {
    clgen_layer_name(layer, name, convolutions[i].name, 0);
    code = clgen_net_conv2d(net, layer, convolutions[i].in, convolutions[i].out, convolutions[i].kernel, 1,
                            convolutions[i].kernel / 2, true);
    if (code >= 0) code = clgen_net_relu(net);
  }
  return code < 0 ? code : CLGEN_OK;
}

clgen_tensor *clgen_module_inception(clgen_module *b, const clgen_inception *p, clgen_tensor *x, bool training) {
  clgen_tensor *branch[4];
  branch[0] = clgen_module_forward(b, p->first, 2, x, training);
  branch[1] = clgen_module_forward(b, p->first + 2, 4, x, training);
  branch[2] = clgen_module_forward(b, p->first + 6, 4, x, training);
  clgen_tensor *means = clgen_avg_pool2d(x, (clgen_window){3, 3, 1, 1, 1, 1, 1, 1}, true);
  branch[3] = clgen_module_forward(b, p->first + 10, 2, means, training);
  return clgen_concat(4, branch, 1);
}

/* ---- Fully convolutional ---- */

int clgen_net_fully_convolutional(clgen_net *net, const char *name, clgen_fully_convolutional *f) {
  char layer[64];
  int code = 0;
  f->first = clgen_net_layer_count(net);
  for (int i = 0; code >= 0 && i < f->levels; ++i) {
    clgen_layer_name(layer, name, "conv", i + 1);
    code = clgen_net_conv2d(net, layer, i ? f->hidden : f->in, f->hidden, 3, 1, 1, true);
    if (code >= 0) code = clgen_net_relu(net);
    if (code >= 0)
      code = clgen_net_conv2d(net, clgen_layer_name(layer, name, "score", i + 1), f->hidden, f->out, 1, 1, 0, true);
  }
  return code < 0 ? code : CLGEN_OK;
}

static clgen_tensor *scores(clgen_module *b, const clgen_fully_convolutional *f, int level, clgen_tensor *x, bool training) {
  x = clgen_module_forward(b, f->first + 3 * level, 2, x, training);
  clgen_tensor *here = clgen_module_forward(b, f->first + 3 * level + 2, 1, x, training);
  if (level + 1 == f->levels) return here;
  clgen_tensor *coarser = scores(b, f, level + 1, clgen_average_pool(x, 2), training);
  return clgen_add(here, clgen_upsample_nearest(coarser, 2));
}

clgen_tensor *clgen_module_fully_convolutional(clgen_module *b, const clgen_fully_convolutional *f, clgen_tensor *x,
                                               bool training) {
  return scores(b, f, 0, x, training);
}
