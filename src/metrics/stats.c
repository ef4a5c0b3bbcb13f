/* Small statistics, and random choices by seed. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

static const double z95 = 1.959963984540054;

void *clgen_alloc(int64_t n, int64_t m, size_t size) {
  if (n < 0 || m < 0 || (m > 0 && (uint64_t)n > SIZE_MAX / 2 / size / (uint64_t)m)) {
    clgen_fail_nomem(SIZE_MAX);
    return NULL;
  }
  size_t bytes = (size_t)n * (size_t)m * size;
  void *p = malloc(bytes ? bytes : 1);
  if (!p) clgen_fail_nomem(bytes);
  return p;
}

/* Fisher and Yates. 24 random bits are enough to choose fairly among a few million. */
void clgen_draw_order(uint64_t seed, uint32_t counter, int64_t n, int64_t m, int64_t *order) {
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  for (int64_t i = 0; i < m; ++i) {
    int64_t j = i + (int64_t)((double)clgen_uniform_at(seed, CLGEN_STREAM_METRIC, counter, (uint64_t)i) * (double)(n - i));
    int64_t t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
}

int clgen_permutation(uint64_t seed, int64_t n, int64_t *order) {
  if (n < 1 || !order) return clgen_fail(CLGEN_E_INVALID, "no permutation of %lld elements", (long long)n);
  clgen_draw_order(seed, CLGEN_DRAW_HALVES, n, n, order);
  return 0;
}

int clgen_split_halves(uint64_t seed, int64_t n, int64_t *order) {
  if (n < 4) return clgen_fail(CLGEN_E_INVALID, "%lld images cannot be split into halves of at least 2", (long long)n);
  return clgen_permutation(seed, n, order);
}

void clgen_gather_rows(const void *rows, size_t row_bytes, const int64_t *order, int64_t n, void *out) {
  for (int64_t i = 0; i < n; ++i)
    memcpy((char *)out + (size_t)i * row_bytes, (const char *)rows + (size_t)order[i] * row_bytes, row_bytes);
}

clgen_estimate clgen_estimate_normal(double value, double se) {
  clgen_estimate e = {.value = value, .se = se, .low = value - z95 * se, .high = value + z95 * se};
  return e;
}

/* Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927. */
clgen_estimate clgen_estimate_share(int64_t hits, int64_t n) {
  double p = (double)hits / (double)n, m = (double)n, z2 = z95 * z95;
  double middle = (p + z2 / (2 * m)) / (1 + z2 / m);
  double half = z95 / (1 + z2 / m) * sqrt(p * (1 - p) / m + z2 / (4 * m * m));
  clgen_estimate e = {
      .value = p, .se = sqrt(p * (1 - p) / m), .low = fmax(0, middle - half), .high = fmin(1, middle + half)};
  return e;
}

void clgen_warn(clgen_estimate *e, const char *format, ...) {
  size_t used = strlen(e->warning);
  if (used && used + 3 < sizeof e->warning) {
    memcpy(e->warning + used, "; ", 3);
    used += 2;
  }
  va_list args;
  va_start(args, format);
  clgen_vsnprintf(e->warning + used, sizeof e->warning - used, format, args);
  va_end(args);
}

double clgen_average(const double *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  return sum / (double)n;
}

double clgen_variance(const double *x, int64_t n, int less) {
  double mean = clgen_average(x, n), sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += (x[i] - mean) * (x[i] - mean);
  return sum / (double)(n - less);
}

int clgen_compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
