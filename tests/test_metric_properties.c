/* What must hold of metrics whatever the numbers: equal sets, collapsed sets, noise, the order of rows, bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/metrics.h>

#include "base/base.h"
#include "config.h"

enum { N = 1100, D = 9 }; /* more than two blocks of distances, and odd */
static float *real, *alike, *collapsed, *noise;

static void ok(int rc) {
  if (rc) fail_msg("%d: %s", rc, clgen_last_error());
}

static void refused(int rc, int expected, const char *words) {
  if (rc != expected || !strstr(clgen_last_error(), words)) fail_msg("%d: %s", rc, clgen_last_error());
}

/* Clouds around ten points; `only` >= 0 keeps to one of them. The first three features are near 1000: far from 0, as means
 * of activations are; the last is dead. */
static float *clouds(uint32_t draw, int only) {
  float *x = malloc(N * D * sizeof *x);
  assert_non_null(x);
  clgen_normals_fill(3, 99, draw, N * D, x);
  for (int i = 0; i < N; ++i)
    for (int k = 0; k < D; ++k) {
      int cloud = only >= 0 ? only : i % 10;
      float centre = 6 * clgen_normal_at(3, 99, 1000, (uint64_t)(cloud * D + k));
      x[i * D + k] = k == D - 1 ? 0 : x[i * D + k] + centre + (k < 3 ? 1000 : 0);
    }
  return x;
}

static int set_up(void **state) {
  (void)state;
  real = clouds(1, -1);
  alike = clouds(2, -1);
  collapsed = clouds(3, 4);
  noise = malloc(N * D * sizeof *noise);
  clgen_normals_fill(3, 99, 4, N * D, noise);
  for (int i = 0; i < N * D; ++i) noise[i] = noise[i] * 20 + 990;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free(real);
  free(alike);
  free(collapsed);
  free(noise);
  return 0;
}

static clgen_points points(const float *x) { return (clgen_points){x, NULL, N, D}; }

typedef struct {
  double fid, fid_se, kid, precision, recall, density, coverage, ndb, jsd, duplicates, authentic, copying;
  int64_t exact;
} scores;

static double fid_of(const float *a, const float *b, double *se) {
  double value = 0;
#if CLGEN_HAVE_LAPACK
  clgen_moments *m[2];
  const float *x[2] = {a, b};
  clgen_estimate e;
  for (int i = 0; i < 2; ++i) {
    ok(clgen_moments_create(&m[i], D, 10));
    ok(clgen_moments_add(m[i], x[i], N));
  }
  ok(clgen_fid(m[0], m[1], &e));
  value = e.value;
  if (se) *se = e.se;
  clgen_moments_free(m[0]);
  clgen_moments_free(m[1]);
#else
  (void)a, (void)b, (void)se;
#endif
  return value;
}

static scores judge(const float *a, const float *b) {
  clgen_points x = points(a), y = points(b), held = points(alike);
  const int k = 5;
  clgen_kid_result kid;
  clgen_prdc_result prdc;
  clgen_ndb_result ndb = {.bins = 20};
  clgen_duplicates_result dup;
  clgen_memorisation_result mem;
  ok(clgen_kid(&x, &y, 20, 500, 1, &kid));
  ok(clgen_prdc(&x, &y, &k, 1, &prdc));
  ok(clgen_ndb(&x, &y, 1, &ndb, NULL));
  ok(clgen_duplicates(&x, &y, 0, NULL, 0, &dup));
  ok(clgen_memorisation(&x, &y, &held, NULL, NULL, &mem));
  scores s = {0,
              0,
              kid.estimate.value,
              prdc.precision.value,
              prdc.recall.value,
              prdc.density.value,
              prdc.coverage.value,
              ndb.ndb.value,
              ndb.jsd.value,
              dup.fake_rate.value,
              mem.authentic.value,
              mem.copying.value,
              mem.exact};
  s.fid = fid_of(a, b, &s.fid_se);
  return s;
}

static void check(bool good, const char *what, const scores *s) {
  if (!good)
    fail_msg(
        "%s; fid %g (%g) kid %g precision %g recall %g density %g coverage %g ndb %g jsd %g dup %g auth %g copying %g "
        "exact %lld",
        what, s->fid, s->fid_se, s->kid, s->precision, s->recall, s->density, s->coverage, s->ndb, s->jsd, s->duplicates,
        s->authentic, s->copying, (long long)s->exact);
}
#define CHECK(condition, s) check(condition, #condition, &(s))

static void what_sets_score(void **state) {
  (void)state;
  scores same = judge(real, real), good = judge(real, alike), one = judge(real, collapsed), bad = judge(real, noise);
  CHECK(same.fid < 1e-6, same);
  CHECK(same.precision == 1 && same.recall == 1 && same.coverage == 1, same);
  CHECK(same.ndb == 0 && same.jsd == 0, same);
  CHECK(same.exact == N && same.authentic == 0 && same.copying == 1, same);
  CHECK(good.precision > 0.9 && good.recall > 0.9 && good.coverage > 0.9 && fabs(good.density - 1) < 0.1, good);
  CHECK(good.ndb <= 4 && good.jsd < 0.02, good);
  CHECK(good.exact == 0 && fabs(good.authentic - 0.5) < 0.15 && fabs(good.copying - 0.5) < 1e-9, good);
  CHECK(one.precision > 0.9 && one.recall < 0.15 && one.coverage < 0.15, one);
  CHECK(one.ndb >= 15 && one.jsd > 0.3 && one.kid > 100 * fabs(good.kid), one);
  CHECK(one.duplicates > 5 * good.duplicates, one);
  CHECK(bad.precision < 0.05 && bad.coverage < 0.05 && bad.copying < 0.05, bad);
  CHECK(bad.kid > 100 * fabs(good.kid), bad);
#if CLGEN_HAVE_LAPACK
  CHECK(good.fid_se > 0 && good.fid_se < 1 && good.fid < 3 && one.fid > 50 && bad.fid > 1000, good);
#endif
}

static void order_does_not_matter(void **state) {
  (void)state;
  int64_t order[N];
  float *shuffled = malloc(N * D * sizeof *shuffled), *reals = malloc(N * D * sizeof *reals);
  ok(clgen_permutation(5, N, order));
  clgen_gather_rows(alike, D * sizeof *alike, order, N, shuffled);
  clgen_gather_rows(real, D * sizeof *real, order, N, reals);
  clgen_points a = points(real), b = points(alike), c = points(reals), d = points(shuffled);
  const int ks[2] = {3, 5};
  clgen_prdc_result x[2], y[2];
  ok(clgen_prdc(&a, &b, ks, 2, x));
  ok(clgen_prdc(&c, &d, ks, 2, y));
  for (int k = 0; k < 2; ++k) {
    assert_true(x[k].precision.value == y[k].precision.value && x[k].recall.value == y[k].recall.value);
    assert_true(x[k].coverage.value == y[k].coverage.value && fabs(x[k].density.value - y[k].density.value) < 1e-12);
  }
  clgen_duplicates_result p, q;
  ok(clgen_duplicates(&a, &b, 0.02, NULL, 0, &p));
  ok(clgen_duplicates(&c, &d, 0.02, NULL, 0, &q));
  assert_true(p.threshold == q.threshold && p.fake_pairs == q.fake_pairs && p.real_pairs == q.real_pairs);
  assert_true(p.real_pairs > 0);
  assert_true(fabs(fid_of(real, alike, NULL) - fid_of(reals, shuffled, NULL)) < 1e-8);
  free(shuffled);
  free(reals);
}

static void moments_in_any_portions(void **state) {
  (void)state;
  clgen_moments *a, *b;
  double mean[2][D], cov[2][D * D];
  ok(clgen_moments_create(&a, D, 4));
  ok(clgen_moments_create(&b, D, 4));
  ok(clgen_moments_add(a, real, N));
  for (int i = 0, n; i < N; i += n) {
    n = i % 7 + 1 < N - i ? i % 7 + 1 : N - i;
    ok(clgen_moments_add(b, real + i * D, n));
    if (i == 300) ok(clgen_moments_get(b, mean[1], cov[1])); /* a look does not disturb */
  }
  ok(clgen_moments_get(a, mean[0], cov[0]));
  ok(clgen_moments_get(b, mean[1], cov[1]));
  assert_memory_equal(mean[0], mean[1], sizeof mean[0]);
  assert_memory_equal(cov[0], cov[1], sizeof cov[0]);
  float bad[3 * D] = {0};
  bad[D + 2] = NAN;
  refused(clgen_moments_add(a, bad, 3), CLGEN_E_NONFINITE, "image 1101");
  assert_int_equal(clgen_moments_count(a), N);
  clgen_moments_free(a);
  clgen_moments_free(b);
}

/* A mean far from zero takes no digits from the covariance. */
static void moments_far_from_zero(void **state) {
  (void)state;
  float near_zero[200], far[200];
  double mean[2][2], cov[2][4];
  for (int i = 0; i < 200; ++i) far[i] = 2e6f + (near_zero[i] = 0.25f * (float)(i * i % 17 - 8));
  for (int s = 0; s < 2; ++s) {
    clgen_moments *m;
    ok(clgen_moments_create(&m, 2, 1));
    ok(clgen_moments_add(m, s ? far : near_zero, 100));
    ok(clgen_moments_get(m, mean[s], cov[s]));
    clgen_moments_free(m);
  }
  for (int i = 0; i < 2; ++i) assert_true(fabs(mean[1][i] - mean[0][i] - 2e6) < 1e-9);
  for (int i = 0; i < 4; ++i) assert_true(fabs(cov[1][i] - cov[0][i]) < 1e-12);
}

/* In one dimension the distance is (m1 - m2)^2 + (s1 - s2)^2. */
static void fid_by_hand(void **state) {
  (void)state;
#if CLGEN_HAVE_LAPACK
  const float x[4] = {-3, -1, 1, 3}, y[3] = {10, 12, 14};
  clgen_moments *a, *b;
  clgen_estimate e;
  ok(clgen_moments_create(&a, 1, 1));
  ok(clgen_moments_create(&b, 1, 1));
  ok(clgen_moments_add(a, x, 4));
  refused(clgen_fid(a, b, &e), CLGEN_E_INVALID, "at least 2 images");
  ok(clgen_moments_add(b, y, 1));
  refused(clgen_fid(a, b, &e), CLGEN_E_INVALID, "at least 2 images");
  ok(clgen_moments_add(b, y + 1, 2));
  ok(clgen_fid(a, b, &e));
  double expected = 144 + pow(sqrt(20.0 / 3) - 2, 2);
  assert_true(fabs(e.value - expected) < 1e-12 * expected);
  assert_string_equal(e.warning, "");
  clgen_moments *wide;
  ok(clgen_moments_create(&wide, 2, 1));
  refused(clgen_fid(a, wide, &e), CLGEN_E_INVALID, "dimension 1 and 2");
  clgen_moments_free(wide);
  clgen_moments_free(a);
  clgen_moments_free(b);
#endif
}

static void inception_by_hand(void **state) {
  (void)state;
  float sure[40 * 4] = {0}, even[40 * 4];
  for (int i = 0; i < 40; ++i) sure[i * 4 + i % 4] = 1;
  for (int i = 0; i < 160; ++i) even[i] = 0.25f;
  clgen_inception_result r;
  ok(clgen_inception_score(sure, 40, 4, 1, 0, &r));
  assert_true(fabs(r.estimate.value - 4) < 1e-12 && isnan(r.estimate.se));
  assert_string_equal(r.estimate.warning, "");
  ok(clgen_inception_score(even, 40, 4, 0, 0, &r));
  assert_true(fabs(r.estimate.value - 1) < 1e-12 && r.std < 1e-12);
  even[5] = -0.25f;
  refused(clgen_inception_score(even, 40, 4, 0, 0, &r), CLGEN_E_INVALID, "image 1 has the probability -0.25");
  even[5] = 0.5f;
  refused(clgen_inception_score(even, 40, 4, 0, 0, &r), CLGEN_E_INVALID, "image 1 sum to 1.25");
  even[5] = INFINITY;
  refused(clgen_inception_score(even, 40, 4, 0, 0, &r), CLGEN_E_NONFINITE, "image 1");
  refused(clgen_inception_score(sure, 5, 4, 6, 0, &r), CLGEN_E_INVALID, "5 images");
}

static void pixels_and_copies(void **state) {
  (void)state;
  enum { COUNT = 150, SIDE = 12, AREA = SIDE * SIDE };
  uint8_t *x = malloc(2 * COUNT * AREA), *y = x + COUNT * AREA;
  for (int i = 0; i < 2 * COUNT * AREA; ++i) x[i] = (uint8_t)(256 * clgen_uniform_at(1, 9, 0, (uint64_t)i));
  double v;
  ok(clgen_ms_ssim(x, x, 1, SIDE, SIDE, &v));
  assert_true(v == 1);
  ok(clgen_ms_ssim(x, y, 1, SIDE, SIDE, &v));
  assert_true(v >= 0 && v < 0.3);
  clgen_points a = {NULL, x, COUNT, AREA}, b = {NULL, y, COUNT, AREA};
  clgen_duplicates_result r;
  clgen_pair closest[3];
  memcpy(x + AREA, x, AREA); /* the two closest reals: 3 apart */
  x[AREA + 5] = x[5] < 128 ? x[5] + 3 : x[5] - 3;
  ok(clgen_duplicates(&a, &b, 1e-9, closest, 3, &r));
  assert_true(r.threshold == 3 && r.real_pairs == 1 && r.fake_pairs == 0);
  memcpy(y + 140 * AREA, y + 20 * AREA, AREA);
  ok(clgen_duplicates(&a, &b, 1e-9, closest, 3, &r));
  assert_true(r.fake_pairs == 1 && closest[0].i == 20 && closest[0].j == 140 && closest[0].distance == 0);
  assert_true(closest[1].distance > 0 && closest[1].distance <= closest[2].distance);
  for (int i = 0; i < COUNT; ++i) y[i * AREA] = 0; /* equal pixels elsewhere: different images */
  y[140 * AREA] = 255;
  y[20 * AREA + 1] ^= 128;
  ok(clgen_duplicates(&a, &b, 1e-9, NULL, 0, &r));
  assert_true(r.fake_pairs == 0 && isinf(r.support.value) && isinf(r.birthday));
  assert_true(fabs(r.support.low - COUNT * (COUNT - 1) / 6.0) < 1e-6);
  memcpy(y + 7 * AREA, x + 99 * AREA, AREA);
  clgen_memorisation_result m;
  int64_t nearest[COUNT];
  double distance[COUNT];
  ok(clgen_memorisation(&a, &b, NULL, nearest, distance, &m));
  assert_true(m.exact == 1 && nearest[7] == 99 && distance[7] == 0 && distance[8] > 0);
  free(x);
}

/* Bytes take other ways than floats do: through single precision, and around 128. The results are the same. */
static void bytes_are_numbers(void **state) {
  (void)state;
  enum { COUNT = 561, WIDE = 2000 }; /* products beyond what a float holds exactly */
  uint8_t *x = malloc(2 * COUNT * WIDE);
  float *f = malloc(2 * COUNT * WIDE * sizeof *f);
  for (int i = 0; i < 2 * COUNT * WIDE; ++i) {
    int level = i / WIDE % 7 * 41; /* near the ends and the middle */
    f[i] = x[i] = (uint8_t)(level + (int)(5 * clgen_uniform_at(2, 9, 0, (uint64_t)i)));
  }
  clgen_points a = {NULL, x, COUNT, WIDE}, b = {NULL, x + COUNT * WIDE, COUNT, WIDE};
  clgen_points c = {f, NULL, COUNT, WIDE}, d = {f + COUNT * WIDE, NULL, COUNT, WIDE};
  const int k = 4;
  clgen_prdc_result p[2];
  clgen_ndb_result n[2] = {{.bins = 9}, {.bins = 9}};
  clgen_duplicates_result u[2], at[2][8];
  clgen_memorisation_result m[2];
  int64_t counts[2][18], nearest[2][COUNT];
  double distance[2][COUNT];
  clgen_pair closest[2][20];
  for (int i = 0; i < 2; ++i) {
    const clgen_points *real_set = i ? &c : &a, *fake_set = i ? &d : &b;
    ok(clgen_prdc(real_set, fake_set, &k, 1, &p[i]));
    ok(clgen_ndb(real_set, fake_set, 1, &n[i], counts[i]));
    ok(clgen_duplicates(real_set, fake_set, 0.1, closest[i], 20, &u[i]));
    for (int q = 0; q < 8; ++q) { /* thresholds that are the distances of pairs: ranks are whole */
      ok(clgen_duplicates(real_set, fake_set, (q + 1) / 28.0, NULL, 0, &at[i][q]));
    }
    ok(clgen_memorisation(real_set, fake_set, NULL, nearest[i], distance[i], &m[i]));
  }
  assert_true(p[0].precision.value == p[1].precision.value && p[0].recall.value == p[1].recall.value);
  assert_true(p[0].coverage.value == p[1].coverage.value && p[0].density.value == p[1].density.value);
  assert_memory_equal(counts[0], counts[1], sizeof counts[0]);
  assert_true(u[0].threshold == u[1].threshold && u[0].fake_pairs == u[1].fake_pairs && u[0].fake_pairs > 0);
  for (int q = 0; q < 8; ++q)
    assert_true(at[0][q].real_pairs == at[1][q].real_pairs && at[0][q].fake_pairs == at[1][q].fake_pairs);
  assert_memory_equal(closest[0], closest[1], sizeof closest[0]);
  assert_memory_equal(nearest[0], nearest[1], sizeof nearest[0]);
  assert_memory_equal(distance[0], distance[1], sizeof distance[0]);
  assert_true(m[0].authentic.value == m[1].authentic.value && m[0].ratio.value == m[1].ratio.value);
  free(x);
  free(f);
}

static void scales_fit(void **state) {
  (void)state;
  assert_int_equal(clgen_ms_ssim_scales(8, 8), 1);
  assert_int_equal(clgen_ms_ssim_scales(28, 28), 2);
  assert_int_equal(clgen_ms_ssim_scales(32, 1000), 2);
  assert_int_equal(clgen_ms_ssim_scales(64, 64), 3);
  assert_int_equal(clgen_ms_ssim_scales(175, 176), 5);
  assert_int_equal(clgen_ms_ssim_scales(160, 176), 4);
  assert_int_equal(clgen_ms_ssim_scales(4096, 4096), 5);
  const uint8_t a[2] = {0, 255};
  double v;
  ok(clgen_ms_ssim(a, a + 1, 1, 1, 1, &v));
  assert_true(v >= 0 && v < 0.01);
  uint8_t waves[2][32 * 32];
  for (int i = 0; i < 32 * 32; ++i) waves[1][i] = (uint8_t)(255 - (waves[0][i] = (uint8_t)(i % 4 < 2 ? 90 : 165)));
  ok(clgen_ms_ssim(waves[0], waves[1], 1, 32, 32, &v)); /* opposites: the fine scale's structure is negative */
  assert_true(v == 0);
  clgen_estimate e;
  refused(clgen_ms_ssim_diversity(a, 1, 1, 1, 1, 10, 0, &e), CLGEN_E_INVALID, "1 images");
  refused(clgen_ms_ssim_diversity(a, 2, 5, 1, 1, 10, 0, &e), CLGEN_E_INVALID, "5 channels");
}

static void bad_input(void **state) {
  (void)state;
  float x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const uint8_t bytes[12] = {0};
  clgen_points one = {x, NULL, 1, 2}, six = {x, NULL, 6, 2}, four = {x, NULL, 4, 3}, none = {x, NULL, 6, 0};
  clgen_points both = {x, bytes, 6, 2}, pixels = {NULL, bytes, 6, 2};
  clgen_kid_result kid;
  clgen_prdc_result prdc;
  clgen_ndb_result ndb = {.bins = 3};
  clgen_duplicates_result dup;
  clgen_memorisation_result mem;
  int64_t order[4];
  const int k = 3, big = 6, zero = 0;
  clgen_moments *m;
  refused(clgen_split_halves(0, 3, order), CLGEN_E_INVALID, "3 images");
  refused(clgen_moments_create(&m, 0, 1), CLGEN_E_INVALID, "dimension 0");
  refused(clgen_moments_create(&m, 2, 0), CLGEN_E_INVALID, "0 groups");
  refused(clgen_kid(&one, &six, 0, 0, 0, &kid), CLGEN_E_INVALID, "1 reals are too few");
  refused(clgen_kid(&six, &four, 0, 0, 0, &kid), CLGEN_E_INVALID, "dimension 2 and 3");
  refused(clgen_kid(&pixels, &pixels, 0, 0, 0, &kid), CLGEN_E_INVALID, "features");
  refused(clgen_kid(&six, &six, -1, 5, 0, &kid), CLGEN_E_INVALID, "-1 subsets");
  refused(clgen_prdc(&six, &one, &k, 1, &prdc), CLGEN_E_INVALID, "1 fakes are too few: at least 4");
  refused(clgen_prdc(&six, &six, &big, 1, &prdc), CLGEN_E_INVALID, "at least 7");
  refused(clgen_prdc(&six, &six, &zero, 1, &prdc), CLGEN_E_INVALID, "k = 0");
  refused(clgen_prdc(&both, &six, &k, 1, &prdc), CLGEN_E_INVALID, "floats or bytes");
  refused(clgen_prdc(&six, &pixels, &k, 1, &prdc), CLGEN_E_INVALID, "features and pixels");
  refused(clgen_prdc(&none, &six, &k, 1, &prdc), CLGEN_E_INVALID, "dimension 0");
  refused(clgen_ndb(&one, &six, 0, &ndb, NULL), CLGEN_E_INVALID, "1 reals");
  refused(clgen_duplicates(&six, &six, 2, NULL, 0, &dup), CLGEN_E_INVALID, "quantile");
  clgen_pair pairs[16];
  refused(clgen_duplicates(&six, &six, 0, pairs, 16, &dup), CLGEN_E_INVALID, "16 closest");
  refused(clgen_memorisation(&six, &four, NULL, NULL, NULL, &mem), CLGEN_E_INVALID, "dimension");
  refused(clgen_memorisation(&six, &six, &four, NULL, NULL, &mem), CLGEN_E_INVALID, "dimension");
  x[5] = INFINITY;
  refused(clgen_prdc(&six, &six, &k, 1, &prdc), CLGEN_E_NONFINITE, "row 2 of the reals");
}

/* All points one and the same: nothing may divide by 0, hang or leave its range. */
static void constant_sets(void **state) {
  (void)state;
  float same[40 * 3];
  for (int i = 0; i < 120; ++i) same[i] = 0.1f * (float)(i % 3);
  clgen_points p = {same, NULL, 40, 3};
  const int k = 3;
  clgen_prdc_result prdc;
  clgen_ndb_result ndb = {.bins = 5};
  clgen_duplicates_result dup;
  clgen_memorisation_result mem;
  clgen_kid_result kid;
  ok(clgen_prdc(&p, &p, &k, 1, &prdc));
  assert_true(prdc.precision.value == 1 && prdc.recall.value == 1 && prdc.coverage.value == 1);
  assert_true(fabs(prdc.density.value - 40. / 3) < 1e-12); /* in every one of 40 spheres without a radius */
  assert_non_null(strstr(prdc.coverage.warning, "equal features"));
  ok(clgen_ndb(&p, &p, 0, &ndb, NULL));
  assert_true(ndb.ndb.value == 0 && ndb.jsd.value == 0);
  ok(clgen_duplicates(&p, &p, 0, NULL, 0, &dup));
  assert_true(dup.fake_share.value == 1 && dup.support.value == 1);
  ok(clgen_memorisation(&p, &p, &p, NULL, NULL, &mem));
  assert_true(mem.exact == 40 && mem.authentic.value == 0 && mem.copying.value == 0.5 && mem.ratio.value == 0);
  ok(clgen_kid(&p, &p, 3, 10, 0, &kid));
  assert_true(fabs(kid.estimate.value) < 1e-12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_sets_score),
      cmocka_unit_test(order_does_not_matter),
      cmocka_unit_test(moments_in_any_portions),
      cmocka_unit_test(moments_far_from_zero),
      cmocka_unit_test(fid_by_hand),
      cmocka_unit_test(inception_by_hand),
      cmocka_unit_test(pixels_and_copies),
      cmocka_unit_test(bytes_are_numbers),
      cmocka_unit_test(scales_fit),
      cmocka_unit_test(bad_input),
      cmocka_unit_test(constant_sets),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
