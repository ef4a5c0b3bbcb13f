/* Whether convolutions are right on a device, by their definition: a candidate of the tuner that gets them wrong cannot win.
 */
#include <math.h>
#include <stdlib.h>

#include "backend/opencl/tune.h"

/* Small convolutions and their two gradients: one for the direct kernels, and one for each form of those with fewer
 * multiplications. */
enum { CONV_KINDS = 3 };
static const struct {
  int64_t n, c, h, w, o, kernel, stride;
} small_conv[] = {{3, 5, 13, 16, 9, 4, 2}, {6, 16, 9, 8, 17, 3, 1}, {8, 17, 16, 16, 16, 4, 2}};

static void convolution_steps(clgen_step step[CONV_KINDS], size_t which) {
  for (int k = 0; k < CONV_KINDS; ++k) {
    clgen_step *s = &step[k];
    *s = (clgen_step){
        .kind = (clgen_step_kind)(CLGEN_STEP_CONV2D + k), .label = "convolution", .n_inputs = 2, .n_outputs = 1};
    const int stride = (int)small_conv[which].stride;
    s->conv.n = small_conv[which].n, s->conv.c = small_conv[which].c, s->conv.o = small_conv[which].o;
    s->conv.h = small_conv[which].h, s->conv.w = small_conv[which].w;
    s->conv.kh = s->conv.kw = small_conv[which].kernel;
    s->conv.conv = (clgen_conv){stride, stride, 1, 1};
    s->conv.oh = (s->conv.h + 2 - s->conv.kh) / stride + 1;
    s->conv.ow = (s->conv.w + 2 - s->conv.kw) / stride + 1;
    for (int i = 0; i < 2; ++i) s->in[i].dtype = CLGEN_F32;
    s->out[0].dtype = CLGEN_F32;
    clgen_step_count(s);
  }
}

/* The definition: each weight joins an input to an output; sums[k] is what it means for the output of step k. */
static void convolve(const clgen_step *s, const float *x, const float *w, const float *y, double *sums[CONV_KINDS]) {
  const clgen_conv cv = s->conv.conv;
  int64_t out = 0;
  for (int64_t n = 0; n < s->conv.n; ++n)
    for (int64_t o = 0; o < s->conv.o; ++o)
      for (int64_t oy = 0; oy < s->conv.oh; ++oy)
        for (int64_t ox = 0; ox < s->conv.ow; ++ox, ++out)
          for (int64_t t = 0; t < s->conv.c * s->conv.kh * s->conv.kw; ++t) {
            int64_t c = t / (s->conv.kh * s->conv.kw), row = oy * cv.stride_h - cv.pad_h + t / s->conv.kw % s->conv.kh;
            int64_t column = ox * cv.stride_w - cv.pad_w + t % s->conv.kw;
            if (row < 0 || row >= s->conv.h || column < 0 || column >= s->conv.w) continue;
            int64_t in = ((n * s->conv.c + c) * s->conv.h + row) * s->conv.w + column;
            int64_t weight = o * s->conv.c * s->conv.kh * s->conv.kw + t;
            sums[0][out] += (double)w[weight] * x[in];
            sums[1][in] += (double)w[weight] * y[out];
            sums[2][weight] += (double)y[out] * x[in];
          }
}

/* x, w and y, each also as the outputs of the step that makes it. */
typedef struct {
  size_t count[CONV_KINDS];
  float *data[CONV_KINDS], *got;
  double *sums[CONV_KINDS];
  clgen_buffer *in[CONV_KINDS], *out[CONV_KINDS];
} conv_numbers;
static const int conv_input[CONV_KINDS][2] = {{0, 1}, {2, 1}, {0, 2}}, conv_output[CONV_KINDS] = {2, 0, 1};

static int conv_numbers_make(clgen_ocl *ocl, const clgen_step *s, conv_numbers *m) {
  m->count[0] = (size_t)(s->conv.n * s->conv.c * s->conv.h * s->conv.w);
  m->count[1] = (size_t)(s->conv.o * s->conv.c * s->conv.kh * s->conv.kw);
  m->count[2] = (size_t)(s->conv.n * s->conv.o * s->conv.oh * s->conv.ow);
  m->got = calloc(m->count[0] + m->count[1] + m->count[2], sizeof *m->got);
  int err = m->got ? CLGEN_OK : clgen_fail_nomem(m->count[0] * sizeof *m->got);
  for (int k = 0; k < CONV_KINDS && !err; ++k) {
    const size_t bytes = m->count[k] * sizeof(float);
    m->data[k] = malloc(bytes);
    m->sums[k] = calloc(m->count[k], sizeof(double));
    if (!m->data[k] || !m->sums[k]) return clgen_fail_nomem(bytes);
    clgen_tune_fill(m->data[k], m->count[k]);
    err = clgen_ocl_buffer_create(ocl, bytes, &m->in[k]);
    if (!err) err = clgen_ocl_buffer_write(ocl, m->in[k], 0, bytes, m->data[k]);
    if (!err) err = clgen_ocl_buffer_create(ocl, bytes, &m->out[k]);
  }
  return err;
}

static void conv_numbers_free(clgen_ocl *ocl, conv_numbers *m) {
  for (int k = 0; k < CONV_KINDS; ++k) {
    clgen_ocl_buffer_free(ocl, m->in[k]);
    clgen_ocl_buffer_free(ocl, m->out[k]);
    free(m->data[k]);
    free(m->sums[k]);
  }
  free(m->got);
}

/* What a convolution and its gradients left against the definition's sums. */
static bool outputs_agree(clgen_ocl *ocl, const clgen_step *step, conv_numbers *m) {
  double *sums[CONV_KINDS] = {m->sums[2], m->sums[0], m->sums[1]};
  bool good = true;
  convolve(&step[0], m->data[0], m->data[1], m->data[2], sums);
  for (int k = 0; k < CONV_KINDS && good; ++k) {
    const size_t n = m->count[conv_output[k]];
    good = clgen_ocl_buffer_read(ocl, m->out[conv_output[k]], 0, n * sizeof(float), m->got) == CLGEN_OK;
    for (size_t i = 0; i < n && good; ++i) good = fabs(sums[k][i] - m->got[i]) <= 1e-4;
  }
  return good;
}

/* All are one plan: a kernel that several of them want is compiled once. */
bool clgen_tune_convolutions_agree(clgen_ocl *ocl) {
  enum { SHAPES = CLGEN_COUNT(small_conv) };
  conv_numbers m[SHAPES] = {0};
  clgen_step step[SHAPES][CONV_KINDS];
  clgen_plan *plan = NULL;
  int err = CLGEN_OK;
  for (size_t i = 0; i < SHAPES; ++i) {
    convolution_steps(step[i], i);
    if (!err) err = conv_numbers_make(ocl, &step[i][0], &m[i]);
    for (int k = 0; k < CONV_KINDS; ++k) {
      for (int j = 0; j < 2; ++j) step[i][k].in[j].buffer = m[i].in[conv_input[k][j]];
      step[i][k].out[0].buffer = m[i].out[conv_output[k]];
    }
  }
  if (!err) err = clgen_ocl_plan_create(ocl, step[0], SHAPES * CONV_KINDS, &plan);
  if (!err) err = clgen_ocl_plan_run(ocl, plan);
  bool good = !err;
  for (size_t i = 0; i < SHAPES && good; ++i) good = outputs_agree(ocl, step[i], &m[i]);
  clgen_ocl_plan_free(ocl, plan);
  for (size_t i = 0; i < SHAPES; ++i) conv_numbers_free(ocl, &m[i]);
  return good;
}
