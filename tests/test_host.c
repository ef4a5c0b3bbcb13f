/* The host backend against values worked out by hand: the oracle must not be its own witness. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend/host/backend_host.h"
#include "backend/host/host.h"
#include "base/base.h"

static const clgen_backend *const host = &clgen_backend_host;

static clgen_operand operand(clgen_dtype dtype, size_t bytes, const void *data) {
  clgen_operand o = {.dtype = dtype};
  assert_int_equal(host->buffer_create(NULL, bytes, &o.buffer), 0);
  if (data) assert_int_equal(host->buffer_write(NULL, o.buffer, 0, bytes, data), 0);
  return o;
}

static clgen_operand floats(size_t n, const float *data) { return operand(CLGEN_F32, n * sizeof(float), data); }

static void run(const clgen_step *step) {
  clgen_plan *plan = NULL;
  if (!host->supports(NULL, step) || host->plan_create(NULL, step, 1, &plan)) fail_msg("%s", clgen_last_error());
  assert_int_equal(host->plan_run(NULL, plan), 0);
  host->plan_free(NULL, plan);
}

static void free_buffers(clgen_step *step) {
  for (int k = 0; k < step->n_inputs; ++k) host->buffer_free(NULL, step->in[k].buffer);
  for (int k = 0; k < step->n_outputs; ++k) host->buffer_free(NULL, step->out[k].buffer);
}

/* Reads out[j] and compares it; NaN equals NaN. */
static void expect(const clgen_step *step, int j, size_t n, const float *expected, double tolerance) {
  float got[256];
  assert_true(n <= CLGEN_COUNT(got));
  assert_int_equal(host->buffer_read(NULL, step->out[j].buffer, 0, n * sizeof(float), got), 0);
  for (size_t i = 0; i < n; ++i) {
    bool same = got[i] == expected[i] || (isnan(got[i]) && isnan(expected[i]));
    if (!same && !(fabs(got[i] - expected[i]) <= tolerance * (1 + fabs(expected[i]))))
      fail_msg("%s: output %d, element %zu is %.9g instead of %.9g", step->label, j, i, got[i], expected[i]);
  }
}

/* ---- Each elementwise operation, one element ------------------------------------------------------------------- */

typedef struct {
  int op;
  float a, b, c, p, q, expected;
} one;

static const one ones[] = {
    {CLGEN_EW_CONST, 0, 0, 0, 2.5f, 0, 2.5f},
    {CLGEN_EW_COPY, -1.25f, 0, 0, 0, 0, -1.25f},
    {CLGEN_EW_AFFINE, 3, 0, 0, 2, -1, 5},
    {CLGEN_EW_NEG, 3, 0, 0, 0, 0, -3},
    {CLGEN_EW_ABS, -3, 0, 0, 0, 0, 3},
    {CLGEN_EW_SIGN, -3, 0, 0, 0, 0, -1},
    {CLGEN_EW_SIGN, 0, 0, 0, 0, 0, 0},
    {CLGEN_EW_SIGN, 0.5f, 0, 0, 0, 0, 1},
    {CLGEN_EW_STEP, 0.5f, 0, 0, 0, 0, 1},
    {CLGEN_EW_STEP, 0, 0, 0, 0, 0, 0},
    {CLGEN_EW_RELU, -2, 0, 0, 0, 0, 0},
    {CLGEN_EW_RELU, 2, 0, 0, 0, 0, 2},
    {CLGEN_EW_RELU, NAN, 0, 0, 0, 0, NAN},
    {CLGEN_EW_LEAKY_RELU, -2, 0, 0, 0.25f, 0, -0.5f},
    {CLGEN_EW_LEAKY_RELU, 2, 0, 0, 0.25f, 0, 2},
    {CLGEN_EW_LEAKY_STEP, -2, 0, 0, 0.25f, 0, 0.25f},
    {CLGEN_EW_LEAKY_STEP, 2, 0, 0, 0.25f, 0, 1},
    {CLGEN_EW_TANH, 0.5f, 0, 0, 0, 0, 0.46211715726f},
    {CLGEN_EW_SIGMOID, 0, 0, 0, 0, 0, 0.5f},
    {CLGEN_EW_SIGMOID, -200, 0, 0, 0, 0, 0},
    {CLGEN_EW_SIGMOID, 2, 0, 0, 0, 0, 0.88079707798f},
    {CLGEN_EW_SOFTPLUS, 0, 0, 0, 0, 0, 0.69314718056f},
    {CLGEN_EW_SOFTPLUS, 200, 0, 0, 0, 0, 200},
    {CLGEN_EW_SOFTPLUS, -3, 0, 0, 0, 0, 0.04858735157f},
    {CLGEN_EW_EXP, 1, 0, 0, 0, 0, 2.71828182846f},
    {CLGEN_EW_LOG, 10, 0, 0, 0, 0, 2.30258509299f},
    {CLGEN_EW_SQRT, 6.25f, 0, 0, 0, 0, 2.5f},
    {CLGEN_EW_RSQRT, 6.25f, 0, 0, 0, 0, 0.4f},
    {CLGEN_EW_SQUARE, -1.5f, 0, 0, 0, 0, 2.25f},
    {CLGEN_EW_RECIPROCAL, 4, 0, 0, 0, 0, 0.25f},
    {CLGEN_EW_SIN, 1, 0, 0, 0, 0, 0.84147098481f},
    {CLGEN_EW_COS, 1, 0, 0, 0, 0, 0.54030230587f},
    {CLGEN_EW_POW, 2, 0, 0, 1.5f, 0, 2.82842712475f},
    {CLGEN_EW_ROUND, 0.75f, 0, 0, 0, 0, 1},
    {CLGEN_EW_ROUND, -2.5f, 0, 0, 0, 0, -2},
    {CLGEN_EW_ROUND, 1.5f, 0, 0, 0, 0, 2},
    {CLGEN_EW_CLAMP, 2, 0, 0, -1, 1, 1},
    {CLGEN_EW_CLAMP, -2, 0, 0, -1, 1, -1},
    {CLGEN_EW_CLAMP, 0.5f, 0, 0, -1, 1, 0.5f},
    {CLGEN_EW_IN_RANGE, 1, 0, 0, -1, 1, 1},
    {CLGEN_EW_IN_RANGE, 1.5f, 0, 0, -1, 1, 0},
    {CLGEN_EW_IN_RANGE, -1.5f, 0, 0, -1, 1, 0},
    {CLGEN_EW_IS_FINITE, 1, 0, 0, 0, 0, 1},
    {CLGEN_EW_IS_FINITE, INFINITY, 0, 0, 0, 0, 0},
    {CLGEN_EW_IS_FINITE, -INFINITY, 0, 0, 0, 0, 0},
    {CLGEN_EW_IS_FINITE, NAN, 0, 0, 0, 0, 0},
    {CLGEN_EW_ADD, 1, 2, 0, 0, 0, 3},
    {CLGEN_EW_SUB, 1, 2, 0, 0, 0, -1},
    {CLGEN_EW_MUL, 3, 2, 0, 0, 0, 6},
    {CLGEN_EW_DIV, 3, 2, 0, 0, 0, 1.5f},
    {CLGEN_EW_MAXIMUM, 3, 2, 0, 0, 0, 3},
    {CLGEN_EW_MINIMUM, 3, 2, 0, 0, 0, 2},
    {CLGEN_EW_GREATER, 3, 2, 0, 0, 0, 1},
    {CLGEN_EW_GREATER, 2, 2, 0, 0, 0, 0},
    {CLGEN_EW_WHERE, 0, 2, 3, 0, 0, 3},
    {CLGEN_EW_WHERE, -1, 2, 3, 0, 0, 2},
    {CLGEN_EW_NORMALIZE, 3, 1, 0.5f, 0, 0, 1},
};

static void elementwise_operations(void **state) {
  (void)state;
  bool seen[CLGEN_EW_COUNT] = {[CLGEN_EW_RANDOM_UNIFORM] = true, [CLGEN_EW_RANDOM_NORMAL] = true}; /* test_random.c */
  for (size_t k = 0; k < CLGEN_COUNT(ones); ++k) {
    const one *t = &ones[k];
    const float abc[3] = {t->a, t->b, t->c};
    seen[t->op] = true;
    clgen_step s = {.kind = CLGEN_STEP_MAP, .label = clgen_ew_name(t->op), .n_inputs = 3, .n_outputs = 1, .n_instrs = 4};
    for (int j = 0; j < 3; ++j) {
      s.in[j] = floats(1, &abc[j]);
      s.instr[j] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = j};
    }
    s.out[0] = floats(1, NULL);
    s.instr[3] = (clgen_ew_instr){.op = (clgen_ew_op)t->op, .a = 0, .b = 1, .c = 2, .p = t->p, .q = t->q};
    s.value[0] = 3;
    run(&s);
    expect(&s, 0, 1, &t->expected, 1e-7);
    free_buffers(&s);
  }
  for (int op = 0; op < CLGEN_EW_COUNT; ++op)
    if (!seen[op]) fail_msg("%s has no value worked out by hand here", clgen_ew_name(op));
}

/* ---- Strides, dtypes, several outputs --------------------------------------------------------------------------- */

/* out0 = transpose(a) + row, out1 = transpose(a), over 3x2; a is 2x3, row is broadcast from 2 elements. */
static void map_walks_strides(void **state) {
  (void)state;
  const float a[] = {1, 2, 3, 4, 5, 6}, row[] = {9, 10, 20}; /* row begins at element 1 */
  clgen_step s = {
      .kind = CLGEN_STEP_MAP, .label = "strides", .n_inputs = 2, .n_outputs = 2, .ndim = 2, .dim = {3, 2}, .n_instrs = 3};
  s.in[0] = floats(6, a);
  s.in[0].stride[0] = 1, s.in[0].stride[1] = 3;
  s.in[1] = floats(3, row);
  s.in[1].offset = 1, s.in[1].stride[1] = 1;
  s.out[0] = floats(6, NULL);
  s.out[0].stride[0] = 2, s.out[0].stride[1] = 1;
  s.out[1] = floats(7, NULL); /* backwards, and leaving the first element alone */
  s.out[1].offset = 6, s.out[1].stride[0] = -2, s.out[1].stride[1] = -1;
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = 0};
  s.instr[1] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = 1};
  s.instr[2] = (clgen_ew_instr){.op = CLGEN_EW_ADD, .a = 0, .b = 1};
  s.value[0] = 2, s.value[1] = 0;
  run(&s);
  expect(&s, 0, 6, (float[]){11, 24, 12, 25, 13, 26}, 0);
  expect(&s, 1, 7, (float[]){0, 6, 3, 5, 2, 4, 1}, 0);
  free_buffers(&s);
}

/* Longer than a run of the loops, and no multiple of it. */
static void map_of_a_long_axis(void **state) {
  (void)state;
  enum { N = 201 };
  float in[N], expected[N];
  for (int i = 0; i < N; ++i) in[i] = (float)i, expected[i] = -(float)i;
  clgen_step s = {
      .kind = CLGEN_STEP_MAP, .label = "long", .n_inputs = 1, .n_outputs = 1, .ndim = 1, .dim = {N}, .n_instrs = 2};
  s.in[0] = floats(N, in);
  s.out[0] = floats(N, NULL);
  s.in[0].stride[0] = s.out[0].stride[0] = 1;
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  s.instr[1] = (clgen_ew_instr){.op = CLGEN_EW_NEG};
  s.value[0] = 1;
  run(&s);
  expect(&s, 0, N, expected, 0);
  free_buffers(&s);
}

static void u8_rounds_to_even_and_saturates(void **state) {
  (void)state;
  const float in[] = {-1, -0.4f, 0.5f, 1.5f, 2.5f, 254.5f, 255.4f, 300, INFINITY, NAN, 7};
  const unsigned char expected[] = {0, 0, 0, 2, 2, 254, 255, 255, 255, 0, 7};
  enum { N = CLGEN_COUNT(in) };
  clgen_step s = {
      .kind = CLGEN_STEP_MAP, .label = "to_u8", .n_inputs = 1, .n_outputs = 1, .ndim = 1, .dim = {N}, .n_instrs = 1};
  s.in[0] = floats(N, in);
  s.out[0] = operand(CLGEN_U8, N, NULL);
  s.in[0].stride[0] = s.out[0].stride[0] = 1;
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  run(&s);
  unsigned char got[N];
  assert_int_equal(host->buffer_read(NULL, s.out[0].buffer, 0, N, got), 0);
  assert_memory_equal(got, expected, N);
  free_buffers(&s);
}

static void u8_and_u32_are_read_as_floats(void **state) {
  (void)state;
  const unsigned char bytes[] = {0, 200, 255};
  const uint32_t words[] = {1, 1000000, 0xffffffff};
  clgen_step s = {
      .kind = CLGEN_STEP_MAP, .label = "load", .n_inputs = 2, .n_outputs = 2, .ndim = 1, .dim = {3}, .n_instrs = 3};
  s.in[0] = operand(CLGEN_U8, sizeof bytes, bytes);
  s.in[1] = operand(CLGEN_U32, sizeof words, words);
  s.out[0] = floats(3, NULL);
  s.out[1] = operand(CLGEN_U32, sizeof words, NULL);
  s.in[0].stride[0] = s.in[1].stride[0] = s.out[0].stride[0] = s.out[1].stride[0] = 1;
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = 0};
  s.instr[1] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = 1};
  s.instr[2] = (clgen_ew_instr){.op = CLGEN_EW_ADD, .a = 0, .b = 1};
  s.value[0] = 2, s.value[1] = 1;
  run(&s);
  expect(&s, 0, 3, (float[]){1, 1000200, 4294967296.0f}, 0);
  uint32_t got[3]; /* copied as words, not through floats */
  assert_int_equal(host->buffer_read(NULL, s.out[1].buffer, 0, sizeof got, got), 0);
  assert_memory_equal(got, words, sizeof words);
  free_buffers(&s);
}

/* Element (i, j) of a 2x3 domain draws number 3 i + j, wherever it is written. */
static void random_draws_by_the_row_major_index(void **state) {
  (void)state;
  const uint32_t counter = 0xfffffffd;
  clgen_step s = {
      .kind = CLGEN_STEP_MAP, .label = "random", .n_inputs = 1, .n_outputs = 2, .ndim = 2, .dim = {2, 3}, .n_instrs = 3};
  s.in[0] = operand(CLGEN_U32, sizeof counter, &counter);
  s.out[0] = floats(6, NULL);
  s.out[1] = floats(6, NULL);
  s.out[0].stride[0] = 1, s.out[0].stride[1] = 2;
  s.out[1].stride[0] = 3, s.out[1].stride[1] = 1;
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  s.instr[1] = (clgen_ew_instr){.op = CLGEN_EW_RANDOM_NORMAL, .a = 0, .seed = 0x100000002u, .stream = 5};
  s.instr[2] = (clgen_ew_instr){.op = CLGEN_EW_RANDOM_UNIFORM, .a = 0, .seed = 3, .stream = 6};
  s.value[0] = 1, s.value[1] = 2;
  run(&s);
  float normal[6], uniform[6];
  for (uint64_t i = 0; i < 6; ++i) {
    normal[i % 3 * 2 + i / 3] = clgen_host_normal(0x100000002u, 5, counter, i);
    uniform[i] = clgen_host_uniform(3, 6, counter, i);
  }
  expect(&s, 0, 6, normal, 0);
  expect(&s, 1, 6, uniform, 0);
  free_buffers(&s);
}

/* ---- Reductions ------------------------------------------------------------------------------------------------- */

static clgen_step reduction(const float *data, unsigned axes) {
  clgen_step s = {.kind = CLGEN_STEP_REDUCE,
                  .label = "reduce",
                  .n_inputs = 1,
                  .n_outputs = 2,
                  .ndim = 3,
                  .dim = {2, 3, 2},
                  .n_instrs = 2,
                  .axes = axes};
  s.in[0] = floats(12, data);
  s.in[0].stride[0] = 6, s.in[0].stride[1] = 2, s.in[0].stride[2] = 1;
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  s.instr[1] = (clgen_ew_instr){.op = CLGEN_EW_SQUARE};
  s.value[1] = 1;
  int64_t step = 1;
  for (int k = 2; k >= 0; --k) {
    if (axes >> k & 1) continue;
    s.out[0].stride[k] = s.out[1].stride[k] = step;
    step *= s.dim[k];
  }
  for (int j = 0; j < 2; ++j) s.out[j].buffer = floats((size_t)step, NULL).buffer;
  return s;
}

static void reduce_sums_over_axes(void **state) {
  (void)state;
  const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  static const struct {
    unsigned axes;
    size_t n;
    float sum[12], squares[12];
  } cases[] = {
      {7, 1, {78}, {650}},
      {5, 3, {18, 26, 34}, {1 + 4 + 49 + 64, 9 + 16 + 81 + 100, 25 + 36 + 121 + 144}},
      {2, 4, {9, 12, 27, 30}, {35, 56, 251, 308}},
      {1, 6, {8, 10, 12, 14, 16, 18}, {50, 68, 90, 116, 146, 180}},
      {0, 12, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144}},
  };
  for (size_t k = 0; k < CLGEN_COUNT(cases); ++k) {
    clgen_step s = reduction(x, cases[k].axes);
    run(&s);
    expect(&s, 0, cases[k].n, cases[k].sum, 0);
    expect(&s, 1, cases[k].n, cases[k].squares, 0);
    free_buffers(&s);
  }
}

/* A float accumulator would stop at 2^24. */
static void reduce_adds_in_double(void **state) {
  (void)state;
  const float x = 1;
  clgen_step s = {.kind = CLGEN_STEP_REDUCE,
                  .label = "reduce",
                  .n_inputs = 1,
                  .n_outputs = 1,
                  .ndim = 1,
                  .dim = {(1 << 24) + 101},
                  .n_instrs = 1,
                  .axes = 1};
  s.in[0] = floats(1, &x);
  s.out[0] = floats(1, NULL);
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  run(&s);
  expect(&s, 0, 1, (float[]){(1 << 24) + 100}, 0); /* to even */
  free_buffers(&s);
}

/* ---- Matrices and convolutions ---------------------------------------------------------------------------------- */

static void matmul_in_every_transposition(void **state) {
  (void)state;
  const float a[2][6] = {{1, 2, 3, 4, 5, 6}, {1, 4, 2, 5, 3, 6}};                                          /* 2x3, 3x2 */
  const float b[2][12] = {{1, 0, 2, -1, 3, 1, 0, 2, -2, 4, 1, 0}, {1, 3, -2, 0, 1, 4, 2, 0, 1, -1, 2, 0}}; /* 3x4, 4x3 */
  const float expected[] = {1, 14, 5, 3, 7, 29, 14, 6};
  for (int t = 0; t < 4; ++t) {
    clgen_step s = {.kind = CLGEN_STEP_MATMUL,
                    .label = "matmul",
                    .n_inputs = 2,
                    .n_outputs = 1,
                    .m = 2,
                    .n = 4,
                    .k = 3,
                    .transpose_a = t & 1,
                    .transpose_b = t >> 1};
    s.in[0] = floats(6, a[t & 1]);
    s.in[1] = floats(12, b[t >> 1]);
    s.out[0] = floats(8, NULL);
    run(&s);
    expect(&s, 0, 8, expected, 0);
    free_buffers(&s);
  }
}

static clgen_step convolution(clgen_step_kind kind, const float *in0, size_t n0, const float *in1, size_t n1, size_t n_out) {
  clgen_step s = {.kind = kind, .label = clgen_step_kind_name(kind), .n_inputs = 2, .n_outputs = 1};
  s.in[0] = floats(n0, in0);
  s.in[1] = floats(n1, in1);
  s.out[0] = floats(n_out, NULL);
  return s;
}

static void set_conv(clgen_step *s, const int64_t sizes[9], clgen_conv conv) {
  s->conv.n = sizes[0], s->conv.c = sizes[1], s->conv.h = sizes[2], s->conv.w = sizes[3], s->conv.o = sizes[4];
  s->conv.kh = sizes[5], s->conv.kw = sizes[6], s->conv.oh = sizes[7], s->conv.ow = sizes[8];
  s->conv.conv = conv;
}

/* One image of 3x3, two kernels of 2x2, no padding. */
static void conv2d_by_hand(void **state) {
  (void)state;
  const int64_t sizes[9] = {1, 1, 3, 3, 2, 2, 2, 2, 2};
  const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 0, 0, -1, 1, 2, 3, 4}, dy[] = {1, 0, 0, 0, 0, 1, 0, 2};
  const clgen_conv plain = {1, 1, 0, 0};
  clgen_step s = convolution(CLGEN_STEP_CONV2D, x, 9, w, 8, 8);
  set_conv(&s, sizes, plain);
  run(&s);
  expect(&s, 0, 8, (float[]){-4, -4, -4, -4, 37, 47, 67, 77}, 0);
  free_buffers(&s);
  s = convolution(CLGEN_STEP_CONV2D_INPUT_GRAD, dy, 8, w, 8, 9);
  set_conv(&s, sizes, plain);
  run(&s);
  expect(&s, 0, 9, (float[]){1, 1, 2, 0, 4, 8, 0, 6, 8}, 0);
  free_buffers(&s);
  s = convolution(CLGEN_STEP_CONV2D_WEIGHT_GRAD, x, 9, dy, 8, 8);
  set_conv(&s, sizes, plain);
  run(&s);
  expect(&s, 0, 8, (float[]){1, 2, 4, 5, 12, 15, 21, 24}, 0);
  free_buffers(&s);
}

/* Stride 2 down and 3 across, padding 1 and 2, two channels whose kernels are one tap each. */
static void conv2d_with_strides_and_padding(void **state) {
  (void)state;
  const int64_t sizes[9] = {1, 2, 3, 4, 1, 3, 3, 2, 2};
  const clgen_conv conv = {2, 3, 1, 2};
  float x[24], w[18] = {0}, dy[] = {1, 2, 3, 4};
  for (int i = 0; i < 24; ++i) x[i] = (float)(i + 1);
  w[1 * 3 + 2] = 1;      /* channel 0 at (2 y, 3 x): rows 0 and 2, columns 0 and 3 */
  w[9 + 0 * 3 + 1] = 10; /* channel 1 at (2 y - 1, 3 x - 1): row 1 of y = 1, column 2 of x = 1 */
  clgen_step s = convolution(CLGEN_STEP_CONV2D, x, 24, w, 18, 4);
  set_conv(&s, sizes, conv);
  run(&s);
  expect(&s, 0, 4, (float[]){1, 4, 9, 12 + 10 * 19}, 0);
  free_buffers(&s);
  s = convolution(CLGEN_STEP_CONV2D_INPUT_GRAD, dy, 4, w, 18, 24);
  set_conv(&s, sizes, conv);
  run(&s);
  float dx[24] = {[0] = 1, [3] = 2, [8] = 3, [11] = 4, [18] = 40};
  expect(&s, 0, 24, dx, 0);
  free_buffers(&s);
  s = convolution(CLGEN_STEP_CONV2D_WEIGHT_GRAD, x, 24, dy, 4, 18);
  set_conv(&s, sizes, conv);
  run(&s);
  float got[18];
  assert_int_equal(host->buffer_read(NULL, s.out[0].buffer, 0, sizeof got, got), 0);
  assert_true(got[1 * 3 + 2] == 1 * 1 + 2 * 4 + 3 * 9 + 4 * 12);
  assert_true(got[9 + 0 * 3 + 1] == 4 * 19);
  free_buffers(&s);
}

/* ---- What it refuses -------------------------------------------------------------------------------------------- */

static void a_step_that_leaves_its_buffer_is_refused(void **state) {
  (void)state;
  clgen_step s = {
      .kind = CLGEN_STEP_MAP, .label = "copy", .n_inputs = 1, .n_outputs = 1, .ndim = 1, .dim = {5}, .n_instrs = 1};
  s.in[0] = floats(4, NULL);
  s.out[0] = floats(5, NULL);
  s.in[0].stride[0] = s.out[0].stride[0] = 1;
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  clgen_plan *plan = NULL;
  assert_true(host->supports(NULL, &s));
  assert_int_equal(host->plan_create(NULL, &s, 1, &plan), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "copy"));
  s.dim[0] = 4;
  run(&s);
  free_buffers(&s);
}

static void malformed_steps_are_not_supported(void **state) {
  (void)state;
  clgen_step s = {.kind = CLGEN_STEP_MAP, .label = "bad", .n_inputs = 1, .n_outputs = 1, .n_instrs = 2, .value = {1}};
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  s.instr[1] = (clgen_ew_instr){.op = CLGEN_EW_NEG, .a = 1}; /* itself */
  assert_false(host->supports(NULL, &s));
  s.instr[1].a = 0;
  assert_true(host->supports(NULL, &s));
  s.instr[0].a = 1; /* there is only input 0 */
  assert_false(host->supports(NULL, &s));
  s.instr[0].a = 0;
  s.instr[1].op = CLGEN_EW_RANDOM_NORMAL; /* of a float counter */
  assert_false(host->supports(NULL, &s));
  s.in[0].dtype = CLGEN_U32;
  assert_true(host->supports(NULL, &s));
  s = (clgen_step){.kind = CLGEN_STEP_CONV2D, .n_inputs = 2, .n_outputs = 1};
  set_conv(&s, (const int64_t[9]){1, 1, 5, 5, 1, 3, 3, 3, 4}, (clgen_conv){1, 1, 0, 0});
  assert_false(host->supports(NULL, &s));
  s.conv.ow = 3;
  assert_true(host->supports(NULL, &s));
}

static void buffers_keep_to_their_size(void **state) {
  (void)state;
  clgen_buffer *b = NULL;
  unsigned char data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  assert_int_equal(host->buffer_create(NULL, 6, &b), 0);
  assert_int_equal(host->buffer_write(NULL, b, 4, 2, data), 0);
  assert_int_not_equal(host->buffer_write(NULL, b, 4, 3, data), 0);
  assert_int_not_equal(host->buffer_read(NULL, b, SIZE_MAX, 2, data), 0);
  assert_int_equal(host->buffer_read(NULL, b, 0, 6, data), 0);
  assert_memory_equal(data, ((unsigned char[]){0, 0, 0, 0, 1, 2, 7, 8}), 8);
  host->buffer_free(NULL, b);
}

/* ---- Names and costs -------------------------------------------------------------------------------------------- */

static void steps_are_counted(void **state) {
  (void)state;
  clgen_step s = {.kind = CLGEN_STEP_MATMUL, .m = 3, .n = 5, .k = 7};
  clgen_step_count(&s);
  assert_true(s.flops == 2 * 3 * 5 * 7 && s.bytes == 4 * (21 + 35 + 15));
  s = (clgen_step){.kind = CLGEN_STEP_CONV2D_WEIGHT_GRAD};
  set_conv(&s, (const int64_t[9]){2, 3, 5, 5, 4, 3, 3, 3, 3}, (clgen_conv){1, 1, 0, 0});
  clgen_step_count(&s);
  assert_true(s.flops == 2.0 * 2 * 4 * 9 * 3 * 9 && s.bytes == 4 * (150 + 72 + 108));
  s = (clgen_step){.kind = CLGEN_STEP_MAP, .n_inputs = 2, .n_outputs = 1, .ndim = 2, .dim = {10, 20}, .n_instrs = 3};
  s.instr[0].op = s.instr[1].op = CLGEN_EW_LOAD;
  s.instr[2].op = CLGEN_EW_AFFINE;
  s.in[0].stride[0] = s.out[0].stride[0] = 20;
  s.in[0].stride[1] = s.out[0].stride[1] = s.in[1].stride[1] = 1;
  s.in[1].dtype = CLGEN_U8;
  clgen_step_count(&s);
  assert_true(s.flops == 400 && s.bytes == 800 + 20 + 800);
}

static void operations_have_names(void **state) {
  (void)state;
  assert_string_equal(clgen_ew_name(CLGEN_EW_LEAKY_RELU), "leaky_relu");
  assert_string_equal(clgen_ew_name(CLGEN_EW_LOAD), "load");
  assert_string_equal(clgen_ew_name(-1), "unknown");
  assert_int_equal(clgen_ew_arity(CLGEN_EW_WHERE), 3);
  assert_int_equal(clgen_ew_arity(CLGEN_EW_CONST), 0);
  for (int k = 0; k < CLGEN_STEP_KINDS; ++k) assert_string_not_equal(clgen_step_kind_name((clgen_step_kind)k), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elementwise_operations),
      cmocka_unit_test(map_walks_strides),
      cmocka_unit_test(map_of_a_long_axis),
      cmocka_unit_test(u8_rounds_to_even_and_saturates),
      cmocka_unit_test(u8_and_u32_are_read_as_floats),
      cmocka_unit_test(random_draws_by_the_row_major_index),
      cmocka_unit_test(reduce_sums_over_axes),
      cmocka_unit_test(reduce_adds_in_double),
      cmocka_unit_test(matmul_in_every_transposition),
      cmocka_unit_test(conv2d_by_hand),
      cmocka_unit_test(conv2d_with_strides_and_padding),
      cmocka_unit_test(a_step_that_leaves_its_buffer_is_refused),
      cmocka_unit_test(malformed_steps_are_not_supported),
      cmocka_unit_test(buffers_keep_to_their_size),
      cmocka_unit_test(steps_are_counted),
      cmocka_unit_test(operations_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
