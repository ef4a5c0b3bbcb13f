/* --cfg auto looks at the data: size, colour, diversity, and what may be done to them without making other pictures. */
#include "train/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOKED_AT 512 /* pictures, for their diversity */
#define COMPARED 256  /* each with each */

static bool is_grey(const uint8_t *image, size_t plane, int channels) {
  return channels == 1 || (memcmp(image, image + plane, plane) == 0 && memcmp(image, image + 2 * plane, plane) == 0);
}

/* The mean squared difference of two pictures is twice the variance of a pixel among them. */
static double mean_variance(const clgen_dataset *ds, int64_t n, size_t bytes) {
  int64_t count = clgen_dataset_get_info(ds)->count;
  double total = 0;
  for (size_t k = 0; k < bytes; ++k) {
    double sum = 0, square = 0;
    for (int64_t i = 0; i < n; ++i) {
      double v = clgen_dataset_image(ds, i * (count / n))[k] / 255.0;
      sum += v;
      square += v * v;
    }
    total += square / (double)n - sum / (double)n * sum / (double)n;
  }
  return total / (double)bytes;
}

/* ---- Symmetry ---- */

typedef struct {
  const clgen_dataset *ds;
  int64_t count, stride;
  int channels, height, width;
  size_t bytes;
} looked_at;

static const uint8_t *picture(const looked_at *l, int64_t k) { return clgen_dataset_image(l->ds, k * l->stride); }

static void mirrored(const looked_at *l, const uint8_t *from, uint8_t *to) {
  for (int64_t row = 0; row < (int64_t)l->channels * l->height; ++row)
    for (int x = 0; x < l->width; ++x) to[row * l->width + x] = from[row * l->width + l->width - 1 - x];
}

/* By a quarter where pictures are square, else upside down. */
static void turned(const looked_at *l, const uint8_t *from, uint8_t *to) {
  const int64_t plane = (int64_t)l->height * l->width;
  for (int c = 0; c < l->channels; ++c, from += plane, to += plane)
    for (int64_t y = 0; y < l->height; ++y)
      for (int64_t x = 0; x < l->width; ++x)
        to[y * l->width + x] =
            l->width == l->height ? from[x * l->width + l->width - 1 - y] : from[plane - 1 - y * l->width - x];
}

static void negative(const looked_at *l, const uint8_t *from, uint8_t *to) {
  for (size_t i = 0; i < l->bytes; ++i) to[i] = (uint8_t)(255 - from[i]);
}

static double distance(const uint8_t *a, const uint8_t *b, size_t bytes) {
  int64_t sum = 0;
  for (size_t i = 0; i < bytes; ++i) {
    int d = a[i] - b[i];
    sum += d * d;
  }
  return sqrt((double)sum);
}

/* The mean distance of a changed picture from the nearest of the others. Its own original is no judge: a symmetric picture
 * is not what makes a symmetric set. */
static double mean_nearest(const looked_at *l, void (*change)(const looked_at *, const uint8_t *, uint8_t *),
                           uint8_t *room) {
  double total = 0;
  for (int64_t i = 0; i < l->count; ++i) {
    const uint8_t *at = picture(l, i);
    if (change) change(l, at, room), at = room;
    double least = INFINITY;
    for (int64_t j = 0; j < l->count; ++j) {
      if (j == i) continue;
      double d = distance(at, picture(l, j), l->bytes);
      if (d < least) least = d;
    }
    total += least;
  }
  return total / (double)l->count;
}

static int look_for_symmetry(const looked_at *l, clgen_auto_facts *f) {
  if (l->count < 2) return CLGEN_OK;
  uint8_t *room = malloc(l->bytes);
  if (!room) return clgen_fail(CLGEN_E_NOMEM, "out of memory: %zu bytes", l->bytes);
  double as_they_are = mean_nearest(l, NULL, room);
  if (as_they_are > 0) {
    f->mirrored = mean_nearest(l, mirrored, room) / as_they_are;
    f->turned = mean_nearest(l, turned, room) / as_they_are;
    f->negative = mean_nearest(l, negative, room) / as_they_are;
  }
  free(room);
  return CLGEN_OK;
}

/* ---- All ---- */

int clgen_run_look_at_data(const clgen_run *r, clgen_auto_facts *f) {
  const clgen_train_options *o = &r->options;
  clgen_dataset_options d = {.resolution = o->res ? (int)o->res : 32, .channels = (int)o->channels, .subset = o->subset};
  clgen_dataset *ds = NULL;
  d.seed = (uint64_t)o->seed;
  d.classes = o->classes;
  int code = clgen_train_background(o, d.background);
  if (!code) code = clgen_dataset_open(&ds, o->data, &d);
  if (code) return code;
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  size_t plane = (size_t)i->height * (size_t)i->width, bytes = plane * (size_t)i->channels;
  f->images = i->count;
  f->width = i->min_width;
  f->height = i->min_height;
  f->grey = i->channels < 3;
  if (i->channels == 3) {
    f->grey = true;
    for (int64_t k = 0; k < i->count && f->grey; ++k) f->grey = is_grey(clgen_dataset_image(ds, k), plane, i->channels);
  }
  f->diversity = sqrt(2 * mean_variance(ds, i->count < LOOKED_AT ? i->count : LOOKED_AT, bytes));
  looked_at l = {.ds = ds, .count = i->count < COMPARED ? i->count : COMPARED, .bytes = bytes};
  l.stride = l.count ? i->count / l.count : 1;
  l.channels = i->channels, l.height = i->height, l.width = i->width;
  if (i->count < CLGEN_AUTO_FEW) code = look_for_symmetry(&l, f);
  clgen_dataset_close(ds);
  return code;
}
