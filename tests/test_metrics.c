/* Metrics against reference implementations (numpy and scipy; golden/make_metrics.py) on the same numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/metrics.h>
#include <clgen/safetensors.h>

#include "base/base.h"
#include "config.h"

enum { SEED = 7 };
static clgen_safetensors *golden;

static int set_up(void **state) {
  (void)state;
  char *path = clgen_format("%s/metrics.safetensors", getenv("CLGEN_TEST_GOLDEN"));
  int rc = clgen_safetensors_open(&golden, path);
  if (rc) print_error("%s\n", clgen_last_error());
  free(path);
  return rc;
}

static int tear_down(void **state) {
  (void)state;
  clgen_safetensors_close(golden);
  return 0;
}

static const clgen_st_tensor *find(const char *name) {
  const clgen_st_tensor *t = clgen_safetensors_find(golden, name);
  if (!t) fail_msg("no golden tensor %s", name);
  return t;
}

/* A copy, aligned and as long as it says, so that a reader of too much is found out; free it. */
static void *copy_of(const char *name) {
  const clgen_st_tensor *t = find(name);
  size_t size = clgen_st_dtype_size(t->dtype);
  for (int i = 0; i < t->shape.ndim; ++i) size *= (size_t)t->shape.dim[i];
  void *copy = malloc(size);
  assert_non_null(copy);
  return memcpy(copy, t->data, size);
}

static clgen_points points_of(const char *name) {
  const clgen_st_tensor *t = find(name);
  void *copy = copy_of(name);
  bool bytes = t->dtype == CLGEN_ST_U8;
  return (clgen_points){bytes ? NULL : copy, bytes ? copy : NULL, t->shape.dim[0], t->shape.dim[1]};
}

static void drop(clgen_points p) {
  free((void *)(uintptr_t)p.floats);
  free((void *)(uintptr_t)p.bytes);
}

static double number(const char *name, int64_t index) {
  double v;
  memcpy(&v, (const char *)find(name)->data + (size_t)index * sizeof v, sizeof v);
  return v;
}

static int64_t whole(const char *name, int64_t index) {
  int64_t v;
  memcpy(&v, (const char *)find(name)->data + (size_t)index * sizeof v, sizeof v);
  return v;
}

static void near_to(const char *name, int64_t index, double value, double relative) {
  double expected = number(name, index);
  if (!(fabs(value - expected) <= relative * fabs(expected)))
    fail_msg("%s[%lld]: %.17g, the reference says %.17g", name, (long long)index, value, expected);
}
static void near(const char *name, int64_t index, double value) { near_to(name, index, value, 1e-9); }

static void ok(int rc) {
  if (rc) fail_msg("%d: %s", rc, clgen_last_error());
}

static void halves(void **state) {
  (void)state;
  int64_t order[50];
  ok(clgen_split_halves(SEED, 50, order));
  for (int i = 0; i < 50; ++i) assert_int_equal(order[i], whole("order", i));
}

static clgen_moments *moments_of(const char *name, int groups) {
  clgen_points p = points_of(name);
  clgen_moments *m;
  ok(clgen_moments_create(&m, p.d, groups));
  for (int64_t i = 0; i < p.n; i += 57) ok(clgen_moments_add(m, p.floats + i * p.d, p.n - i < 57 ? p.n - i : 57));
  assert_int_equal(clgen_moments_count(m), p.n);
  drop(p);
  return m;
}

static void moments(void **state) {
  (void)state;
  clgen_moments *m = moments_of("real", 3);
  double mean[16], cov[256];
  ok(clgen_moments_get(m, mean, cov));
  for (int i = 0; i < 16; ++i) near("moments.mean", i, mean[i]);
  for (int i = 0; i < 256; ++i) near("moments.cov", i, cov[i]);
  clgen_moments_free(m);
}

static void fid(void **state) {
  (void)state;
  clgen_moments *real = moments_of("real", 5), *fake = moments_of("fake", 5), *one = moments_of("fake", 1);
  clgen_moments *small_real = moments_of("small.real", 1), *small_fake = moments_of("small.fake", 1);
  clgen_estimate e;
#if CLGEN_HAVE_LAPACK
  ok(clgen_fid(real, fake, &e));
  near("fid", 0, e.value);
  near("fid", 1, e.se);
  assert_true(fabs(e.high - e.value - 1.959964 * e.se) < 1e-5 && e.low < e.value);
  assert_string_equal(e.warning, "");
  ok(clgen_fid(real, one, &e));
  near("fid", 0, e.value);
  assert_true(isnan(e.se) && isnan(e.low) && isnan(e.high));
  ok(clgen_fid(small_real, small_fake, &e)); /* fewer images than features */
  near_to("fid.small", 0, e.value, 1e-9);
  assert_non_null(strstr(e.warning, "10 images are fewer than twice the 16 features"));
  ok(clgen_fid(small_real, fake, &e));
  near_to("fid.small", 1, e.value, 1e-9);
  ok(clgen_fid(fake, small_real, &e));
  near_to("fid.small", 1, e.value, 1e-9);
#else
  assert_int_equal(clgen_fid(real, fake, &e), CLGEN_E_UNSUPPORTED);
  assert_non_null(strstr(clgen_last_error(), "liblapacke-dev"));
#endif
  clgen_moments *all[] = {real, fake, one, small_real, small_fake};
  for (size_t i = 0; i < CLGEN_COUNT(all); ++i) clgen_moments_free(all[i]);
}

static void kid(void **state) {
  (void)state;
  clgen_points real = points_of("real"), fake = points_of("fake");
  clgen_kid_result r;
  ok(clgen_kid(&real, &fake, 20, 100, SEED, &r));
  near("kid", 0, r.estimate.value);
  near("kid", 1, r.std);
  near("kid", 2, r.estimate.se);
  assert_int_equal(r.size, 100);
  assert_string_equal(r.estimate.warning, "");
  ok(clgen_kid(&real, &fake, 0, 0, SEED, &r));
  assert_int_equal(r.size, 175);
  assert_non_null(strstr(r.estimate.warning, "subsets of 175"));
  drop(real);
  drop(fake);
}

static void inception(void **state) {
  (void)state;
  clgen_points p = points_of("probs");
  clgen_inception_result r;
  ok(clgen_inception_score(p.floats, p.n, p.d, 0, SEED, &r));
  near("is", 0, r.estimate.value);
  near("is", 1, r.std);
  near("is", 2, r.estimate.se);
  assert_non_null(strstr(r.estimate.warning, "203 images in 10 splits"));
  drop(p);
}

static void near_estimate(const char *name, int64_t row, const clgen_estimate *e) {
  near(name, 4 * row, e->value);
  near(name, 4 * row + 1, e->se);
  near(name, 4 * row + 2, e->low);
  near(name, 4 * row + 3, e->high);
}

static void precision_to_coverage(void **state) {
  (void)state;
  static const char *const names[2][2] = {{"real", "fake"}, {"bytes.real", "bytes.fake"}};
  static const char *const expected[2][2] = {{"prdc.3", "prdc.5"}, {"prdc.bytes.3", "prdc.bytes.5"}};
  for (int set = 0; set < 2; ++set) {
    clgen_points real = points_of(names[set][0]), fake = points_of(names[set][1]);
    for (int order = 0; order < 2; ++order) {
      const int ks[2] = {order ? 5 : 3, order ? 3 : 5};
      clgen_prdc_result r[2];
      ok(clgen_prdc(&real, &fake, ks, 2, r));
      for (int k = 0; k < 2; ++k) {
        const char *name = expected[set][ks[k] == 5];
        assert_int_equal(r[k].k, ks[k]);
        near_estimate(name, 0, &r[k].precision);
        near_estimate(name, 1, &r[k].recall);
        near_estimate(name, 2, &r[k].density);
        near_estimate(name, 3, &r[k].coverage);
        assert_non_null(strstr(r[k].recall.warning, "are too few"));
      }
    }
    drop(real);
    drop(fake);
  }
}

static void bins(void **state) {
  (void)state;
  clgen_points real = points_of("real"), fake = points_of("fake");
  clgen_ndb_result r = {.bins = 12};
  int64_t counts[24];
  ok(clgen_ndb(&real, &fake, SEED, &r, counts));
  for (int i = 0; i < 24; ++i) assert_int_equal(counts[i], whole("ndb.counts", i));
  near("ndb", 0, r.ndb.value);
  assert_true(fabs(r.share.value - r.ndb.value / 12) < 1e-15);
  near("ndb", 1, r.jsd.value);
  near("ndb", 2, r.jsd.se);
  assert_string_equal(r.ndb.warning, "");
  drop(real);
  drop(fake);
}

static void ms_ssim(void **state) {
  (void)state;
  static const char *const names[3][3] = {{"rgb", "msssim.rgb", "diversity.rgb"},
                                          {"grey", "msssim.grey", "diversity.grey"},
                                          {"tiny", "msssim.tiny", "diversity.tiny"}};
  for (int set = 0; set < 3; ++set) {
    clgen_shape shape = find(names[set][0])->shape;
    int c = (int)shape.dim[1], h = (int)shape.dim[2], w = (int)shape.dim[3];
    uint8_t *x = copy_of(names[set][0]);
    double v;
    for (int i = 0; i + 1 < shape.dim[0]; ++i) {
      ok(clgen_ms_ssim(x + i * c * h * w, x + (i + 1) * c * h * w, c, h, w, &v));
      near(names[set][1], i, v);
    }
    clgen_estimate e;
    ok(clgen_ms_ssim_diversity(x, shape.dim[0], c, h, w, 60, SEED, &e));
    near(names[set][2], 0, e.value);
    near(names[set][2], 1, e.se);
    assert_non_null(strstr(e.warning, "60 pairs"));
    free(x);
  }
}

static void duplicates(void **state) {
  (void)state;
  static const char *const names[2][5] = {{"real", "fake", "dup", "dup.pairs", "dup.closest"},
                                          {"bytes.real", "bytes.fake", "dup.bytes", "dup.bytes.pairs", "dup.bytes.closest"}};
  for (int set = 0; set < 2; ++set) {
    const char *name = names[set][2];
    clgen_points real = points_of(names[set][0]), fake = points_of(names[set][1]);
    clgen_duplicates_result r;
    clgen_pair closest[9];
    ok(clgen_duplicates(&real, &fake, 0.05, closest, 9, &r));
    const double values[] = {r.threshold,          (double)r.real_pairs, r.real_share.value, r.real_rate.value,
                             (double)r.fake_pairs, r.fake_share.value,   r.fake_rate.value,  r.real_rate.se,
                             r.fake_rate.se,       r.support.value};
    for (int i = 0; i < 10; ++i) near(name, i, values[i]);
    assert_true(fabs(r.birthday * r.birthday / r.support.value - 2 * log(2)) < 1e-12);
    assert_true(r.support.low < r.support.value && r.support.value < r.support.high);
    for (int i = 0; i < 9; ++i) {
      assert_int_equal(closest[i].i, whole(names[set][3], 2 * i));
      assert_int_equal(closest[i].j, whole(names[set][3], 2 * i + 1));
      near(names[set][4], i, closest[i].distance);
    }
    drop(real);
    drop(fake);
  }
}

static void memorisation(void **state) {
  (void)state;
  clgen_points train = points_of("real"), fake = points_of("fake"), held = points_of("held");
  int64_t *nearest = malloc((size_t)fake.n * sizeof *nearest);
  double *distance = malloc((size_t)fake.n * sizeof *distance);
  clgen_memorisation_result r;
  ok(clgen_memorisation(&train, &fake, &held, nearest, distance, &r));
  for (int64_t i = 0; i < fake.n; ++i) {
    assert_int_equal(nearest[i], whole("mem.nearest", i));
    near("mem.distance", i, distance[i]);
  }
  near_estimate("mem", 0, &r.authentic);
  const double rest[] = {r.ratio.value, r.ratio.low, r.ratio.high, r.copying.value, r.copying.se, (double)r.exact};
  for (int i = 0; i < 6; ++i) near("mem", 4 + i, rest[i]);
  ok(clgen_memorisation(&train, &fake, NULL, NULL, NULL, &r));
  near_estimate("mem", 0, &r.authentic);
  assert_true(isnan(r.copying.value));
  free(nearest);
  free(distance);
  drop(train);
  drop(fake);
  drop(held);
}

/* Three of four right, by hand; Wilson's interval of 3 in 4 is 0.3006 to 0.9544. */
static void class_accuracy(void **state) {
  (void)state;
  const float p[4][3] = {{0.2f, 0.5f, 0.3f}, {0.9f, 0, 0.1f}, {0.1f, 0.2f, 0.7f}, {0.4f, 0.3f, 0.3f}};
  clgen_estimate e;
  assert_int_equal(clgen_class_accuracy(p[0], (const int[]){1, 0, 2, 2}, 4, 3, &e), 0);
  assert_true(fabs(e.value - 0.75) < 1e-12 && fabs(e.low - 0.3006) < 1e-4 && fabs(e.high - 0.9544) < 1e-4);
  assert_int_equal(clgen_class_accuracy(p[0], (const int[]){-1, 3, 0, -1}, 4, 3, &e), 0);
  assert_true(fabs(e.value) < 1e-12);
  assert_int_equal(clgen_class_accuracy(p[0], NULL, 4, 3, &e), CLGEN_E_INVALID);
  const float bad[2] = {0, NAN};
  assert_int_equal(clgen_class_accuracy(bad, (const int[]){0}, 1, 2, &e), CLGEN_E_NONFINITE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(class_accuracy),
      cmocka_unit_test(halves),
      cmocka_unit_test(moments),
      cmocka_unit_test(fid),
      cmocka_unit_test(kid),
      cmocka_unit_test(inception),
      cmocka_unit_test(precision_to_coverage),
      cmocka_unit_test(bins),
      cmocka_unit_test(ms_ssim),
      cmocka_unit_test(duplicates),
      cmocka_unit_test(memorisation),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
