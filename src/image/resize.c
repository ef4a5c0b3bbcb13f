/* Separable bicubic resampling. The filter (Keys 1981, a = -0.5) is stretched by the factor of reduction, so that each
 * output pixel is an average over all the input that it covers. Everything between the two passes stays in floating point.
 */
#include "image/image_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Output i is the sum over k < count[i] of weight[i * width + k] * input[first[i] + k]. */
typedef struct {
  int *first, *count;
  float *weight;
  int width;
} taps;

static double cubic(double x) {
  const double a = -0.5;
  x = fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

static void taps_free(taps *t) {
  free(t->first);
  free(t->count);
  free(t->weight);
}

static int taps_make(taps *t, int in, int out) {
  double scale = (double)in / out, stretch = scale > 1 ? scale : 1, support = 2 * stretch;
  t->width = (int)ceil(support) * 2 + 1;
  size_t bytes = (size_t)out * (size_t)t->width * sizeof *t->weight;
  t->first = malloc((size_t)out * sizeof *t->first);
  t->count = malloc((size_t)out * sizeof *t->count);
  t->weight = malloc(bytes);
  if (!t->first || !t->count || !t->weight) return clgen_fail_nomem(bytes);
  for (int i = 0; i < out; ++i) {
    double centre = (i + 0.5) * scale, sum = 0;
    int low = (int)(centre - support + 0.5), high = (int)(centre + support + 0.5);
    if (low < 0) low = 0;
    if (high > in) high = in;
    float *w = t->weight + (size_t)i * (size_t)t->width;
    for (int k = low; k < high; ++k) sum += cubic((k + 0.5 - centre) / stretch);
    for (int k = low; k < high; ++k) w[k - low] = (float)(cubic((k + 0.5 - centre) / stretch) / sum);
    t->first[i] = low;
    t->count[i] = high - low;
  }
  return CLGEN_OK;
}

/* One row to floats; colours are multiplied by alpha, so that what is transparent does not bleed. */
static void load_row(const uint8_t *from, int width, int c, float *to) {
  for (int x = 0; x < width; ++x, from += c, to += c) {
    float alpha = c % 2 == 0 ? (float)from[c - 1] / 255.0f : 1.0f;
    for (int k = 0; k < c; ++k) to[k] = (float)from[k] * alpha;
    if (c % 2 == 0) to[c - 1] = from[c - 1];
  }
}

static uint8_t to_byte(float x) { return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)(x + 0.5f); }

static void store_row(const float *from, int width, int c, uint8_t *to) {
  for (int x = 0; x < width; ++x, from += c, to += c) {
    /* Alpha is not clamped before the division: where the filter overshoots, the colours do by the same factor. */
    float alpha = c % 2 == 0 ? from[c - 1] : 255.0f, scale = alpha > 0.5f ? 255.0f / alpha : 0.0f;
    for (int k = 0; k < c; ++k) to[k] = to_byte(from[k] * scale);
    if (c % 2 == 0) to[c - 1] = to_byte(alpha);
  }
}

static void filter_row(const taps *t, const float *from, int width, int c, float *to) {
  for (int x = 0; x < width; ++x)
    for (int k = 0; k < c; ++k) {
      const float *w = t->weight + (size_t)x * (size_t)t->width, *p = from + (size_t)t->first[x] * (size_t)c + k;
      float sum = 0;
      for (int i = 0; i < t->count[x]; ++i) sum += w[i] * p[(size_t)i * (size_t)c];
      *to++ = sum;
    }
}

static void filter_columns(const taps *t, int y, const float *rows, size_t stride, float *to) {
  const float *w = t->weight + (size_t)y * (size_t)t->width;
  memset(to, 0, stride * sizeof *to);
  for (int i = 0; i < t->count[y]; ++i) {
    const float *row = rows + (size_t)(t->first[y] + i) * stride;
    for (size_t x = 0; x < stride; ++x) to[x] += w[i] * row[x];
  }
}

int clgen_image_resize(const clgen_image *in, int width, int height, clgen_image *out) {
  int code = clgen_image_create(out, width, height, in->channels);
  if (code) return code;
  size_t c = (size_t)in->channels, wide = (size_t)in->width * c, stride = (size_t)width * c;
  if (in->width == width && in->height == height) {
    memcpy(out->data, in->data, stride * (size_t)height);
    return CLGEN_OK;
  }
  taps across = {0}, down = {0};
  float *line = malloc((wide > stride ? wide : stride) * sizeof *line),
        *rows = malloc((size_t)in->height * stride * sizeof *rows);
  if (!line || !rows) code = clgen_fail_nomem((size_t)in->height * stride * sizeof *rows);
  if (!code) code = taps_make(&across, in->width, width);
  if (!code) code = taps_make(&down, in->height, height);
  for (int y = 0; !code && y < in->height; ++y) {
    load_row(in->data + (size_t)y * wide, in->width, in->channels, line);
    filter_row(&across, line, width, in->channels, rows + (size_t)y * stride);
  }
  for (int y = 0; !code && y < height; ++y) {
    filter_columns(&down, y, rows, stride, line);
    store_row(line, width, in->channels, out->data + (size_t)y * stride);
  }
  taps_free(&across);
  taps_free(&down);
  free(line);
  free(rows);
  if (code) clgen_image_free(out);
  return code;
}
