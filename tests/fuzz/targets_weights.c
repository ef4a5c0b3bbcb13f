/* Safetensors files, and what their metadata and tensors are taken for. */
#include <clgen/features.h>
#include <clgen/model.h>
#include <clgen/safetensors.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "metrics/feature_net.h"
#include "train/train_internal.h"

static clgen_device *host(void) {
  static clgen_device *device;
  if (!device && clgen_device_open(&device, "host", NULL)) abort();
  return device;
}

void fuzz_safetensors(const uint8_t *data, size_t size) {
  clgen_safetensors *st;
  if (clgen_safetensors_open(&st, fuzz_file("input.safetensors", data, size)) != CLGEN_OK) return;
  for (size_t i = 0; i < clgen_safetensors_meta_count(st); ++i) {
    const clgen_st_meta *meta = clgen_safetensors_meta_get(st, i);
    if (!clgen_safetensors_meta(st, meta->key)) abort();
  }
  for (size_t i = 0; i < clgen_safetensors_count(st); ++i) {
    const clgen_st_tensor *t = clgen_safetensors_get(st, i);
    const size_t n = (size_t)clgen_shape_count(&t->shape);
    fuzz_look_at(t->data, n * clgen_st_dtype_size(t->dtype));
    float *values = malloc(n * sizeof *values + 1);
    if (values && clgen_safetensors_read_f32(st, t->name, &t->shape, values)) abort();
    free(values);
  }
  clgen_safetensors_close(st);
}

/* Tensors that descriptions can name: of a 3x3 convolution of 1 channel to 2, a 1x1 of 2 to 2, one value for each of the 2
 * channels, and products of 2 and of 8 values to 2. */
static const char *weights_of(const uint8_t *data, size_t size) {
  static const float zeros[18], ones[2] = {1, 1};
  const clgen_st_tensor tensors[] = {
      {"c.weight", CLGEN_ST_F32, {4, {2, 1, 3, 3}}, zeros}, {"d.weight", CLGEN_ST_F32, {4, {2, 2, 1, 1}}, zeros},
      {"b.weight", CLGEN_ST_F32, {1, {2}}, ones},           {"b.bias", CLGEN_ST_F32, {1, {2}}, zeros},
      {"b.running_mean", CLGEN_ST_F32, {1, {2}}, zeros},    {"b.running_var", CLGEN_ST_F32, {1, {2}}, ones},
      {"l.weight", CLGEN_ST_F32, {2, {2, 2}}, zeros},       {"m.weight", CLGEN_ST_F32, {2, {2, 8}}, zeros}};
  char *text = malloc(size + 1);
  if (!text) return NULL;
  if (size) memcpy(text, data, size);
  text[size] = 0;
  const clgen_st_meta meta = {CLGEN_FEATURES_KEY, text};
  const char *path = fuzz_file("features.safetensors", NULL, 0);
  const int code = clgen_safetensors_write(path, tensors, CLGEN_COUNT(tensors), &meta, 1);
  free(text);
  return code ? NULL : path;
}

static void build(clgen_feature_net *net) {
  clgen_graph *graph = NULL;
  clgen_store *store = NULL;
  clgen_feature_nodes nodes;
  char **names = NULL;
  int code = clgen_graph_create(&graph);
  if (!code) code = clgen_feature_net_build(net, graph, 2, &nodes);
  const int64_t classes = !code && nodes.logits ? clgen_tensor_dim(nodes.logits, 1) : 0;
  if (!code) code = clgen_feature_net_classes(net, classes, &names);
  if (!code) code = clgen_store_create(&store, host());
  if (!code) code = clgen_feature_net_load(net, store);
  for (int64_t k = 0; names && k < classes; ++k) free(names[k]);
  free(names);
  clgen_store_free(store);
  clgen_graph_free(graph);
}

/* The description of a network over tensors that do not change. */
void fuzz_features(const uint8_t *data, size_t size) {
  const char *path = weights_of(data, size);
  clgen_safetensors *st;
  if (!path || clgen_safetensors_open(&st, path)) return;
  clgen_feature_net net;
  if (clgen_feature_net_read(&net, st) == CLGEN_OK) build(&net);
  clgen_feature_net_free(&net);
  clgen_safetensors_close(st);
}

void fuzz_snapshot(const uint8_t *data, size_t size) {
  clgen_safetensors *st;
  clgen_model *model = NULL;
  clgen_store *store = NULL;
  int code = clgen_safetensors_open(&st, fuzz_file("network.safetensors", data, size));
  if (code) return;
  code = clgen_model_open(&model, st);
  if (!code) code = clgen_store_create(&store, host());
  if (!code) code = clgen_model_load(model, store, st, NULL);
  clgen_store_free(store);
  clgen_model_free(model);
  clgen_safetensors_close(st);
}

/* A run with the options "c" and the data "d", whose only network has a state "G.param" of 4 numbers. */
void fuzz_state(const uint8_t *data, size_t size) {
  static const float zeros[4];
  const char *path = fuzz_file("state.safetensors", data, size);
  clgen_state_identity id = {.course = "c", .data = "d"};
  clgen_store *store = NULL;
  uint64_t step = 0;
  if (clgen_store_create(&store, host())) abort();
  if (clgen_store_declare(store, "G.param", CLGEN_F32, clgen_shape_of(1, 4)) ||
      clgen_store_write(store, "G.param", 0, 4, zeros))
    abort();
  (void)clgen_training_state_load(store, path, &step, &id);
  clgen_store_free(store);
}
