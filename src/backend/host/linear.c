/* Matrix product and the three convolutions. */
#include <string.h>

#include "backend/host/host.h"

static void zero(double *sums, int64_t n) { memset(sums, 0, (size_t)n * sizeof *sums); }

static void round_all(const double *sums, int64_t n, float *out) {
  for (int64_t i = 0; i < n; ++i) out[i] = (float)sums[i];
}

size_t clgen_host_sums(const clgen_step *s) {
  switch (s->kind) {
    case CLGEN_STEP_MATMUL: return (size_t)s->n;
    case CLGEN_STEP_CONV2D: return (size_t)(s->conv.oh * s->conv.ow);
    case CLGEN_STEP_CONV2D_INPUT_GRAD: return (size_t)(s->conv.h * s->conv.w);
    case CLGEN_STEP_AFFINE_SAMPLE_GRAD: return (size_t)(s->sample.h * s->sample.w);
    default: return 0;
  }
}

/* out[i][j] = sum over p of a[i][p] b[p][j], a row of sums at a time. */
void clgen_host_matmul(const clgen_step *s, double *sums) {
  const float *a = clgen_host_floats(&s->in[0]), *b = clgen_host_floats(&s->in[1]);
  float *out = clgen_host_floats(&s->out[0]);
  int64_t a_row = s->transpose_a ? 1 : s->k, a_col = s->transpose_a ? s->m : 1;
  for (int64_t i = 0; i < s->m; ++i) {
    zero(sums, s->n);
    if (s->transpose_b) {
      for (int64_t j = 0; j < s->n; ++j)
        for (int64_t p = 0; p < s->k; ++p) sums[j] += (double)a[i * a_row + p * a_col] * b[j * s->k + p];
    } else {
      for (int64_t p = 0; p < s->k; ++p) {
        double x = a[i * a_row + p * a_col];
        for (int64_t j = 0; j < s->n; ++j) sums[j] += x * b[p * s->n + j];
      }
    }
    round_all(sums, s->n, out + i * s->n);
  }
}

/* The outputs o of [0, n) whose input o * stride - pad + k lies in [0, size): [*from, *to). */
static void inside(int64_t n, int64_t size, int stride, int pad, int64_t k, int64_t *from, int64_t *to) {
  int64_t first = pad - k, end = size + pad - k; /* of o * stride */
  *from = first <= 0 ? 0 : (first + stride - 1) / stride;
  *to = end <= 0 ? 0 : (end + stride - 1) / stride;
  if (*to > n) *to = n;
}

/* One weight's part: for every output (y, x) that the weight (ky, kx) connects to an input inside the image, calls
 * BODY with `in` and `out`, the places of the two in their planes. */
#define FOR_CONNECTED(s, ky, kx, BODY)                                                   \
  do {                                                                                   \
    const clgen_conv cv = (s)->conv.conv;                                                \
    int64_t y0, y1, x0, x1;                                                              \
    inside((s)->conv.oh, (s)->conv.h, cv.stride_h, cv.pad_h, ky, &y0, &y1);              \
    inside((s)->conv.ow, (s)->conv.w, cv.stride_w, cv.pad_w, kx, &x0, &x1);              \
    for (int64_t y = y0; y < y1; ++y) {                                                  \
      int64_t row = (y * cv.stride_h - cv.pad_h + (ky)) * (s)->conv.w - cv.pad_w + (kx); \
      for (int64_t x = x0; x < x1; ++x) {                                                \
        int64_t in = row + x * cv.stride_w, out = y * (s)->conv.ow + x;                  \
        BODY;                                                                            \
      }                                                                                  \
    }                                                                                    \
  } while (0)

/* y[n][o] = sum over c, ky, kx of w[o][c][ky][kx] x[n][c] shifted by (ky, kx) */
void clgen_host_conv2d(const clgen_step *s, double *sums) {
  int64_t image = s->conv.h * s->conv.w, plane = s->conv.oh * s->conv.ow, kernel = s->conv.kh * s->conv.kw;
  const float *x_all = clgen_host_floats(&s->in[0]), *w_all = clgen_host_floats(&s->in[1]);
  float *y_all = clgen_host_floats(&s->out[0]);
  for (int64_t n = 0; n < s->conv.n; ++n) {
    for (int64_t o = 0; o < s->conv.o; ++o) {
      zero(sums, plane);
      for (int64_t c = 0; c < s->conv.c; ++c) {
        const float *xs = x_all + (n * s->conv.c + c) * image, *ws = w_all + (o * s->conv.c + c) * kernel;
        for (int64_t ky = 0; ky < s->conv.kh; ++ky)
          for (int64_t kx = 0; kx < s->conv.kw; ++kx) {
            double weight = ws[ky * s->conv.kw + kx];
            FOR_CONNECTED(s, ky, kx, sums[out] += weight * xs[in]);
          }
      }
      round_all(sums, plane, y_all + (n * s->conv.o + o) * plane);
    }
  }
}

/* dx[n][c] = sum over o, ky, kx of w[o][c][ky][kx] dy[n][o], put back where conv2d read it from */
void clgen_host_conv2d_input_grad(const clgen_step *s, double *sums) {
  int64_t image = s->conv.h * s->conv.w, plane = s->conv.oh * s->conv.ow, kernel = s->conv.kh * s->conv.kw;
  const float *dy_all = clgen_host_floats(&s->in[0]), *w_all = clgen_host_floats(&s->in[1]);
  float *dx_all = clgen_host_floats(&s->out[0]);
  for (int64_t n = 0; n < s->conv.n; ++n) {
    for (int64_t c = 0; c < s->conv.c; ++c) {
      zero(sums, image);
      for (int64_t o = 0; o < s->conv.o; ++o) {
        const float *dys = dy_all + (n * s->conv.o + o) * plane, *ws = w_all + (o * s->conv.c + c) * kernel;
        for (int64_t ky = 0; ky < s->conv.kh; ++ky)
          for (int64_t kx = 0; kx < s->conv.kw; ++kx) {
            double weight = ws[ky * s->conv.kw + kx];
            FOR_CONNECTED(s, ky, kx, sums[in] += weight * dys[out]);
          }
      }
      round_all(sums, image, dx_all + (n * s->conv.c + c) * image);
    }
  }
}

/* dw[o][c][ky][kx] = sum over n and the image of dy[n][o] x[n][c] shifted by (ky, kx) */
void clgen_host_conv2d_weight_grad(const clgen_step *s) {
  int64_t image = s->conv.h * s->conv.w, plane = s->conv.oh * s->conv.ow;
  const float *x_all = clgen_host_floats(&s->in[0]), *dy_all = clgen_host_floats(&s->in[1]);
  float *dw = clgen_host_floats(&s->out[0]);
  for (int64_t o = 0; o < s->conv.o; ++o)
    for (int64_t c = 0; c < s->conv.c; ++c)
      for (int64_t ky = 0; ky < s->conv.kh; ++ky)
        for (int64_t kx = 0; kx < s->conv.kw; ++kx) {
          double total = 0;
          for (int64_t n = 0; n < s->conv.n; ++n) {
            const float *xs = x_all + (n * s->conv.c + c) * image, *dys = dy_all + (n * s->conv.o + o) * plane;
            FOR_CONNECTED(s, ky, kx, total += (double)dys[out] * xs[in]);
          }
          *dw++ = (float)total;
        }
}
