/* k-means: Lloyd's iteration from k-means++ (Arthur & Vassilvitskii, SODA 2007). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

enum { MAX_ROUNDS = 100 };

static double uniform(uint64_t seed, int draw) {
  return clgen_uniform_at(seed, CLGEN_STREAM_METRIC, CLGEN_DRAW_KMEANS, (uint64_t)draw);
}

/* Each further centre is a point drawn in proportion to its squared distance from the nearest centre so far. */
static int64_t draw_far(const double *far, int64_t n, double u) {
  double total = 0, sum = 0;
  int64_t last = 0;
  for (int64_t i = 0; i < n; ++i) total += far[i];
  for (int64_t i = 0; i < n; ++i) {
    sum += far[i];
    if (far[i] > 0) last = i;
    if (sum > u * total) return i;
  }
  return last; /* all points are centres already, or rounding */
}

static int start(const clgen_rows *rows, int bins, uint64_t seed, double *centres) {
  double *far = clgen_alloc(rows->n, 1, sizeof *far);
  if (!far) return CLGEN_E_NOMEM;
  for (int64_t i = 0; i < rows->n; ++i) far[i] = INFINITY;
  int64_t chosen = (int64_t)(uniform(seed, 0) * (double)rows->n);
  for (int b = 0; b < bins; ++b) {
    if (b > 0) chosen = draw_far(far, rows->n, uniform(seed, b));
    clgen_rows_get(rows, chosen, 1, centres + b * rows->d);
    for (int64_t i = 0; i < rows->n; ++i) {
      double square = clgen_exact_square(rows, i, rows, chosen);
      if (square < far[i]) far[i] = square;
    }
  }
  free(far);
  return 0;
}

/* A centre without points stays where it is. */
static void recentre(const clgen_rows *rows, int bins, const int64_t *bin, double *centres, double *sum, int64_t *count) {
  memset(sum, 0, (size_t)(bins * rows->d) * sizeof *sum);
  memset(count, 0, (size_t)bins * sizeof *count);
  double *row = sum + bins * rows->d; /* one more, for reading */
  for (int64_t i = 0; i < rows->n; ++i) {
    clgen_rows_get(rows, i, 1, row);
    for (int64_t k = 0; k < rows->d; ++k) sum[bin[i] * rows->d + k] += row[k];
    ++count[bin[i]];
  }
  for (int b = 0; b < bins; ++b)
    for (int64_t k = 0; k < rows->d && count[b]; ++k) centres[b * rows->d + k] = sum[b * rows->d + k] / (double)count[b];
}

int clgen_nearest_centre(const clgen_rows *rows, int bins, const double *centres, int64_t *bin) {
  clgen_rows c;
  double *square = clgen_alloc(rows->n, 1, sizeof *square);
  int rc = square ? clgen_rows_init_double(&c, centres, bins, rows->d) : CLGEN_E_NOMEM;
  if (!rc) {
    rc = clgen_nearest(rows, &c, 1, NULL, square, bin);
    clgen_rows_free(&c);
  }
  free(square);
  return rc;
}

int clgen_kmeans(const clgen_rows *rows, int bins, uint64_t seed, double *centres, int64_t *bin) {
  double *sum = clgen_alloc((int64_t)bins + 1, rows->d, sizeof *sum);
  int64_t *count = clgen_alloc(bins, 1, sizeof *count), *old = clgen_alloc(rows->n, 1, sizeof *old);
  int rc = sum && count && old ? start(rows, bins, seed, centres) : CLGEN_E_NOMEM;
  if (!rc) rc = clgen_nearest_centre(rows, bins, centres, bin);
  for (int round = 0; round < MAX_ROUNDS && !rc; ++round) {
    memcpy(old, bin, (size_t)rows->n * sizeof *old);
    recentre(rows, bins, bin, centres, sum, count);
    rc = clgen_nearest_centre(rows, bins, centres, bin);
    if (!memcmp(old, bin, (size_t)rows->n * sizeof *old)) break;
  }
  free(sum);
  free(count);
  free(old);
  return rc;
}
