/* Normalising layers: over a batch, over groups of an image's channels, over a reference batch; by class. */
#include "nn/nn_internal.h"

#define EPS 1e-5f

/* ---- Their tensors ---- */

/* A weight that starts as 1 (as DCGAN's do, where that is the network's start) and a bias that starts as 0. */
static int add_scale(clgen_net *net, clgen_layer *l, const char *name, const char *weight, const char *bias,
                     clgen_shape shape) {
  l->mean = l->var = l->u = l->v = -1;
  l->weight = clgen_net_add_tensor(net, CLGEN_NET_PARAM, name, weight, shape);
  if (l->weight < 0) return l->weight;
  l->bias = clgen_net_add_tensor(net, CLGEN_NET_PARAM, name, bias, shape);
  if (l->bias < 0) return l->bias;
  clgen_net_init_normal(net, l->weight, 1, net->scheme == CLGEN_INIT_DCGAN ? 0.02 : 0);
  return CLGEN_OK;
}

static int add_running(clgen_net *net, clgen_layer *l, const char *name) {
  clgen_shape shape = clgen_shape_of(1, l->in);
  l->mean = clgen_net_add_tensor(net, CLGEN_NET_STAT, name, "running_mean", shape);
  l->var = clgen_net_add_tensor(net, CLGEN_NET_STAT, name, "running_var", shape);
  int counter = clgen_net_add_tensor(net, CLGEN_NET_COUNTER, name, "num_batches_tracked", clgen_shape_of(0));
  if (l->mean < 0 || l->var < 0 || counter < 0) return CLGEN_E_NOMEM;
  clgen_net_init_normal(net, l->var, 1, 0);
  return CLGEN_OK;
}

int clgen_net_batch_norm(clgen_net *net, const char *name, int64_t channels) {
  clgen_layer l = {.kind = CLGEN_LAYER_BATCH_NORM, .in = channels, .out = channels};
  int code = add_scale(net, &l, name, "weight", "bias", clgen_shape_of(1, channels));
  if (!code) code = add_running(net, &l, name);
  return code ? code : clgen_net_add_layer(net, l);
}

int clgen_net_group_norm(clgen_net *net, const char *name, int64_t groups, int64_t channels) {
  clgen_layer l = {.kind = CLGEN_LAYER_GROUP_NORM, .in = channels, .out = channels, .groups = groups};
  if (groups < 1 || channels % groups)
    return clgen_fail(CLGEN_E_INVALID, "%s: %lld channels are not %lld equal groups", name, (long long)channels,
                      (long long)groups);
  int code = add_scale(net, &l, name, "weight", "bias", clgen_shape_of(1, channels));
  return code ? code : clgen_net_add_layer(net, l);
}

int clgen_net_norm(clgen_net *net, clgen_norm norm, const char *name, int64_t channels) {
  int64_t size = channels < 16 ? channels : 16;
  while (size > 1 && channels % size) --size;
  switch (norm) {
    case CLGEN_NORM_BATCH: return clgen_net_batch_norm(net, name, channels);
    case CLGEN_NORM_LAYER: return clgen_net_group_norm(net, name, 1, channels);
    case CLGEN_NORM_INSTANCE: return clgen_net_group_norm(net, name, channels, channels);
    case CLGEN_NORM_GROUP: return clgen_net_group_norm(net, name, channels / size, channels);
    default: return clgen_fail(CLGEN_E_INVALID, "%s: norm %d is no layer", name, (int)norm);
  }
}

int clgen_net_conditional_batch_norm(clgen_net *net, const char *name, int64_t classes, int64_t channels) {
  clgen_layer l = {.kind = CLGEN_LAYER_CONDITIONAL_BATCH_NORM, .in = channels, .out = channels, .groups = classes};
  int code = add_scale(net, &l, name, "gamma.weight", "beta.weight", clgen_shape_of(2, classes, channels));
  if (!code) code = add_running(net, &l, name);
  return code ? code : clgen_net_add_layer(net, l);
}

int clgen_net_virtual_batch_norm(clgen_net *net, const char *name, int64_t references, int64_t channels) {
  clgen_layer l = {.kind = CLGEN_LAYER_VIRTUAL_BATCH_NORM, .in = channels, .out = channels, .groups = references};
  if (references < 1)
    return clgen_fail(CLGEN_E_INVALID, "%s: a reference batch of %lld images", name, (long long)references);
  int code = add_scale(net, &l, name, "weight", "bias", clgen_shape_of(1, channels));
  return code ? code : clgen_net_add_layer(net, l);
}

/* ---- Over a batch ---- */

/* running = (1 - momentum) running + momentum scale batch. Right after `batch` was made, and in its shape, so that it
 * happens in the launch that sums it up. */
static void move_running(clgen_module *b, int index, clgen_tensor *batch, double scale) {
  if (!(b->momentum > 0) || b->stats_frozen) return;
  const clgen_shape shape = b->net->tensors[index].shape;
  clgen_tensor *old = clgen_per_channel(b->tensor[index], shape.dim[0]);
  clgen_tensor *now = clgen_affine(batch, (float)(b->momentum * scale), 0);
  now = clgen_assign(old, clgen_add(clgen_affine(old, (float)(1 - b->momentum), 0), now));
  b->tensor[index] = clgen_reshape(now, shape);
}

/* Ioffe & Szegedy 2015, without the scale and the shift. */
static clgen_tensor *over_batch(clgen_module *b, const clgen_layer *l, clgen_tensor *x, bool training) {
  const clgen_shape *s = clgen_tensor_shape(x);
  if (s->ndim != 4 || s->dim[1] != l->in) return clgen_layer_misfit(b, l, x, "(N,C,H,W) with the layer's channels");
  if (!training) {
    clgen_tensor *mean = clgen_per_channel(b->tensor[l->mean], l->in), *var = clgen_per_channel(b->tensor[l->var], l->in);
    return clgen_mul(clgen_sub(x, mean), clgen_rsqrt(clgen_affine(var, 1, EPS)));
  }
  int64_t count = clgen_shape_count(s) / l->in;
  if (count < 2) return clgen_layer_misfit(b, l, x, "more than one value a channel (a larger batch)");
  unsigned axes = 1u << 0 | 1u << 2 | 1u << 3;
  clgen_tensor *mean = clgen_mean(x, axes, true);
  move_running(b, l->mean, mean, 1);
  clgen_tensor *var = clgen_mean(clgen_square(clgen_sub(x, mean)), axes, true);
  clgen_tensor *inv_std = clgen_rsqrt(clgen_affine(var, 1, EPS));
  move_running(b, l->var, var, (double)count / (double)(count - 1)); /* PyTorch keeps the unbiased variance */
  if (!b->tensor[l->mean] || !b->tensor[l->var]) return NULL;
  return clgen_normalize(x, mean, inv_std);
}

clgen_tensor *clgen_batch_norm_forward(clgen_module *b, const clgen_layer *l, clgen_tensor *x, bool training) {
  clgen_tensor *gamma = clgen_per_channel(b->tensor[l->weight], l->in);
  clgen_tensor *beta = clgen_per_channel(b->tensor[l->bias], l->in);
  return clgen_add(clgen_mul(over_batch(b, l, x, training), gamma), beta);
}

/* A row of a table for each image: labels (N,K) by table (K,C), as (N,C,1,1). */
static clgen_tensor *rows_of(clgen_tensor *labels, clgen_tensor *table, int64_t channels) {
  clgen_tensor *rows = clgen_matmul(labels, table, false, false);
  return rows ? clgen_reshape(rows, clgen_shape_of(4, clgen_tensor_dim(rows, 0), channels, 1, 1)) : NULL;
}

clgen_tensor *clgen_conditional_norm_forward(clgen_module *b, const clgen_layer *l, clgen_tensor *x, clgen_tensor *labels,
                                             bool training) {
  if (!labels) return clgen_layer_misfit(b, l, x, "labels beside it (clgen_module_forward_labelled)");
  clgen_tensor *gamma = rows_of(labels, b->tensor[l->weight], l->in);
  clgen_tensor *beta = rows_of(labels, b->tensor[l->bias], l->in);
  return clgen_add(clgen_mul(over_batch(b, l, x, training), gamma), beta);
}

/* ---- Over an image ---- */

/* (N,C,...) with mean 0 and variance 1 in each of an image's groups of channels. */
static clgen_tensor *over_groups(clgen_tensor *x, int64_t groups) {
  const clgen_shape shape = *clgen_tensor_shape(x);
  int64_t n = shape.dim[0], size = clgen_shape_count(&shape) / (n * groups);
  x = clgen_reshape(x, clgen_shape_of(3, n, groups, size));
  clgen_tensor *mean = clgen_mean(x, 1u << 2, true);
  clgen_tensor *var = clgen_mean(clgen_square(clgen_sub(x, mean)), 1u << 2, true);
  x = clgen_normalize(x, mean, clgen_rsqrt(clgen_affine(var, 1, EPS)));
  return clgen_reshape(x, shape);
}

clgen_tensor *clgen_group_norm_forward(clgen_module *b, const clgen_layer *l, clgen_tensor *x) {
  const clgen_shape *s = clgen_tensor_shape(x);
  if (s->ndim < 2 || s->dim[1] != l->in) return clgen_layer_misfit(b, l, x, "(N,C,...) with the layer's channels");
  clgen_shape one = {.ndim = s->ndim, .dim = {1, 1, 1, 1, 1, 1}};
  one.dim[1] = l->in;
  clgen_tensor *gamma = clgen_reshape(b->tensor[l->weight], one), *beta = clgen_reshape(b->tensor[l->bias], one);
  return clgen_add(clgen_mul(over_groups(x, l->groups), gamma), beta);
}

clgen_tensor *clgen_adaptive_instance_norm(clgen_tensor *x, clgen_tensor *scale, clgen_tensor *shift) {
  if (!x || !scale || !shift) return NULL;
  const clgen_shape *s = clgen_tensor_shape(x);
  if (s->ndim != 4) {
    char text[96];
    clgen_fail(CLGEN_E_INVALID, "adaptive instance norm: the input is %s, expected (N,C,H,W)",
               clgen_shape_text(s, text, sizeof text));
    return NULL;
  }
  clgen_shape each = clgen_shape_of(4, s->dim[0], s->dim[1], 1, 1);
  return clgen_add(clgen_mul(over_groups(x, s->dim[1]), clgen_reshape(scale, each)), clgen_reshape(shift, each));
}

/* ---- Over a reference batch ---- */

typedef struct {
  clgen_tensor *mean, *var;
} statistics;

static statistics statistics_of(clgen_tensor *x, unsigned axes) {
  clgen_tensor *mean = clgen_mean(x, axes, true);
  return (statistics){mean, clgen_mean(clgen_square(clgen_sub(x, mean)), axes, true)};
}

static clgen_tensor *standardise(clgen_tensor *x, statistics s) {
  return clgen_mul(clgen_sub(x, s.mean), clgen_rsqrt(clgen_affine(s.var, 1, EPS)));
}

/* Those of two sets together, of which b is a share of the whole. */
static statistics join(statistics a, statistics b, float share) {
  clgen_tensor *apart = clgen_square(clgen_sub(a.mean, b.mean));
  clgen_tensor *within = clgen_add(clgen_affine(a.var, 1 - share, 0), clgen_affine(b.var, share, 0));
  return (statistics){clgen_add(clgen_affine(a.mean, 1 - share, 0), clgen_affine(b.mean, share, 0)),
                      clgen_add(within, clgen_affine(apart, share * (1 - share), 0))};
}

clgen_tensor *clgen_virtual_norm_forward(clgen_module *b, const clgen_layer *l, clgen_tensor *x) {
  const clgen_shape *s = clgen_tensor_shape(x);
  if (s->ndim != 4 || s->dim[1] != l->in || s->dim[0] <= l->groups)
    return clgen_layer_misfit(b, l, x, "the reference batch and (N,C,H,W) behind it");
  unsigned area = 1u << 2 | 1u << 3;
  clgen_tensor *reference = clgen_slice(x, 0, 0, l->groups), *others = clgen_slice(x, 0, l->groups, s->dim[0] - l->groups);
  statistics fixed = statistics_of(reference, 1u << 0 | area);
  statistics each = join(fixed, statistics_of(others, area), 1 / (float)(l->groups + 1));
  clgen_tensor *y = clgen_concat(2, (clgen_tensor *[]){standardise(reference, fixed), standardise(others, each)}, 0);
  return clgen_add(clgen_mul(y, clgen_per_channel(b->tensor[l->weight], l->in)),
                   clgen_per_channel(b->tensor[l->bias], l->in));
}
