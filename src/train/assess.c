/* The data, the features and the metrics put together. */
#include <clgen/assess.h>
#include <clgen/elbo.h>
#include <stdlib.h>
#include <string.h>

#include "train/train_internal.h"

enum { MAKE_AT_A_TIME = 64, SAMPLES = 50 };

struct clgen_assessor {
  clgen_assess_options options; /* its texts are the assessor's own */
  char *data, *split, *classes, *metrics, *feature_spec;
  clgen_device *device;
  const clgen_model *model;
  bool bounds;
  int64_t num;
  clgen_dataset *real, *part;  /* the split; `num` of it, for the bounds */
  clgen_dataset *train, *test; /* of mem and of the features */
  clgen_features *features;
  clgen_evaluator *evaluator;
  int *feature_class;         /* of gantest: what the feature network's number of each class of the model is */
  clgen_generator *generator; /* made when first used */
};

/* ---- Reals ---- */

static int open_split(const clgen_assessor *a, clgen_dataset **out, const char *split, int64_t subset, bool quiet) {
  const clgen_assess_options *o = &a->options;
  clgen_dataset_options d = {.split = split, .subset = subset, .seed = o->seed, .strict = o->strict};
  d.classes = o->classes;
  memcpy(d.background, o->background, sizeof d.background);
  if (!quiet) d.log = o->log;
  d.channels = o->channels;
  if (o->height == o->width) d.resolution = o->height;
  return clgen_dataset_open(out, o->data, &d);
}

static bool same_images(const clgen_dataset *a, const clgen_dataset *b) {
  clgen_images x = clgen_images_of(a), y = clgen_images_of(b);
  size_t bytes = (size_t)x.channels * (size_t)x.height * (size_t)x.width;
  return x.n == y.n && x.channels == y.channels && x.height == y.height && x.width == y.width &&
         memcmp(x.pixels, y.pixels, bytes * (size_t)x.n) == 0;
}

static int open_data(clgen_assessor *a) {
  const clgen_assess_options *o = &a->options;
  bool images = clgen_metrics_need_images(o->metrics), features = clgen_metrics_need_features(o->metrics);
  bool mem = clgen_metrics_include(o->metrics, "mem"), test = strcmp(o->split, "test") == 0;
  if (!images) return open_split(a, &a->part, o->split, o->num, false);
  int code = open_split(a, &a->real, o->split, 0, false);
  if (!code && a->bounds) code = open_split(a, &a->part, o->split, o->num, true);
  if (!code && test && (mem || features)) code = open_split(a, &a->train, "train", 0, true);
  if (!code && mem) code = open_split(a, &a->test, "test", 0, true);
  if (!code && a->test && same_images(a->test, a->train ? a->train : a->real)) {
    clgen_dataset_close(a->test); /* there is nothing that was held out */
    a->test = NULL;
  }
  return code;
}

/* Finds each class of the model among the classes of the feature network. */
static int match_classes(clgen_assessor *a) {
  int n = clgen_model_get_config(a->model)->classes;
  a->feature_class = malloc((size_t)n * sizeof *a->feature_class);
  if (!a->feature_class) return clgen_fail_nomem((size_t)n * sizeof *a->feature_class);
  for (int k = 0; k < n; ++k) {
    const char *name = clgen_model_class_name(a->model, k);
    a->feature_class[k] = clgen_features_find_class(a->features, name);
    if (a->feature_class[k] < 0)
      return clgen_fail(CLGEN_E_INVALID,
                        "gantest: the feature network %s does not have the generator's class '%s'; it needs a classifier of "
                        "the same classes: clgen train --cfg classifier, then --features FILE",
                        clgen_features_get_info(a->features)->name, name);
  }
  return CLGEN_OK;
}

static int open_evaluator(clgen_assessor *a) {
  const clgen_assess_options *o = &a->options;
  int code = CLGEN_OK;
  if (clgen_metrics_need_features(o->metrics))
    code = clgen_features_for(&a->features, a->device, o->features, a->train ? a->train : a->real, &o->log);
  if (!code && clgen_metrics_include(o->metrics, "gantest")) code = match_classes(a);
  clgen_evaluator_options j = {.metrics = o->metrics, .real = a->real, .features = a->features, .train = a->train};
  j.held_out = a->test;
  j.num = a->num;
  j.seed = o->seed;
  j.progress = o->progress;
  j.user = o->user;
  return code ? code : clgen_evaluator_create(&a->evaluator, &j);
}

/* ---- Making one ---- */

static bool has_bounds(const char *list) {
  return clgen_metrics_include(list, "elbo") || clgen_metrics_include(list, "iwae");
}

int clgen_assess_check(const clgen_model *m, const clgen_assess_options *o) {
  int code = clgen_metrics_check(o->metrics);
  if (code) return code;
  const char *arch = m ? clgen_arch_name(clgen_model_get_config(m)->arch) : "set of images";
  if (m && clgen_model_is_classifier(m)) return clgen_fail(CLGEN_E_INVALID, "a classifier does not generate images");
  if (has_bounds(o->metrics) && !(m && clgen_model_is_vae(m)))
    return clgen_fail(CLGEN_E_INVALID, "elbo and iwae need a VAE, and this is a %s", arch);
  if (clgen_metrics_include(o->metrics, "gantest") && !(m && clgen_model_is_conditional(m)))
    return clgen_fail(CLGEN_E_INVALID, "gantest needs a conditional network (clgen train --cond), not a %s", arch);
  return o->num < 0 || o->num == 1
             ? clgen_fail(CLGEN_E_INVALID, "cannot evaluate %lld images: at least 2 are needed", (long long)o->num)
             : CLGEN_OK;
}

static int copy_texts(clgen_assessor *a, const clgen_assess_options *o) {
  a->options.data = a->data = clgen_strdup(o->data);
  a->options.split = a->split = clgen_strdup(o->split);
  a->options.classes = a->classes = clgen_strdup(o->classes ? o->classes : "");
  a->options.metrics = a->metrics = clgen_strdup(o->metrics);
  a->options.features = a->feature_spec = clgen_strdup(o->features ? o->features : "");
  return a->data && a->split && a->classes && a->metrics && a->feature_spec ? CLGEN_OK : CLGEN_E_NOMEM;
}

int clgen_assessor_create(clgen_assessor **out, clgen_device *device, const clgen_model *m, const clgen_assess_options *o) {
  *out = NULL;
  clgen_assessor *a = calloc(1, sizeof *a);
  if (!a) return clgen_fail_nomem(sizeof *a);
  a->options = *o;
  a->device = device;
  a->model = m;
  if (m) {
    const clgen_model_config *c = clgen_model_get_config(m);
    a->options.channels = c->channels, a->options.height = c->height, a->options.width = c->width;
  }
  a->num = o->num ? o->num : CLGEN_ASSESS_NUM;
  a->bounds = has_bounds(o->metrics);
  if (!o->samples) a->options.samples = SAMPLES;
  int code = copy_texts(a, o);
  if (!code) code = clgen_assess_check(m, o);
  if (!code) code = open_data(a);
  if (!code && a->real) code = open_evaluator(a);
  if (code)
    clgen_assessor_free(a);
  else
    *out = a;
  return code;
}

void clgen_assessor_free(clgen_assessor *a) {
  if (!a) return;
  clgen_generator_free(a->generator);
  clgen_evaluator_free(a->evaluator);
  clgen_features_free(a->features);
  clgen_dataset_close(a->real);
  clgen_dataset_close(a->part);
  clgen_dataset_close(a->train);
  clgen_dataset_close(a->test);
  free(a->feature_class);
  free(a->data);
  free(a->split);
  free(a->classes);
  free(a->metrics);
  free(a->feature_spec);
  free(a);
}

clgen_assessor_info clgen_assessor_get_info(const clgen_assessor *a) {
  clgen_assessor_info i = {0};
  if (a->evaluator) i.images = a->num;
  if (a->evaluator) i.reals = clgen_evaluator_reals(a->evaluator);
  if (a->part) i.bound_images = clgen_dataset_get_info(a->part)->count;
  if (a->part) i.samples = a->options.samples;
  if (a->features) i.features = clgen_features_get_info(a->features);
  return i;
}

/* ---- Judging ---- */

/* labels: the classes asked for, as the feature network numbers them, where it does. */
static int make_images(clgen_assessor *a, clgen_store *store, uint8_t *pixels, int *labels) {
  const clgen_model_config *c = clgen_model_get_config(a->model);
  size_t bytes = (size_t)c->channels * (size_t)c->height * (size_t)c->width, nz = (size_t)c->nz;
  float *z = malloc(MAKE_AT_A_TIME * nz * sizeof *z);
  int classes[MAKE_AT_A_TIME];
  bool conditional = clgen_model_is_conditional(a->model);
  int code = z ? CLGEN_OK : clgen_fail_nomem(MAKE_AT_A_TIME * nz * sizeof *z);
  if (!code && !a->generator) code = clgen_generator_create(&a->generator, a->model, store, MAKE_AT_A_TIME);
  for (int64_t at = 0; !code && at < a->num; at += MAKE_AT_A_TIME) {
    int64_t n = a->num - at < MAKE_AT_A_TIME ? a->num - at : MAKE_AT_A_TIME;
    for (int64_t k = 0; k < n; ++k) clgen_latent_of_seed((uint64_t)(at + k), c->nz, z + (size_t)k * nz);
    for (int64_t k = 0; conditional && k < n; ++k) classes[k] = clgen_model_class_of_seed(a->model, (uint64_t)(at + k));
    for (int64_t k = 0; a->feature_class && k < n; ++k) labels[at + k] = a->feature_class[classes[k]];
    code = clgen_generator_run(a->generator, n, z, conditional ? classes : NULL, pixels + (size_t)at * bytes);
    if (a->options.progress) a->options.progress(a->options.user, "making", at + n, a->num);
  }
  free(z);
  return code;
}

int clgen_assessor_network(clgen_assessor *a, clgen_store *store, clgen_score scores[CLGEN_MAX_SCORES], int *n) {
  const clgen_assess_options *o = &a->options;
  *n = 0;
  if (!a->model) return clgen_fail(CLGEN_E_INVALID, "this assessor was created for sets of images, not for a network");
  int code = CLGEN_OK;
  if (a->evaluator) {
    const clgen_model_config *c = clgen_model_get_config(a->model);
    size_t bytes = (size_t)c->channels * (size_t)c->height * (size_t)c->width;
    uint8_t *pixels = malloc((size_t)a->num * bytes);
    clgen_images made = {pixels, a->num, c->channels, c->height, c->width};
    int *labels = malloc((size_t)a->num * sizeof *labels);
    code = pixels && labels ? make_images(a, store, pixels, labels) : clgen_fail_nomem((size_t)a->num * bytes);
    if (!code) code = clgen_evaluator_run(a->evaluator, &made, a->feature_class ? labels : NULL, scores, n);
    free(pixels);
    free(labels);
  }
  if (!code && a->part)
    code = clgen_evaluate_bounds(a->model, store, a->part, o->metrics, (int)o->samples, o->seed, o->progress, o->user,
                                 scores, n);
  return code;
}

int clgen_assessor_images(clgen_assessor *a, const clgen_images *images, clgen_score scores[CLGEN_MAX_SCORES], int *n) {
  *n = 0;
  if (!a->evaluator || images->n <= a->num)
    return a->evaluator
               ? clgen_evaluator_run(a->evaluator, images, NULL, scores, n)
               : clgen_fail(CLGEN_E_INVALID, "none of the metrics '%s' applies to a set of images", a->options.metrics);
  size_t bytes = (size_t)images->channels * (size_t)images->height * (size_t)images->width;
  int64_t *order = malloc((size_t)images->n * sizeof *order);
  uint8_t *some = malloc((size_t)a->num * bytes);
  clgen_images chosen = *images;
  /* Another order than the reals': the same set may be on both sides. */
  int code =
      order && some ? clgen_permutation(a->options.seed + 1, images->n, order) : clgen_fail_nomem((size_t)a->num * bytes);
  if (!code) clgen_gather_rows(images->pixels, bytes, order, a->num, some);
  chosen.pixels = some;
  chosen.n = a->num;
  if (!code) code = clgen_evaluator_run(a->evaluator, &chosen, NULL, scores, n);
  free(order);
  free(some);
  return code;
}

int clgen_assess_plan(const clgen_model *m, const clgen_assess_options *o, clgen_store *store, const clgen_dataset *data,
                      uint64_t *beside) {
  clgen_generator *generator = NULL;
  clgen_memory features = {0};
  int code = clgen_assess_check(m, o);
  if (!code && has_bounds(o->metrics)) code = clgen_elbo_plan(m, store);
  if (!code && clgen_metrics_need_images(o->metrics)) code = clgen_generator_create(&generator, m, store, MAKE_AT_A_TIME);
  clgen_generator_free(generator);
  if (!code && clgen_metrics_need_features(o->metrics))
    code = clgen_features_plan(clgen_store_device(store), o->features, data, &features);
  const clgen_memory own = clgen_store_memory(store);
  *beside = features.peak_bytes; /* but the working memory of single operations, which is the device's */
  *beside -= features.scratch_bytes < own.scratch_bytes ? features.scratch_bytes : own.scratch_bytes;
  return code;
}
