/* The negative ELBO of a VAE on a dataset. */
#include <clgen/elbo.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* Part of what the draws are a function of, so not a thing to tune. */
#define BATCH 128

typedef struct {
  clgen_graph *graph;
  clgen_bound *net;
  clgen_program *program;
  clgen_tensor *images, *counter, *reconstruction, *kl;
  uint8_t *batch;
  size_t image_bytes;
} judge;

static int build(judge *j, const clgen_model *m, clgen_store *store, uint64_t seed) {
  const clgen_model_config *c = clgen_model_get_config(m);
  const clgen_model_network *w = clgen_model_maker(m);
  j->image_bytes = (size_t)c->channels * (size_t)c->height * (size_t)c->width;
  j->batch = calloc(BATCH, j->image_bytes);
  if (!j->batch) return clgen_fail_nomem(BATCH * j->image_bytes);
  int code = clgen_graph_create(&j->graph);
  if (!code) code = clgen_net_bind(&j->net, w->net, j->graph, w->prefix);
  if (code) return code;
  j->images = clgen_input(j->graph, "images", CLGEN_U8, clgen_shape_of(4, BATCH, c->channels, c->height, c->width));
  j->counter = clgen_input(j->graph, "counter", CLGEN_U32, clgen_shape_of(1, 1));
  clgen_tensor *eps = clgen_random_normal(j->graph, j->counter, seed, CLGEN_STREAM_METRIC, clgen_shape_of(2, BATCH, c->nz));
  code = clgen_model_elbo(m, j->net, clgen_model_from_bytes(m, j->images), eps, &j->reconstruction, &j->kl);
  if (!code) code = clgen_output(j->reconstruction);
  if (!code) code = clgen_output(j->kl);
  return code ? code : clgen_compile(&j->program, j->graph, store);
}

static int check(const clgen_model *m, const clgen_dataset_info *i) {
  const clgen_model_config *c = clgen_model_get_config(m);
  if (!clgen_model_is_vae(m))
    return clgen_fail(CLGEN_E_INVALID, "elbo: a %s has no ELBO, only a VAE has", clgen_arch_name(c->arch));
  if (i->channels == c->channels && i->height == c->height && i->width == c->width) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "elbo: the network is for images of %dx%d with %d channels, and %s has %dx%d with %d",
                    c->width, c->height, c->channels, i->path, i->width, i->height, i->channels);
}

static int run_batch(judge *j, const clgen_dataset *data, int64_t first, int64_t n, float reconstruction[BATCH],
                     float kl[BATCH]) {
  uint32_t counter = (uint32_t)(first / BATCH);
  for (int64_t k = 0; k < n; ++k)
    memcpy(j->batch + (size_t)k * j->image_bytes, clgen_dataset_image(data, first + k), j->image_bytes);
  int code = clgen_program_write(j->program, j->images, j->batch, BATCH * j->image_bytes);
  if (!code) code = clgen_program_write(j->program, j->counter, &counter, sizeof counter);
  if (!code) code = clgen_program_run(j->program);
  if (!code) code = clgen_program_read(j->program, j->reconstruction, reconstruction, BATCH * sizeof(float));
  return code ? code : clgen_program_read(j->program, j->kl, kl, BATCH * sizeof(float));
}

int clgen_elbo_measure(const clgen_model *m, clgen_store *store, const clgen_dataset *data, uint64_t seed,
                       void (*progress)(void *user, int64_t done, int64_t total), void *user, clgen_elbo *out) {
  judge j = {0};
  const int64_t total = clgen_dataset_get_info(data)->count;
  double sum[2] = {0, 0}, mean = 0, spread = 0;
  int code = check(m, clgen_dataset_get_info(data));
  if (!code) code = build(&j, m, store, seed);
  for (int64_t at = 0; !code && at < total; at += BATCH) {
    float reconstruction[BATCH], kl[BATCH];
    int64_t n = total - at < BATCH ? total - at : BATCH;
    code = run_batch(&j, data, at, n, reconstruction, kl);
    for (int64_t k = 0; !code && k < n; ++k) { /* Welford 1962 */
      double x = (double)reconstruction[k] + (double)kl[k], off = x - mean;
      mean += off / (double)(at + k + 1);
      spread += off * (x - mean);
      sum[0] += (double)reconstruction[k];
      sum[1] += (double)kl[k];
    }
    if (!code && progress) progress(user, at + n, total);
  }
  if (!code && !isfinite(mean)) code = clgen_fail(CLGEN_E_NONFINITE, "elbo: the bound is not finite");
  if (!code) {
    *out = (clgen_elbo){.images = total, .negative_elbo = mean};
    out->reconstruction = sum[0] / (double)total;
    out->kl = sum[1] / (double)total;
    out->standard_error = total > 1 ? sqrt(spread / (double)(total - 1) / (double)total) : NAN;
  }
  clgen_program_free(j.program);
  clgen_bound_free(j.net);
  clgen_graph_free(j.graph);
  free(j.batch);
  return code;
}
