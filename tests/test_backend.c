/* A backend by itself: random elementwise programs and sums over random memory layouts against the host, buffers, the order
 * of writes and runs, plans that are used again, bytes that are the same each time, the profile. The device is
 * CLGEN_TEST_DEVICE, else the one that is chosen by itself. CLGEN_TEST_SCALE: how many random programs of each kind (for a
 * slow device or a checker, a few). */
#include "kernels.h"

static clgen_device *tested, *host;
static int scale = 60;

static int open_devices(void **state) {
  (void)state;
  const char *text = getenv("CLGEN_TEST_SCALE");
  if (text && atoi(text) > 0) scale = atoi(text);
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

/* ---- Steps with memory --------------------------------------------------------------------------------------------------
 */

enum { MOST_OPERANDS = CLGEN_STEP_MAX_INPUTS + CLGEN_STEP_MAX_OUTPUTS };

typedef struct {
  clgen_step step; /* buffers not bound: `slot` is the number of the memory */
  int n_memories;
  size_t bytes[MOST_OPERANDS];
  void *content[MOST_OPERANDS];
  double bound[CLGEN_STEP_MAX_INSTRS]; /* of the magnitudes of the values */
  bool exact[CLGEN_STEP_MAX_INSTRS];   /* loaded, so the same on every device */
} sample;

static size_t size_of(clgen_dtype dtype) { return clgen_dtype_size(dtype); }

/* Memory for an operand whose strides and offset are set; returns its number. */
static int add_memory(sample *x, const clgen_operand *o, uint64_t *random) {
  int64_t last = o->offset;
  for (int a = 0; a < x->step.ndim; ++a) last += (x->step.dim[a] - 1) * o->stride[a];
  int at = x->n_memories++;
  size_t n = (size_t)last + 1 + (size_t)random_int(random, 0, 3);
  x->bytes[at] = n * size_of(o->dtype);
  x->content[at] = NEED(malloc(x->bytes[at]));
  for (size_t i = 0; i < n; ++i) {
    if (o->dtype == CLGEN_U8)
      ((uint8_t *)x->content[at])[i] = (uint8_t)next_random(random);
    else if (o->dtype == CLGEN_U32)
      ((uint32_t *)x->content[at])[i] = (uint32_t)(next_random(random) >> 32);
    else
      ((float *)x->content[at])[i] = (float)random_between(random, -2, 2);
  }
  return at;
}

/* Random strides: the axes in their own order or another, some of them not moved along, perhaps with gaps. */
static clgen_operand random_operand(sample *x, clgen_dtype dtype, unsigned still, uint64_t *random) {
  clgen_operand o = {.dtype = dtype, .offset = random_int(random, 0, 5)};
  int order[CLGEN_MAX_DIMS], n = x->step.ndim;
  for (int a = 0; a < n; ++a) order[a] = a;
  for (int a = n - 1; a > 0 && random_int(random, 0, 3) == 0; --a) {
    int b = random_int(random, 0, a), kept = order[a];
    order[a] = order[b];
    order[b] = kept;
  }
  int64_t stride = random_int(random, 0, 4) == 0 ? 2 : 1;
  for (int k = n - 1; k >= 0; --k) {
    int a = order[k];
    if (still >> a & 1u) continue;
    o.stride[a] = stride;
    stride *= x->step.dim[a] + (random_int(random, 0, 4) == 0);
  }
  o.slot = add_memory(x, &o, random);
  return o;
}

static int add_instr(sample *x, clgen_ew_instr in, double bound, bool exact) {
  int k = x->step.n_instrs++;
  x->step.instr[k] = in;
  x->bound[k] = bound;
  x->exact[k] = exact;
  return k;
}

static void add_inputs(sample *x, int n, bool words, uint64_t *random) {
  for (int k = 0; k < n; ++k) {
    clgen_dtype dtype = random_int(random, 0, 3) == 0 ? CLGEN_U8 : words && k == 0 ? CLGEN_U32 : CLGEN_F32;
    unsigned still = random_int(random, 0, 1) ? 0 : (unsigned)random_int(random, 0, 63);
    x->step.in[x->step.n_inputs] = random_operand(x, dtype, still, random);
    int load = add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = x->step.n_inputs++},
                         dtype == CLGEN_U8    ? 255
                         : dtype == CLGEN_U32 ? 5e9
                                              : 2,
                         true);
    if (dtype != CLGEN_F32)
      add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_AFFINE, .a = load, .p = dtype == CLGEN_U8 ? 1 / 128.0f : 0x1p-31f}, 2,
                false);
  }
}

/* An operation that keeps values in reach, on values that suit it. */
static void add_random_instr(sample *x, uint64_t *random) {
  static const clgen_ew_op any[] = {
      CLGEN_EW_COPY,      CLGEN_EW_NEG,      CLGEN_EW_ABS,        CLGEN_EW_RELU,     CLGEN_EW_LEAKY_RELU, CLGEN_EW_TANH,
      CLGEN_EW_SIGMOID,   CLGEN_EW_SOFTPLUS, CLGEN_EW_SIN,        CLGEN_EW_COS,      CLGEN_EW_ADD,        CLGEN_EW_SUB,
      CLGEN_EW_MUL,       CLGEN_EW_SQUARE,   CLGEN_EW_AFFINE,     CLGEN_EW_MAXIMUM,  CLGEN_EW_MINIMUM,    CLGEN_EW_CLAMP,
      CLGEN_EW_EXP,       CLGEN_EW_CONST,    CLGEN_EW_WHERE,      CLGEN_EW_GREATER,  CLGEN_EW_STEP,       CLGEN_EW_SIGN,
      CLGEN_EW_IS_FINITE, CLGEN_EW_IN_RANGE, CLGEN_EW_LEAKY_STEP, CLGEN_EW_NORMALIZE};
  clgen_ew_op op = any[random_int(random, 0, (int)CLGEN_COUNT(any) - 1)];
  int last = x->step.n_instrs - 1;
  clgen_ew_instr in = {.op = op,
                       .a = random_int(random, 0, last),
                       .b = random_int(random, 0, last),
                       .c = random_int(random, 0, last),
                       .p = 0.25f,
                       .q = 0.75f};
  double a = x->bound[in.a], b = x->bound[in.b], c = x->bound[in.c], bound = fmax(a, 1);
  bool steps = op == CLGEN_EW_WHERE || op == CLGEN_EW_GREATER || op == CLGEN_EW_STEP || op == CLGEN_EW_SIGN ||
               op == CLGEN_EW_IN_RANGE || op == CLGEN_EW_LEAKY_STEP; /* a rounding error would become a whole one */
  if (steps && (!x->exact[in.a] || (op == CLGEN_EW_GREATER && !x->exact[in.b]))) return;
  if (a > 20 || ((op == CLGEN_EW_ADD || op == CLGEN_EW_SUB || op == CLGEN_EW_MUL || op >= CLGEN_EW_MAXIMUM) && b > 20))
    return;
  if (op == CLGEN_EW_EXP && a > 3) return;
  if (op == CLGEN_EW_EXP) bound = exp(a);
  if (op == CLGEN_EW_ADD || op == CLGEN_EW_SUB) bound = a + b;
  if (op == CLGEN_EW_MAXIMUM || op == CLGEN_EW_MINIMUM) bound = fmax(a, b);
  if (op == CLGEN_EW_WHERE) bound = fmax(b, c);
  if (op == CLGEN_EW_MUL) bound = a * b;
  if (op == CLGEN_EW_SQUARE) bound = a * a;
  if (op == CLGEN_EW_NORMALIZE) bound = (a + b) * c;
  if (op == CLGEN_EW_SOFTPLUS || op == CLGEN_EW_AFFINE) bound = a + 1;
  if (bound > 20) return;
  add_instr(x, in, bound, op == CLGEN_EW_COPY && x->exact[in.a]);
}

/* Something made from the sums: their means, what is loaded once for each, and one of both. */
static void add_after(sample *x, uint64_t *random) {
  clgen_step *s = &x->step;
  int summed[2] = {random_int(random, 0, s->n_instrs - 1), random_int(random, 0, s->n_instrs - 1)};
  double terms = 1;
  for (int a = 0; a < s->ndim; ++a) terms *= s->axes >> a & 1u ? (double)s->dim[a] : 1;
  s->first_after = s->n_instrs;
  int mean = 0;
  for (int k = random_int(random, 0, 1); k >= 0; --k) {
    double bound = x->bound[summed[k]];
    int total = add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_TOTAL, .a = summed[k]}, bound * terms, false);
    mean = add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_AFFINE, .a = total, .p = (float)(1 / terms / fmax(bound, 1))}, 1,
                     false);
  }
  s->in[s->n_inputs] = random_operand(x, random_int(random, 0, 3) ? CLGEN_F32 : CLGEN_U8, s->axes, random);
  double bound = s->in[s->n_inputs].dtype == CLGEN_U8 ? 255 : 2;
  int load = add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = s->n_inputs++}, bound, true);
  load = add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_AFFINE, .a = load, .p = (float)(1 / bound), .q = 0.5f}, 2, false);
  static const clgen_ew_op both[] = {CLGEN_EW_ADD, CLGEN_EW_MUL, CLGEN_EW_SUB, CLGEN_EW_MAXIMUM};
  add_instr(x, (clgen_ew_instr){.op = both[random_int(random, 0, 3)], .a = mean, .b = load}, 4, false);
}

static int random_value(const sample *x, uint64_t *random) {
  int k = x->step.n_instrs - 1 - random_int(random, 0, 2);
  return k < 0 || x->bound[k] > 20 ? x->step.n_instrs - 1 : k;
}

static void add_outputs(sample *x, int n, uint64_t *random) {
  clgen_step *s = &x->step;
  add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_CONST, .p = 0.5f}, 1, true); /* so that there is a value of moderate size */
  for (int k = 0; k < n; ++k) {
    clgen_dtype dtype = s->kind == CLGEN_STEP_MAP && random_int(random, 0, 4) == 0 ? CLGEN_U8 : CLGEN_F32;
    s->value[k] = random_value(x, random);
    int copied = -1; /* a copy of 32 bits, sometimes */
    for (int i = 0; i < s->n_instrs; ++i)
      if (s->instr[i].op == CLGEN_EW_LOAD && s->in[s->instr[i].a].dtype == CLGEN_U32) copied = i;
    if (s->kind == CLGEN_STEP_MAP && copied >= 0 && k == 0) {
      dtype = CLGEN_U32;
      s->value[k] = copied;
    }
    s->out[s->n_outputs++] = random_operand(x, dtype, s->axes, random);
  }
  const clgen_operand *in = &s->in[0]; /* in place, sometimes */
  bool moves = s->n_inputs > 0 && in->dtype == CLGEN_F32 && s->kind == CLGEN_STEP_MAP && s->out[0].dtype == CLGEN_F32;
  for (int a = 0; a < s->ndim && moves; ++a) moves = s->dim[a] == 1 || in->stride[a] != 0;
  if (moves && random_int(random, 0, 3) == 0) s->out[0] = *in;
}

static void random_sample(sample *x, clgen_step_kind kind, int64_t most, uint64_t *random) {
  *x = (sample){.step = {.kind = kind, .label = kind == CLGEN_STEP_MAP ? "map" : "sum"}};
  clgen_step *s = &x->step;
  s->ndim = random_int(random, 0, 4);
  int64_t total = 1;
  for (int a = 0; a < s->ndim; ++a) {
    int64_t room = most / total;
    s->dim[a] = room < 2 ? 1 : random_int(random, 1, (int)(room > 150 ? 150 : room));
    total *= s->dim[a];
  }
  if (kind == CLGEN_STEP_REDUCE) s->axes = (unsigned)random_int(random, 0, (1 << s->ndim) - 1);
  add_inputs(x, random_int(random, 1, 4), random_int(random, 0, 3) == 0, random);
  for (int k = random_int(random, 0, 12); k > 0; --k) add_random_instr(x, random);
  if (kind == CLGEN_STEP_REDUCE && random_int(random, 0, 1)) add_after(x, random);
  add_outputs(x, random_int(random, 1, 3), random);
  clgen_step_count(s);
}

static void free_sample(sample *x) {
  for (int k = 0; k < x->n_memories; ++k) free(x->content[k]);
}

/* ---- Samples on a device ------------------------------------------------------------------------------------------------
 */

typedef struct {
  clgen_device *device;
  clgen_step *step;
  clgen_buffer *(*buffer)[MOST_OPERANDS];
  clgen_plan *plan;
  int n;
} world;

static world make_world(clgen_device *device, const sample *x, int n) {
  world w = {.device = device, .n = n};
  w.step = NEED(calloc((size_t)n, sizeof *w.step));
  w.buffer = NEED(calloc((size_t)n, sizeof *w.buffer));
  const clgen_backend *b = device->backend;
  for (int i = 0; i < n; ++i) {
    w.step[i] = x[i].step;
    if (!b->supports(device->impl, &w.step[i])) fail_msg("step %d is refused: %s", i, clgen_last_error());
    for (int k = 0; k < x[i].n_memories; ++k) {
      OK(b->buffer_create(device->impl, x[i].bytes[k], &w.buffer[i][k]));
      OK(b->buffer_write(device->impl, w.buffer[i][k], 0, x[i].bytes[k], x[i].content[k]));
    }
    for (int k = 0; k < w.step[i].n_inputs; ++k) w.step[i].in[k].buffer = w.buffer[i][w.step[i].in[k].slot];
    for (int k = 0; k < w.step[i].n_outputs; ++k) w.step[i].out[k].buffer = w.buffer[i][w.step[i].out[k].slot];
  }
  OK(b->plan_create(device->impl, w.step, (size_t)n, &w.plan));
  return w;
}

static void run_world(world *w) { OK(w->device->backend->plan_run(w->device->impl, w->plan)); }

static void *read_memory(const world *w, const sample *x, int i, int k) {
  void *data = NEED(malloc(x[i].bytes[k]));
  OK(w->device->backend->buffer_read(w->device->impl, w->buffer[i][k], 0, x[i].bytes[k], data));
  return data;
}

static void free_world(world *w, const sample *x) {
  const clgen_backend *b = w->device->backend;
  b->plan_free(w->device->impl, w->plan);
  for (int i = 0; i < w->n; ++i)
    for (int k = 0; k < x[i].n_memories; ++k) b->buffer_free(w->device->impl, w->buffer[i][k]);
  free(w->buffer);
  free(w->step);
}

/* All of the memory of output j, with what lies between its elements, which must be untouched. */
static void compare_output(const sample *x, int i, int j, const void *got, const void *expected) {
  const clgen_step *s = &x[i].step;
  const clgen_operand *o = &s->out[j];
  double summed = 1, bound = x[i].bound[s->value[j]];
  for (int a = 0; a < s->ndim; ++a) summed *= s->axes >> a & 1u ? (double)s->dim[a] : 1;
  double tolerance = bound * (1e-5 + 2e-7 * summed) * (s->kind == CLGEN_STEP_REDUCE ? 4 : 1);
  size_t n = x[i].bytes[o->slot] / size_of(o->dtype);
  for (size_t e = 0; e < n; ++e) {
    double a, b;
    if (o->dtype == CLGEN_U8)
      a = ((const uint8_t *)got)[e], b = ((const uint8_t *)expected)[e], tolerance = x[i].exact[s->value[j]] ? 0 : 1;
    else if (o->dtype == CLGEN_U32)
      a = ((const uint32_t *)got)[e], b = ((const uint32_t *)expected)[e], tolerance = 0;
    else
      a = ((const float *)got)[e], b = ((const float *)expected)[e];
    if (!(fabs(a - b) <= tolerance) && !(isnan(a) && isnan(b)))
      fail_msg("step %d (%s over %d axes, first dimension %lld), output %d, element %zu of %zu: %.9g, on the host %.9g", i,
               s->label, s->ndim, (long long)s->dim[0], j, e, n, a, b);
  }
}

static void compare_with_host(sample *x, int n) {
  world a = make_world(tested, x, n), b = make_world(host, x, n);
  run_world(&a);
  run_world(&b);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < x[i].step.n_outputs; ++j) {
      int slot = x[i].step.out[j].slot;
      void *got = read_memory(&a, x, i, slot), *expected = read_memory(&b, x, i, slot);
      compare_output(x, i, j, got, expected);
      free(got);
      free(expected);
    }
  free_world(&a, x);
  free_world(&b, x);
}

static void random_programs(clgen_step_kind kind, int64_t most, uint64_t seed) {
  sample *x = NEED(calloc((size_t)scale, sizeof *x));
  uint64_t random = seed;
  for (int i = 0; i < scale; ++i) random_sample(&x[i], kind, most, &random);
  compare_with_host(x, scale);
  for (int i = 0; i < scale; ++i) free_sample(&x[i]);
  free(x);
}

static void small_maps(void **state) {
  (void)state;
  random_programs(CLGEN_STEP_MAP, 300, 11);
}
static void large_maps(void **state) {
  (void)state;
  random_programs(CLGEN_STEP_MAP, scale < 20 ? 3000 : 60000, 22);
}
/* Inputs that run across the last axis, beside some that do not, over blocks that are full and that are not: a*b + c as
 * floats, and a as bytes; with either of the other axes. */
static void maps_across(void **state) {
  (void)state;
  static const int64_t dims[][3] = {{3, 37, 53}, {2, 16, 16}, {1, 70, 300}, {33, 2, 65}, {17, 18, 15}, {40, 1, 24}};
  enum { N = CLGEN_COUNT(dims), ORDERS = 2 };
  sample x[N * ORDERS];
  uint64_t random = 66;
  for (int i = 0; i < N * ORDERS; ++i) {
    const int64_t *dim = dims[i / ORDERS];
    x[i] = (sample){.step = {.kind = CLGEN_STEP_MAP, .label = "map", .ndim = 3}};
    clgen_step *s = &x[i].step;
    memcpy(s->dim, dim, 3 * sizeof *dim);
    const clgen_operand across[ORDERS] = {{.offset = 3, .stride = {dim[1] * dim[2], 1, dim[1]}},
                                          {.offset = 1, .stride = {1, dim[0] * dim[2], dim[0]}}};
    const clgen_operand along = {.offset = 2, .stride = {dim[1] * dim[2], dim[2], 1}}, row = {.stride = {dim[1], 1, 0}};
    s->in[0] = across[i % ORDERS];
    s->in[1] = along;
    s->in[2] = row;
    s->n_inputs = 3;
    for (int k = 0; k < 3; ++k) {
      s->in[k].dtype = CLGEN_F32;
      s->in[k].slot = add_memory(&x[i], &s->in[k], &random);
      add_instr(&x[i], (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = k}, 2, true);
    }
    int product = add_instr(&x[i], (clgen_ew_instr){.op = CLGEN_EW_MUL, .a = 0, .b = 1}, 4, false);
    s->value[0] = add_instr(&x[i], (clgen_ew_instr){.op = CLGEN_EW_ADD, .a = product, .b = 2}, 6, false);
    s->value[1] = 0;
    for (int k = 0; k < 2; ++k) {
      s->out[k] = along;
      s->out[k].dtype = k ? CLGEN_U8 : CLGEN_F32;
      s->out[k].slot = add_memory(&x[i], &s->out[k], &random);
    }
    s->n_outputs = 2;
    clgen_step_count(s);
  }
  compare_with_host(x, N * ORDERS);
  for (int i = 0; i < N * ORDERS; ++i) free_sample(&x[i]);
}

/* Floats as bytes: rounded to even, held to the range, NaN as 0. */
static void bytes_are_rounded(void **state) {
  (void)state;
  enum { N = 35 };
  static const float values[] = {0,      -1,  -INFINITY, 0.5f,     1.5f, 2.5f,        254.5f, 255,
                                 255.4f, 256, 1e9f,      INFINITY, NAN,  0.49999997f, 127.5f};
  static const uint8_t expected[] = {0, 0, 0, 0, 2, 2, 254, 255, 255, 255, 255, 255, 0, 0, 128};
  sample x = {.step = {.kind = CLGEN_STEP_MAP, .label = "map", .ndim = 1, .dim = {N}, .n_inputs = 1, .n_outputs = 1}};
  uint64_t random = 77;
  x.step.in[0] = (clgen_operand){.dtype = CLGEN_F32, .stride = {1}};
  x.step.out[0] = (clgen_operand){.dtype = CLGEN_U8, .stride = {1}};
  x.step.in[0].slot = add_memory(&x, &x.step.in[0], &random);
  x.step.out[0].slot = add_memory(&x, &x.step.out[0], &random);
  for (int i = 0; i < N; ++i) ((float *)x.content[0])[i] = values[i % (int)CLGEN_COUNT(values)];
  add_instr(&x, (clgen_ew_instr){.op = CLGEN_EW_LOAD}, 255, true);
  clgen_step_count(&x.step);
  world w = make_world(tested, &x, 1);
  run_world(&w);
  uint8_t *got = read_memory(&w, &x, 0, 1);
  for (int i = 0; i < N; ++i) assert_int_equal(got[i], expected[i % (int)CLGEN_COUNT(values)]);
  free(got);
  free_world(&w, &x);
  free_sample(&x);
}

static void small_sums(void **state) {
  (void)state;
  random_programs(CLGEN_STEP_REDUCE, 300, 33);
}
static void large_sums(void **state) {
  (void)state;
  random_programs(CLGEN_STEP_REDUCE, scale < 20 ? 3000 : 60000, 44);
}

/* ---- Sums of the shapes that networks have
 * -------------------------------------------------------------------------------- */

/* The sums of x and of x^2 over the axes of the mask. */
static void make_moments(sample *x, int ndim, const int64_t *dim, unsigned axes, clgen_dtype dtype, uint64_t *random) {
  *x = (sample){.step = {.kind = CLGEN_STEP_REDUCE, .label = "moments", .ndim = ndim, .axes = axes}};
  clgen_step *s = &x->step;
  clgen_operand in = {.dtype = dtype}, out = {.dtype = CLGEN_F32};
  int64_t stride = 1, kept = 1;
  for (int a = 0; a < ndim; ++a) s->dim[a] = dim[a];
  for (int a = ndim - 1; a >= 0; --a) {
    in.stride[a] = stride;
    stride *= dim[a];
    if (axes >> a & 1u) continue;
    out.stride[a] = kept;
    kept *= dim[a];
  }
  s->in[s->n_inputs++] = in;
  s->in[0].slot = add_memory(x, &in, random);
  add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_LOAD}, dtype == CLGEN_U8 ? 255 : 2, true);
  add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_SQUARE}, dtype == CLGEN_U8 ? 65025 : 4, true);
  for (int k = 0; k < 2; ++k) {
    s->value[k] = k;
    s->out[k] = out;
    s->out[k].slot = add_memory(x, &out, random);
    ++s->n_outputs;
  }
  clgen_step_count(s);
}

static const struct {
  int ndim;
  int64_t dim[3];
  unsigned axes;
  clgen_dtype dtype;
} network_sums[] = {
    {1, {700001}, 1, CLGEN_F32},      {3, {64, 24, 256}, 5, CLGEN_F32}, {3, {64, 3, 1024}, 5, CLGEN_F32},
    {3, {40, 129, 16}, 5, CLGEN_F32}, {2, {3000, 130}, 1, CLGEN_F32},   {2, {70000, 3}, 1, CLGEN_F32},
    {2, {3, 70001}, 2, CLGEN_F32},    {2, {5000, 7}, 2, CLGEN_F32},     {3, {7, 5003, 9}, 2, CLGEN_F32},
    {3, {31, 40, 129}, 3, CLGEN_U8},  {3, {300, 2, 301}, 5, CLGEN_U8},  {2, {2, 200000}, 1, CLGEN_F32},
    {3, {9, 1000, 33}, 6, CLGEN_F32}, {1, {128}, 1, CLGEN_F32},         {2, {128, 4096}, 1, CLGEN_F32},
    {2, {0, 5}, 1, CLGEN_F32},        {2, {5, 0}, 1, CLGEN_F32},
};

static void sums_of_networks(void **state) {
  (void)state;
  enum { N = CLGEN_COUNT(network_sums) };
  sample x[N];
  uint64_t random = 55;
  for (int i = 0; i < N; ++i) {
    int64_t dim[3];
    for (int a = 0; a < 3; ++a)
      dim[a] = scale < 20 && network_sums[i].dim[a] > 50 ? 50 + network_sums[i].dim[a] % 50 : network_sums[i].dim[a];
    make_moments(&x[i], network_sums[i].ndim, dim, network_sums[i].axes, network_sums[i].dtype, &random);
  }
  compare_with_host(x, N);
  for (int i = 0; i < N; ++i) free_sample(&x[i]);
}

/* The moments' outputs become the mean of x, and the mean of x^2 times a number of each sum's own. */
static void make_means(sample *x, uint64_t *random) {
  clgen_step *s = &x->step;
  double terms = 1, square = x->bound[1];
  for (int a = 0; a < s->ndim; ++a) terms *= s->axes >> a & 1u ? (double)s->dim[a] : 1;
  s->first_after = s->n_instrs;
  for (int k = 0; k < 2; ++k) {
    int total = add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_TOTAL, .a = k}, x->bound[k] * terms, false);
    s->value[k] =
        add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_AFFINE, .a = total, .p = (float)(1 / terms)}, x->bound[k], false);
  }
  s->in[s->n_inputs] = s->out[0];
  s->in[s->n_inputs].slot = add_memory(x, &s->out[0], random);
  int weight = add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = s->n_inputs++}, 2, true);
  s->value[1] = add_instr(x, (clgen_ew_instr){.op = CLGEN_EW_MUL, .a = s->value[1], .b = weight}, 2 * square, false);
}

static void means_of_networks(void **state) {
  (void)state;
  sample x[CLGEN_COUNT(network_sums)];
  uint64_t random = 56;
  int n = 0;
  for (size_t i = 0; i < CLGEN_COUNT(network_sums); ++i) {
    int64_t count = 1, dim[3];
    for (int a = 0; a < network_sums[i].ndim; ++a) {
      dim[a] = network_sums[i].dim[a];
      if (scale < 20 && dim[a] > 40) dim[a] = 40 + dim[a] % 7;
      count *= dim[a];
    }
    if (count == 0) continue;
    make_moments(&x[n], network_sums[i].ndim, dim, network_sums[i].axes, network_sums[i].dtype, &random);
    make_means(&x[n++], &random);
  }
  compare_with_host(x, n);
  for (int i = 0; i < n; ++i) free_sample(&x[i]);
}

/* Adding 2^21 numbers one after another in single precision would be off by 1e-3 or so. */
static void sums_are_accurate(void **state) {
  (void)state;
  if (scale < 20) return;
  static const struct {
    int ndim;
    int64_t dim[2];
    unsigned axes;
  } shapes[] = {{1, {1 << 21}, 1}, {2, {1 << 17, 16}, 1}, {2, {16, 1 << 17}, 2}, {2, {1 << 20, 2}, 1}};
  for (size_t i = 0; i < CLGEN_COUNT(shapes); ++i) {
    sample x;
    uint64_t random = 66;
    make_moments(&x, shapes[i].ndim, shapes[i].dim, shapes[i].axes, CLGEN_F32, &random);
    float *in = x.content[x.step.in[0].slot];
    for (int k = 0; k < 1 << 21; ++k) in[k] = 1 + in[k] * 0.1f;
    world a = make_world(tested, &x, 1), b = make_world(host, &x, 1);
    run_world(&a);
    run_world(&b);
    for (int j = 0; j < 2; ++j) {
      int slot = x.step.out[j].slot;
      float *got = read_memory(&a, &x, 0, slot), *expected = read_memory(&b, &x, 0, slot);
      for (int64_t e = 0; e < (shapes[i].ndim == 1 ? 1 : shapes[i].dim[shapes[i].axes == 1 ? 1 : 0]); ++e)
        if (!(fabs((double)got[e] - (double)expected[e]) <= 3e-7 * fabs((double)expected[e])))
          fail_msg("shape %zu, output %d: sum %.9g instead of %.9g", i, j, got[e], expected[e]);
      free(got);
      free(expected);
    }
    free_world(&a, &x);
    free_world(&b, &x);
    free_sample(&x);
  }
}

/* A product and a sum are each rounded, as in C, and not fused into one: resumed runs and other devices depend on it. */
static void arithmetic_is_not_contracted(void **state) {
  (void)state;
  sample x = {.step = {.kind = CLGEN_STEP_MAP, .label = "arithmetic", .ndim = 1, .dim = {1000}}};
  clgen_step *s = &x.step;
  uint64_t random = 111;
  for (int k = 0; k < 3; ++k) {
    s->in[s->n_inputs++] = (clgen_operand){.dtype = CLGEN_F32, .stride = {1}};
    s->in[k].slot = add_memory(&x, &s->in[k], &random);
    add_instr(&x, (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = k}, 2, true);
  }
  add_instr(&x, (clgen_ew_instr){.op = CLGEN_EW_AFFINE, .a = 0, .p = 1.1f, .q = -0.7f}, 20, false);
  add_instr(&x, (clgen_ew_instr){.op = CLGEN_EW_NORMALIZE, .a = 0, .b = 1, .c = 2}, 20, false);
  add_instr(&x, (clgen_ew_instr){.op = CLGEN_EW_MUL, .a = 0, .b = 1}, 20, false);
  add_instr(&x, (clgen_ew_instr){.op = CLGEN_EW_SUB, .a = 5, .b = 2}, 20, false);
  add_instr(&x, (clgen_ew_instr){.op = CLGEN_EW_SQUARE, .a = 2}, 20, false);
  add_instr(&x, (clgen_ew_instr){.op = CLGEN_EW_ADD, .a = 6, .b = 7}, 20, false);
  for (int k = 0; k < 4; ++k) {
    static const int value[] = {3, 4, 6, 8};
    s->out[s->n_outputs++] = (clgen_operand){.dtype = CLGEN_F32, .stride = {1}};
    s->out[k].slot = add_memory(&x, &s->out[k], &random);
    s->value[k] = value[k];
  }
  clgen_step_count(s);
  world a = make_world(tested, &x, 1), b = make_world(host, &x, 1);
  run_world(&a);
  run_world(&b);
  for (int k = 0; k < 4; ++k) {
    void *got = read_memory(&a, &x, 0, s->out[k].slot), *expected = read_memory(&b, &x, 0, s->out[k].slot);
    assert_memory_equal(got, expected, 1000 * sizeof(float));
    free(got);
    free(expected);
  }
  free_world(&a, &x);
  free_world(&b, &x);
  free_sample(&x);
}

/* ---- The same again
 * ------------------------------------------------------------------------------------------------------- */

static void the_same_bytes_each_time(void **state) {
  (void)state;
  uint64_t random = 77;
  sample x[3];
  make_moments(&x[0], 1, (const int64_t[]){scale < 20 ? 5003 : 400003}, 1, CLGEN_F32, &random);
  make_moments(&x[1], 3, (const int64_t[]){64, 8, scale < 20 ? 7 : 300}, 5, CLGEN_F32, &random);
  make_moments(&x[2], 2, (const int64_t[]){scale < 20 ? 300 : 9000, 70}, 1, CLGEN_F32, &random);
  void *first[3] = {NULL};
  for (int again = 0; again < 3; ++again) {
    world w = make_world(tested, x, 3);
    for (int run = 0; run < 3; ++run) {
      run_world(&w);
      for (int i = 0; i < 3; ++i) {
        int slot = x[i].step.out[0].slot;
        void *now = read_memory(&w, x, i, slot);
        if (!first[i]) {
          first[i] = now;
          continue;
        }
        assert_memory_equal(now, first[i], x[i].bytes[slot]);
        free(now);
      }
    }
    free_world(&w, x);
  }
  for (int i = 0; i < 3; ++i) {
    free(first[i]);
    free_sample(&x[i]);
  }
}

/* ---- Buffers
 * ---------------------------------------------------------------------------------------------------------------- */

static void buffers_hold_what_was_written(void **state) {
  (void)state;
  const clgen_backend *b = tested->backend;
  clgen_buffer *buffer;
  unsigned char data[1003], back[1003];
  OK(b->buffer_create(tested->impl, sizeof data, &buffer));
  OK(b->buffer_read(tested->impl, buffer, 0, sizeof back, back));
  for (size_t i = 0; i < sizeof back; ++i) assert_int_equal(back[i], 0);
  uint64_t random = 88;
  unsigned char model[1003] = {0};
  for (int round = 0; round < 40; ++round) { /* the caller's memory is changed as soon as the call returns */
    size_t offset = (size_t)random_int(&random, 0, 1002), n = (size_t)random_int(&random, 0, 1003 - (int)offset);
    for (size_t i = 0; i < n; ++i) data[i] = (unsigned char)next_random(&random);
    OK(b->buffer_write(tested->impl, buffer, offset, n, data));
    memcpy(model + offset, data, n);
    memset(data, 0xEE, sizeof data);
  }
  OK(b->buffer_read(tested->impl, buffer, 0, sizeof back, back));
  assert_memory_equal(back, model, sizeof back);
  OK(b->buffer_read(tested->impl, buffer, 17, 5, back));
  assert_memory_equal(back, model + 17, 5);
  assert_int_equal(b->buffer_write(tested->impl, buffer, 1000, 4, data), CLGEN_E_INVALID);
  assert_int_equal(b->buffer_read(tested->impl, buffer, 1004, 0, back), CLGEN_E_INVALID);
  assert_int_equal(b->buffer_read(tested->impl, buffer, SIZE_MAX, 2, back), CLGEN_E_INVALID);
  b->buffer_free(tested->impl, buffer);
  OK(b->buffer_create(tested->impl, 0, &buffer));
  OK(b->buffer_write(tested->impl, buffer, 0, 0, data));
  b->buffer_free(tested->impl, buffer);
}

/* A write of many MiB, which takes another way. */
static void long_writes(void **state) {
  (void)state;
  if (scale < 20) return;
  const clgen_backend *b = tested->backend;
  size_t n = ((size_t)20 << 20) + 3;
  unsigned char *data = NEED(malloc(n)), *back = NEED(malloc(n));
  for (size_t i = 0; i < n; ++i) data[i] = (unsigned char)(i * 2654435761u >> 13);
  clgen_buffer *buffer;
  OK(b->buffer_create(tested->impl, n, &buffer));
  OK(b->buffer_write(tested->impl, buffer, 0, n, data));
  OK(b->buffer_read(tested->impl, buffer, 0, n, back));
  assert_memory_equal(data, back, n);
  b->buffer_free(tested->impl, buffer);
  free(data);
  free(back);
}

/* total = 0.5 total + in, many times, with a new `in` written before each run and nothing waited for. */
static void writes_and_runs_keep_their_order(void **state) {
  (void)state;
  const clgen_backend *b = tested->backend;
  enum { N = 1000 };
  clgen_step s = {.kind = CLGEN_STEP_MAP, .label = "blend", .n_inputs = 2, .n_outputs = 1, .ndim = 1, .dim = {N}};
  clgen_buffer *total, *in;
  OK(b->buffer_create(tested->impl, N * sizeof(float), &total));
  OK(b->buffer_create(tested->impl, N * sizeof(float), &in));
  s.in[0] = s.out[0] = (clgen_operand){.buffer = total, .dtype = CLGEN_F32, .stride = {1}};
  s.in[1] = (clgen_operand){.buffer = in, .dtype = CLGEN_F32, .stride = {1}};
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = 0};
  s.instr[1] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = 1};
  s.instr[2] = (clgen_ew_instr){.op = CLGEN_EW_AFFINE, .a = 0, .p = 0.5f};
  s.instr[3] = (clgen_ew_instr){.op = CLGEN_EW_ADD, .a = 1, .b = 2};
  s.n_instrs = 4;
  s.value[0] = 3;
  clgen_plan *plan;
  OK(b->plan_create(tested->impl, &s, 1, &plan));
  float value[N], expected[N] = {0}, got[N];
  for (int run = 0; run < 100; ++run) {
    for (int i = 0; i < N; ++i) {
      value[i] = (float)(run * 7 % 13 + i % 5);
      expected[i] = 0.5f * expected[i] + value[i];
    }
    OK(b->buffer_write(tested->impl, in, 0, sizeof value, value));
    OK(b->plan_run(tested->impl, plan));
    memset(value, 0xFF, sizeof value);
  }
  OK(b->finish(tested->impl));
  OK(b->buffer_read(tested->impl, total, 0, sizeof got, got));
  for (int i = 0; i < N; ++i) assert_true(fabs((double)got[i] - (double)expected[i]) < 1e-4);
  b->plan_free(tested->impl, plan);
  b->buffer_free(tested->impl, total);
  b->buffer_free(tested->impl, in);
}

/* ---- What is refused
 * --------------------------------------------------------------------------------------------------------- */

static void bad_steps_are_refused(void **state) {
  (void)state;
  const clgen_backend *b = tested->backend;
  clgen_buffer *buffer;
  clgen_plan *plan = NULL;
  OK(b->buffer_create(tested->impl, 40, &buffer));
  clgen_step good = {.kind = CLGEN_STEP_MAP, .label = "copy", .n_inputs = 1, .n_outputs = 1, .ndim = 1, .dim = {10}};
  good.in[0] = good.out[0] = (clgen_operand){.buffer = buffer, .dtype = CLGEN_F32, .stride = {1}};
  good.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  good.n_instrs = 1;
  assert_true(b->supports(tested->impl, &good));
  clgen_step s = good;
  s.instr[0].op = (clgen_ew_op)(CLGEN_EW_LOAD + 1);
  assert_false(b->supports(tested->impl, &s));
  s = good;
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_NEG, .a = 0}; /* of itself */
  assert_false(b->supports(tested->impl, &s));
  s = good;
  s.n_instrs = 0;
  assert_false(b->supports(tested->impl, &s));
  s = good;
  s.kind = CLGEN_STEP_REDUCE;
  s.axes = 1;
  assert_false(b->supports(tested->impl, &s)); /* the output moves along what is summed */
  s = good;
  s.in[0].offset = 1; /* the last element is outside */
  assert_int_equal(b->plan_create(tested->impl, &s, 1, &plan), CLGEN_E_INVALID);
  s = good;
  s.out[0].stride[0] = -1;
  assert_int_equal(b->plan_create(tested->impl, &s, 1, &plan), CLGEN_E_INVALID);
  if (strcmp(b->name, "opencl") == 0) {
    s = good;
    s.dim[0] = INT64_C(3) << 30;
    assert_false(b->supports(tested->impl, &s));
    assert_non_null(strstr(clgen_last_error(), "2^31"));
  }
  b->buffer_free(tested->impl, buffer);
}

static void an_empty_plan(void **state) {
  (void)state;
  clgen_plan *plan;
  OK(tested->backend->plan_create(tested->impl, NULL, 0, &plan));
  OK(tested->backend->plan_run(tested->impl, plan));
  tested->backend->plan_free(tested->impl, plan);
}

/* ---- The profile
 * ---------------------------------------------------------------------------------------------------------------- */

static void the_profile_counts(void **state) {
  (void)state;
  if (!tested->backend->profile_count) return;
  clgen_device_options options = {.profile = true, .no_tune = true};
  clgen_device *device;
  OK(clgen_device_open(&device, tested->info.spec, &options));
  uint64_t random = 99;
  sample x[4];
  for (int i = 0; i < 3; ++i) random_sample(&x[i], CLGEN_STEP_MAP, 500, &random);
  make_moments(&x[3], 2, (const int64_t[]){300, 60}, 1, CLGEN_F32, &random);
  world w = make_world(device, x, 4);
  for (int run = 0; run < 5; ++run) run_world(&w);
  OK(clgen_device_finish(device));
  assert_int_equal(clgen_device_profile_count(device), 2);
  double last = INFINITY;
  int seen = 0;
  for (size_t i = 0; i < 2; ++i) {
    clgen_profile_row row;
    OK(clgen_device_profile_get(device, i, &row));
    assert_true(row.seconds <= last && row.seconds > 0);
    last = row.seconds;
    if (strcmp(row.name, "map") == 0) {
      double flops = x[0].step.flops + x[1].step.flops + x[2].step.flops;
      assert_int_equal(row.launches, 15);
      assert_true(fabs(row.flops - 5 * flops) <= 1e-9 * flops);
      ++seen;
    } else if (strcmp(row.name, "moments") == 0) {
      assert_true(row.launches >= 5 && row.bytes == 5 * x[3].step.bytes);
      ++seen;
    }
  }
  assert_int_equal(seen, 2);
  clgen_profile_row row;
  assert_int_equal(clgen_device_profile_get(device, 2, &row), CLGEN_E_NOTFOUND);
  clgen_device_profile_reset(device);
  assert_int_equal(clgen_device_profile_count(device), 0);
  free_world(&w, x);
  for (int i = 0; i < 4; ++i) free_sample(&x[i]);
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buffers_hold_what_was_written),
      cmocka_unit_test(long_writes),
      cmocka_unit_test(writes_and_runs_keep_their_order),
      cmocka_unit_test(bad_steps_are_refused),
      cmocka_unit_test(an_empty_plan),
      cmocka_unit_test(arithmetic_is_not_contracted),
      cmocka_unit_test(small_maps),
      cmocka_unit_test(large_maps),
      cmocka_unit_test(maps_across),
      cmocka_unit_test(bytes_are_rounded),
      cmocka_unit_test(small_sums),
      cmocka_unit_test(large_sums),
      cmocka_unit_test(sums_of_networks),
      cmocka_unit_test(means_of_networks),
      cmocka_unit_test(sums_are_accurate),
      cmocka_unit_test(the_same_bytes_each_time),
      cmocka_unit_test(the_profile_counts),
  };
  return cmocka_run_group_tests(tests, open_devices, close_devices);
}
