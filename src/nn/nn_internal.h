/* Declarations that the files of src/nn share. */
#ifndef CLGEN_NN_INTERNAL_H
#define CLGEN_NN_INTERNAL_H

#include <clgen/nn.h>

#include "base/base.h"

typedef enum {
  CLGEN_LAYER_LINEAR,
  CLGEN_LAYER_CONV2D,
  CLGEN_LAYER_CONV_TRANSPOSE2D,
  CLGEN_LAYER_BATCH_NORM,
  CLGEN_LAYER_GROUP_NORM,
  CLGEN_LAYER_CONDITIONAL_BATCH_NORM, /* weight and bias are tables (classes, channels) */
  CLGEN_LAYER_VIRTUAL_BATCH_NORM,
  CLGEN_LAYER_PARAMETER,
  CLGEN_LAYER_RELU,
  CLGEN_LAYER_LEAKY_RELU,
  CLGEN_LAYER_TANH,
  CLGEN_LAYER_MINIBATCH_STD,
  CLGEN_LAYER_MINIBATCH_DISC
} clgen_layer_kind;

typedef struct {
  clgen_layer_kind kind;
  int weight, bias, mean, var; /* indices into tensors; -1: none */
  int u, v;                    /* of a spectrally normalised weight */
  int64_t in, out;
  int kernel, stride, pad;
  float slope;
  float gain, bias_gain; /* of an equalised layer: its weight and bias as they are applied; 0: as they are */
  int64_t groups;        /* of a group norm; the reference images of a virtual batch norm */
  int dims;              /* of a kernel of minibatch discrimination */
} clgen_layer;

struct clgen_net {
  clgen_init_scheme scheme;
  clgen_layer *layers;
  int n_layers, room_layers;
  clgen_net_tensor *tensors;
  int n_tensors, room_tensors;
  int64_t params, stats;
  float equalized; /* not 0: layers added now have equalised rates, and this is their multiplier */
  bool spectral;   /* layers added now are spectrally normalised */
};

#define CLGEN_BATCH_NORM_MOMENTUM 0.1 /* as in PyTorch */

struct clgen_module {
  const clgen_net *net;
  clgen_graph *graph;
  char prefix[32];
  clgen_tensor *param;
  clgen_tensor **tensor; /* by index of the state dict: views, always the newest version */
  clgen_tensor *rate;    /* NULL: every parameter is trained at the optimiser's */
  bool *frozen;          /* by index of the state dict; NULL: none is */
  double momentum;       /* of running statistics: 0 holds them */
  bool stats_frozen;     /* passes in training leave all statistics as they are */
};

/* A state beside the parameters: "<prefix>.<suffix>", with their size. */
clgen_tensor *clgen_module_state(const clgen_module *b, const char *suffix);
/* Points the parameter views at a new version of all parameters; NULL stays an error. */
int clgen_module_rebind(clgen_module *b, clgen_tensor *param);

/* Whether all of the layer's parameters are frozen. */
bool clgen_module_is_frozen(const clgen_module *b, const clgen_layer *l);
/* New values of all parameters, but the old ones where the rate is 0. */
clgen_tensor *clgen_module_keep_frozen(const clgen_module *b, clgen_tensor *value);
/* Minibatch layers: x (N,C,...) with more channels. weight: (kernels * dims, numbers of an image). */
clgen_tensor *clgen_minibatch_std(clgen_tensor *x);
clgen_tensor *clgen_minibatch_disc(clgen_tensor *x, clgen_tensor *weight, int dims);

/* The index of the new layer or tensor, or a code. */
int clgen_net_add_layer(clgen_net *net, clgen_layer layer);
int clgen_net_add_tensor(clgen_net *net, clgen_net_kind kind, const char *layer, const char *what, clgen_shape shape);

/* NULL, with a message that says what the layer wants. */
clgen_tensor *clgen_layer_misfit(const clgen_module *b, const clgen_layer *l, const clgen_tensor *x, const char *wanted);
/* (C) as (1,C,1,1) */
clgen_tensor *clgen_per_channel(clgen_tensor *t, int64_t channels);

/* Normalising layers (norm.c). */
clgen_tensor *clgen_batch_norm_forward(clgen_module *b, const clgen_layer *l, clgen_tensor *x, bool training);
clgen_tensor *clgen_conditional_norm_forward(clgen_module *b, const clgen_layer *l, clgen_tensor *x, clgen_tensor *labels,
                                             bool training);
clgen_tensor *clgen_group_norm_forward(clgen_module *b, const clgen_layer *l, clgen_tensor *x);
clgen_tensor *clgen_virtual_norm_forward(clgen_module *b, const clgen_layer *l, clgen_tensor *x);

/* "name.what", with a number behind it that is not 0, into out. */
const char *clgen_layer_name(char out[64], const char *name, const char *what, int number);

/* The weight of a layer as it is applied, and its bias. */
clgen_tensor *clgen_module_bias(clgen_module *b, const clgen_layer *l);
clgen_tensor *clgen_module_weight(clgen_module *b, const clgen_layer *l, bool training);
/* Its vectors u and v are taken back to where they were when `first` was not 0 the last time. */
int clgen_module_take_back(clgen_module *b, const clgen_layer *l, clgen_tensor *first);

/* Whether x is (N,C,H,W) with sides that are multiples of a number; sets the message otherwise, but for NULL. */
bool clgen_is_picture(const char *what, const clgen_tensor *x, int64_t multiple);

#endif
