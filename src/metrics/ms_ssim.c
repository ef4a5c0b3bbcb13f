/* Multi-scale structural similarity: Wang, Simoncelli, Bovik, Asilomar 2003. */
#include <math.h>
#include <stdlib.h>

#include "metrics/metrics_internal.h"

enum { WINDOW = 11, MAX_SCALES = 5, MAX_SIDE = 1 << 14 };
static const double exponents[MAX_SCALES] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

int clgen_ms_ssim_scales(int height, int width) {
  int side = height < width ? height : width, scales = 1;
  for (side = (side + 1) / 2; side >= WINDOW && scales < MAX_SCALES; side = (side + 1) / 2) ++scales;
  return scales;
}

/* Room for one pair. */
typedef struct {
  int window;
  double weight[WINDOW];
  double *a, *b;   /* the pair at the scale at hand */
  double *moments; /* five maps, filtered along rows */
} rooms;

static void rooms_free(rooms *r) {
  free(r->a);
  free(r->b);
  free(r->moments);
}

static int rooms_init(rooms *r, int height, int width) {
  int side = height < width ? height : width;
  r->window = side >= WINDOW ? WINDOW : side - (side % 2 == 0);
  double sigma = 1.5 * r->window / WINDOW, sum = 0;
  for (int i = 0; i < r->window; ++i) {
    double x = (i - r->window / 2) / sigma;
    sum += r->weight[i] = exp(-x * x / 2);
  }
  for (int i = 0; i < r->window; ++i) r->weight[i] /= sum;
  r->a = clgen_alloc(height, width, sizeof(double));
  r->b = clgen_alloc(height, width, sizeof(double));
  r->moments = clgen_alloc(5 * (int64_t)height, width, sizeof(double));
  if (r->a && r->b && r->moments) return 0;
  rooms_free(r);
  return CLGEN_E_NOMEM;
}

/* Window sums along each row of a, b, a^2, b^2, ab: maps of height x columns. */
static void filter_rows(const rooms *r, int height, int width, int columns) {
  int64_t map = (int64_t)height * columns;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < columns; ++x) {
      const double *a = r->a + (int64_t)y * width + x, *b = r->b + (int64_t)y * width + x;
      double s[5] = {0};
      for (int i = 0; i < r->window; ++i) {
        double wa = r->weight[i] * a[i], wb = r->weight[i] * b[i];
        s[0] += wa;
        s[1] += wb;
        s[2] += wa * a[i];
        s[3] += wb * b[i];
        s[4] += wa * b[i];
      }
      for (int m = 0; m < 5; ++m) r->moments[m * map + (int64_t)y * columns + x] = s[m];
    }
}

/* Means over the map of contrast times structure, and of that times luminance. */
static void compare(const rooms *r, int height, int width, double *structure, double *whole) {
  const double c1 = (0.01 * 255) * (0.01 * 255), c2 = (0.03 * 255) * (0.03 * 255);
  int rows = height - r->window + 1, columns = width - r->window + 1;
  int64_t map = (int64_t)height * columns;
  filter_rows(r, height, width, columns);
  double sum_cs = 0, sum = 0;
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) {
      double s[5] = {0};
      for (int m = 0; m < 5; ++m)
        for (int i = 0; i < r->window; ++i) s[m] += r->weight[i] * r->moments[m * map + (int64_t)(y + i) * columns + x];
      double va = s[2] - s[0] * s[0], vb = s[3] - s[1] * s[1], ab = s[4] - s[0] * s[1];
      double cs = (2 * ab + c2) / (va + vb + c2), l = (2 * s[0] * s[1] + c1) / (s[0] * s[0] + s[1] * s[1] + c1);
      sum_cs += cs;
      sum += cs * l;
    }
  *structure = sum_cs / ((double)rows * columns);
  *whole = sum / ((double)rows * columns);
}

static void halve(double *image, int height, int width) {
  int h = (height + 1) / 2, w = (width + 1) / 2;
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      int y1 = 2 * y + 1 < height ? 2 * y + 1 : 2 * y, x1 = 2 * x + 1 < width ? 2 * x + 1 : 2 * x;
      const double *top = image + (int64_t)2 * y * width, *bottom = image + (int64_t)y1 * width;
      /* In place: what is written lies before all that is still to be read. */
      image[(int64_t)y * w + x] = (top[2 * x] + top[x1] + bottom[2 * x] + bottom[x1]) / 4;
    }
}

static double plane(const rooms *r, const uint8_t *a, const uint8_t *b, int height, int width) {
  int scales = clgen_ms_ssim_scales(height, width);
  double product = 1, total = 0;
  for (int s = 0; s < scales; ++s) total += exponents[s];
  for (int64_t i = 0; i < (int64_t)height * width; ++i) {
    r->a[i] = a[i];
    r->b[i] = b[i];
  }
  for (int s = 0; s < scales; ++s) {
    double structure, whole;
    compare(r, height, width, &structure, &whole);
    double term = s == scales - 1 ? whole : structure;
    product *= pow(term > 0 ? term : 0, exponents[s] / total);
    halve(r->a, height, width);
    halve(r->b, height, width);
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  return product;
}

static double similarity(const rooms *r, const uint8_t *a, const uint8_t *b, int channels, int height, int width) {
  double sum = 0;
  for (int c = 0; c < channels; ++c) {
    size_t at = (size_t)c * (size_t)height * (size_t)width;
    sum += plane(r, a + at, b + at, height, width);
  }
  return sum / channels;
}

static int check_size(int channels, int height, int width) {
  if (channels >= 1 && channels <= 4 && height >= 1 && width >= 1 && height <= MAX_SIDE && width <= MAX_SIDE) return 0;
  return clgen_fail(CLGEN_E_INVALID, "images of %d channels and %dx%d pixels are not possible", channels, width, height);
}

int clgen_ms_ssim(const uint8_t *a, const uint8_t *b, int channels, int height, int width, double *out) {
  rooms r;
  int rc = check_size(channels, height, width);
  if (rc || (rc = rooms_init(&r, height, width))) return rc;
  *out = similarity(&r, a, b, channels, height, width);
  rooms_free(&r);
  return 0;
}

int clgen_ms_ssim_diversity(const uint8_t *images, int64_t n, int channels, int height, int width, int64_t pairs,
                            uint64_t seed, clgen_estimate *out) {
  rooms r;
  if (pairs == 0) pairs = 5000;
  int rc = check_size(channels, height, width);
  if (rc) return rc;
  if (n < 2 || pairs < 1)
    return clgen_fail(CLGEN_E_INVALID, "%lld pairs of %lld images are not possible", (long long)pairs, (long long)n);
  double *values = clgen_alloc(pairs, 1, sizeof *values);
  if (!values) return CLGEN_E_NOMEM;
  if (!(rc = rooms_init(&r, height, width))) {
    size_t size = (size_t)channels * (size_t)height * (size_t)width;
    for (int64_t p = 0; p < pairs; ++p) {
      double u = clgen_uniform_at(seed, CLGEN_STREAM_METRIC, CLGEN_DRAW_PAIRS, 2 * (uint64_t)p);
      double v = clgen_uniform_at(seed, CLGEN_STREAM_METRIC, CLGEN_DRAW_PAIRS, 2 * (uint64_t)p + 1);
      int64_t i = (int64_t)(u * (double)n), j = (int64_t)(v * (double)(n - 1));
      if (j >= i) ++j;
      values[p] = similarity(&r, images + (size_t)i * size, images + (size_t)j * size, channels, height, width);
    }
    *out = clgen_estimate_normal(clgen_average(values, pairs),
                                 pairs > 1 ? sqrt(clgen_variance(values, pairs, 1) / (double)pairs) : NAN);
    if (pairs < 100 || n < 50)
      clgen_warn(out, "%lld pairs of %lld images are too few: use 100 pairs of 50 images or more", (long long)pairs,
                 (long long)n);
    rooms_free(&r);
  }
  free(values);
  return rc;
}
