/* What clgen evaluate says. */
#include "evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const clgen_score *score_of(const evaluate_job *j, const char *part) {
  for (int i = 0; i < j->n_scores; ++i)
    if (strcmp(j->scores[i].part, part) == 0) return &j->scores[i];
  return NULL;
}

static void number_text(char *buf, size_t size, double x) {
  double a = fabs(x);
  if (isnan(x))
    snprintf(buf, size, "-");
  else if (isinf(x))
    snprintf(buf, size, "infinite");
  else
    snprintf(buf, size, a != 0 && (a < 1e-3 || a >= 1e6) ? "%.3g" : a >= 1000 ? "%.1f" : "%.4f", x);
}

/* The end of an interval. What is nothing beside the interval is the rounding of a 0. */
static void end_text(char *buf, size_t size, double x, double width) {
  number_text(buf, size, fabs(x) < 1e-6 * width ? 0 : x);
}

static void print_score(const clgen_score *s) {
  static const char *const better[] = {"lower", "floor", "higher"};
  char value[24], se[24], low[24], high[24], floor_text[24], interval[64];
  number_text(value, sizeof value, s->score.value);
  number_text(se, sizeof se, s->score.se);
  end_text(low, sizeof low, s->score.low, s->score.high - s->score.low);
  end_text(high, sizeof high, s->score.high, s->score.high - s->score.low);
  number_text(floor_text, sizeof floor_text, s->floor.value);
  snprintf(interval, sizeof interval, "[%s, %s]", low, high);
  printf("%-32s %12s  %-10s %-24s %12s  %s\n", s->name, value, se, isnan(s->score.low) ? "-" : interval, floor_text,
         better[s->better + 1]);
}

/* Each warning once, whatever the number of figures that it is about. */
static void print_warnings(const evaluate_job *j) {
  for (int floors = 0; floors < 2; ++floors)
    for (int i = 0; i < j->n_scores; ++i) {
      const char *text = floors ? j->scores[i].floor.warning : j->scores[i].score.warning;
      bool said = !text[0] || (floors && isnan(j->scores[i].floor.value));
      for (int k = 0; !said && k < i; ++k)
        said = strcmp(text, floors ? j->scores[k].floor.warning : j->scores[k].score.warning) == 0;
      if (!said) tool_message(j->who, "warning: %s: %s", floors ? "floor" : j->scores[i].name, text);
    }
}

int evaluate_print_text(const evaluate_job *j) {
  const clgen_score *bound = score_of(j, "elbo"), *iwae = score_of(j, "iwae");
  const clgen_assessor_info a = clgen_assessor_get_info(j->assessor);
  if (a.images) {
    printf("%lld images of %s against %lld of %s (%s%s%s)\n\n", (long long)a.images, j->model ? j->r->network : j->r->fakes,
           (long long)a.reals, j->r->data, j->r->split, j->r->classes[0] ? ", classes " : "", j->r->classes);
    printf("%-32s %12s  %-10s %-24s %12s  %s\n", "metric", "value", "+-", "95%", "floor", "better");
    for (int i = 0; i < j->n_scores; ++i)
      if (strcmp(j->scores[i].metric, "elbo") && strcmp(j->scores[i].metric, "iwae")) print_score(&j->scores[i]);
  }
  const clgen_score *bits = score_of(j, "elbo_bits_per_dim"), *iwae_bits = score_of(j, "iwae_bits_per_dim");
  if (bound)
    printf("-ELBO %.3f +- %.3f nats/image (reconstruction %.3f, KL %.3f), %lld images of %s\n", bound->score.value,
           bound->score.se, score_of(j, "elbo_reconstruction")->score.value, score_of(j, "elbo_kl")->score.value,
           (long long)a.bound_images, j->r->data);
  if (bits) printf("-ELBO %.4f +- %.4f bits/dimension\n", bits->score.value, bits->score.se);
  if (iwae)
    printf("IWAE bound %.3f +- %.3f nats/image (%lld samples), %lld images of %s\n", iwae->score.value, iwae->score.se,
           (long long)a.samples, (long long)a.bound_images, j->r->data);
  if (iwae_bits) printf("IWAE bound %.4f +- %.4f bits/dimension\n", iwae_bits->score.value, iwae_bits->score.se);
  print_warnings(j);
  return TOOL_OK;
}

/* The bound's terms under their own names. */
static int add_elbo(const evaluate_job *j, json_t *metrics) {
  const clgen_score *bound = score_of(j, "elbo"), *iwae = score_of(j, "iwae");
  const clgen_assessor_info a = clgen_assessor_get_info(j->assessor);
  int failed = 0;
  if (bound) {
    json_t *e = json_object_get(metrics, "elbo");
    failed |= json_object_set_new(e, "negative_elbo", json_real(bound->score.value));
    failed |= json_object_set_new(e, "standard_error", isfinite(bound->score.se) ? json_real(bound->score.se) : json_null());
    failed |= json_object_set_new(e, "reconstruction", json_real(score_of(j, "elbo_reconstruction")->score.value));
    failed |= json_object_set_new(e, "kl", json_real(score_of(j, "elbo_kl")->score.value));
    failed |= json_object_set_new(e, "images", json_integer((json_int_t)a.bound_images));
    failed |= json_object_set_new(e, "unit", json_string("nats/image"));
  }
  if (iwae) {
    json_t *e = json_object_get(metrics, "iwae");
    failed |= json_object_set_new(e, "samples", json_integer((json_int_t)a.samples));
    failed |= json_object_set_new(e, "images", json_integer((json_int_t)a.bound_images));
    failed |= json_object_set_new(e, "unit", json_string("nats/image"));
  }
  return failed;
}

int evaluate_print_json(const evaluate_job *j) {
  const clgen_assessor_info a = clgen_assessor_get_info(j->assessor);
  json_t *out = tool_device_json(j->device);
  char *text = clgen_scores_to_json(j->scores, j->n_scores);
  json_t *metrics = text ? json_loads(text, 0, NULL) : NULL;
  free(text);
  if (!out || !metrics || add_elbo(j, metrics)) {
    json_decref(out);
    json_decref(metrics);
    return tool_failed(j->who);
  }
  json_object_set_new(out, j->model ? "network" : "fakes", tool_text_json(j->model ? j->r->network : j->r->fakes));
  json_object_set_new(out, "data", tool_text_json(j->r->data));
  json_object_set_new(out, "split", json_string(j->r->split));
  if (j->r->classes[0]) json_object_set_new(out, "classes", json_string(j->r->classes));
  json_object_set_new(out, "seed", json_integer((json_int_t)j->r->seed));
  if (a.images) json_object_set_new(out, "images", json_integer((json_int_t)a.images));
  if (a.images) json_object_set_new(out, "reals", json_integer((json_int_t)a.reals));
  if (a.features) json_object_set_new(out, "features", tool_text_json(a.features->name));
  json_object_set_new(out, "metrics", metrics);
  return tool_json_print(j->who, out);
}
