/* Features of images: by a classifier of clgen's, or by a network that a file describes. */
#include <clgen/features.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "metrics/feature_net.h"

struct clgen_features {
  clgen_features_info info;
  char *name, *path;        /* when it came from a file */
  const clgen_model *model; /* of a classifier */
  clgen_model *own_model;
  char **class_names; /* of a described network, where it has some */
  clgen_store *own_store;
  clgen_graph *graph;
  clgen_module *net;
  clgen_program *program;
  clgen_tensor *images, *features, *probabilities;
  int64_t batch;
  uint8_t *pixels;
  float *numbers; /* a batch of features or of probabilities */
};

/* A described network runs on fewer images at a time than was asked for where they would take more than this. */
#define MOST_MEMORY ((uint64_t)1 << 30)

static size_t image_bytes(const clgen_features *f) {
  return (size_t)f->info.channels * (size_t)f->info.height * (size_t)f->info.width;
}

/* ---- Building ---- */

static int compile(clgen_features *f, const clgen_feature_nodes *nodes, clgen_store *store) {
  f->images = nodes->images;
  f->features = nodes->features;
  f->probabilities = nodes->logits ? clgen_exp(clgen_log_softmax(nodes->logits)) : NULL;
  if (nodes->logits && !f->probabilities) return CLGEN_E_INVALID;
  int code = clgen_output(f->features);
  if (!code && f->probabilities) code = clgen_output(f->probabilities);
  if (code) return code;
  f->info.dim = clgen_tensor_dim(f->features, 1);
  f->info.classes = nodes->logits ? (int)clgen_tensor_dim(nodes->logits, 1) : 0;
  return clgen_compile(&f->program, f->graph, store);
}

static int make_room(clgen_features *f) {
  size_t wide = (size_t)(f->info.classes > f->info.dim ? f->info.classes : f->info.dim);
  f->pixels = calloc((size_t)f->batch, image_bytes(f));
  f->numbers = malloc((size_t)f->batch * wide * sizeof *f->numbers);
  return f->pixels && f->numbers ? CLGEN_OK : clgen_fail_nomem((size_t)f->batch * (image_bytes(f) + wide * sizeof(float)));
}

static int build_classifier(clgen_features *f, const clgen_model *m, clgen_store *store) {
  const clgen_model_config *c = clgen_model_get_config(m);
  const clgen_model_network *w = clgen_model_generator_network(m);
  clgen_feature_nodes nodes = {NULL, NULL, NULL};
  f->model = m;
  f->info = (clgen_features_info){.name = "", .path = "", .channels = c->channels, .height = c->height, .width = c->width};
  int code = clgen_graph_create(&f->graph);
  if (!code) code = clgen_net_bind(&f->net, w->net, f->graph, w->prefix);
  if (code) return code;
  const clgen_shape shape = clgen_shape_of(4, f->batch, c->channels, c->height, c->width);
  nodes.images = clgen_input(f->graph, "images", CLGEN_U8, shape);
  nodes.logits = clgen_model_classify(m, f->net, clgen_model_from_bytes(m, nodes.images), &(clgen_pass){0}, &nodes.features);
  code = nodes.logits ? compile(f, &nodes, store) : CLGEN_E_INVALID;
  return code ? code : make_room(f);
}

static int begin(clgen_features **out, int64_t batch) {
  *out = NULL;
  if (batch < 1) return clgen_fail(CLGEN_E_INVALID, "invalid batch size %lld", (long long)batch);
  clgen_features *f = calloc(1, sizeof *f);
  if (!f) return clgen_fail_nomem(sizeof *f);
  f->batch = batch;
  *out = f;
  return CLGEN_OK;
}

/* *out becomes NULL on failure. */
static int end(clgen_features **out, int code) {
  if (!code) return CLGEN_OK;
  clgen_features_free(*out);
  *out = NULL;
  return code;
}

int clgen_features_create(clgen_features **out, const clgen_model *m, clgen_store *store, int64_t batch) {
  int code = begin(out, batch);
  if (!code && !clgen_model_is_classifier(m))
    code = clgen_fail(CLGEN_E_INVALID, "features come from a classifier, and this is a %s",
                      clgen_arch_name(clgen_model_get_config(m)->arch));
  if (!code) code = build_classifier(*out, m, store);
  return end(out, code);
}

/* ---- From a file ---- */

/* "models/mnist-cnn.safetensors": "mnist-cnn". The snapshots of runs are all named alike: "00003-cifar-classifier-000420".
 */
static char *name_of(const char *path) {
  static const char snapshot[] = "network-snapshot";
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
  int n = (int)(dot && dot != base ? dot - base : (long)strlen(base));
  if (!slash || strncmp(base, snapshot, sizeof snapshot - 1) != 0) return clgen_format("%.*s", n, base);
  const char *folder = slash;
  while (folder > path && folder[-1] != '/') --folder;
  int skip = (int)sizeof snapshot - 1;
  return clgen_format("%.*s%.*s", (int)(slash - folder), folder, n - skip, base + skip);
}

static int open_classifier(clgen_features *f, clgen_device *device, const clgen_safetensors *file, const char *path,
                           bool load) {
  if (!clgen_safetensors_meta(file, "clgen.cfg"))
    return clgen_fail(CLGEN_E_FORMAT,
                      "%s: has neither metadata \"" CLGEN_FEATURES_KEY
                      "\", which would describe a network (docs/features.md), nor \"clgen.cfg\" of a network trained here",
                      path);
  int code = clgen_model_open(&f->own_model, file);
  if (!code && !clgen_model_is_classifier(f->own_model))
    code = clgen_fail(CLGEN_E_INVALID, "%s: a %s; features come from a classifier", path,
                      clgen_arch_name(clgen_model_get_config(f->own_model)->arch));
  if (!code) code = clgen_store_create(&f->own_store, device);
  if (!code && load) code = clgen_model_load(f->own_model, f->own_store, file, NULL);
  if (!code) code = build_classifier(f, f->own_model, f->own_store);
  if (!code) f->name = name_of(path);
  return code || f->name ? code : CLGEN_E_NOMEM;
}

/* The store too, which would keep room for the largest program that it ever saw. */
static void unbuild(clgen_features *f) {
  clgen_program_free(f->program);
  clgen_graph_free(f->graph);
  clgen_store_free(f->own_store);
  f->program = NULL;
  f->graph = NULL;
  f->own_store = NULL;
}

/* As many images at a time as was asked for, or half as many as often as it takes. */
static int build_described(clgen_features *f, clgen_feature_net *net, clgen_device *device) {
  for (;; f->batch = (f->batch + 1) / 2) {
    clgen_feature_nodes nodes;
    unbuild(f);
    int code = clgen_store_create(&f->own_store, device);
    if (!code) code = clgen_graph_create(&f->graph);
    if (!code) code = clgen_feature_net_build(net, f->graph, f->batch, &nodes);
    if (code) return code;
    code = compile(f, &nodes, f->own_store);
    if (f->batch == 1 || (code && code != CLGEN_E_NOMEM)) return code;
    if (code) continue;
    const clgen_memory *m = &clgen_program_get_info(f->program)->memory;
    if (m->peak_bytes - m->state_bytes <= MOST_MEMORY) return CLGEN_OK;
  }
}

static int open_described(clgen_features *f, clgen_device *device, const clgen_safetensors *file, bool load) {
  clgen_feature_net net;
  int code = clgen_feature_net_read(&net, file);
  if (!code) {
    f->info = (clgen_features_info){.channels = net.channels, .height = net.height, .width = net.width};
    f->name = clgen_strdup(net.name);
    code = f->name ? build_described(f, &net, device) : CLGEN_E_NOMEM;
  }
  if (!code) code = clgen_feature_net_classes(&net, f->info.classes, &f->class_names);
  if (!code && load) code = clgen_feature_net_load(&net, f->own_store);
  if (!code) code = make_room(f);
  clgen_feature_net_free(&net);
  return code;
}

static int open_file(clgen_features **out, clgen_device *device, const char *path, int64_t batch, bool load) {
  clgen_safetensors *file = NULL;
  int code = begin(out, batch);
  clgen_features *f = *out;
  if (!code) code = clgen_safetensors_open(&file, path);
  bool described = !code && clgen_safetensors_meta(file, CLGEN_FEATURES_KEY);
  if (!code) code = described ? open_described(f, device, file, load) : open_classifier(f, device, file, path, load);
  if (!code && !(f->path = clgen_strdup(path))) code = CLGEN_E_NOMEM;
  if (!code) f->info.name = f->name, f->info.path = f->path;
  clgen_safetensors_close(file);
  return end(out, code);
}

int clgen_features_open(clgen_features **out, clgen_device *device, const char *path, int64_t batch) {
  return open_file(out, device, path, batch, true);
}

int clgen_features_memory(clgen_device *device, const char *path, int64_t batch, clgen_memory *out) {
  clgen_features *f = NULL;
  int code = open_file(&f, device, path, batch, false);
  if (!code) *out = clgen_store_memory(f->own_store);
  clgen_features_free(f);
  return code;
}

void clgen_features_free(clgen_features *f) {
  if (!f) return;
  clgen_program_free(f->program);
  clgen_module_free(f->net);
  clgen_graph_free(f->graph);
  clgen_store_free(f->own_store);
  clgen_model_free(f->own_model);
  for (int k = 0; f->class_names && k < f->info.classes; ++k) free(f->class_names[k]);
  free(f->class_names);
  free(f->pixels);
  free(f->numbers);
  free(f->name);
  free(f->path);
  free(f);
}

const clgen_features_info *clgen_features_get_info(const clgen_features *f) { return &f->info; }
const clgen_program_info *clgen_features_program(const clgen_features *f) { return clgen_program_get_info(f->program); }

int clgen_features_find_class(const clgen_features *f, const char *name) {
  if (f->model) return clgen_model_find_class(f->model, name);
  for (int k = 0; f->class_names && k < f->info.classes; ++k)
    if (strcmp(f->class_names[k], name) == 0) return k;
  return -1;
}

/* ---- Running ---- */

static int read_rows(clgen_features *f, clgen_tensor *t, int64_t dim, int64_t at, int64_t n, float *out) {
  if (!out || !t) return CLGEN_OK;
  int code = clgen_program_read(f->program, t, f->numbers, (size_t)(f->batch * dim) * sizeof *f->numbers);
  if (!code) memcpy(out + at * dim, f->numbers, (size_t)(n * dim) * sizeof *out);
  return code;
}

int clgen_features_run(clgen_features *f, const clgen_images *images, float *features, float *probabilities,
                       void (*progress)(void *user, int64_t done, int64_t total), void *user) {
  int code = CLGEN_OK;
  for (int64_t at = 0; !code && at < images->n; at += f->batch) {
    int64_t n = images->n - at < f->batch ? images->n - at : f->batch;
    for (int64_t k = 0; !code && k < n; ++k)
      code = clgen_images_fit(images, at + k, f->info.channels, f->info.height, f->info.width,
                              f->pixels + (size_t)k * image_bytes(f));
    if (!code) code = clgen_program_write(f->program, f->images, f->pixels, (size_t)f->batch * image_bytes(f));
    if (!code) code = clgen_program_run(f->program);
    if (!code) code = read_rows(f, f->features, f->info.dim, at, n, features);
    if (!code) code = read_rows(f, f->probabilities, f->info.classes, at, n, probabilities);
    if (!code && progress) progress(user, at + n, images->n);
  }
  return code;
}
