/* Are the fakes copies of the training images? Alaa et al., ICML 2022; Meehan, Chaudhuri, Dasgupta, AISTATS 2020. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

/* Where n rows of `rows` listed in `which` are points of their own. */
static int nearest_of_listed(const clgen_rows *rows, const int64_t *which, int64_t n, double *square) {
  size_t size = (rows->floats ? sizeof(float) : 1) * (size_t)rows->d;
  const void *from = rows->floats ? (const void *)rows->floats : rows->bytes;
  void *copy = clgen_alloc(n, rows->d, rows->floats ? sizeof(float) : 1);
  int64_t *index = clgen_alloc(n, 1, sizeof *index);
  int rc = copy && index ? 0 : CLGEN_E_NOMEM;
  if (!rc) {
    clgen_gather_rows(from, size, which, n, copy);
    clgen_points points = {.floats = rows->floats ? copy : NULL, .bytes = rows->floats ? NULL : copy, .n = n, .d = rows->d};
    clgen_rows listed;
    if (!(rc = clgen_rows_init(&listed, &points, 1, "training images"))) {
      rc = clgen_nearest(&listed, rows, 1, which, square, index);
      clgen_rows_free(&listed);
    }
  }
  free(copy);
  free(index);
  return rc;
}

/* own[i]: squared distance of training image nearest[i] to its own nearest one. Only those that are somebody's nearest are
 * searched, each once. */
static int own_nearest(const clgen_rows *train, const int64_t *nearest, int64_t n, double *own) {
  int64_t *place = clgen_alloc(train->n, 1, sizeof *place), *which = clgen_alloc(n, 1, sizeof *which), found = 0;
  double *square = clgen_alloc(n, 1, sizeof *square);
  int rc = place && which && square ? 0 : CLGEN_E_NOMEM;
  for (int64_t i = 0; i < train->n && !rc; ++i) place[i] = -1;
  for (int64_t i = 0; i < n && !rc; ++i)
    if (place[nearest[i]] < 0) {
      which[found] = nearest[i];
      place[nearest[i]] = found++;
    }
  if (!rc) rc = nearest_of_listed(train, which, found, square);
  for (int64_t i = 0; i < n && !rc; ++i) own[i] = square[place[nearest[i]]];
  free(place);
  free(which);
  free(square);
  return rc;
}

/* The median, and the ranks between which it lies with 95%: n/2 -+ 0.98 sqrt n. Sorts. */
static clgen_estimate median(double *x, int64_t n) {
  qsort(x, (size_t)n, sizeof *x, clgen_compare_doubles);
  int64_t half = (int64_t)ceil(0.98 * sqrt((double)n));
  int64_t low = n / 2 - half, high = (n + 1) / 2 + half - 1;
  double a = x[(n - 1) / 2], b = x[n / 2];
  clgen_estimate e = {
      .value = a == b ? a : (a + b) / 2, .se = NAN, .low = x[low < 0 ? 0 : low], .high = x[high >= n ? n - 1 : high]};
  return e;
}

/* How many of the sorted x are below v, ties half. */
static double rank_of(const double *x, int64_t n, double v) {
  int64_t ends[2];
  for (int with_ties = 0; with_ties < 2; ++with_ties) {
    int64_t low = 0, high = n;
    while (low < high) {
      int64_t middle = low + (high - low) / 2;
      if (x[middle] < v || (with_ties && x[middle] == v))
        low = middle + 1;
      else
        high = middle;
    }
    ends[with_ties] = low;
  }
  return ((double)ends[0] + (double)ends[1]) / 2;
}

/* P(fake < held) + P(fake = held) / 2, by its placements: DeLong, DeLong, Clarke-Pearson, Biometrics 1988. Sorts both. */
static int compare_samples(double *fake, int64_t nf, double *held, int64_t nh, clgen_estimate *out) {
  double *of_fake = clgen_alloc(nf, 1, sizeof *of_fake), *of_held = clgen_alloc(nh, 1, sizeof *of_held);
  int rc = of_fake && of_held ? 0 : CLGEN_E_NOMEM;
  if (!rc) {
    qsort(fake, (size_t)nf, sizeof *fake, clgen_compare_doubles);
    qsort(held, (size_t)nh, sizeof *held, clgen_compare_doubles);
    for (int64_t i = 0; i < nf; ++i) of_fake[i] = 1 - rank_of(held, nh, fake[i]) / (double)nh;
    for (int64_t i = 0; i < nh; ++i) of_held[i] = rank_of(fake, nf, held[i]) / (double)nf;
    double variance = clgen_variance(of_fake, nf, 1) / (double)nf + clgen_variance(of_held, nh, 1) / (double)nh;
    *out = clgen_estimate_normal(clgen_average(of_fake, nf), sqrt(variance));
    if (out->low < 0) out->low = 0;
    if (out->high > 1) out->high = 1;
  }
  free(of_fake);
  free(of_held);
  return rc;
}

static int against_held_out(const clgen_rows *train, double *fake_square, int64_t nf, const clgen_points *held_out,
                            clgen_estimate *out) {
  clgen_rows held;
  int rc = clgen_rows_init(&held, held_out, 2, "held-out images");
  if (rc) return rc;
  double *square = clgen_alloc(held.n, 1, sizeof *square);
  int64_t *index = clgen_alloc(held.n, 1, sizeof *index);
  if (!square || !index) rc = CLGEN_E_NOMEM;
  if (!rc && !(rc = clgen_rows_alike(train, &held)) && !(rc = clgen_nearest(&held, train, 1, NULL, square, index)))
    rc = compare_samples(fake_square, nf, square, held.n, out);
  if (!rc && held.n < 100) clgen_warn(out, "%lld held-out images are too few: use 100 or more", (long long)held.n);
  free(square);
  free(index);
  clgen_rows_free(&held);
  return rc;
}

static void conclude(const double *square, double *own, int64_t n, clgen_memorisation_result *out) {
  int64_t authentic = 0;
  for (int64_t i = 0; i < n; ++i) {
    authentic += square[i] > own[i];
    out->exact += square[i] == 0;
    own[i] = square[i] == 0 ? 0 : sqrt(square[i] / own[i]); /* infinite where the training image has a twin */
  }
  out->authentic = clgen_estimate_share(authentic, n);
  out->ratio = median(own, n);
  out->copying = clgen_estimate_normal(NAN, NAN);
}

static int memorisation(const clgen_rows *train, const clgen_rows *fake, const clgen_points *held_out, int64_t *nearest,
                        double *distance, clgen_memorisation_result *out) {
  int64_t n = fake->n, *index = clgen_alloc(n, 1, sizeof *index);
  double *square = clgen_alloc(n, 1, sizeof *square), *own = clgen_alloc(n, 1, sizeof *own);
  int rc = index && square && own ? clgen_nearest(fake, train, 1, NULL, square, index) : CLGEN_E_NOMEM;
  if (!rc && !(rc = own_nearest(train, index, n, own))) {
    for (int64_t i = 0; i < n; ++i) {
      if (nearest) nearest[i] = index[i];
      if (distance) distance[i] = sqrt(square[i]);
    }
    conclude(square, own, n, out);
    if (held_out) rc = against_held_out(train, square, n, held_out, &out->copying);
  }
  free(index);
  free(square);
  free(own);
  return rc;
}

int clgen_memorisation(const clgen_points *train, const clgen_points *fake, const clgen_points *held_out, int64_t *nearest,
                       double *distance, clgen_memorisation_result *out) {
  clgen_rows a, b = {0};
  int rc = clgen_rows_init(&a, train, 2, "training images");
  if (rc) return rc;
  if (!(rc = clgen_rows_init(&b, fake, 2, "fakes")) && !(rc = clgen_rows_alike(&a, &b))) {
    memset(out, 0, sizeof *out);
    rc = memorisation(&a, &b, held_out, nearest, distance, out);
    clgen_estimate *all[] = {&out->authentic, &out->ratio, &out->copying};
    for (size_t e = 0; e < CLGEN_COUNT(all) && b.n < 100; ++e)
      clgen_warn(all[e], "%lld fakes are too few: use 100 or more", (long long)b.n);
  }
  clgen_rows_free(&a);
  clgen_rows_free(&b);
  return rc;
}
