/* Mean and covariance of a stream of features. Sums are of differences from the first row, so that features far from zero
 * lose nothing; they go through a buffer of fixed length, so that their rounding does not depend on how rows are divided
 * over calls. */
#include "metrics/moments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_D = 16384, MAX_GROUPS = 1024 };

int clgen_moments_create(clgen_moments **out, int64_t d, int groups) {
  *out = NULL;
  if (d < 1 || d > MAX_D)
    return clgen_fail(CLGEN_E_INVALID, "features of dimension %lld: 1 to %d are possible", (long long)d, MAX_D);
  if (groups < 1 || groups > MAX_GROUPS)
    return clgen_fail(CLGEN_E_INVALID, "%d groups: 1 to %d are possible", groups, MAX_GROUPS);
  clgen_moments *m = calloc(1, sizeof *m);
  if (!m) return clgen_fail_nomem(sizeof *m);
  m->d = d;
  m->groups = groups;
  m->count = calloc((size_t)groups, sizeof *m->count);
  m->shift = clgen_alloc(d, 1, sizeof *m->shift);
  m->sum = clgen_alloc(groups, d, sizeof *m->sum);
  m->cross = clgen_alloc(groups, d * d, sizeof *m->cross);
  m->pending = clgen_alloc(groups, CLGEN_MOMENTS_PENDING * d, sizeof *m->pending);
  if (!m->count || !m->shift || !m->sum || !m->cross || !m->pending) {
    clgen_moments_free(m);
    return clgen_fail_nomem((size_t)(groups * d * d) * sizeof *m->cross);
  }
  memset(m->sum, 0, (size_t)(groups * d) * sizeof *m->sum);
  memset(m->cross, 0, (size_t)(groups * d * d) * sizeof *m->cross);
  *out = m;
  return 0;
}

void clgen_moments_free(clgen_moments *m) {
  if (!m) return;
  free(m->count);
  free(m->shift);
  free(m->sum);
  free(m->cross);
  free(m->pending);
  free(m);
}

int64_t clgen_moments_count(const clgen_moments *m) { return m->n; }

/* Each run of `groups` rows goes to all groups in turn, from a random one on: even where classes come in turn, no group gets
 * one class. */
static int group_of(const clgen_moments *m, int64_t row) {
  if (m->groups == 1) return 0;
  double u = clgen_uniform_at(0, CLGEN_STREAM_METRIC, CLGEN_DRAW_GROUPS, (uint64_t)(row / m->groups));
  return (int)((row % m->groups + (int64_t)(u * m->groups)) % m->groups);
}

static void add_rows(int64_t d, int64_t n, const double *rows, double *sum, double *cross) {
  for (int64_t r = 0; r < n; ++r)
    for (int64_t k = 0; k < d; ++k) sum[k] += rows[r * d + k];
  clgen_add_outer(n, d, rows, cross);
}

int clgen_moments_add(clgen_moments *m, const float *features, int64_t n) {
  int64_t d = m->d;
  if (n < 0) return clgen_fail(CLGEN_E_INVALID, "the number of feature rows is %lld", (long long)n);
  for (int64_t i = 0; i < n * d; ++i)
    if (!isfinite(features[i]))
      return clgen_fail(CLGEN_E_NONFINITE, "features of image %lld are not finite", (long long)(m->n + i / d));
  for (int64_t i = 0; i < n; ++i, ++m->n) {
    if (m->n == 0)
      for (int64_t k = 0; k < d; ++k) m->shift[k] = features[k];
    int g = group_of(m, m->n);
    int64_t at = m->count[g]++ % CLGEN_MOMENTS_PENDING;
    double *pending = m->pending + g * CLGEN_MOMENTS_PENDING * d;
    for (int64_t k = 0; k < d; ++k) pending[at * d + k] = features[i * d + k] - m->shift[k];
    if (at == CLGEN_MOMENTS_PENDING - 1) add_rows(d, CLGEN_MOMENTS_PENDING, pending, m->sum + g * d, m->cross + g * d * d);
  }
  return 0;
}

int64_t clgen_moments_without(const clgen_moments *m, int without, double *mean, double *cov) {
  int64_t d = m->d, n = 0;
  memset(mean, 0, (size_t)d * sizeof *mean);
  memset(cov, 0, (size_t)(d * d) * sizeof *cov);
  for (int g = 0; g < m->groups; ++g) {
    if (g == without) continue;
    int64_t count = m->count[g];
    n += count;
    for (int64_t k = 0; k < d; ++k) mean[k] += m->sum[g * d + k];
    for (int64_t k = 0; k < d * d; ++k) cov[k] += m->cross[g * d * d + k];
    if (count % CLGEN_MOMENTS_PENDING)
      add_rows(d, count % CLGEN_MOMENTS_PENDING, m->pending + g * CLGEN_MOMENTS_PENDING * d, mean, cov);
  }
  for (int64_t k = 0; k < d; ++k) mean[k] /= (double)n;
  for (int64_t i = 0; i < d; ++i)
    for (int64_t j = i; j < d; ++j)
      cov[i * d + j] = cov[j * d + i] = (cov[i * d + j] - (double)n * mean[i] * mean[j]) / (double)(n - 1);
  for (int64_t k = 0; k < d; ++k) mean[k] += m->shift[k];
  return n;
}

int clgen_moments_get(const clgen_moments *m, double *mean, double *covariance) {
  if (m->n < 2) return clgen_fail(CLGEN_E_INVALID, "a covariance needs at least 2 images, not %lld", (long long)m->n);
  double *mean_room = clgen_alloc(m->d, 1, sizeof *mean_room), *room = clgen_alloc(m->d, m->d, sizeof *room);
  int rc = mean_room && room ? 0 : CLGEN_E_NOMEM;
  if (!rc) {
    clgen_moments_without(m, -1, mean_room, room);
    if (mean) memcpy(mean, mean_room, (size_t)m->d * sizeof *mean);
    if (covariance) memcpy(covariance, room, (size_t)(m->d * m->d) * sizeof *covariance);
  }
  free(mean_room);
  free(room);
  return rc;
}
