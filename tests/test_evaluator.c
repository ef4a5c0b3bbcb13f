/* The list of metrics, its rows and floors, sets that are equal, collapsed and alien, bounds, JSON, and refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "files.h"

#include <clgen/assess.h>
#include <jansson.h>

#define ALL "fid,kid,is,prdc,ndb,msssim,dup,mem"
enum { NUM = 120 };
static clgen_device *device;
static clgen_features *eyes;
static clgen_dataset *real; /* 10000 digits, of which 600 */

static void ok(int rc) {
  if (rc) fail_msg("%d: %s", rc, clgen_last_error());
}

static void refused(int rc, int expected, const char *words) {
  if (rc != expected || !strstr(clgen_last_error(), words)) fail_msg("%d: %s", rc, clgen_last_error());
}

static char *digits(void) { return clgen_format("%s/mnist", getenv("CLGEN_TEST_EXAMPLES")); }

static int set_up(void **state) {
  if (files_set_up(state)) return -1;
  char *data = digits(), *path = NULL;
  clgen_dataset_options o = {.subset = 600};
  int code = clgen_device_open(&device, "host", NULL) || clgen_dataset_open(&real, data, &o) ||
             clgen_features_find(&path, "mnist-cnn") || clgen_features_open(&eyes, device, path, 100);
  if (code) print_error("%s\n", clgen_last_error());
  free(data);
  free(path);
  return code;
}

static int tear_down(void **state) {
  clgen_features_free(eyes);
  clgen_dataset_close(real);
  clgen_device_close(device);
  return files_tear_down(state);
}

static const clgen_score *part(const clgen_score *scores, int n, const char *name) {
  for (int i = 0; i < n; ++i)
    if (strcmp(scores[i].part, name) == 0) return &scores[i];
  fail_msg("there is no %s", name);
  return NULL;
}
static double value(const clgen_score *scores, int n, const char *name) { return part(scores, n, name)->score.value; }
static double floor_of(const clgen_score *scores, int n, const char *name) { return part(scores, n, name)->floor.value; }

static clgen_evaluator *make_judge(const char *metrics) {
  clgen_evaluator *j;
  clgen_evaluator_options o = {.metrics = metrics, .real = real, .features = eyes, .num = NUM};
  ok(clgen_evaluator_create(&j, &o));
  return j;
}

/* ---- The list ---- */

static void list(void **state) {
  (void)state;
  ok(clgen_metrics_check("fid"));
  ok(clgen_metrics_check(ALL ",elbo,iwae"));
  refused(clgen_metrics_check("fid,kit"), CLGEN_E_INVALID, "'kit'");
  refused(clgen_metrics_check("fi"), CLGEN_E_INVALID, CLGEN_METRIC_NAMES);
  refused(clgen_metrics_check("fid,,is"), CLGEN_E_INVALID, "''");
  refused(clgen_metrics_check(""), CLGEN_E_INVALID, "list of metrics is empty");
  assert_true(clgen_metrics_include("fid,is", "is") && !clgen_metrics_include("fid,is", "kid"));
  assert_false(clgen_metrics_include("iss", "is"));
  assert_true(clgen_metrics_need_features("ndb,is") && !clgen_metrics_need_features("ndb,dup,elbo"));
  assert_true(clgen_metrics_need_images("elbo,ndb") && !clgen_metrics_need_images("elbo,iwae"));
}

/* ---- What sets of images score ---- */

static int judge_set(clgen_evaluator *j, const uint8_t *pixels, int64_t n, clgen_score *scores) {
  clgen_images fakes = {pixels, n, 1, 28, 28};
  int count = 0;
  ok(clgen_evaluator_run(j, &fakes, NULL, scores, &count));
  return count;
}

static void sets(void **state) {
  (void)state;
  static uint8_t one_digit[NUM * 784], noise[NUM * 784], fresh[NUM * 784];
  char *data = digits();
  clgen_dataset *all = open_dataset(data, NULL);
  free(data);
  int64_t got = 0, others = 0;
  for (int64_t i = 0; i < 10000 && (got < NUM || others < NUM); ++i) {
    if (clgen_dataset_label(all, i) == 3 && got < NUM)
      memcpy(one_digit + 784 * got++, clgen_dataset_image(all, i), 784);
    else if (others < NUM)
      memcpy(fresh + 784 * others++, clgen_dataset_image(all, i), 784);
  }
  assert_int_equal(got, NUM);
  clgen_dataset_close(all);
  for (size_t i = 0; i < sizeof noise; ++i) noise[i] = (uint8_t)(256 * clgen_uniform_at(1, 1, 1, i));
  clgen_evaluator *j = make_judge(ALL);
  clgen_score good[CLGEN_MAX_SCORES], bad[CLGEN_MAX_SCORES], collapsed[CLGEN_MAX_SCORES];
  int n = judge_set(j, fresh, NUM, good);
  assert_int_equal(n, 21);
  assert_int_equal(judge_set(j, noise, NUM, bad), n);
  assert_int_equal(judge_set(j, one_digit, NUM, collapsed), n);
  for (int i = 0; i < n; ++i) { /* the order is the list's, and the floors are the reals' */
    assert_string_equal(good[i].part, bad[i].part);
    assert_true(strstr(ALL, good[i].metric) && good[i].seconds >= 0);
    assert_memory_equal(&good[i].floor.value, &bad[i].floor.value, sizeof(double));
    bool features = strstr(good[i].name, "[mnist-cnn]") != NULL, pixels = strstr(good[i].name, "[pixels]") != NULL;
    assert_true(features == (i < 11) && pixels == (i >= 11));
  }
  assert_true(value(good, n, "fid") < 4 * floor_of(good, n, "fid"));
  assert_true(value(bad, n, "fid") > 20 * floor_of(bad, n, "fid"));
  assert_true(value(collapsed, n, "fid") > 10 * floor_of(bad, n, "fid"));
  assert_true(value(bad, n, "kid") > 100 * fabs(value(good, n, "kid")));
  assert_true(value(good, n, "is") > 5 && value(bad, n, "is") < 2 && value(collapsed, n, "is") < 2);
  assert_true(value(good, n, "coverage_k5") > 0.5 && value(bad, n, "precision_k5") < 0.1);
  assert_true(value(collapsed, n, "precision_k5") > 0.8 && value(collapsed, n, "recall_k5") < 0.3);
  assert_true(value(collapsed, n, "coverage_k5") < 0.3);
  assert_true(value(collapsed, n, "msssim") > floor_of(collapsed, n, "msssim"));
  assert_true(value(bad, n, "ndb_jsd") > value(good, n, "ndb_jsd"));
  assert_true(value(good, n, "mem_ratio") < value(bad, n, "mem_ratio"));
  clgen_evaluator_free(j);
}

/* The reals themselves: no distance, and every image is a copy. */
static void reals_as_fakes(void **state) {
  (void)state;
  clgen_evaluator *j;
  clgen_evaluator_options o = {.metrics = "mem,fid,prdc", .real = real, .features = eyes, .num = 600};
  clgen_score s[CLGEN_MAX_SCORES];
  ok(clgen_evaluator_create(&j, &o));
  assert_int_equal(clgen_evaluator_reals(j), 600);
  int n = judge_set(j, clgen_dataset_image(real, 0), 600, s);
  assert_string_equal(s[0].part, "mem_authentic"); /* as listed */
  assert_true(value(s, n, "mem_exact") == 600 && value(s, n, "mem_authentic") == 0);
  assert_true(isnan(value(s, n, "mem_copying"))); /* nothing was held out */
  assert_true(fabs(value(s, n, "fid")) < 1e-3 && value(s, n, "precision_k3") == 1 && value(s, n, "coverage_k3") == 1);
  assert_non_null(strstr(part(s, n, "fid")->floor.warning, "halves of 300"));
  clgen_evaluator_free(j);
}

/* Fakes of another size and with colours are brought to the reals'. */
static void other_geometry(void **state) {
  (void)state;
  static uint8_t colour[NUM * 3 * 784];
  clgen_score grey[CLGEN_MAX_SCORES], rgb[CLGEN_MAX_SCORES];
  clgen_evaluator *j = make_judge("fid,ndb");
  for (int i = 0; i < NUM; ++i)
    for (int c = 0; c < 3; ++c) memcpy(colour + (3 * i + c) * 784, clgen_dataset_image(real, i), 784);
  int n = judge_set(j, clgen_dataset_image(real, 0), NUM, grey), m = 0;
  clgen_images fakes = {colour, NUM, 3, 28, 28};
  ok(clgen_evaluator_run(j, &fakes, NULL, rgb, &m));
  assert_int_equal(m, n);
  for (int i = 0; i < n; ++i) assert_true(grey[i].score.value == rgb[i].score.value);
  clgen_evaluator_free(j);
}

static void judge_refuses(void **state) {
  (void)state;
  clgen_evaluator *j;
  clgen_evaluator_options o = {.metrics = "fid", .real = real, .features = eyes, .num = NUM};
  o.num = 1;
  refused(clgen_evaluator_create(&j, &o), CLGEN_E_INVALID, "1 images");
  o.num = NUM, o.metrics = "fid,fad";
  refused(clgen_evaluator_create(&j, &o), CLGEN_E_INVALID, "'fad'");
  o.metrics = "prdc,prdc,prdc,prdc,prdc";
  refused(clgen_evaluator_create(&j, &o), CLGEN_E_INVALID, "twice");
  o.metrics = "fid", o.features = NULL;
  refused(clgen_evaluator_create(&j, &o), CLGEN_E_INVALID, "features");
  assert_null(j);
  uint8_t dark = 1;
  put_picture("small/a.png", 8, 8, 1, &dark);
  put_picture("small/b.png", 8, 8, 1, &dark);
  clgen_dataset *small = open_dataset(file_at("small"), NULL);
  o.metrics = "mem", o.train = small;
  refused(clgen_evaluator_create(&j, &o), CLGEN_E_INVALID, "8x8");
  o.train = NULL, o.real = small;
  refused(clgen_evaluator_create(&j, &o), CLGEN_E_INVALID, "2 real images are too few");
  clgen_dataset_close(small);
  j = make_judge("ndb");
  clgen_score s[CLGEN_MAX_SCORES];
  int n;
  clgen_images fakes = {clgen_dataset_image(real, 0), NUM - 1, 1, 28, 28};
  refused(clgen_evaluator_run(j, &fakes, NULL, s, &n), CLGEN_E_INVALID, "119 images to evaluate, expected 120");
  clgen_evaluator_free(j);
}

/* ---- JSON ---- */

static void json(void **state) {
  (void)state;
  clgen_score s[2] = {{.metric = "fid", .part = "fid", .name = "fid[x]", .better = -1}};
  s[0].score = (clgen_estimate){.value = 1.5, .se = NAN, .low = 1, .high = INFINITY};
  snprintf(s[0].score.warning, sizeof s[0].score.warning, "few \"images\"");
  s[1] = s[0];
  snprintf(s[1].part, sizeof s[1].part, "two");
  s[0].floor.value = NAN;
  char *text = clgen_scores_to_json(s, 2);
  json_t *o = json_loads(text, 0, NULL), *fid = json_object_get(o, "fid"), *two = json_object_get(o, "two");
  assert_non_null(o);
  assert_true(json_number_value(json_object_get(fid, "value")) == 1.5);
  assert_true(json_is_null(json_object_get(fid, "se")) && json_is_null(json_object_get(fid, "high")));
  assert_true(json_is_null(json_object_get(fid, "floor")) && json_is_object(json_object_get(two, "floor")));
  assert_string_equal(json_string_value(json_array_get(json_object_get(fid, "warnings"), 0)), "few \"images\"");
  assert_string_equal(json_string_value(json_object_get(fid, "better")), "lower");
  json_decref(o);
  free(text);
}

/* ---- The data, the features and the metrics put together ---- */

static void a_network(void **state) {
  (void)state;
  char *data = digits();
  clgen_model *m;
  clgen_store *store;
  clgen_assessor *a;
  clgen_model_config c = {.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 28, .width = 28, .nz = 2, .hidden = 4};
  clgen_assess_options o = {.data = data, .split = "test", .metrics = "elbo,ndb,iwae", .num = 80, .samples = 3};
  clgen_score s[2][CLGEN_MAX_SCORES];
  int n[2];
  ok(clgen_model_create(&m, &c));
  ok(clgen_store_create(&store, device));
  ok(clgen_model_init(m, store, 1));
  ok(clgen_assessor_create(&a, device, m, &o));
  assert_true(clgen_assessor_get_info(a).images == 80 && clgen_assessor_get_info(a).bound_images == 80);
  assert_true(clgen_assessor_get_info(a).samples == 3 && !clgen_assessor_get_info(a).features);
  for (int i = 0; i < 2; ++i) ok(clgen_assessor_network(a, store, s[i], &n[i])); /* as often as one likes */
  assert_int_equal(n[0], 6);
  for (int i = 0; i < 6; ++i) assert_true(s[0][i].score.value == s[1][i].score.value);
  double elbo = value(s[0], 6, "elbo");
  assert_float_equal(elbo, value(s[0], 6, "elbo_reconstruction") + value(s[0], 6, "elbo_kl"), 1e-6 * elbo);
  assert_true(value(s[0], 6, "iwae") < elbo + 3 * part(s[0], 6, "elbo")->score.se);
  clgen_assessor_free(a);
  o.metrics = "elbo", o.num = 1;
  refused(clgen_assessor_create(&a, device, m, &o), CLGEN_E_INVALID, "1 images");
  clgen_store_free(store);
  clgen_model_free(m);
  c = (clgen_model_config){.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 2, .nz = 2};
  ok(clgen_model_create(&m, &c));
  o.num = 80;
  refused(clgen_assess_check(m, &o), CLGEN_E_INVALID, "need a VAE");
  refused(clgen_assess_check(NULL, &o), CLGEN_E_INVALID, "set of images");
  o.metrics = "fid";
  ok(clgen_assess_check(m, &o));
  clgen_model_free(m);
  free(data);
}

/* More images than are wanted: some are chosen, by the seed and not the reals' choice. */
static void some_of_many(void **state) {
  (void)state;
  char *data = digits();
  clgen_assessor *a;
  clgen_score s[CLGEN_MAX_SCORES], again[CLGEN_MAX_SCORES];
  int n;
  clgen_assess_options o = {.data = data, .split = "test", .metrics = "mem,ndb", .num = 100};
  clgen_images images = clgen_images_of(real);
  ok(clgen_assessor_create(&a, device, NULL, &o));
  ok(clgen_assessor_images(a, &images, s, &n));
  assert_true(value(s, n, "mem_exact") == 100); /* they are all among the data */
  ok(clgen_assessor_images(a, &images, again, &n));
  for (int i = 0; i < n; ++i) assert_memory_equal(&s[i].score.value, &again[i].score.value, sizeof(double));
  refused(clgen_assessor_network(a, NULL, s, &n), CLGEN_E_INVALID, "not for a network");
  clgen_assessor_free(a);
  free(data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(list),           cmocka_unit_test(sets),          cmocka_unit_test(reals_as_fakes),
      cmocka_unit_test(other_geometry), cmocka_unit_test(judge_refuses), cmocka_unit_test(json),
      cmocka_unit_test(a_network),      cmocka_unit_test(some_of_many),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
