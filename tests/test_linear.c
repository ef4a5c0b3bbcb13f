/* Matrix products, convolutions and sampling of random odd shapes: the tested device against the host, at the level of
 * steps. The device is CLGEN_TEST_DEVICE, else the one that is chosen by itself. CLGEN_TEST_CASES says how many of each
 * (default 20); CLGEN_TEST_WAY keeps to one way of computing products, by its number in src/backend/opencl/tune.c, or
 * "plain" for cl/product.cl. The way may be one that the device would never get, and gets wrong (docs/drivers.md: loops that
 * end early). */
#include <time.h>

#include "kernels.h"

#if CLGEN_HAVE_OPENCL
#include "backend/opencl/linear.h"
#endif

static clgen_device *tested, *host;

/* ---- Ways to compute products ------------------------------------------------------------------------------------- */

#if CLGEN_HAVE_OPENCL
/* What the tuner could choose on the tested device, CLBlast and the tiles of the device's register width; and what takes
 * CLBlast's place where it is wrong, as the last. */
static size_t ways(void) {
  size_t n;
  clgen_gemm_candidates(&n);
  if (strcmp(clgen_device_get_info(tested)->backend, "opencl") != 0) return 1;
  return ((clgen_ocl *)tested->impl)->wide ? n + 1 : 2;
}

static bool is_plain(size_t way) { return way > 0 && way + 1 == ways(); }

/* Sampling has kernels for few work-items and for many. Returns what was. */
static bool take_width(bool wide) {
  if (strcmp(clgen_device_get_info(tested)->backend, "opencl") != 0) return false;
  clgen_ocl *ocl = tested->impl;
  bool was = ocl->wide;
  ocl->wide = wide;
  return was;
}

static void take_way(size_t k) {
  if (strcmp(clgen_device_get_info(tested)->backend, "opencl") != 0) return;
  clgen_ocl *ocl = tested->impl;
  ocl->gemm_ready = ocl->gemm.is_checked = true;
  ocl->gemm.plain = is_plain(k);
  ocl->gemm.candidate = ocl->gemm.plain ? 0 : (int)k;
}
#else
static size_t ways(void) { return 1; }
static bool is_plain(size_t way) { return way > 1; }
static bool take_width(bool wide) { return wide; }
static void take_way(size_t k) { (void)k; }
#endif

/* The ways that are tested: from the first to before the other. */
typedef struct {
  size_t from, to;
} way_range;

static way_range tested_ways(void) {
  const char *only = getenv("CLGEN_TEST_WAY");
  const size_t from = !only ? 0 : strcmp(only, "plain") == 0 ? ways() - 1 : (size_t)atoi(only);
  return (way_range){from, only         ? from + 1
                           : ways() > 1 ? ways() - 1
                                        : 1}; /* the plain kernel is slow: it is tested where it is asked for */
}

static int open_devices(void **state) {
  (void)state;
  host = open_host();
  tested = open_tested();
  take_kernels(tested);
  return 0;
}

static int close_devices(void **state) {
  (void)state;
  clgen_device_close(tested);
  clgen_device_close(host);
  return 0;
}

static int cases(void) {
  const char *text = getenv("CLGEN_TEST_CASES");
  return text ? atoi(text) : 20;
}

enum { GUARD = 37 }; /* floats before and after each operand, which must stay as they were */

/* Runs one step on one device; the operands lie in the middle of larger buffers. */
static void run_step(clgen_device *d, clgen_step s, const float *in[2], const size_t n_in[2], float *out, size_t n_out) {
  clgen_buffer *buffer[3];
  clgen_plan *plan;
  for (int k = 0; k < 3; ++k) {
    size_t n = k < 2 ? n_in[k] : n_out;
    float *guard = new_floats(GUARD);
    for (int i = 0; i < GUARD; ++i) guard[i] = 1e30f;
    OK(d->backend->buffer_create(d->impl, (n + 2 * GUARD) * sizeof(float), &buffer[k]));
    OK(d->backend->buffer_write(d->impl, buffer[k], 0, GUARD * sizeof(float), guard));
    OK(d->backend->buffer_write(d->impl, buffer[k], (n + GUARD) * sizeof(float), GUARD * sizeof(float), guard));
    if (k < 2) OK(d->backend->buffer_write(d->impl, buffer[k], GUARD * sizeof(float), n * sizeof(float), in[k]));
    clgen_operand *o = k < 2 ? &s.in[k] : &s.out[0];
    *o = (clgen_operand){.buffer = buffer[k], .dtype = CLGEN_F32, .offset = GUARD};
    free(guard);
  }
  s.n_inputs = 2;
  s.n_outputs = 1;
  clgen_step_count(&s);
  assert_true(d->backend->supports(d->impl, &s));
  OK(d->backend->plan_create(d->impl, &s, 1, &plan));
  OK(d->backend->plan_run(d->impl, plan));
  OK(d->backend->plan_run(d->impl, plan)); /* what the first run left in working memory must not matter */
  float *all = new_floats(n_out + 2 * GUARD);
  OK(d->backend->buffer_read(d->impl, buffer[2], 0, (n_out + 2 * GUARD) * sizeof(float), all));
  for (int i = 0; i < GUARD; ++i) {
    assert_true(all[i] == 1e30f);
    assert_true(all[GUARD + n_out + (size_t)i] == 1e30f);
  }
  memcpy(out, all + GUARD, n_out * sizeof(float));
  free(all);
  d->backend->plan_free(d->impl, plan);
  for (int k = 0; k < 3; ++k) d->backend->buffer_free(d->impl, buffer[k]);
}

/* Errors are measured against what a sum of so many products of numbers in [-1, 1] typically is. */
static void check_way(const char *what, const float *got, const float *again, const float *expected, size_t n,
                      double depth) {
  double bound = 4e-6 * sqrt(depth);
  for (size_t i = 0; i < n; ++i) {
    if (fabs((double)got[i] - expected[i]) <= bound) continue;
    fail_msg("%s: element %zu is %g, not %g (bound %g)", what, i, got[i], expected[i], bound);
  }
  if (memcmp(got, again, n * sizeof *got) != 0) fail_msg("%s: two runs give different bytes", what);
}

static bool is_sampling(const clgen_step *s) {
  return s->kind == CLGEN_STEP_AFFINE_SAMPLE || s->kind == CLGEN_STEP_AFFINE_SAMPLE_GRAD;
}

/* Maps of images from numbers in [-1, 1]: one of the kinds that matter, one after another. */
static void make_maps(const clgen_step *s, float *theta) {
  for (int64_t n = 0; n < s->sample.n; ++n, theta += 6) {
    float angle = 3 * theta[0], scale = exp2f(theta[1]);
    theta[2] *= (float)s->sample.w;
    theta[5] *= (float)s->sample.h;
    switch ((s->sample.w + n) % 5) {
      case 0: /* turned and scaled */
        theta[0] = theta[4] = scale * cosf(angle);
        theta[1] = scale * sinf(angle);
        theta[3] = -theta[1];
        break;
      case 1: /* turned by a quarter, from whole pixels to whole pixels or between two */
        theta[0] = theta[4] = 0;
        theta[1] = 1;
        theta[3] = -1;
        theta[2] = roundf(theta[2]);
        theta[5] = roundf(theta[5]);
        break;
      case 2: /* all of the view sees a line, or nearly so */
        theta[3] = theta[0] / 2;
        theta[4] = theta[1] / 2 + (n % 2 ? 1e-3f : 0);
        break;
      case 3: theta[2] *= 9; break; /* in part out of reach */
      default: break;
    }
  }
}

static void check_step(const clgen_step *s, const char *what, size_t n0, size_t n1, size_t n_out, double depth) {
  uint64_t random = 5;
  const size_t n_in[2] = {n0, n1};
  float *in[2];
  for (int k = 0; k < 2; ++k) {
    in[k] = new_floats(n_in[k]);
    for (size_t i = 0; i < n_in[k]; ++i) in[k][i] = (float)random_between(&random, -1, 1);
  }
  if (is_sampling(s)) make_maps(s, in[1]);
  const float *const_in[2] = {in[0], in[1]};
  float *got = new_floats(n_out), *again = new_floats(n_out), *expected = new_floats(n_out), *first = new_floats(n_out);
  run_step(host, *s, const_in, n_in, expected, n_out);
  const size_t from = tested_ways().from, to = is_sampling(s) ? from + 1 : tested_ways().to;
  for (size_t k = from; k < to; ++k) {
    char way[240];
    snprintf(way, sizeof way, "way %zu: %s", k, what);
    take_way(k);
    run_step(tested, *s, const_in, n_in, got, n_out);
    run_step(tested, *s, const_in, n_in, again, n_out);
    check_way(way, got, again, expected, n_out, depth);
    if (k == 1 || k == from) memcpy(first, got, n_out * sizeof *got);
    /* the tiles' shapes must not show in the results: which of them is the fastest may change from day to day */
    if (k > 1 && k != from && !is_plain(k) && memcmp(first, got, n_out * sizeof *got) != 0)
      fail_msg("%s: other bytes than way 1", way);
  }
  for (int k = 0; k < 2; ++k) free(in[k]);
  free(got);
  free(again);
  free(expected);
  free(first);
}

static void check_matmul(int64_t m, int64_t n, int64_t k, bool ta, bool tb) {
  clgen_step s = {
      .kind = CLGEN_STEP_MATMUL, .label = "matmul", .m = m, .n = n, .k = k, .transpose_a = ta, .transpose_b = tb};
  char what[120];
  snprintf(what, sizeof what, "matmul %dx%dx%d%s%s", (int)m, (int)n, (int)k, ta ? " A^T" : "", tb ? " B^T" : "");
  check_step(&s, what, (size_t)(m * k), (size_t)(k * n), (size_t)(m * n), (double)k);
}

static int64_t some_size(uint64_t *random) {
  switch (random_int(random, 0, 3)) {
    case 0: return random_int(random, 1, 9);
    case 1: return random_int(random, 1, 70);
    case 2: return 16 * random_int(random, 1, 9);
    default: return random_int(random, 100, 330);
  }
}

static void products(void **state) {
  (void)state;
  uint64_t random = 1;
  for (int i = 0; i < cases(); ++i)
    check_matmul(some_size(&random), some_size(&random), some_size(&random), random_int(&random, 0, 1),
                 random_int(&random, 0, 1));
  check_matmul(1, 1, 1, false, false);
  check_matmul(64, 1, 4096, false, true);
  check_matmul(16, 7, 5000, true, false);
  for (int t = 0; t < 4; ++t) check_matmul(65, 257, 129, t & 1, t & 2);
}

/* Steps on square matrices that read and write each other's in every way: which of them run side by side must not show. */
enum { MATRICES = 5, STEPS = 24, LARGEST = 150 };

typedef struct {
  int kind, out, in[2], row[3];
} pick;

static pick random_pick(uint64_t *random, int size) {
  pick p = {.kind = random_int(random, 0, 6), .out = random_int(random, 0, MATRICES - 1)};
  for (int k = 0; k < 2; ++k) p.in[k] = (p.out + random_int(random, 1, MATRICES - 1)) % MATRICES;
  for (int k = 0; k < 3; ++k) p.row[k] = random_int(random, 0, size - 1);
  return p;
}

/* Of a + b the elements, those of a row, the sums of columns into a row, or the sum of all into one element, scaled to be of
 * the same size again. */
static void make_elementwise(clgen_step *s, const pick *p, int64_t size) {
  const bool row = p->kind == 3, columns = p->kind == 4, all = p->kind == 5, sums = columns || all;
  s->kind = sums ? CLGEN_STEP_REDUCE : CLGEN_STEP_MAP;
  s->ndim = 2;
  s->dim[0] = row ? 1 : size;
  s->dim[1] = size;
  s->axes = all ? 3 : columns ? 1 : 0;
  for (int k = 0; k < 3; ++k) {
    clgen_operand *o = k < 2 ? &s->in[k] : &s->out[0];
    o->stride[0] = sums && k == 2 ? 0 : size;
    o->stride[1] = all && k == 2 ? 0 : 1;
    if (row || (sums && k == 2)) o->offset = p->row[k] * size;
  }
  const float scale = all ? 0.7f / (float)size : columns ? 0.7f / sqrtf((float)size) : 0.7f;
  s->instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = 0};
  s->instr[1] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = 1};
  s->instr[2] = (clgen_ew_instr){.op = CLGEN_EW_ADD, .a = 0, .b = 1};
  s->instr[3] = (clgen_ew_instr){.op = CLGEN_EW_AFFINE, .a = 2, .p = scale};
  s->n_instrs = 4;
  s->value[0] = 3;
}

static clgen_step step_of(const pick *p, clgen_buffer *const buffer[MATRICES], int64_t size) {
  clgen_step s = {
      .kind = CLGEN_STEP_MATMUL, .label = "step", .n_inputs = 2, .n_outputs = 1, .m = size, .n = size, .k = size};
  s.transpose_a = p->row[0] & 1;
  s.transpose_b = p->row[1] & 1;
  for (int k = 0; k < 3; ++k)
    *(k < 2 ? &s.in[k] : &s.out[0]) = (clgen_operand){.buffer = buffer[k < 2 ? p->in[k] : p->out], .dtype = CLGEN_F32};
  if (p->kind > 1) make_elementwise(&s, p, size);
  clgen_step_count(&s);
  return s;
}

static size_t run_steps(clgen_device *d, const pick picked[STEPS], int64_t size, float values[MATRICES][LARGEST * LARGEST]) {
  const clgen_backend *b = d->backend;
  const size_t n = (size_t)(size * size);
  clgen_buffer *buffer[MATRICES];
  clgen_step s[STEPS];
  clgen_plan *plan;
  clgen_plan_needs needs;
  for (int i = 0; i < MATRICES; ++i) {
    OK(b->buffer_create(d->impl, n * sizeof(float), &buffer[i]));
    OK(b->buffer_write(d->impl, buffer[i], 0, n * sizeof(float), values[i]));
  }
  for (int i = 0; i < STEPS; ++i) s[i] = step_of(&picked[i], buffer, size);
  OK(b->needs(d->impl, s, STEPS, &needs));
  OK(b->plan_create(d->impl, s, STEPS, &plan));
  OK(b->plan_run(d->impl, plan));
  for (int i = 0; i < MATRICES; ++i) OK(b->buffer_read(d->impl, buffer[i], 0, n * sizeof(float), values[i]));
  b->plan_free(d->impl, plan);
  for (int i = 0; i < MATRICES; ++i) b->buffer_free(d->impl, buffer[i]);
  return needs.launches;
}

static size_t check_side_by_side(size_t way, int64_t size, uint64_t *random) {
  static float got[MATRICES][LARGEST * LARGEST], expected[MATRICES][LARGEST * LARGEST];
  pick picked[STEPS];
  take_way(way);
  for (int i = 0; i < STEPS; ++i) picked[i] = random_pick(random, (int)size);
  for (int i = 0; i < MATRICES; ++i) /* such that a product has numbers of the same size again */
    for (int64_t k = 0; k < size * size; ++k)
      got[i][k] = expected[i][k] = (float)(random_between(random, -1.7, 1.7) / sqrt((double)size));
  const size_t launches = run_steps(tested, picked, size, got);
  run_steps(host, picked, size, expected);
  for (int i = 0; i < MATRICES; ++i) { /* errors grow from step to step; a wrong order is another matrix */
    float most = 0;
    for (int64_t k = 0; k < size * size; ++k) most = fmaxf(most, fabsf(expected[i][k]));
    for (int64_t k = 0; k < size * size; ++k)
      if (!(fabsf(got[i][k] - expected[i][k]) <= 1e-3f * most))
        fail_msg("way %zu, size %d, matrix %d: %g, not %g", way, (int)size, i, got[i][k], expected[i][k]);
  }
  return launches;
}

static void side_by_side(void **state) {
  (void)state;
  static const int64_t sizes[] = {17, 40, LARGEST};
  const int n_sizes = cases() < 10 ? 2 : 3; /* few cases: the device is slow, and the largest costs it minutes */
  const int turns = cases() < 10 ? 1 : 2;
  uint64_t random = 9;
  size_t launches = 0, steps = 0;
  for (size_t way = tested_ways().from; way < tested_ways().to; ++way)
    for (int i = 0; i < turns * n_sizes; ++i, steps += STEPS)
      launches += check_side_by_side(way, sizes[i % n_sizes], &random);
  print_message("%zu steps in %zu launches\n", steps, launches);
  if (tested_ways().to > 2) assert_true(launches < steps); /* tiles did run so */
}

typedef struct {
  int64_t n, c, h, w, o, kh, kw;
  clgen_conv conv;
} conv_case;

/* Returns how many of its three steps may be made with fewer multiplications. */
static int check_conv(const conv_case *c) {
  int taken = 0;
  clgen_step s = {.label = "convolution"};
  s.conv.n = c->n, s.conv.c = c->c, s.conv.h = c->h, s.conv.w = c->w, s.conv.o = c->o, s.conv.kh = c->kh, s.conv.kw = c->kw;
  s.conv.oh = (c->h + 2 * c->conv.pad_h - c->kh) / c->conv.stride_h + 1;
  s.conv.ow = (c->w + 2 * c->conv.pad_w - c->kw) / c->conv.stride_w + 1;
  s.conv.conv = c->conv;
  size_t x = (size_t)(c->n * c->c * c->h * c->w), w = (size_t)(c->o * c->c * c->kh * c->kw);
  size_t y = (size_t)(c->n * c->o * s.conv.oh * s.conv.ow);
  double taps = (double)(c->kh * c->kw);
  char what[200];
  for (int kind = CLGEN_STEP_CONV2D; kind <= CLGEN_STEP_CONV2D_WEIGHT_GRAD; ++kind) {
    s.kind = (clgen_step_kind)kind;
#if CLGEN_HAVE_OPENCL
    taken += clgen_tiles_winograd_takes(&s);
#endif
    snprintf(what, sizeof what, "%s n %d c %d %dx%d o %d kernel %dx%d stride %dx%d pad %dx%d", clgen_step_kind_name(s.kind),
             (int)c->n, (int)c->c, (int)c->h, (int)c->w, (int)c->o, (int)c->kh, (int)c->kw, c->conv.stride_h,
             c->conv.stride_w, c->conv.pad_h, c->conv.pad_w);
    if (kind == CLGEN_STEP_CONV2D)
      check_step(&s, what, x, w, y, (double)c->c * taps);
    else if (kind == CLGEN_STEP_CONV2D_INPUT_GRAD)
      check_step(&s, what, y, w, x, (double)c->o * taps);
    else
      check_step(&s, what, x, y, w, (double)(c->n * s.conv.oh * s.conv.ow));
  }
  return taken;
}

static void convolutions(void **state) {
  (void)state;
  uint64_t random = 2;
  for (int i = 0; i < cases(); ++i) {
    conv_case c;
    do {
      int stride = random_int(&random, 1, 3), pad = random_int(&random, 0, 2);
      bool square = random_int(&random, 0, 3) > 0;
      c = (conv_case){
          .n = random_int(&random, 1, 7),
          .c = random_int(&random, 1, 20),
          .h = random_int(&random, 1, 20),
          .w = random_int(&random, 1, 20),
          .o = random_int(&random, 1, 40),
          .kh = random_int(&random, 1, 5),
          .conv = {stride, square ? stride : random_int(&random, 1, 3), pad, square ? pad : random_int(&random, 0, 2)}};
      c.kw = square ? c.kh : random_int(&random, 1, 5);
    } while (c.h + 2 * c.conv.pad_h < c.kh || c.w + 2 * c.conv.pad_w < c.kw);
    check_conv(&c);
  }
}

/* The shapes of the generators and critics, and those that take special ways. */
/* Those that are made with fewer multiplications: kernels of 3x3 and stride 1, or of 4x4 and stride 2, not too few channels.
 */
static void small_kernels(void **state) {
  (void)state;
  const bool slow = cases() < 10; /* the device */
  int taken = 0;
  uint64_t random = 4;
  for (int i = 0; i < cases(); ++i) {
    conv_case c = {.n = random_int(&random, slow ? 7 : 1, 9),
                   .c = random_int(&random, 16, slow ? 19 : 70),
                   .h = random_int(&random, slow ? 8 : 4, slow ? 10 : 21),
                   .w = random_int(&random, slow ? 8 : 4, slow ? 10 : 37),
                   .o = random_int(&random, 16, slow ? 19 : 50),
                   .kh = 3,
                   .kw = 3,
                   .conv = {1, 1, random_int(&random, 0, 2), random_int(&random, 0, 2)}};
    if (i % 2) c.kh = c.kw = 4, c.h += 8, c.w += 7, c.conv = (clgen_conv){2, 2, 1, 1};
    if (i % 4 == 1) c.h = c.h / 2 * 2, c.w = c.w / 2 * 2; /* as networks have them */
    taken += check_conv(&c);
  }
  print_message("%d of %d steps with fewer multiplications\n", taken, 3 * cases());
#if CLGEN_HAVE_OPENCL
  assert_true(taken > cases() / 2); /* or nothing was tested */
#endif
}

static void sampling(void **state) {
  (void)state;
  for (int kind = CLGEN_STEP_AFFINE_SAMPLE; kind <= CLGEN_STEP_AFFINE_SAMPLE_GRAD; ++kind) {
    uint64_t random = 21;
    for (int i = 0; i < cases(); ++i) {
      clgen_step s = {.kind = (clgen_step_kind)kind, .label = "sampling"};
      s.sample.n = random_int(&random, 1, 4);
      s.sample.c = random_int(&random, 1, 6);
      s.sample.h = random_int(&random, 1, 13);
      s.sample.w = i % 9 ? random_int(&random, 1, 17) : 1;
      s.sample.oh = random_int(&random, 1, 13);
      s.sample.ow = random_int(&random, 1, 17);
      size_t planes = (size_t)(s.sample.n * s.sample.c), image = planes * (size_t)(s.sample.h * s.sample.w),
             view = planes * (size_t)(s.sample.oh * s.sample.ow);
      bool forward = kind == CLGEN_STEP_AFFINE_SAMPLE;
      char what[120];
      snprintf(what, sizeof what, "%s %lldx%lldx%lldx%lld and %lldx%lld", clgen_step_kind_name(s.kind),
               (long long)s.sample.n, (long long)s.sample.c, (long long)s.sample.h, (long long)s.sample.w,
               (long long)s.sample.oh, (long long)s.sample.ow);
      for (int wide = 0; wide < 2; ++wide) {
        bool was = take_width(wide);
        check_step(&s, what, forward ? image : view, 6 * (size_t)s.sample.n, forward ? view : image,
                   (double)(forward ? 100 : 100 * view / planes));
        take_width(was);
      }
    }
  }
}

static void shapes_of_models(void **state) {
  (void)state;
  static const conv_case rows[] = {
      {3, 1, 32, 32, 16, 4, 4, {2, 2, 1, 1}}, {5, 16, 16, 16, 32, 4, 4, {2, 2, 1, 1}}, {9, 32, 8, 8, 33, 4, 4, {2, 2, 1, 1}},
      {6, 24, 4, 4, 1, 4, 4, {1, 1, 0, 0}},   {5, 40, 1, 1, 12, 1, 1, {1, 1, 0, 0}},   {2, 3, 28, 28, 8, 3, 3, {2, 2, 1, 1}},
      {2, 8, 14, 14, 16, 3, 3, {2, 2, 1, 1}}, {1, 3, 64, 64, 8, 4, 4, {2, 2, 1, 1}},   {2, 5, 40, 40, 7, 3, 3, {1, 1, 1, 1}},
      {2, 3, 7, 9, 4, 1, 1, {2, 2, 0, 0}},    {1, 2, 9, 8, 3, 2, 2, {3, 3, 0, 0}},     {2, 2, 12, 12, 3, 3, 3, {5, 5, 1, 1}},
      {1, 70, 9, 9, 20, 5, 5, {1, 1, 2, 2}},  {130, 1, 4, 4, 9, 4, 4, {1, 1, 0, 0}},   {2, 2, 3, 300, 3, 3, 3, {1, 1, 1, 1}},
      {1, 1, 1, 1, 1, 1, 1, {1, 1, 0, 0}},    {2, 3, 2, 2, 4, 1, 1, {1, 1, 2, 2}},
  };
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i) check_conv(&rows[i]);
}

#if CLGEN_HAVE_OPENCL
/* ---- The tuner ------------------------------------------------------------------------------------------------------- */

typedef struct {
  bool right[5], runs[5];
  double seconds[5];
  int measured[5];
  double enough;
} fake;

static bool fake_right(void *user, size_t k) { return ((fake *)user)->right[k]; }
static bool fake_seconds(void *user, size_t k, int size, double *best) {
  fake *f = user;
  f->measured[k]++;
  *best = f->seconds[k] * (size + 1);
  return f->runs[k];
}

static bool fake_enough(void *user, double total) { return total < ((fake *)user)->enough; }

static size_t choose(fake *f, double total[5]) {
  clgen_gemm_trial trial = {f, fake_right, fake_seconds, fake_enough};
  return clgen_gemm_choose(&trial, 5, total);
}

static void tuner_chooses(void **state) {
  (void)state;
  double total[5];
  fake all = {{true, true, true, true, true}, {true, true, true, true, true}, {10, 5, 2, 3, 9}, {0}, 0}, f = all;
  assert_int_equal(choose(&f, total), 2);
  assert_true(total[2] > 0 && total[2] < total[1] && total[1] < total[0]);
  f = all, f.right[2] = false; /* the fastest is wrong: it never wins and isn't even measured */
  assert_int_equal(choose(&f, total), 3);
  assert_int_equal(f.measured[2], 0);
  f = all, f.runs[2] = f.runs[3] = false; /* those that fail to run */
  assert_int_equal(choose(&f, total), 1);
  f = all, f.seconds[2] = 200; /* far behind at the small size: the large ones are not waited for */
  assert_int_equal(choose(&f, total), 3);
  assert_int_equal(f.measured[2], 1);
  f = all, f.seconds[1] = f.seconds[2] = f.seconds[3] = 9; /* a little faster than CLBlast is not enough */
  assert_int_equal(choose(&f, total), 0);
  f = all, f.runs[0] = false; /* CLBlast itself doesn't run */
  assert_int_equal(choose(&f, total), 2);
  for (int k = 0; k < 5; ++k) f.right[k] = false;
  assert_int_equal(choose(&f, total), 0);
  f = all, f.enough = 13; /* 2 at each size are 12: what comes later, and CLBlast, isn't even built */
  assert_int_equal(choose(&f, total), 2);
  assert_int_equal(f.measured[3] + f.measured[4] + f.measured[0], 0);
  assert_true(total[0] == 0 && total[3] == 0);
  f.seconds[2] = f.seconds[3] = 2.5; /* not quite enough */
  assert_int_equal(choose(&f, total), 2);
  assert_true(f.measured[0] > 0 && total[0] > 0);
  f = all, f.enough = 13, f.right[2] = false; /* what is fast enough is wrong */
  assert_int_equal(choose(&f, total), 3);
  assert_true(f.measured[0] > 0);
}

static void count_lines(void *user, clgen_log_level level, const char *line) {
  (void)level;
  if (strstr(line, "tuned matrix products")) ++*(int *)user;
}

/* Opens the tested device with a store in `folder`, prepares products, and says which candidate it took. */
static int setting_with(const char *folder, const char *stored, int *lines) {
  clgen_device *d;
  clgen_device_options options = {.cache_dir = folder, .log = {count_lines, lines}};
  *lines = 0;
  OK(clgen_device_open(&d, clgen_device_get_info(tested)->spec, &options));
  clgen_ocl *ocl = d->impl;
  if (stored) OK(clgen_tuning_put(ocl->cl, "gemm", stored));
  OK(clgen_ocl_gemm_ready(ocl));
  int candidate = ocl->gemm.candidate;
  clgen_device_close(d);
  return candidate;
}

static void tuning_is_kept(void **state) {
  (void)state;
  int lines;
  char folder[] = "./tuning-XXXXXX";
  if (!clgen_device_is_cpu_like(clgen_device_get_info(tested))) skip(); /* nothing is tuned */
  assert_non_null(mkdtemp(folder));
  int chosen = setting_with(folder, "no such way", &lines); /* what an older version or a damaged file left */
  assert_int_equal(lines, 1);
  assert_int_equal(setting_with(folder, NULL, &lines), chosen);
  assert_int_equal(lines, 0);
  size_t n;
  const clgen_gemm_candidate *list = clgen_gemm_candidates(&n);
  for (size_t k = 0; k < n; ++k) {
    assert_int_equal(setting_with(folder, list[k].name, &lines), (int)k);
    assert_int_equal(lines, 0);
  }
  char command[80];
  snprintf(command, sizeof command, "rm -r %s", folder);
  assert_int_equal(system(command), 0);
}

/* Without tuning, CLBlast as it is; and what it keeps of the device is gone when that is closed. */
static void no_tuning(void **state) {
  (void)state;
  if (strcmp(clgen_device_get_info(tested)->backend, "opencl") != 0) skip();
  clgen_device *d;
  clgen_device_options options = {.no_tune = true};
  OK(clgen_device_open(&d, clgen_device_get_info(tested)->spec, &options));
  OK(clgen_ocl_gemm_ready(d->impl));
  assert_int_equal(((clgen_ocl *)d->impl)->gemm.candidate, 0);
  const float in[6] = {1, 2, 3, 4, 5, 6}, *const_in[2] = {in, in};
  const size_t n_in[2] = {6, 6};
  float got[4];
  run_step(d, (clgen_step){.kind = CLGEN_STEP_MATMUL, .label = "matmul", .m = 2, .n = 2, .k = 3}, const_in, n_in, got, 4);
  assert_true(got[0] == 22 && got[1] == 28 && got[2] == 49 && got[3] == 64);
  cl_context context = ((clgen_ocl *)d->impl)->cl->context;
  cl_uint references = 0;
  assert_int_equal(clRetainContext(context), CL_SUCCESS);
  clgen_device_close(d);
  for (int wait = 0; wait < 500 && references != 1; ++wait) { /* PoCL's threads let go of what has ended a moment later */
    if (wait) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(clGetContextInfo(context, CL_CONTEXT_REFERENCE_COUNT, sizeof references, &references, NULL),
                     CL_SUCCESS);
  }
  assert_int_equal(references, 1);
  assert_int_equal(clReleaseContext(context), CL_SUCCESS);
}
#endif

/* Each kernel of cl/conv.cl and cl/product.cl, with what it does at edges: small enough for an interpreter. */
static void small_of_everything(void **state) {
  (void)state;
  for (int t = 0; t < 4; ++t) check_matmul(33, 35, 11, t & 1, t & 2);
  static const conv_case list[] = {{.n = 2, .c = 2, .h = 6, .w = 5, .o = 3, .kh = 3, .kw = 3, .conv = {1, 1, 1, 1}},
                                   {.n = 3, .c = 2, .h = 6, .w = 8, .o = 2, .kh = 4, .kw = 4, .conv = {2, 2, 1, 1}},
                                   {.n = 1, .c = 3, .h = 5, .w = 4, .o = 2, .kh = 2, .kw = 3, .conv = {2, 1, 0, 1}},
                                   {.n = 2, .c = 1, .h = 4, .w = 4, .o = 1, .kh = 3, .kw = 3, .conv = {1, 1, 1, 1}},
                                   {.n = 2, .c = 2, .h = 4, .w = 4, .o = 3, .kh = 4, .kw = 4, .conv = {1, 1, 0, 0}}};
  for (size_t i = 0; i < CLGEN_COUNT(list); ++i) check_conv(&list[i]);
}

int main(void) {
  const char *only = getenv("CLGEN_TEST_ONLY"); /* a test's name */
  if (only) cmocka_set_test_filter(only);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(small_of_everything),
    cmocka_unit_test(products),
    cmocka_unit_test(side_by_side),
    cmocka_unit_test(convolutions),
    cmocka_unit_test(small_kernels),
    cmocka_unit_test(sampling),
    cmocka_unit_test(shapes_of_models),
#if CLGEN_HAVE_OPENCL
    cmocka_unit_test(tuner_chooses),
    cmocka_unit_test(tuning_is_kept),
    cmocka_unit_test(no_tuning),
#endif
  };
  return cmocka_run_group_tests(tests, open_devices, close_devices);
}
