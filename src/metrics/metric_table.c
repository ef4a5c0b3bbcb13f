/* The metrics that compare two sets of images, as rows. */
#include "metrics/evaluator.h"

#include <math.h>
#include <string.h>

#include "metrics/metrics_internal.h"

enum { JACKKNIFE_GROUPS = 10, GROUPS_UP_TO_D = 1024 };

static clgen_points features_of(const clgen_evaluator *j, const clgen_sample *s) {
  return (clgen_points){.floats = s->features, .n = s->n, .d = clgen_features_get_info(j->options.features)->dim};
}
static clgen_points pixels_of(const clgen_evaluator *j, const clgen_sample *s) {
  return (clgen_points){.bytes = s->pixels, .n = s->n, .d = j->pixel_dim};
}

/* Groups cost d * d * 8 bytes each: without a standard error where that is much. */
static int moments_of(clgen_moments **out, const clgen_points *p) {
  int code = clgen_moments_create(out, p->d, p->d > GROUPS_UP_TO_D ? 1 : JACKKNIFE_GROUPS);
  return code ? code : clgen_moments_add(*out, p->floats, p->n);
}

static int fid(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out) {
  clgen_points a = features_of(j, real), b = features_of(j, fake);
  clgen_moments *m[2] = {NULL, NULL};
  int code = moments_of(&m[0], &a);
  if (!code) code = moments_of(&m[1], &b);
  if (!code) code = clgen_fid(m[0], m[1], out);
  clgen_moments_free(m[0]);
  clgen_moments_free(m[1]);
  return code;
}

static int kid(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out) {
  clgen_points a = features_of(j, real), b = features_of(j, fake);
  clgen_kid_result r;
  int code = clgen_kid(&a, &b, 0, 0, j->options.seed, &r);
  if (!code) *out = r.estimate;
  return code;
}

static int inception(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out) {
  (void)real;
  clgen_inception_result r;
  int64_t classes = clgen_features_get_info(j->options.features)->classes;
  int code = clgen_inception_score(fake->probabilities, fake->n, classes, 0, j->options.seed, &r);
  if (!code) *out = r.estimate;
  return code;
}

/* What has no labels has no accuracy. */
static int class_accuracy(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake,
                          clgen_estimate *out) {
  (void)real;
  *out = (clgen_estimate){.value = NAN, .se = NAN, .low = NAN, .high = NAN};
  int64_t classes = clgen_features_get_info(j->options.features)->classes;
  return fake->labels ? clgen_class_accuracy(fake->probabilities, fake->labels, fake->n, classes, out) : CLGEN_OK;
}

static int prdc(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out) {
  clgen_points a = features_of(j, real), b = features_of(j, fake);
  clgen_prdc_result r[2];
  int code = clgen_prdc(&a, &b, (const int[]){5, 3}, 2, r);
  for (int i = 0; !code && i < 2; ++i) {
    const clgen_estimate all[] = {r[i].precision, r[i].recall, r[i].density, r[i].coverage};
    memcpy(out + 4 * i, all, sizeof all);
  }
  return code;
}

static int ndb(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out) {
  clgen_points a = pixels_of(j, real), b = pixels_of(j, fake);
  clgen_ndb_result r = {0};
  if (real->n < 200) r.bins = (int)(real->n / 2 < 2 ? 2 : real->n / 2); /* more than there can be */
  int code = clgen_ndb(&a, &b, j->options.seed, &r, NULL);
  if (code) return code;
  out[0] = r.share;
  out[1] = r.jsd;
  return CLGEN_OK;
}

static int ms_ssim(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out) {
  (void)real;
  return clgen_ms_ssim_diversity(fake->pixels, fake->n, j->channels, j->height, j->width, 0, j->options.seed, out);
}

static int duplicates(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out) {
  clgen_points a = pixels_of(j, real), b = pixels_of(j, fake);
  clgen_duplicates_result r;
  int code = clgen_duplicates(&a, &b, 0, NULL, 0, &r);
  if (code) return code;
  out[0] = r.fake_share;
  out[1] = r.fake_rate;
  out[2] = r.support;
  return CLGEN_OK;
}

/* ---- Copies of training images ---- */

static clgen_points points_of(const clgen_dataset *ds) {
  clgen_images i = clgen_images_of(ds);
  return (clgen_points){.bytes = i.pixels, .n = i.n, .d = (int64_t)i.channels * i.height * i.width};
}

static int copies(const clgen_points *train, const clgen_points *fake, const clgen_points *held_out, clgen_estimate *out) {
  clgen_memorisation_result r;
  int code = clgen_memorisation(train, fake, held_out, NULL, NULL, &r);
  if (code) return code;
  out[0] = r.authentic;
  out[1] = r.ratio;
  out[2] = r.copying;
  out[3] = (clgen_estimate){.value = (double)r.exact, .se = NAN, .low = NAN, .high = NAN};
  if (!held_out) out[2].value = out[2].se = out[2].low = out[2].high = NAN;
  return CLGEN_OK;
}

static int memorisation(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out) {
  (void)real;
  const clgen_evaluator_options *o = &j->options;
  clgen_points train = points_of(o->train ? o->train : o->real), b = pixels_of(j, fake), held = {0};
  if (o->held_out) held = points_of(o->held_out);
  return copies(&train, &b, o->held_out ? &held : NULL, out);
}

/* Images that are surely no copies: those held out, else one half of the reals against the other. */
static int memorisation_floor(const clgen_evaluator *j, const clgen_sample *a, const clgen_sample *b, clgen_estimate *out) {
  const clgen_evaluator_options *o = &j->options;
  clgen_points train = pixels_of(j, a), fresh = pixels_of(j, b);
  if (o->held_out) {
    train = points_of(o->train ? o->train : o->real);
    fresh = points_of(o->held_out);
    if (fresh.n > o->num) fresh.n = o->num;
  }
  int code = copies(&train, &fresh, NULL, out);
  if (!code && o->held_out) out[2].value = 0.5; /* by its definition */
  return code;
}

static const clgen_metric_row rows[] = {
    {"fid", true, 1, {{"fid", -1}}, fid, NULL},
    {"kid", true, 1, {{"kid", -1}}, kid, NULL},
    {"is", true, 1, {{"is", 1}}, inception, NULL},
    {"prdc",
     true,
     8,
     {{"precision_k5", 1},
      {"recall_k5", 1},
      {"density_k5", 1},
      {"coverage_k5", 1},
      {"precision_k3", 1},
      {"recall_k3", 1},
      {"density_k3", 1},
      {"coverage_k3", 1}},
     prdc,
     NULL},
    {"gantest", true, 1, {{"class_accuracy", 1}}, class_accuracy, NULL},
    {"ndb", false, 2, {{"ndb", -1}, {"ndb_jsd", -1}}, ndb, NULL},
    {"msssim", false, 1, {{"msssim", 0}}, ms_ssim, NULL},
    {"dup", false, 3, {{"dup_share", 0}, {"dup_rate", 0}, {"dup_support", 0}}, duplicates, NULL},
    {"mem",
     false,
     4,
     {{"mem_authentic", 0}, {"mem_ratio", 0}, {"mem_copying", 0}, {"mem_exact", 0}},
     memorisation,
     memorisation_floor},
};

const clgen_metric_row *clgen_metric_row_at(int index) {
  return index >= 0 && (size_t)index < CLGEN_COUNT(rows) ? &rows[index] : NULL;
}
