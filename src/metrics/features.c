/* Features of images by a classifier. */
#include <clgen/features.h>
#include <clgen/image.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

struct clgen_features {
  const clgen_model *model;
  clgen_features_info info;
  char *name, *path;
  clgen_model *own_model; /* when it came from a file */
  clgen_store *own_store;
  clgen_graph *graph;
  clgen_bound *net;
  clgen_program *program;
  clgen_tensor *images, *features, *probabilities;
  int64_t batch;
  uint8_t *pixels;
  float *numbers; /* a batch of features or of probabilities */
};

clgen_images clgen_images_of(const clgen_dataset *ds) {
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  return (clgen_images){clgen_dataset_image(ds, 0), i->count, i->channels, i->height, i->width};
}

int clgen_classes_of_images(const clgen_model *m, const clgen_dataset *ds, int64_t first, int64_t n, int *classes) {
  for (int64_t i = 0; i < n; ++i) {
    const char *name = clgen_dataset_class_name(ds, clgen_dataset_label(ds, first + i));
    classes[i] = clgen_model_find_class(m, name);
    if (classes[i] < 0)
      return clgen_fail(CLGEN_E_INVALID, "%s: image %lld is of class '%s', which the network does not know",
                        clgen_dataset_get_info(ds)->path, (long long)(first + i), name);
  }
  return CLGEN_OK;
}

static size_t image_bytes(const clgen_features *f) {
  return (size_t)f->info.channels * (size_t)f->info.height * (size_t)f->info.width;
}

static int build(clgen_features *f, const clgen_model *m, clgen_store *store) {
  f->model = m;
  const clgen_model_config *c = clgen_model_get_config(m);
  const clgen_model_network *w = clgen_model_maker(m);
  int wide = c->hidden > c->classes ? c->hidden : c->classes;
  f->info = (clgen_features_info){
      .name = "", .path = "", .channels = c->channels, .height = c->height, .width = c->width, .dim = c->hidden};
  f->info.classes = c->classes;
  f->pixels = calloc((size_t)f->batch, image_bytes(f));
  f->numbers = malloc((size_t)f->batch * (size_t)wide * sizeof *f->numbers);
  if (!f->pixels || !f->numbers) return clgen_fail_nomem((size_t)f->batch * image_bytes(f));
  int code = clgen_graph_create(&f->graph);
  if (!code) code = clgen_net_bind(&f->net, w->net, f->graph, w->prefix);
  if (code) return code;
  f->images = clgen_input(f->graph, "images", CLGEN_U8, clgen_shape_of(4, f->batch, c->channels, c->height, c->width));
  clgen_tensor *logits =
      clgen_model_classify(m, f->net, clgen_model_from_bytes(m, f->images), &(clgen_pass){0}, &f->features);
  f->probabilities = clgen_exp(clgen_log_softmax(logits));
  code = clgen_output(f->features);
  if (!code) code = clgen_output(f->probabilities);
  return code ? code : clgen_compile(&f->program, f->graph, store);
}

int clgen_features_create(clgen_features **out, const clgen_model *m, clgen_store *store, int64_t batch) {
  *out = NULL;
  if (batch < 1) return clgen_fail(CLGEN_E_INVALID, "images cannot be looked at %lld at a time", (long long)batch);
  if (!clgen_model_is_classifier(m))
    return clgen_fail(CLGEN_E_INVALID, "features come from a classifier, and this is a %s",
                      clgen_arch_name(clgen_model_get_config(m)->arch));
  clgen_features *f = calloc(1, sizeof *f);
  if (!f) return clgen_fail_nomem(sizeof *f);
  f->batch = batch;
  int code = build(f, m, store);
  if (code)
    clgen_features_free(f);
  else
    *out = f;
  return code;
}

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

int clgen_features_open(clgen_features **out, clgen_device *device, const char *path, int64_t batch) {
  *out = NULL;
  clgen_safetensors *file = NULL;
  clgen_model *model = NULL;
  clgen_store *store = NULL;
  clgen_features *f = NULL;
  int code = clgen_safetensors_open(&file, path);
  if (!code) code = clgen_model_open(&model, file);
  if (!code && !clgen_model_is_classifier(model))
    code = clgen_fail(CLGEN_E_INVALID, "%s: a %s; features come from a classifier", path,
                      clgen_arch_name(clgen_model_get_config(model)->arch));
  if (!code) code = clgen_store_create(&store, device);
  if (!code) code = clgen_model_load(model, store, file, NULL);
  if (!code) code = clgen_features_create(&f, model, store, batch);
  clgen_safetensors_close(file);
  if (code) {
    clgen_store_free(store);
    clgen_model_free(model);
    return code;
  }
  f->own_model = model;
  f->own_store = store;
  f->info.name = f->name = name_of(path);
  f->info.path = f->path = clgen_strdup(path);
  if (!f->name || !f->path) {
    clgen_features_free(f);
    return CLGEN_E_NOMEM;
  }
  *out = f;
  return CLGEN_OK;
}

void clgen_features_free(clgen_features *f) {
  if (!f) return;
  clgen_program_free(f->program);
  clgen_bound_free(f->net);
  clgen_graph_free(f->graph);
  clgen_store_free(f->own_store);
  clgen_model_free(f->own_model);
  free(f->pixels);
  free(f->numbers);
  free(f->name);
  free(f->path);
  free(f);
}

const clgen_features_info *clgen_features_get_info(const clgen_features *f) { return &f->info; }
const clgen_model *clgen_features_get_model(const clgen_features *f) { return f->model; }
const clgen_program_info *clgen_features_program(const clgen_features *f) { return clgen_program_get_info(f->program); }

/* ---- The one path of pixels ---- */

static void to_planes(const clgen_image *in, uint8_t *out) {
  size_t area = (size_t)in->width * (size_t)in->height, channels = (size_t)in->channels;
  for (size_t c = 0; c < channels; ++c)
    for (size_t p = 0; p < area; ++p) out[c * area + p] = in->data[p * channels + c];
}

int clgen_images_fit(const clgen_images *images, int64_t index, int to_channels, int height, int width, uint8_t *out) {
  size_t area = (size_t)images->height * (size_t)images->width, channels = (size_t)images->channels;
  const uint8_t *in = images->pixels + (size_t)index * area * channels;
  bool same_size = images->height == height && images->width == width;
  if (same_size && images->channels == to_channels) {
    memcpy(out, in, area * channels);
    return CLGEN_OK;
  }
  clgen_image whole = {0}, converted = {0}, resized = {0};
  int code = clgen_image_create(&whole, images->width, images->height, images->channels);
  for (size_t c = 0; !code && c < channels; ++c)
    for (size_t p = 0; p < area; ++p) whole.data[p * channels + c] = in[c * area + p];
  if (!code) code = clgen_image_convert(&whole, to_channels, NULL, &converted);
  if (!code && !same_size) code = clgen_image_resize(&converted, width, height, &resized);
  if (!code) to_planes(same_size ? &converted : &resized, out);
  clgen_image_free(&whole);
  clgen_image_free(&converted);
  clgen_image_free(&resized);
  return code;
}

static int read_rows(clgen_features *f, clgen_tensor *t, int64_t dim, int64_t at, int64_t n, float *out) {
  if (!out) return CLGEN_OK;
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
