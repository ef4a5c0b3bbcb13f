/* The Fréchet distance of two normal distributions: Heusel et al., NIPS 2017. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/moments.h"

typedef struct {
  int64_t n;
  double *mean, *cov;
} gauss;

/* Room for everything, taken once. */
typedef struct {
  int64_t d;
  gauss whole[2], part;
  double *root, *product, *work, *values;
} rooms;

static void rooms_free(rooms *r) {
  for (int i = 0; i < 2; ++i) {
    free(r->whole[i].mean);
    free(r->whole[i].cov);
  }
  free(r->part.mean);
  free(r->part.cov);
  free(r->root);
  free(r->product);
  free(r->work);
  free(r->values);
}

static int gauss_alloc(gauss *g, int64_t d) {
  g->mean = clgen_alloc(d, 1, sizeof *g->mean);
  g->cov = clgen_alloc(d, d, sizeof *g->cov);
  return g->mean && g->cov ? 0 : CLGEN_E_NOMEM;
}

static int rooms_alloc(rooms *r, int64_t d) {
  r->d = d;
  r->root = clgen_alloc(d, d, sizeof(double));
  r->product = clgen_alloc(d, d, sizeof(double));
  r->work = clgen_alloc(d, d, sizeof(double));
  r->values = clgen_alloc(d, 1, sizeof(double));
  if (gauss_alloc(&r->whole[0], d) || gauss_alloc(&r->whole[1], d) || gauss_alloc(&r->part, d)) return CLGEN_E_NOMEM;
  return r->root && r->product && r->work && r->values ? 0 : CLGEN_E_NOMEM;
}

/* r->root = g's covariance ^ (1/2). n points span n - 1 dimensions; the eigenvalues of the others are rounding. */
static int take_root(rooms *r, const gauss *g) {
  int64_t d = r->d;
  memcpy(r->work, g->cov, (size_t)(d * d) * sizeof *r->work);
  int rc = clgen_eigen_symmetric(d, r->work, true, r->values);
  if (rc) return rc;
  double least = (double)d * DBL_EPSILON * r->values[d - 1];
  for (int64_t j = 0; j < d; ++j) {
    r->values[j] = r->values[j] > least ? sqrt(sqrt(r->values[j])) : 0;
  }
  for (int64_t i = 0; i < d; ++i)
    for (int64_t j = 0; j < d; ++j) r->work[i * d + j] *= r->values[j];
  clgen_dot_rows(d, d, d, r->work, r->work, r->root);
  return 0;
}

/* The distance of a, whose root is in r->root, and b. */
static int distance(rooms *r, const gauss *a, const gauss *b, double *out) {
  int64_t d = r->d, rank = (a->n < b->n ? a->n : b->n) - 1;
  clgen_dot(d, d, d, r->root, b->cov, r->work);
  clgen_dot(d, d, d, r->work, r->root, r->product);
  int rc = clgen_eigen_symmetric(d, r->product, false, r->values);
  if (rc) return rc;
  double sum = 0;
  for (int64_t k = d > rank ? d - rank : 0; k < d; ++k)
    if (r->values[k] > 0) sum -= 2 * sqrt(r->values[k]);
  for (int64_t k = 0; k < d; ++k) {
    double t = a->mean[k] - b->mean[k];
    sum += t * t + a->cov[k * d + k] + b->cov[k * d + k];
  }
  *out = sum > 0 ? sum : 0; /* equal sets differ by rounding */
  return 0;
}

/* The variance of the distance that comes from `varied`'s being a sample; the other's root is in r->root. */
static int jackknife(rooms *r, const clgen_moments *varied, const gauss *other, double *out) {
  int groups = varied->groups;
  double *values = clgen_alloc(groups, 1, sizeof *values);
  int rc = values ? 0 : CLGEN_E_NOMEM;
  for (int g = 0; g < groups && !rc; ++g) {
    r->part.n = clgen_moments_without(varied, g, r->part.mean, r->part.cov);
    rc = distance(r, other, &r->part, &values[g]);
  }
  if (!rc) *out = (groups - 1) * clgen_variance(values, groups, 0);
  free(values);
  return rc;
}

static int fid(rooms *r, const clgen_moments *const sets[2], clgen_estimate *out) {
  int rc = rooms_alloc(r, sets[0]->d);
  if (rc) return rc;
  bool spread = true;
  for (int i = 0; i < 2; ++i) {
    r->whole[i].n = clgen_moments_without(sets[i], -1, r->whole[i].mean, r->whole[i].cov);
    spread = spread && sets[i]->groups > 1 && sets[i]->n >= 2 * sets[i]->groups && sets[i]->n >= 4;
  }
  double value, variance[2] = {NAN, NAN};
  if ((rc = take_root(r, &r->whole[0])) || (rc = distance(r, &r->whole[0], &r->whole[1], &value))) return rc;
  if (spread) {
    if ((rc = jackknife(r, sets[1], &r->whole[0], &variance[1]))) return rc;
    if ((rc = take_root(r, &r->whole[1])) || (rc = jackknife(r, sets[0], &r->whole[1], &variance[0]))) return rc;
  }
  *out = clgen_estimate_normal(value, sqrt(variance[0] + variance[1]));
  if (out->low < 0) out->low = 0;
  return 0;
}

int clgen_fid(const clgen_moments *real, const clgen_moments *fake, clgen_estimate *out) {
  if (real->d != fake->d)
    return clgen_fail(CLGEN_E_INVALID, "features of dimension %lld and %lld cannot be compared", (long long)real->d,
                      (long long)fake->d);
  int64_t least = real->n < fake->n ? real->n : fake->n;
  if (least < 2) return clgen_fail(CLGEN_E_INVALID, "the Frechet distance needs at least 2 images in each set");
  rooms r = {0};
  const clgen_moments *const sets[2] = {real, fake};
  int rc = fid(&r, sets, out);
  rooms_free(&r);
  if (!rc && least < 2 * real->d)
    clgen_warn(out, "%lld images are fewer than twice the %lld features: mostly bias, compare only at the same number",
               (long long)least, (long long)real->d);
  return rc;
}
