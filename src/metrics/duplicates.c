/* The birthday test: Arora & Zhang, "Do GANs actually learn the distribution? An empirical study", 2017. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

/* Pairs within one set. */
typedef struct {
  double threshold;
  int64_t *degree; /* duplicates of each point */
  int64_t pairs;
  clgen_pair *closest; /* ascending; NULL when not asked for */
  int n_closest;
} counter;

static bool before(const clgen_pair *a, const clgen_pair *b) {
  if (a->distance != b->distance) return a->distance < b->distance;
  return a->i < b->i || (a->i == b->i && a->j < b->j);
}

static void remember(counter *c, clgen_pair pair) {
  int at = c->n_closest - 1;
  if (!before(&pair, &c->closest[at])) return;
  for (; at > 0 && before(&pair, &c->closest[at - 1]); --at) c->closest[at] = c->closest[at - 1];
  c->closest[at] = pair;
}

/* Whether a pair, of which products say `square`, is a duplicate. The factors cover the rounding of squares and roots. */
static bool is_near(const counter *c, const clgen_block *b, int64_t i, int64_t j, double square) {
  double slack = clgen_slack(b->a, i, b->b, j), limit = c->threshold * c->threshold;
  if (square - slack > limit * (1 + 1e-14)) return false;
  if (square + slack < limit * (1 - 1e-14)) return true;
  return sqrt(clgen_exact_square(b->a, i, b->b, j)) <= c->threshold;
}

/* Whether it may belong among the closest. Once these are all 0 apart, none does. */
static bool is_listed(const counter *c, const clgen_block *b, int64_t i, int64_t j, double square) {
  if (!c->closest) return false;
  double last = c->closest[c->n_closest - 1].distance;
  return last > 0 && square - clgen_slack(b->a, i, b->b, j) <= last * last * (1 + 1e-14);
}

static void look(void *user, const clgen_block *b) {
  counter *c = user;
  for (int64_t r = 0; r < b->ni; ++r) {
    int64_t i = b->i0 + r;
    for (int64_t s = i + 1 > b->j0 ? i + 1 - b->j0 : 0; s < b->nj; ++s) {
      int64_t j = b->j0 + s;
      double square = b->square[r * b->nj + s];
      if (is_near(c, b, i, j, square)) {
        ++c->degree[i];
        ++c->degree[j];
        ++c->pairs;
      }
      if (is_listed(c, b, i, j, square)) remember(c, (clgen_pair){i, j, sqrt(clgen_exact_square(b->a, i, b->b, j))});
    }
  }
}

/* The share of pairs is a mean over pairs (a U-statistic); its variance is, to first order, that of the points' own shares
 * times 4/n (Hoeffding 1948). Without a pair, 3 / pairs is the upper end: exp(-3) is 5%. */
static clgen_estimate pair_rate(const counter *c, int64_t n) {
  double sum = 0, all = (double)n * (double)(n - 1) / 2, mean = 2 * (double)c->pairs / (double)n;
  for (int64_t i = 0; i < n; ++i) sum += ((double)c->degree[i] - mean) * ((double)c->degree[i] - mean);
  double se = 2 * sqrt(sum / (double)(n - 1) / (double)n) / (double)(n - 1);
  clgen_estimate e = clgen_estimate_normal((double)c->pairs / all, se);
  if (e.low < 0) e.low = 0;
  if (c->pairs == 0) e.high = 3 / all;
  return e;
}

static int count_pairs(const clgen_rows *rows, counter *c, int64_t *pairs, clgen_estimate *share, clgen_estimate *rate) {
  c->degree = calloc((size_t)rows->n, sizeof *c->degree);
  if (!c->degree) return clgen_fail_nomem((size_t)rows->n * sizeof *c->degree);
  int rc = clgen_walk_distances(rows, rows, true, look, c);
  if (!rc) {
    int64_t with = 0;
    for (int64_t i = 0; i < rows->n; ++i) with += c->degree[i] > 0;
    *pairs = c->pairs;
    *share = clgen_estimate_share(with, rows->n);
    *rate = pair_rate(c, rows->n);
  }
  free(c->degree);
  return rc;
}

static int find_threshold(const clgen_rows *real, double quantile, double *out) {
  double *distance = clgen_alloc(real->n, 1, sizeof *distance);
  int64_t *index = clgen_alloc(real->n, 1, sizeof *index);
  int rc = distance && index ? clgen_nearest_other(real, 1, distance, index) : CLGEN_E_NOMEM;
  if (!rc) {
    for (int64_t i = 0; i < real->n; ++i) distance[i] = sqrt(distance[i]);
    qsort(distance, (size_t)real->n, sizeof *distance, clgen_compare_doubles);
    double rank = quantile * (double)(real->n - 1);
    int64_t low = (int64_t)rank, high = low + 1 < real->n ? low + 1 : low;
    *out = distance[low] + (rank - (double)low) * (distance[high] - distance[low]);
  }
  free(distance);
  free(index);
  return rc;
}

static void conclude(int64_t nr, int64_t nf, clgen_duplicates_result *out) {
  out->support = clgen_estimate_normal(1 / out->fake_rate.value, out->fake_rate.se / pow(out->fake_rate.value, 2));
  out->support.low = 1 / out->fake_rate.high;
  out->support.high = 1 / out->fake_rate.low;
  if (out->fake_pairs == 0) {
    out->support.value = out->support.high = INFINITY;
    out->support.se = NAN;
  }
  out->birthday = sqrt(2 * log(2) * out->support.value);
  clgen_estimate *all[] = {&out->real_share, &out->fake_share, &out->real_rate, &out->fake_rate, &out->support};
  for (size_t e = 0; e < CLGEN_COUNT(all) && (nr < 100 || nf < 100); ++e)
    clgen_warn(all[e], "%lld reals and %lld fakes are too few: use 100 or more of each", (long long)nr, (long long)nf);
}

static int duplicates(const clgen_rows *real, const clgen_rows *fake, double quantile, clgen_pair *closest, int n_closest,
                      clgen_duplicates_result *out) {
  int rc = find_threshold(real, quantile, &out->threshold);
  if (rc) return rc;
  for (int i = 0; i < n_closest; ++i) closest[i] = (clgen_pair){INT64_MAX, INT64_MAX, INFINITY};
  counter r = {.threshold = out->threshold};
  counter f = {.threshold = out->threshold, .closest = n_closest ? closest : NULL, .n_closest = n_closest};
  if ((rc = count_pairs(real, &r, &out->real_pairs, &out->real_share, &out->real_rate))) return rc;
  if ((rc = count_pairs(fake, &f, &out->fake_pairs, &out->fake_share, &out->fake_rate))) return rc;
  conclude(real->n, fake->n, out);
  return 0;
}

int clgen_duplicates(const clgen_points *real, const clgen_points *fake, double quantile, clgen_pair *closest, int n_closest,
                     clgen_duplicates_result *out) {
  if (quantile == 0) quantile = 0.01;
  if (!(quantile > 0 && quantile <= 1))
    return clgen_fail(CLGEN_E_INVALID, "quantile %g: it must be above 0 and at most 1", quantile);
  if (!closest) n_closest = 0;
  clgen_rows a, b = {0};
  int rc = clgen_rows_init(&a, real, 2, "reals");
  if (rc) return rc;
  if (!(rc = clgen_rows_init(&b, fake, 2, "fakes")) && !(rc = clgen_rows_alike(&a, &b))) {
    memset(out, 0, sizeof *out);
    if (n_closest < 0 || n_closest > 1024 || n_closest > (double)b.n * (double)(b.n - 1) / 2)
      rc = clgen_fail(CLGEN_E_INVALID, "cannot find the %d closest pairs of %lld fakes", n_closest, (long long)b.n);
    else
      rc = duplicates(&a, &b, quantile, closest, n_closest, out);
  }
  clgen_rows_free(&a);
  clgen_rows_free(&b);
  return rc;
}
