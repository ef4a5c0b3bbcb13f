/* A feature network that a safetensors file describes in its metadata (docs/features.md): from JSON to nodes. */
#ifndef CLGEN_FEATURE_NET_H
#define CLGEN_FEATURE_NET_H

#include <clgen/graph.h>
#include <clgen/safetensors.h>
#include <jansson.h>

#define CLGEN_FEATURES_KEY "clgen.features"

/* A state of the network and what it is filled with: a tensor of the file, or values that were made of some. */
typedef struct {
  char *state;
  clgen_shape shape;
  char *tensor;
  float *values;
} clgen_feature_weight;

/* What is built of one image or of several at once. */
typedef struct {
  clgen_tensor *images;   /* (N,channels,height,width) bytes */
  clgen_tensor *features; /* (N,D) */
  clgen_tensor *logits;   /* (N,K), or NULL */
} clgen_feature_nodes;

typedef struct {
  const clgen_safetensors *file; /* must outlive it */
  json_t *json;
  char *name;
  int channels, height, width;
  clgen_feature_weight *weight; /* of the last build */
  size_t n_weights, room_weights;
} clgen_feature_net;

/* Parses the description and what is not layers. `net` is zeroed first; to be freed whatever comes back. */
int clgen_feature_net_read(clgen_feature_net *net, const clgen_safetensors *file);
void clgen_feature_net_free(clgen_feature_net *net);
/* Adds the network for `batch` images to a graph; every error of the description is found here at the latest. */
int clgen_feature_net_build(clgen_feature_net *net, clgen_graph *g, int64_t batch, clgen_feature_nodes *out);
/* Puts the weights of the last build where its program will find them. */
int clgen_feature_net_load(const clgen_feature_net *net, clgen_store *store);
/* The names of its classes as new strings, NULL where none are said. */
int clgen_feature_net_classes(const clgen_feature_net *net, int64_t classes, char ***names);

/* ---- Between the builder and the kinds of layers (feature_layers.c) ---- */

/* A part of the description and where messages say that it is. */
typedef struct {
  clgen_feature_net *net;
  clgen_graph *graph;
  const json_t *json;
  const char *name; /* of the layer; "" outside of layers */
} clgen_feature_part;

/* Sets "FILE: layer 'NAME': ..." and returns CLGEN_E_FORMAT. */
int clgen_feature_fail(const clgen_feature_part *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Refuses a key that is not among `known`, words with spaces between, or `also`. */
int clgen_feature_keys(const clgen_feature_part *p, const char *known, const char *also);
/* A member that is a number, `missing` where there is none. */
int clgen_feature_number(const clgen_feature_part *p, const char *key, double missing, double low, double high, double *out);
int clgen_feature_flag(const clgen_feature_part *p, const char *key, bool missing, bool *out);
/* Whole numbers of [low, high]: one for all n of them, or a list of n. Returns how many are said, 0 where there is no such
 * member, or a code. */
int clgen_feature_ints(const clgen_feature_part *p, const char *key, int low, int high, int n, int *out);
/* A tensor of the file as a node: member `key` names it, "<layer>.<key>" is what it is called otherwise. ndim is how many
 * dimensions it must have. Where `optional`, false in its place says that there is none: *out is NULL then. */
int clgen_feature_tensor(const clgen_feature_part *p, const char *key, int ndim, bool optional, clgen_tensor **out);
/* The same as values, n of them, in a new array. */
int clgen_feature_values(const clgen_feature_part *p, const char *key, int64_t n, bool optional, float **out);
/* Values as a node. Takes them, also where it fails. */
clgen_tensor *clgen_feature_constant(const clgen_feature_part *p, const char *what, float *values, clgen_shape shape);

typedef struct {
  const char *type;
  const char *keys; /* beside name, type, and input or inputs */
  int inputs;       /* 1, or 2: two or more, as "inputs" */
  int (*build)(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out);
} clgen_feature_layer;
/* NULL past the last. */
const clgen_feature_layer *clgen_feature_layer_at(size_t index);

#endif
