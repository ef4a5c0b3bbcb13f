/* Bounds on the likelihood of a dataset under a VAE. */
#include <clgen/elbo.h>
#include <clgen/features.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* Part of what the draws are a function of, so not a thing to tune. */
#define BATCH 128

typedef struct {
  clgen_graph *graph;
  clgen_module *net;
  clgen_program *program;
  clgen_tensor *images, *counter, *reconstruction, *kl; /* of the ELBO */
  clgen_tensor *log_weight;                             /* of the IWAE's bound */
  clgen_tensor *labels;                                 /* NULL: the classes of images do not matter */
  const clgen_model *model;
  float *label_batch;
  uint8_t *batch;
  size_t image_bytes;
} estimator;

static int build(estimator *j, const clgen_model *m, clgen_store *store, uint64_t seed, bool weighted) {
  const clgen_model_config *c = clgen_model_get_config(m);
  const clgen_model_network *w = clgen_model_generator_network(m);
  j->image_bytes = (size_t)c->channels * (size_t)c->height * (size_t)c->width;
  j->batch = calloc(BATCH, j->image_bytes);
  j->model = m;
  j->label_batch = calloc(BATCH * (size_t)c->classes + 1, sizeof *j->label_batch);
  if (!j->batch || !j->label_batch) return clgen_fail_nomem(BATCH * j->image_bytes);
  int code = clgen_graph_create(&j->graph);
  if (!code) code = clgen_net_bind(&j->net, w->net, j->graph, w->prefix);
  if (code) return code;
  j->images = clgen_input(j->graph, "images", CLGEN_U8, clgen_shape_of(4, BATCH, c->channels, c->height, c->width));
  j->counter = clgen_input(j->graph, "counter", CLGEN_U32, clgen_shape_of(1, 1));
  clgen_tensor *eps = clgen_random_normal(j->graph, j->counter, seed, CLGEN_STREAM_METRIC, clgen_shape_of(2, BATCH, c->nz));
  clgen_tensor *images = clgen_model_from_bytes(m, j->images);
  if (clgen_model_is_conditional(m))
    j->labels = clgen_input(j->graph, "labels", CLGEN_F32, clgen_shape_of(2, BATCH, c->classes));
  const clgen_pass as_used = {.labels = j->labels};
  clgen_tensor *mu, *logvar;
  code = clgen_model_encode(m, j->net, images, &as_used, &mu, &logvar);
  if (code) return code;
  clgen_tensor *z = clgen_model_reparameterize(mu, logvar, eps);
  j->reconstruction = clgen_model_nll(m, j->net, images, z, &as_used);
  if (weighted) {
    j->log_weight = clgen_model_log_weight(logvar, eps, z, j->reconstruction);
    code = clgen_output(j->log_weight);
  } else {
    j->kl = clgen_loss_kl(mu, logvar);
    code = clgen_output(j->reconstruction);
    if (!code) code = clgen_output(j->kl);
  }
  return code ? code : clgen_compile(&j->program, j->graph, store);
}

static int check(const char *what, const clgen_model *m, const clgen_dataset_info *i) {
  const clgen_model_config *c = clgen_model_get_config(m);
  if (!clgen_model_is_vae(m))
    return clgen_fail(CLGEN_E_INVALID, "%s: needs a VAE, and this is a %s", what, clgen_arch_name(c->arch));
  if (i->channels == c->channels && i->height == c->height && i->width == c->width) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "%s: the network is for images of %dx%d with %d channels, and %s has %dx%d with %d",
                    what, c->width, c->height, c->channels, i->path, i->width, i->height, i->channels);
}

static void estimator_free(estimator *j) {
  clgen_program_free(j->program);
  clgen_module_free(j->net);
  clgen_graph_free(j->graph);
  free(j->batch);
  free(j->label_batch);
}

static int load_labels(estimator *j, const clgen_dataset *data, int64_t first, int64_t n) {
  int classes[BATCH];
  int code = clgen_classes_of_images(j->model, data, first, n, classes);
  if (!code) code = clgen_model_one_hot(j->model, n, classes, j->label_batch);
  size_t numbers = BATCH * (size_t)clgen_model_get_config(j->model)->classes;
  return code ? code : clgen_program_write(j->program, j->labels, j->label_batch, numbers * sizeof *j->label_batch);
}

static int load_batch(estimator *j, const clgen_dataset *data, int64_t first, int64_t n) {
  int code = j->labels ? load_labels(j, data, first, n) : CLGEN_OK;
  if (code) return code;
  for (int64_t k = 0; k < n; ++k)
    memcpy(j->batch + (size_t)k * j->image_bytes, clgen_dataset_image(data, first + k), j->image_bytes);
  return clgen_program_write(j->program, j->images, j->batch, BATCH * j->image_bytes);
}

static int draw(estimator *j, uint32_t counter) {
  int code = clgen_program_write(j->program, j->counter, &counter, sizeof counter);
  return code ? code : clgen_program_run(j->program);
}

static int run_batch(estimator *j, const clgen_dataset *data, int64_t first, int64_t n, float reconstruction[BATCH],
                     float kl[BATCH]) {
  int code = load_batch(j, data, first, n);
  if (!code) code = draw(j, (uint32_t)(first / BATCH));
  if (!code) code = clgen_program_read(j->program, j->reconstruction, reconstruction, BATCH * sizeof(float));
  return code ? code : clgen_program_read(j->program, j->kl, kl, BATCH * sizeof(float));
}

/* Mean and spread as they come: Welford 1962. */
typedef struct {
  double mean, spread;
  int64_t n;
} running;

static void take(running *r, double x) {
  double off = x - r->mean;
  r->mean += off / (double)++r->n;
  r->spread += off * (x - r->mean);
}

static double error_of(const running *r) { return r->n > 1 ? sqrt(r->spread / (double)(r->n - 1) / (double)r->n) : NAN; }

int clgen_elbo_measure(const clgen_model *m, clgen_store *store, const clgen_dataset *data, uint64_t seed,
                       void (*progress)(void *user, int64_t done, int64_t total), void *user, clgen_elbo *out) {
  estimator j = {0};
  const int64_t total = clgen_dataset_get_info(data)->count;
  double sum[2] = {0, 0};
  running r = {0, 0, 0};
  int code = check("elbo", m, clgen_dataset_get_info(data));
  if (!code) code = build(&j, m, store, seed, false);
  for (int64_t at = 0; !code && at < total; at += BATCH) {
    float reconstruction[BATCH], kl[BATCH];
    int64_t n = total - at < BATCH ? total - at : BATCH;
    code = run_batch(&j, data, at, n, reconstruction, kl);
    for (int64_t k = 0; !code && k < n; ++k) {
      take(&r, (double)reconstruction[k] + (double)kl[k]);
      sum[0] += (double)reconstruction[k];
      sum[1] += (double)kl[k];
    }
    if (!code && progress) progress(user, at + n, total);
  }
  if (!code && !isfinite(r.mean)) code = clgen_fail(CLGEN_E_NONFINITE, "elbo: the bound is not finite");
  if (!code) {
    *out = (clgen_elbo){.images = total, .negative_elbo = r.mean};
    out->reconstruction = sum[0] / (double)total;
    out->kl = sum[1] / (double)total;
    out->standard_error = error_of(&r);
  }
  estimator_free(&j);
  return code;
}

/* sum[k] becomes log(exp(sum[k]) + exp(x)). */
static double log_add(double sum, double x) {
  double high = sum > x ? sum : x, low = sum > x ? x : sum;
  return low == -INFINITY ? high : high + log1p(exp(low - high));
}

static int weigh_batch(estimator *j, int64_t batch, int samples, double sum[BATCH]) {
  float log_weight[BATCH];
  int code = CLGEN_OK;
  for (int k = 0; k < BATCH; ++k) sum[k] = -INFINITY;
  for (int s = 0; !code && s < samples; ++s) {
    code = draw(j, (uint32_t)(batch * samples + s));
    if (!code) code = clgen_program_read(j->program, j->log_weight, log_weight, sizeof log_weight);
    for (int k = 0; !code && k < BATCH; ++k) sum[k] = log_add(sum[k], (double)log_weight[k]);
  }
  return code;
}

int clgen_iwae_measure(const clgen_model *m, clgen_store *store, const clgen_dataset *data, int samples, uint64_t seed,
                       void (*progress)(void *user, int64_t done, int64_t total), void *user, clgen_iwae *out) {
  estimator j = {0};
  const int64_t total = clgen_dataset_get_info(data)->count;
  running r = {0, 0, 0};
  int code = check("iwae", m, clgen_dataset_get_info(data));
  if (!code && (samples < 1 || samples > 1000000))
    code = clgen_fail(CLGEN_E_INVALID, "iwae: %d samples per image; 1 to 1000000 are possible", samples);
  if (!code) code = build(&j, m, store, seed, true);
  for (int64_t at = 0; !code && at < total; at += BATCH) {
    double sum[BATCH];
    int64_t n = total - at < BATCH ? total - at : BATCH;
    code = load_batch(&j, data, at, n);
    if (!code) code = weigh_batch(&j, at / BATCH, samples, sum);
    for (int64_t k = 0; !code && k < n; ++k) take(&r, log((double)samples) - sum[k]);
    if (!code && progress) progress(user, at + n, total);
  }
  if (!code && !isfinite(r.mean)) code = clgen_fail(CLGEN_E_NONFINITE, "iwae: the bound is not finite");
  if (!code) *out = (clgen_iwae){total, samples, r.mean, error_of(&r)};
  estimator_free(&j);
  return code;
}

int clgen_elbo_plan(const clgen_model *m, clgen_store *store) {
  int code = CLGEN_OK;
  for (int weighted = 0; !code && weighted < 2; ++weighted) {
    estimator j = {0};
    code = build(&j, m, store, 0, weighted);
    estimator_free(&j);
  }
  return code;
}
