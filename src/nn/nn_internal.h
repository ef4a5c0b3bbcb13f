/* What the files of this room share. */
#ifndef CLGEN_NN_INTERNAL_H
#define CLGEN_NN_INTERNAL_H

#include <clgen/nn.h>

#include "base/base.h"

typedef enum {
  CLGEN_LAYER_LINEAR,
  CLGEN_LAYER_CONV2D,
  CLGEN_LAYER_CONV_TRANSPOSE2D,
  CLGEN_LAYER_BATCH_NORM,
  CLGEN_LAYER_RELU,
  CLGEN_LAYER_LEAKY_RELU,
  CLGEN_LAYER_TANH
} clgen_layer_kind;

typedef struct {
  clgen_layer_kind kind;
  int weight, bias, mean, var; /* indices into tensors; -1: none */
  int u, v;                    /* of a spectrally normalised weight */
  int64_t in, out;
  int kernel, stride, pad;
  float slope;
} clgen_layer;

struct clgen_net {
  clgen_init_scheme scheme;
  clgen_layer *layers;
  int n_layers, room_layers;
  clgen_net_tensor *tensors;
  int n_tensors, room_tensors;
  int64_t params, stats;
  bool spectral; /* layers added now are spectrally normalised */
};

struct clgen_bound {
  const clgen_net *net;
  clgen_graph *graph;
  char prefix[32];
  clgen_tensor *param;
  clgen_tensor **tensor; /* by index of the state dict: views, always the newest version */
  clgen_tensor *rate;    /* NULL: every parameter is trained at the optimiser's */
  bool *frozen;          /* by index of the state dict; NULL: none is */
};

/* A state beside the parameters: "<prefix>.<suffix>", with their size. */
clgen_tensor *clgen_bound_state(const clgen_bound *b, const char *suffix);
/* Points the parameter views at a new version of all parameters; NULL stays an error. */
int clgen_bound_rebind(clgen_bound *b, clgen_tensor *param);

/* Whether all of the layer's parameters are frozen. */
bool clgen_bound_stays(const clgen_bound *b, const clgen_layer *l);
/* New values of all parameters, but the old ones where the rate is 0. */
clgen_tensor *clgen_bound_released(const clgen_bound *b, clgen_tensor *value);

/* The weight of a layer as it is applied. */
clgen_tensor *clgen_bound_weight(clgen_bound *b, const clgen_layer *l, bool training);

#endif
