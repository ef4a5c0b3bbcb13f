/* The kernel distance: Binkowski et al., ICLR 2018. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

typedef struct {
  int64_t size, d;
  int64_t *order;
  double *x, *y, *dots;
} rooms;

static void choose(const clgen_rows *rows, uint64_t seed, uint32_t counter, const rooms *r, double *out) {
  clgen_draw_order(seed, counter, rows->n, r->size, r->order);
  for (int64_t i = 0; i < r->size; ++i) clgen_rows_get(rows, r->order[i], 1, out + i * r->d);
}

/* The sum of the kernel over all pairs, of different points where the two sets are one. */
static double kernel_sum(const rooms *r, const double *x, const double *y) {
  clgen_dot_rows(r->size, r->size, r->d, x, y, r->dots);
  double sum = 0;
  for (int64_t i = 0; i < r->size; ++i) {
    double row = 0;
    for (int64_t j = 0; j < r->size; ++j) {
      double k = r->dots[i * r->size + j] / (double)r->d + 1;
      if (x != y || i != j) row += k * k * k;
    }
    sum += row;
  }
  return sum;
}

static int over_subsets(const clgen_rows *real, const clgen_rows *fake, int subsets, uint64_t seed, const rooms *r,
                        double *values) {
  double m = (double)r->size;
  for (int s = 0; s < subsets; ++s) {
    choose(real, seed, CLGEN_DRAW_KID + 2 * (uint32_t)s, r, r->x);
    choose(fake, seed, CLGEN_DRAW_KID + 2 * (uint32_t)s + 1, r, r->y);
    values[s] =
        (kernel_sum(r, r->x, r->x) + kernel_sum(r, r->y, r->y)) / (m * (m - 1)) - 2 * kernel_sum(r, r->x, r->y) / (m * m);
  }
  return 0;
}

static int kid(const clgen_rows *real, const clgen_rows *fake, int subsets, uint64_t seed, clgen_kid_result *out) {
  int64_t n = real->n < fake->n ? real->n : fake->n, most = real->n > fake->n ? real->n : fake->n;
  rooms r = {.size = out->size, .d = real->d};
  r.order = clgen_alloc(most, 1, sizeof *r.order);
  r.x = clgen_alloc(r.size, r.d, sizeof *r.x);
  r.y = clgen_alloc(r.size, r.d, sizeof *r.y);
  r.dots = clgen_alloc(r.size, r.size, sizeof *r.dots);
  double *values = clgen_alloc(subsets, 1, sizeof *values);
  int rc = r.order && r.x && r.y && r.dots && values ? 0 : CLGEN_E_NOMEM;
  if (!rc) rc = over_subsets(real, fake, subsets, seed, &r, values);
  if (!rc) {
    double variance = clgen_variance(values, subsets, 0);
    out->std = sqrt(variance);
    double whole = variance * (double)r.size / (double)(n - r.size) + variance / subsets;
    out->estimate = clgen_estimate_normal(clgen_average(values, subsets), subsets > 1 ? sqrt(whole) : NAN);
  }
  free(r.order);
  free(r.x);
  free(r.y);
  free(r.dots);
  free(values);
  return rc;
}

int clgen_kid(const clgen_points *real, const clgen_points *fake, int subsets, int64_t size, uint64_t seed,
              clgen_kid_result *out) {
  if (subsets == 0) subsets = 100;
  if (size == 0) size = 1000;
  if (subsets < 1 || subsets > 100000 || size < 2)
    return clgen_fail(CLGEN_E_INVALID, "%d subsets of size %lld are not possible", subsets, (long long)size);
  if (!real || !fake || !real->floats || !fake->floats)
    return clgen_fail(CLGEN_E_INVALID, "the kernel distance needs features, as floats");
  clgen_rows a, b = {0};
  int rc = clgen_rows_init(&a, real, 4, "reals");
  if (rc) return rc;
  if (!(rc = clgen_rows_init(&b, fake, 4, "fakes")) && !(rc = clgen_rows_alike(&a, &b))) {
    int64_t n = a.n < b.n ? a.n : b.n;
    memset(out, 0, sizeof *out);
    out->size = size < n ? size : n / 2;
    rc = kid(&a, &b, subsets, seed, out);
    if (!rc && out->size < size)
      clgen_warn(&out->estimate, "%lld images are too few for subsets of %lld: subsets of %lld were used", (long long)n,
                 (long long)size, (long long)out->size);
  }
  clgen_rows_free(&a);
  clgen_rows_free(&b);
  return rc;
}
