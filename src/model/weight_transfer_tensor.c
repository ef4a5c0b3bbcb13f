/* One tensor into another that differs from it in the length of one axis. */
#include "model/model_internal.h"

#include <string.h>

static void mark_as(uint8_t *mark, int64_t at, int64_t n, uint8_t value) {
  if (mark) memset(mark + at, value, (size_t)n);
}

/* An axis between what lies before and behind it. */
typedef struct {
  int64_t before, size, was, behind;
} view;

static view view_of(const clgen_shape *shape, const clgen_shape *was, int axis) {
  view v = {1, shape->dim[axis], was->dim[axis], 1};
  for (int i = 0; i < shape->ndim; ++i) *(i < axis ? &v.before : &v.behind) *= i == axis ? 1 : shape->dim[i];
  return v;
}

static void carry_rows(const view *v, const float *from, float *to, uint8_t *mark) {
  int64_t n = (v->size < v->was ? v->size : v->was) * v->behind;
  for (int64_t i = 0; i < v->before; ++i) {
    memcpy(to + i * v->size * v->behind, from + i * v->was * v->behind, (size_t)n * sizeof *to);
    mark_as(mark, i * v->size * v->behind, n, 2);
  }
}

/* 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
static int colours(int channels) { return channels < 3 ? 1 : 3; }
static bool has_alpha(int channels) { return channels % 2 == 0; }

/* Channel k of the new ones: where from, how many are added up, and what the sum is multiplied by; false: it is new. */
static bool source_of(const clgen_axis_change *c, int k, int *first, int *count, float *factor) {
  int now = colours(c->channels), was = colours(c->channels_was);
  bool in = c->kind == CLGEN_AXIS_COLOURS_IN;
  *count = 1;
  *factor = 1;
  *first = k < now ? k : was; /* alpha lies behind the colours */
  if (k >= now) return has_alpha(c->channels_was);
  if (now == was) return true;
  *first = 0;
  *count = was;
  *factor = in ? 1 / (float)now : 1 / (float)was;
  return true;
}

static void carry_colours(const view *v, const clgen_axis_change *c, const float *from, float *to, uint8_t *mark) {
  int64_t plane = v->size / c->channels * v->behind;
  for (int64_t i = 0; i < v->before; ++i)
    for (int k = 0; k < c->channels; ++k) {
      int first, count;
      float factor;
      if (!source_of(c, k, &first, &count, &factor)) continue;
      const float *source = from + (i * c->channels_was + first) * plane;
      int64_t at = (i * c->channels + k) * plane;
      bool same = count == 1 && factor == 1;
      for (int64_t e = 0; e < plane; ++e) {
        float sum = source[e];
        for (int more = 1; more < count; ++more) sum += source[more * plane + e];
        to[at + e] = same ? sum : factor * sum;
      }
      mark_as(mark, at, plane, same ? 2 : 1);
    }
}

void clgen_weight_transfer_tensor(const clgen_shape *shape, const clgen_shape *was, const clgen_axis_change *change,
                                  const float *from, float *to, uint8_t *mark) {
  int64_t n = clgen_shape_count(shape);
  if (!change) {
    memcpy(to, from, (size_t)n * sizeof *to);
    mark_as(mark, 0, n, 2);
    return;
  }
  view v = view_of(shape, was, change->axis);
  if (change->kind == CLGEN_AXIS_ROWS)
    carry_rows(&v, from, to, mark);
  else
    carry_colours(&v, change, from, to, mark);
}
