/* Images from latents, a batch at a time. */
#include "model/model_internal.h"

#include <stdlib.h>
#include <string.h>

struct clgen_generator {
  const clgen_model *model;
  clgen_model *own_model; /* when it came from a file */
  clgen_store *own_store;
  clgen_graph *graph;
  clgen_module *generator;
  clgen_program *program;
  clgen_tensor *z, *labels, *pixels, *truncation, *fine, *fine_from; /* NULL: no class is asked for; it knows no styles */
  int64_t batch;
  float *z_batch, *label_batch, *fine_batch, *truncation_batch; /* the last, incomplete batch is filled up here */
  uint8_t *pixel_batch;
};

static int64_t image_bytes(const clgen_model *m) {
  const clgen_model_config *c = &m->config;
  return (int64_t)c->channels * c->height * c->width;
}

static int build(clgen_generator *g, clgen_store *store) {
  const clgen_model_network *w = clgen_model_generator_network(g->model);
  size_t nz = (size_t)g->model->config.nz, batch = (size_t)g->batch, classes = (size_t)g->model->config.classes;
  clgen_shape latents = clgen_shape_of(2, g->batch, g->model->config.nz);
  clgen_pass pass = {0};
  g->z_batch = calloc(2 * batch * nz + batch, sizeof *g->z_batch);
  g->label_batch = calloc(batch * classes + 1, sizeof *g->label_batch);
  g->pixel_batch = malloc(batch * (size_t)image_bytes(g->model));
  if (!g->z_batch || !g->label_batch || !g->pixel_batch) return clgen_fail_nomem(batch * (size_t)image_bytes(g->model));
  g->fine_batch = g->z_batch + batch * nz;
  g->truncation_batch = g->fine_batch + batch * nz;
  int code = clgen_graph_create(&g->graph);
  if (!code) code = clgen_net_bind(&g->generator, w->net, g->graph, w->prefix);
  if (code) return code;
  g->z = clgen_input(g->graph, "z", CLGEN_F32, latents);
  if (clgen_model_style_layers(g->model)) {
    pass.truncation = g->truncation = clgen_input(g->graph, "truncation", CLGEN_F32, clgen_shape_of(2, g->batch, 1));
    pass.fine = g->fine = clgen_input(g->graph, "fine", CLGEN_F32, latents);
    pass.fine_from = g->fine_from = clgen_input(g->graph, "fine_from", CLGEN_F32, clgen_shape_of(2, 1, 1));
  }
  if (clgen_model_is_conditional(g->model))
    pass.labels = g->labels = clgen_input(g->graph, "labels", CLGEN_F32, clgen_shape_of(2, g->batch, (int64_t)classes));
  g->pixels = clgen_model_to_bytes(g->model, clgen_model_decode(g->model, g->generator, g->z, &pass));
  code = clgen_output(g->pixels);
  return code ? code : clgen_compile(&g->program, g->graph, store);
}

int clgen_generator_create(clgen_generator **out, const clgen_model *m, clgen_store *store, int64_t batch) {
  *out = NULL;
  if (batch < 1) return clgen_fail(CLGEN_E_INVALID, "invalid batch size %lld", (long long)batch);
  if (clgen_model_is_classifier(m)) return clgen_fail(CLGEN_E_INVALID, "a classifier does not generate images");
  clgen_generator *g = calloc(1, sizeof *g);
  if (!g) return clgen_fail_nomem(sizeof *g);
  g->model = m;
  g->batch = batch;
  int code = build(g, store);
  if (code)
    clgen_generator_free(g);
  else
    *out = g;
  return code;
}

int clgen_generator_open(clgen_generator **out, clgen_device *device, const char *path, int64_t batch) {
  *out = NULL;
  clgen_safetensors *file = NULL;
  clgen_model *model = NULL;
  clgen_store *store = NULL;
  int code = clgen_safetensors_open(&file, path);
  if (!code) code = clgen_model_open(&model, file);
  if (!code && clgen_model_is_classifier(model))
    code = clgen_fail(CLGEN_E_INVALID, "%s: a classifier does not generate images", path);
  if (!code) code = clgen_store_create(&store, device);
  if (!code) code = clgen_model_load(model, store, file, clgen_model_generator_network(model));
  if (!code) code = clgen_generator_create(out, model, store, batch);
  clgen_safetensors_close(file);
  if (code) {
    clgen_store_free(store);
    clgen_model_free(model);
  } else {
    (*out)->own_model = model;
    (*out)->own_store = store;
  }
  return code;
}

void clgen_generator_free(clgen_generator *g) {
  if (!g) return;
  clgen_program_free(g->program);
  clgen_module_free(g->generator);
  clgen_graph_free(g->graph);
  clgen_store_free(g->own_store);
  clgen_model_free(g->own_model);
  free(g->z_batch);
  free(g->label_batch);
  free(g->pixel_batch);
  free(g);
}

const clgen_model *clgen_generator_model(const clgen_generator *g) { return g->model; }
const clgen_program_info *clgen_generator_info(const clgen_generator *g) { return clgen_program_get_info(g->program); }

/* Without other styles each image's own are written as those too, and begin behind the last layer. */
static int write_styles(clgen_generator *g, const clgen_styled_latents *l, size_t at, size_t now) {
  size_t nz = (size_t)g->model->config.nz, batch = (size_t)g->batch;
  float from = (float)(l->fine ? l->fine_from : clgen_model_style_layers(g->model));
  for (size_t i = 0; i < batch; ++i) g->truncation_batch[i] = l->truncation && i < now ? l->truncation[at + i] : 1;
  memcpy(g->fine_batch, l->fine ? l->fine + at * nz : g->z_batch, now * nz * sizeof *l->fine);
  int code = clgen_program_write(g->program, g->truncation, g->truncation_batch, batch * sizeof *g->truncation_batch);
  if (!code) code = clgen_program_write(g->program, g->fine, g->fine_batch, batch * nz * sizeof *g->fine_batch);
  return code ? code : clgen_program_write(g->program, g->fine_from, &from, sizeof from);
}

static void fill(clgen_generator *g, const clgen_styled_latents *l, size_t at, size_t now) {
  size_t nz = (size_t)g->model->config.nz;
  memcpy(g->z_batch, l->z + at * nz, now * nz * sizeof *l->z);
  if (!l->truncation || g->truncation) return;
  for (size_t i = 0; i < now * nz; ++i) g->z_batch[i] *= l->truncation[at + i / nz];
}

/* The classes of the next images, of the incomplete last batch too. */
static int write_classes(clgen_generator *g, size_t now, const int *classes) {
  size_t bytes = (size_t)g->batch * (size_t)g->model->config.classes * sizeof *g->label_batch;
  int code = clgen_model_one_hot(g->model, (int64_t)now, classes, g->label_batch);
  return code ? code : clgen_program_write(g->program, g->labels, g->label_batch, bytes);
}

int clgen_generator_run_styled(clgen_generator *g, int64_t n, const clgen_styled_latents *l, uint8_t *pixels) {
  size_t nz = (size_t)g->model->config.nz, bytes = (size_t)image_bytes(g->model), batch = (size_t)g->batch;
  int code = CLGEN_OK, layers = clgen_model_style_layers(g->model);
  if ((l->classes != NULL) != (g->labels != NULL))
    return clgen_fail(CLGEN_E_INVALID,
                      l->classes ? "this %s is not conditional, but classes were given"
                                 : "a conditional %s needs classes, and none were given",
                      clgen_arch_name(g->model->config.arch));
  if (l->fine && !layers)
    return clgen_fail(CLGEN_E_INVALID, "a %s has no styles to mix", clgen_arch_name(g->model->config.arch));
  if (l->fine && (l->fine_from < 0 || l->fine_from > layers))
    return clgen_fail(CLGEN_E_INVALID, "styles from layer %d on; there are 0 to %d", l->fine_from, layers - 1);
  for (int64_t at = 0; !code && at < n; at += g->batch) {
    size_t now = (size_t)(n - at < g->batch ? n - at : g->batch);
    fill(g, l, (size_t)at, now);
    code = clgen_program_write(g->program, g->z, g->z_batch, batch * nz * sizeof *g->z_batch);
    if (!code && g->fine) code = write_styles(g, l, (size_t)at, now);
    if (!code && g->labels) code = write_classes(g, now, l->classes + at);
    if (!code) code = clgen_program_run(g->program);
    if (!code) code = clgen_program_read(g->program, g->pixels, g->pixel_batch, batch * bytes);
    if (!code) memcpy(pixels + (size_t)at * bytes, g->pixel_batch, now * bytes);
  }
  return code;
}

int clgen_generator_run(clgen_generator *g, int64_t n, const float *z, const int *classes, uint8_t *pixels) {
  return clgen_generator_run_styled(g, n, &(clgen_styled_latents){.z = z, .classes = classes}, pixels);
}

void clgen_latent_of_seed(uint64_t seed, int64_t nz, float *z) { clgen_normals_fill(seed, CLGEN_STREAM_LATENT, 0, nz, z); }
