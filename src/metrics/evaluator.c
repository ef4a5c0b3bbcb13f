/* Sets of images against each other by a list of metrics, with floors. */
#include "metrics/evaluator.h"

#include <clgen/elbo.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

/* ---- The list ---- */

/* The next name of the list, or NULL; *list moves behind it. */
static const char *next_name(const char **list, size_t *length) {
  if (!**list) return NULL;
  const char *name = *list;
  *length = strcspn(name, ",");
  *list = name + *length + (name[*length] == ',');
  return name;
}

static bool is_bound(const char *name) { return strcmp(name, "elbo") == 0 || strcmp(name, "iwae") == 0; }

static const clgen_metric_row *row_of(const char *name, size_t length) {
  const clgen_metric_row *row;
  for (int i = 0; (row = clgen_metric_row_at(i)) != NULL; ++i)
    if (strlen(row->name) == length && strncmp(row->name, name, length) == 0) return row;
  return NULL;
}

int clgen_metrics_check(const char *list) {
  size_t n;
  const char *rest = list, *name;
  while ((name = next_name(&rest, &n)) != NULL) {
    char one[64];
    snprintf(one, sizeof one, "%.*s", (int)n, name);
    if (!row_of(name, n) && !is_bound(one))
      return clgen_fail(CLGEN_E_INVALID, "there is no metric '%s'; there are " CLGEN_METRIC_NAMES, one);
  }
  return list[0] ? CLGEN_OK : clgen_fail(CLGEN_E_INVALID, "the list of metrics is empty; there are " CLGEN_METRIC_NAMES);
}

bool clgen_metrics_include(const char *list, const char *name) {
  size_t n;
  const char *one;
  while ((one = next_name(&list, &n)) != NULL)
    if (strlen(name) == n && strncmp(one, name, n) == 0) return true;
  return false;
}

bool clgen_metrics_need_images(const char *list) {
  const clgen_metric_row *row;
  for (int i = 0; (row = clgen_metric_row_at(i)) != NULL; ++i)
    if (clgen_metrics_include(list, row->name)) return true;
  return false;
}

bool clgen_metrics_need_features(const char *list) {
  const clgen_metric_row *row;
  for (int i = 0; (row = clgen_metric_row_at(i)) != NULL; ++i)
    if (row->by_features && clgen_metrics_include(list, row->name)) return true;
  return false;
}

/* ---- The reals ---- */

typedef struct {
  const clgen_evaluator *j;
  const char *what;
} watcher;

static void pass_on(void *user, int64_t done, int64_t total) {
  const watcher *w = user;
  if (w->j->options.progress) w->j->options.progress(w->j->options.user, w->what, done, total);
}

/* Features of images that have the reals' geometry or their own; both arrays are new. */
static int look_at(const clgen_evaluator *j, const clgen_images *images, const char *what, float **features,
                   float **probabilities) {
  const clgen_evaluator_options *o = &j->options;
  if (!clgen_metrics_need_features(o->metrics)) return CLGEN_OK;
  if (!o->features) return clgen_fail(CLGEN_E_INVALID, "'%s' needs features of images", o->metrics);
  const clgen_features_info *f = clgen_features_get_info(o->features);
  const char *by_classes = clgen_metrics_include(o->metrics, "is") ? "is" : "gantest";
  if (!f->classes && clgen_metrics_include(o->metrics, by_classes))
    return clgen_fail(CLGEN_E_INVALID, "%s needs class probabilities, and the feature network %s has no logits", by_classes,
                      f->name);
  watcher w = {j, what};
  *features = clgen_alloc(images->n, f->dim, sizeof **features);
  *probabilities = clgen_alloc(images->n, f->classes, sizeof **probabilities);
  if (!*features || !*probabilities) return CLGEN_E_NOMEM;
  return clgen_features_run(o->features, images, *features, *probabilities, pass_on, &w);
}

static int gather_reals(clgen_evaluator *j) {
  const clgen_evaluator_options *o = &j->options;
  clgen_images all = clgen_images_of(o->real);
  j->channels = all.channels, j->height = all.height, j->width = all.width;
  j->pixel_dim = (int64_t)all.channels * all.height * all.width;
  j->n_real = all.n < o->num ? all.n : o->num;
  j->half = all.n / 2 < o->num ? all.n / 2 : o->num;
  int64_t n = j->n_real > 2 * j->half ? j->n_real : 2 * j->half;
  if (n < 4)
    return clgen_fail(CLGEN_E_INVALID, "%s: %lld real images are too few for an evaluation",
                      clgen_dataset_get_info(o->real)->path, (long long)all.n);
  int64_t *order = clgen_alloc(all.n, 1, sizeof *order);
  if (clgen_metrics_include(o->metrics, "gantest") && o->features && clgen_dataset_get_info(o->real)->has_labels) {
    j->labels = clgen_alloc(n, 1, sizeof *j->labels);
    if (!j->labels) return CLGEN_E_NOMEM;
  }
  j->pixels = clgen_alloc(n, j->pixel_dim, 1);
  int code = order && j->pixels ? clgen_permutation(o->seed, all.n, order) : CLGEN_E_NOMEM;
  if (!code) clgen_gather_rows(all.pixels, (size_t)j->pixel_dim, order, n, j->pixels);
  for (int64_t i = 0; !code && j->labels && i < n; ++i)
    j->labels[i] =
        clgen_features_find_class(o->features, clgen_dataset_class_name(o->real, clgen_dataset_label(o->real, order[i])));
  free(order);
  clgen_images pool = {j->pixels, n, all.channels, all.height, all.width};
  if (!code) code = look_at(j, &pool, "reals", &j->features, &j->probabilities);
  j->pool = (clgen_sample){n, j->pixels, j->features, j->probabilities, j->labels};
  return code;
}

static clgen_sample part_of_pool(const clgen_evaluator *j, int64_t first, int64_t n) {
  const clgen_features_info *f = j->features ? clgen_features_get_info(j->options.features) : NULL;
  clgen_sample s = {.n = n, .pixels = j->pixels + first * j->pixel_dim};
  if (f) s.features = j->features + first * f->dim;
  if (f) s.probabilities = j->probabilities + first * f->classes;
  if (j->labels) s.labels = j->labels + first;
  return s;
}

static int alike(const clgen_evaluator *j, const clgen_dataset *ds) {
  if (!ds) return CLGEN_OK;
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  if (i->channels == j->channels && i->height == j->height && i->width == j->width) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "%s: images of %dx%d with %d channels, but the others have %dx%d with %d", i->path,
                    i->width, i->height, i->channels, j->width, j->height, j->channels);
}

static int measure_floors(clgen_evaluator *j) {
  size_t length;
  int n = 0, code = CLGEN_OK;
  const char *list = j->options.metrics, *name;
  clgen_sample a = part_of_pool(j, 0, j->half), b = part_of_pool(j, j->half, j->half);
  while (!code && (name = next_name(&list, &length)) != NULL) {
    const clgen_metric_row *row = row_of(name, length);
    if (!row) continue;
    if (n + row->n_parts > CLGEN_MAX_SCORES) return clgen_fail(CLGEN_E_INVALID, "a metric is in the list twice");
    if (j->options.progress) j->options.progress(j->options.user, "floors", n, CLGEN_MAX_SCORES);
    code = row->floor ? row->floor(j, &a, &b, j->floor + n) : row->measure(j, &a, &b, j->floor + n);
    for (int k = 0; !code && k < row->n_parts; ++k)
      if (j->half < j->options.num)
        snprintf(j->floor[n + k].warning, sizeof j->floor[n + k].warning,
                 "the floor uses halves of %lld real images, fewer than the %lld evaluated images", (long long)j->half,
                 (long long)j->options.num);
    n += row->n_parts;
  }
  return code;
}

int clgen_evaluator_create(clgen_evaluator **out, const clgen_evaluator_options *options) {
  *out = NULL;
  int code = clgen_metrics_check(options->metrics);
  if (!code && options->num < 2)
    code = clgen_fail(CLGEN_E_INVALID, "%lld images cannot be evaluated", (long long)options->num);
  if (code) return code;
  clgen_evaluator *j = calloc(1, sizeof *j);
  if (!j) return clgen_fail_nomem(sizeof *j);
  j->options = *options;
  code = gather_reals(j);
  if (!code) code = alike(j, options->train);
  if (!code) code = alike(j, options->held_out);
  if (!code) code = measure_floors(j);
  if (code)
    clgen_evaluator_free(j);
  else
    *out = j;
  return code;
}

void clgen_evaluator_free(clgen_evaluator *j) {
  if (!j) return;
  free(j->pixels);
  free(j->features);
  free(j->probabilities);
  free(j->labels);
  free(j);
}

int64_t clgen_evaluator_reals(const clgen_evaluator *j) { return j->n_real; }

/* ---- The fakes ---- */

static int measure_all(const clgen_evaluator *j, const clgen_sample *fake, clgen_score *scores, int *n) {
  size_t length;
  int code = CLGEN_OK;
  const char *list = j->options.metrics, *name;
  const char *features = j->options.features ? clgen_features_get_info(j->options.features)->name : "";
  clgen_sample real = part_of_pool(j, 0, j->n_real);
  while (!code && (name = next_name(&list, &length)) != NULL) {
    const clgen_metric_row *row = row_of(name, length);
    clgen_estimate e[CLGEN_MAX_PARTS];
    if (!row) continue;
    if (j->options.progress) j->options.progress(j->options.user, row->name, 0, 1);
    double begin = clgen_seconds();
    code = row->measure(j, &real, fake, e);
    for (int k = 0; !code && k < row->n_parts; ++k) {
      clgen_score *s = &scores[*n];
      *s = (clgen_score){.better = row->part[k].better, .score = e[k], .floor = j->floor[*n]};
      s->seconds = clgen_seconds() - begin;
      snprintf(s->metric, sizeof s->metric, "%s", row->name);
      snprintf(s->part, sizeof s->part, "%s", row->part[k].name);
      snprintf(s->name, sizeof s->name, "%s[%.120s]", row->part[k].name, row->by_features ? features : "pixels");
      ++*n;
    }
  }
  return code;
}

int clgen_evaluator_run(clgen_evaluator *j, const clgen_images *given, const int *labels,
                        clgen_score scores[CLGEN_MAX_SCORES], int *n) {
  clgen_images fakes = *given;
  *n = 0;
  if (!labels && clgen_metrics_include(j->options.metrics, "gantest"))
    return clgen_fail(CLGEN_E_INVALID, "gantest needs the classes for which the images were generated");
  if (fakes.n < j->options.num)
    return clgen_fail(CLGEN_E_INVALID, "%lld images to evaluate, expected %lld", (long long)fakes.n,
                      (long long)j->options.num);
  fakes.n = j->options.num;
  float *features = NULL, *probabilities = NULL;
  uint8_t *fitted = clgen_alloc(fakes.n, j->pixel_dim, 1);
  int code = fitted ? CLGEN_OK : CLGEN_E_NOMEM;
  for (int64_t i = 0; !code && i < fakes.n; ++i)
    code = clgen_images_fit(&fakes, i, j->channels, j->height, j->width, fitted + i * j->pixel_dim);
  if (!code) code = look_at(j, &fakes, "fakes", &features, &probabilities);
  clgen_sample sample = {fakes.n, fitted, features, probabilities, labels};
  if (!code) code = measure_all(j, &sample, scores, n);
  free(fitted);
  free(features);
  free(probabilities);
  return code;
}

/* ---- Bounds ---- */

typedef struct {
  void (*progress)(void *user, const char *what, int64_t done, int64_t total);
  void *user;
  const char *what;
} bound_watcher;

static void pass_bound(void *user, int64_t done, int64_t total) {
  const bound_watcher *w = user;
  if (w->progress) w->progress(w->user, w->what, done, total);
}

static void add_bound(clgen_score *scores, int *n, const char *metric, const char *part, clgen_estimate e, double seconds) {
  clgen_score *s = &scores[(*n)++];
  *s = (clgen_score){.better = -1, .score = e, .floor = {.value = NAN, .se = NAN, .low = NAN, .high = NAN}};
  s->seconds = seconds;
  snprintf(s->metric, sizeof s->metric, "%s", metric);
  snprintf(s->part, sizeof s->part, "%s", part);
  snprintf(s->name, sizeof s->name, "%s", part);
}

/* The same bound as bits for each of an image's numbers, where the likelihood is of bytes. */
static void add_bits(clgen_score *scores, int *n, const char *metric, const char *part, const clgen_model *m,
                     clgen_estimate nats, double seconds) {
  const clgen_model_config *c = clgen_model_get_config(m);
  if (!clgen_likelihood_of(c->likelihood)->discrete) return;
  double scale = 1 / ((double)c->channels * c->height * c->width * log(2));
  add_bound(scores, n, metric, part, clgen_estimate_normal(nats.value * scale, nats.se * scale), seconds);
}

int clgen_evaluate_bounds(const clgen_model *m, clgen_store *store, const clgen_dataset *data, const char *metrics,
                          int samples, uint64_t seed,
                          void (*progress)(void *user, const char *what, int64_t done, int64_t total), void *user,
                          clgen_score scores[CLGEN_MAX_SCORES], int *n) {
  bound_watcher w = {progress, user, "elbo"};
  double begin = clgen_seconds(), took;
  int code = CLGEN_OK;
  if (*n + 6 > CLGEN_MAX_SCORES) return clgen_fail(CLGEN_E_INVALID, "too many scores at once");
  if (clgen_metrics_include(metrics, "elbo")) {
    clgen_elbo e;
    code = clgen_elbo_measure(m, store, data, seed, pass_bound, &w, &e);
    if (code) return code;
    took = clgen_seconds() - begin;
    add_bound(scores, n, "elbo", "elbo", clgen_estimate_normal(e.negative_elbo, e.standard_error), took);
    add_bound(scores, n, "elbo", "elbo_reconstruction", clgen_estimate_normal(e.reconstruction, NAN), took);
    add_bound(scores, n, "elbo", "elbo_kl", clgen_estimate_normal(e.kl, NAN), took);
    add_bits(scores, n, "elbo", "elbo_bits_per_dim", m, clgen_estimate_normal(e.negative_elbo, e.standard_error), took);
  }
  if (clgen_metrics_include(metrics, "iwae")) {
    clgen_iwae e;
    w.what = "iwae";
    begin = clgen_seconds();
    code = clgen_iwae_measure(m, store, data, samples, seed, pass_bound, &w, &e);
    if (code) return code;
    took = clgen_seconds() - begin;
    add_bound(scores, n, "iwae", "iwae", clgen_estimate_normal(e.negative_bound, e.standard_error), took);
    add_bits(scores, n, "iwae", "iwae_bits_per_dim", m, clgen_estimate_normal(e.negative_bound, e.standard_error), took);
  }
  return code;
}

/* ---- JSON ---- */

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *estimate_json(const clgen_estimate *e) {
  return json_pack("{s:o, s:o, s:o, s:o}", "value", number(e->value), "se", number(e->se), "low", number(e->low), "high",
                   number(e->high));
}

static json_t *score_json(const clgen_score *s) {
  static const char *const better[] = {"lower", "floor", "higher"};
  json_t *out = json_pack("{s:s}", "name", s->name), *warnings = json_array(), *estimate = estimate_json(&s->score);
  int failed = json_object_update(out, estimate);
  json_decref(estimate);
  failed |= json_object_set_new(out, "better", json_string(better[s->better + 1]));
  bool has_floor = !isnan(s->floor.value);
  failed |= json_object_set_new(out, "floor", has_floor ? estimate_json(&s->floor) : json_null());
  if (s->score.warning[0]) failed |= json_array_append_new(warnings, json_string(s->score.warning));
  if (has_floor && s->floor.warning[0] && strcmp(s->floor.warning, s->score.warning) != 0)
    failed |= json_array_append_new(warnings, json_string(s->floor.warning));
  failed |= json_object_set_new(out, "warnings", warnings);
  failed |= json_object_set_new(out, "seconds", json_real(s->seconds));
  if (!failed) return out;
  json_decref(out);
  return NULL;
}

char *clgen_scores_to_json(const clgen_score *scores, int n) {
  json_t *out = json_object();
  int failed = out ? 0 : -1;
  for (int i = 0; i < n; ++i) failed |= json_object_set_new(out, scores[i].part, score_json(&scores[i]));
  char *text = failed ? NULL : json_dumps(out, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
  json_decref(out);
  if (!text) clgen_fail_nomem(1024);
  return text;
}
