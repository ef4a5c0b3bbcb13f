/* Sampling through affine maps: the four pixels that each pixel of the view is made of, and their shares. */
#include <math.h>
#include <string.h>

#include "backend/host/host.h"

typedef struct {
  int64_t at[4]; /* in the image's plane */
  double share[4];
} sight;

static int64_t mirror(int64_t i, int64_t size) {
  if (size == 1) return 0;
  int64_t period = 2 * (size - 1), r = ((i % period) + period) % period;
  return r < size ? r : period - r;
}

/* False where the view is 0. */
static bool look(const clgen_step *s, const float *t, int64_t oy, int64_t ox, sight *out) {
  int64_t h = s->sample.h, w = s->sample.w;
  double u = (double)ox - 0.5 * (double)(s->sample.ow - 1), v = (double)oy - 0.5 * (double)(s->sample.oh - 1);
  double x = t[0] * u + t[1] * v + t[2] + 0.5 * (double)(w - 1), y = t[3] * u + t[4] * v + t[5] + 0.5 * (double)(h - 1);
  if (!(fabs(x) < CLGEN_SAMPLE_REACH * (double)w && fabs(y) < CLGEN_SAMPLE_REACH * (double)h)) return false;
  double left = floor(x), top = floor(y);
  for (int k = 0; k < 4; ++k) {
    int64_t right = k & 1, down = k >> 1;
    out->at[k] = mirror((int64_t)top + down, h) * w + mirror((int64_t)left + right, w);
    out->share[k] = (right ? x - left : 1 - (x - left)) * (down ? y - top : 1 - (y - top));
  }
  return true;
}

void clgen_host_affine_sample(const clgen_step *s) {
  const float *x = clgen_host_floats(&s->in[0]), *theta = clgen_host_floats(&s->in[1]);
  float *y = clgen_host_floats(&s->out[0]);
  sight one;
  for (int64_t n = 0; n < s->sample.n; ++n)
    for (int64_t c = 0; c < s->sample.c; ++c, x += s->sample.h * s->sample.w)
      for (int64_t oy = 0; oy < s->sample.oh; ++oy)
        for (int64_t ox = 0; ox < s->sample.ow; ++ox) {
          double sum = 0;
          bool sees = look(s, theta + 6 * n, oy, ox, &one);
          for (int k = 0; sees && k < 4; ++k) sum += one.share[k] * x[one.at[k]];
          *y++ = (float)sum;
        }
}

/* `sums` holds a plane of the image. */
void clgen_host_affine_sample_grad(const clgen_step *s, double *sums) {
  const float *dy = clgen_host_floats(&s->in[0]), *theta = clgen_host_floats(&s->in[1]);
  float *dx = clgen_host_floats(&s->out[0]);
  int64_t plane = s->sample.h * s->sample.w;
  sight one;
  for (int64_t n = 0; n < s->sample.n; ++n)
    for (int64_t c = 0; c < s->sample.c; ++c) {
      memset(sums, 0, (size_t)plane * sizeof *sums);
      for (int64_t oy = 0; oy < s->sample.oh; ++oy)
        for (int64_t ox = 0; ox < s->sample.ow; ++ox, ++dy) {
          bool sees = look(s, theta + 6 * n, oy, ox, &one);
          for (int k = 0; sees && k < 4; ++k) sums[one.at[k]] += one.share[k] * *dy;
        }
      for (int64_t i = 0; i < plane; ++i) *dx++ = (float)sums[i];
    }
}
