/* The Inception Score: Salimans et al., NIPS 2016. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

static int check(const float *p, int64_t n, int64_t classes) {
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) {
      float v = p[i * classes + c];
      if (!isfinite(v)) return clgen_fail(CLGEN_E_NONFINITE, "the probabilities of image %lld are not finite", (long long)i);
      if (v < 0) return clgen_fail(CLGEN_E_INVALID, "image %lld has the probability %g", (long long)i, (double)v);
      sum += v;
    }
    if (fabs(sum - 1) > 1e-3)
      return clgen_fail(CLGEN_E_INVALID, "the probabilities of image %lld sum to %g, not 1", (long long)i, sum);
  }
  return 0;
}

/* exp of the mean divergence from the mean, of the rows order[0 .. n). */
static double score(const float *p, int64_t classes, const int64_t *order, int64_t n, double *mean) {
  memset(mean, 0, (size_t)classes * sizeof *mean);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t c = 0; c < classes; ++c) mean[c] += (double)p[order[i] * classes + c] / (double)n;
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t c = 0; c < classes; ++c) {
      double v = p[order[i] * classes + c];
      if (v > 0) sum += v * log(v / mean[c]);
    }
  return exp(sum / (double)n);
}

int clgen_inception_score(const float *p, int64_t n, int64_t classes, int splits, uint64_t seed,
                          clgen_inception_result *out) {
  if (splits == 0) splits = 10;
  if (!p || n < 2 || classes < 1 || splits < 1 || splits > n)
    return clgen_fail(CLGEN_E_INVALID, "no Inception Score of %lld images with %lld classes in %d splits is possible",
                      (long long)n, (long long)classes, splits);
  int rc = check(p, n, classes);
  if (rc) return rc;
  int64_t *order = clgen_alloc(n, 1, sizeof *order);
  double *mean = clgen_alloc(classes, 1, sizeof *mean), *values = clgen_alloc(splits, 1, sizeof *values);
  if (!order || !mean || !values) rc = CLGEN_E_NOMEM;
  if (!rc) {
    clgen_draw_order(seed, CLGEN_DRAW_SPLITS, n, n, order);
    for (int s = 0; s < splits; ++s) {
      int64_t first = n * s / splits;
      values[s] = score(p, classes, order + first, n * (s + 1) / splits - first, mean);
    }
    out->std = sqrt(clgen_variance(values, splits, 0));
    out->estimate = clgen_estimate_normal(clgen_average(values, splits),
                                          splits > 1 ? sqrt(clgen_variance(values, splits, 1) / splits) : NAN);
    if (n / splits < 5 * classes)
      clgen_warn(&out->estimate, "%lld images in %d splits are fewer than 5 per class and split: the score is too high",
                 (long long)n, splits);
  }
  free(order);
  free(mean);
  free(values);
  return rc;
}
