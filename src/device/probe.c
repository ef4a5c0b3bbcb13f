/* Trying a device out: does it compile, does it compute what the host computes, and how fast is it?
 *
 * A device is marked limited by what is found here and by nothing else. Everything goes through the backend's table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "device/probe.h"

/* Steps with memory of their own, made ready on one device. */
typedef struct {
  const clgen_backend *backend;
  void *impl;
  clgen_step *steps;
  size_t n;
  clgen_plan *plan;
} bench;

static void bench_free(bench *b) {
  if (b->plan) b->backend->plan_free(b->impl, b->plan);
  for (size_t i = 0; b->steps && i < b->n; i++) {
    clgen_step *s = &b->steps[i];
    for (int k = 0; k <= s->n_inputs; k++) {
      clgen_buffer *buffer = k < s->n_inputs ? s->in[k].buffer : s->out[0].buffer;
      if (buffer) b->backend->buffer_free(b->impl, buffer);
    }
  }
  free(b->steps);
  *b = (bench){0};
}

static void range_of(const clgen_step *s, float *low, float *high) {
  static const float range[][2] = {
#define X(NAME, name, arity, flops, low, high) {(float)(low), (float)(high)},
      CLGEN_EW_OPS(X)
#undef X
  };
  int op = s->instr[s->value[0]].op;
  bool one_operation = s->kind == CLGEN_STEP_MAP && op < CLGEN_EW_COUNT;
  *low = one_operation ? range[op][0] : -1;
  *high = one_operation ? range[op][1] : 1;
}

/* The same numbers on every device. A third of those from a range without zero are negated: the other side of a kink, and
 * NaN where there is no result. */
static int fill(bench *b, const clgen_step *s, const clgen_operand *o) {
  size_t n = (size_t)clgen_example_elements(s, o);
  float low, high, *values = malloc(n * sizeof *values);
  if (!values) return clgen_fail_nomem(n * sizeof *values);
  range_of(s, &low, &high);
  clgen_uniforms_fill(7, 0, (uint32_t)o->slot, (int64_t)n, values);
  for (size_t i = 0; i < n; i++) values[i] = (low + (high - low) * values[i]) * (low > 0 && i % 3 == 2 ? -1.0f : 1.0f);
  if (o->dtype == CLGEN_U32)
    for (size_t i = 0; i < n; i++) memcpy(&values[i], &(uint32_t){9}, sizeof(uint32_t));
  int code = b->backend->buffer_write(b->impl, o->buffer, 0, n * sizeof *values, values);
  free(values);
  return code;
}

static int bind_step(bench *b, clgen_step *s) {
  int code = CLGEN_OK;
  for (int k = 0; k <= s->n_inputs && code == CLGEN_OK; k++) {
    clgen_operand *o = k < s->n_inputs ? &s->in[k] : &s->out[0];
    code = b->backend->buffer_create(b->impl, (size_t)clgen_example_elements(s, o) * 4, &o->buffer);
    if (code == CLGEN_OK && k < s->n_inputs) code = fill(b, s, o);
  }
  return code;
}

/* A plan of the steps, `repeat` times over. Frees itself on failure. */
static int bench_create(bench *b, const clgen_backend *backend, void *impl, const clgen_step *steps, size_t n,
                        size_t repeat) {
  *b = (bench){.backend = backend, .impl = impl, .n = n};
  b->steps = malloc(n * repeat * sizeof *steps);
  if (!b->steps) return clgen_fail_nomem(n * repeat * sizeof *steps);
  memcpy(b->steps, steps, n * sizeof *steps);
  int code = CLGEN_OK;
  for (size_t i = 0; i < n && code == CLGEN_OK; i++) {
    if (!backend->supports(impl, &steps[i])) return bench_free(b), CLGEN_E_UNSUPPORTED;
    code = bind_step(b, &b->steps[i]);
  }
  for (size_t r = 1; r < repeat; r++) memcpy(b->steps + r * n, b->steps, n * sizeof *steps);
  if (code == CLGEN_OK) code = backend->plan_create(impl, b->steps, n * repeat, &b->plan);
  if (code != CLGEN_OK) bench_free(b);
  return code;
}

/* A result is read at the end: drivers exist whose finish returns before the work is done (docs/drivers.md), but none can
 * give a result that is not there yet. */
static int bench_run(bench *b, double *seconds) {
  float last;
  double start = clgen_seconds();
  int code = b->backend->plan_run(b->impl, b->plan);
  if (code == CLGEN_OK) code = b->backend->finish(b->impl);
  if (code == CLGEN_OK) code = b->backend->buffer_read(b->impl, b->steps[b->n - 1].out[0].buffer, 0, sizeof last, &last);
  *seconds = clgen_seconds() - start;
  return code;
}

/* The best of several runs that together take about `budget` seconds, at least two. */
static int bench_time(bench *b, double budget, double *best) {
  double seconds, total = 0;
  int code = bench_run(b, &seconds); /* what happens only once happens here */
  *best = INFINITY;
  for (int i = 0; i < 100 && code == CLGEN_OK && (i < 2 || total < budget); i++, total += seconds) {
    code = bench_run(b, &seconds);
    if (seconds < *best) *best = seconds;
  }
  return code;
}

/* ---- Right results ---------------------------------------------------------------------------------------------- */

#define MAX_REASONS 5

typedef struct {
  clgen_device *device, *host;
  char *reasons; /* what is wrong with the device, joined by "; " */
  int n_reasons;
  const char *blamed; /* the last to be blamed */
} probe;

/* Of each operation the first reason, and of that its first line; of many the first few: this is one cell of a table. */
static void blame(probe *p, const char *what, const char *why) {
  if (p->blamed == what) return; /* labels are compared as pointers: each lives as long as the library */
  p->blamed = what;
  if (++p->n_reasons > MAX_REASONS + 1) return;
  const char *before = p->reasons ? p->reasons : "", *joint = p->reasons ? "; " : "";
  char *more = p->n_reasons > MAX_REASONS ? clgen_format("%s; and others", before)
                                          : clgen_format("%s%s%s: %.*s", before, joint, what, (int)strcspn(why, "\n"), why);
  if (!more) return;
  free(p->reasons);
  p->reasons = more;
}

/* Greatest difference in units of the greatest expected value; infinite where only one of two is a number. */
static double difference(const float *got, const float *expected, size_t n) {
  double worst = 0, scale = 0;
  for (size_t i = 0; i < n; i++) {
    if (isnan(got[i]) && isnan(expected[i])) continue;
    if (!isfinite(got[i]) || !isfinite(expected[i])) return INFINITY;
    worst = fmax(worst, fabs((double)got[i] - (double)expected[i]));
    scale = fmax(scale, fabs((double)expected[i]));
  }
  return worst == 0 ? 0 : worst / scale;
}

static size_t results_of(const clgen_step *s) { return (size_t)clgen_example_elements(s, &s->out[0]); }

/* The steps' results, one after the other. */
static int run_and_read(clgen_device *d, const clgen_step *steps, size_t n, float *results) {
  bench b;
  double seconds;
  int code = bench_create(&b, d->backend, d->impl, steps, n, 1);
  if (code != CLGEN_OK) return code;
  for (int i = 0; i < 2 && code == CLGEN_OK; i++) code = bench_run(&b, &seconds); /* a plan must bear being run again */
  for (size_t i = 0; i < n && code == CLGEN_OK; results += results_of(&steps[i++]))
    code = d->backend->buffer_read(d->impl, b.steps[i].out[0].buffer, 0, results_of(&steps[i]) * sizeof *results, results);
  bench_free(&b);
  return code;
}

/* The largest error that rounding explains: sums of at most a few hundred products, and library functions of a few ulp. */
#define TOLERANCE 1e-4

static double judge(probe *p, const clgen_step *s, const float *got, const float *expected) {
  bool random = s->n_inputs == 1 && s->in[0].dtype == CLGEN_U32; /* the same bits everywhere, or none */
  double error = difference(got, expected, results_of(s));
  char why[64];
  snprintf(why, sizeof why, "wrong results (error %.1g)", error);
  if (!(error <= (random ? 0 : TOLERANCE))) blame(p, s->label, why);
  return error;
}

/* Runs the steps on both, in one plan so that they are compiled at once, and what fails there by itself. What is wrong
 * becomes a reason. Returns the largest error, infinite when a step does not run. */
static double check_steps(probe *p, const clgen_step *steps, size_t n) {
  size_t total = 0, at = 0;
  for (size_t i = 0; i < n; i++) total += results_of(&steps[i]);
  float *got = calloc(2 * total, sizeof *got), *expected = got ? got + total : NULL;
  double worst = 0;
  int code = got ? run_and_read(p->host, steps, n, expected) : clgen_fail_nomem(2 * total * sizeof *got);
  if (code == CLGEN_OK) code = run_and_read(p->device, steps, n, got);
  if (code != CLGEN_OK && n == 1) blame(p, steps[0].label, clgen_last_error());
  if (code != CLGEN_OK && n == 1) worst = INFINITY;
  for (size_t i = 0; i < n && code != CLGEN_OK && n > 1; i++) worst = fmax(worst, check_steps(p, &steps[i], 1));
  for (size_t i = 0; i < n && code == CLGEN_OK; at += results_of(&steps[i++]))
    worst = fmax(worst, judge(p, &steps[i], got + at, expected + at));
  free(got);
  return worst;
}

static double check_gemm(probe *p) {
  static const int64_t size[][3] = {{1, 1, 1}, {67, 45, 129}, {1, 257, 31}, {130, 66, 257}, {5, 129, 64}};
  clgen_step s[4 * CLGEN_COUNT(size)];
  for (size_t i = 0; i < CLGEN_COUNT(s); i++)
    clgen_example_matmul(&s[i], size[i / 4][0], size[i / 4][1], size[i / 4][2], i & 1, i & 2);
  return check_steps(p, s, CLGEN_COUNT(s));
}

static double check_conv(probe *p) {
  static const struct {
    int64_t c, h, w, o;
    int kernel, stride, pad;
  } size[] = {{1, 9, 7, 5, 3, 1, 1}, {5, 13, 11, 7, 4, 2, 1}, {3, 8, 9, 17, 5, 3, 2}, {6, 4, 4, 3, 4, 1, 0}};
  clgen_step s[3 * CLGEN_COUNT(size)];
  for (size_t k = 0; k < CLGEN_COUNT(s); k++) {
    size_t i = k % CLGEN_COUNT(size);
    clgen_example_conv(&s[k], (clgen_step_kind)(CLGEN_STEP_CONV2D + k / CLGEN_COUNT(size)), size[i].c, size[i].h, size[i].w,
                       size[i].o, size[i].kernel, size[i].stride, size[i].pad);
  }
  return check_steps(p, s, CLGEN_COUNT(s));
}

static void check_others(probe *p) {
  clgen_step s[CLGEN_EW_COUNT + 3];
  for (int op = 0; op < CLGEN_EW_COUNT; op++) clgen_example_elementwise(&s[op], op, 1003);
  clgen_example_reduce(&s[CLGEN_EW_COUNT], 1003, 7);
  clgen_example_sample(&s[CLGEN_EW_COUNT + 1], CLGEN_STEP_AFFINE_SAMPLE, 3, 13, 11, 9, 14);
  clgen_example_sample(&s[CLGEN_EW_COUNT + 2], CLGEN_STEP_AFFINE_SAMPLE_GRAD, 3, 13, 11, 9, 14);
  check_steps(p, s, CLGEN_COUNT(s));
}

/* ---- Speed ------------------------------------------------------------------------------------------------------ */

/* One map, one sum and the three convolutions, from source: as a second opening of the device sees them, without our caches
 * (a driver's own it may have). */
static int time_compile(clgen_device *d, double *seconds) {
  clgen_step s[5];
  clgen_example_elementwise(&s[0], CLGEN_EW_TANH, 1003);
  clgen_example_reduce(&s[1], 1003, 7);
  for (int k = 0; k < 3; k++) clgen_example_conv(&s[2 + k], (clgen_step_kind)(CLGEN_STEP_CONV2D + k), 5, 13, 11, 7, 4, 2, 1);
  clgen_device_options options = {.log = d->options.log, .no_cache = true, .no_tune = true};
  void *impl = NULL;
  int code = d->backend->open(&impl, &d->info, &options);
  if (code != CLGEN_OK) return code;
  bench b;
  double first = 0, again = 0, start = clgen_seconds();
  code = bench_create(&b, d->backend, impl, s, CLGEN_COUNT(s), 1);
  *seconds = clgen_seconds() - start;
  if (code == CLGEN_OK) {
    code = bench_run(&b, &first); /* some drivers compile only now */
    if (code == CLGEN_OK) code = bench_run(&b, &again);
    *seconds += fmax(0, first - again);
    bench_free(&b);
  }
  d->backend->close(impl);
  return code;
}

/* The best time of one step, made ready anew. */
static int time_step(clgen_device *d, const clgen_step *step, size_t repeat, double budget, double *best) {
  bench b;
  int code = bench_create(&b, d->backend, d->impl, step, 1, repeat);
  if (code != CLGEN_OK) return code;
  code = bench_time(&b, budget, best);
  bench_free(&b);
  return code;
}

/* Sizes grow for as long as the next, eight times the work, is a matter of less than a second. */
static int time_gemm(clgen_device *d, double *gflops) {
  double best = 0;
  for (int64_t size = 128; size <= 1024 && 8 * best < 0.7; size *= 2) {
    clgen_step s;
    clgen_example_matmul(&s, size, size, size, false, false);
    int code = time_step(d, &s, 1, 0.4, &best);
    if (code != CLGEN_OK) return code;
    *gflops = fmax(*gflops, 1e-9 * s.flops / fmax(best, 1e-9));
  }
  return CLGEN_OK;
}

/* Up to 64 MiB, so that caches do not answer in memory's place. Counts what is read and what is written. */
static int time_copy(clgen_device *d, double *gb_per_s) {
  uint64_t most = d->info.max_alloc_bytes ? d->info.max_alloc_bytes / 4 : (uint64_t)16 << 20;
  double best = 0;
  for (uint64_t bytes = (uint64_t)1 << 20; bytes <= (uint64_t)64 << 20 && (bytes <= most || best == 0) && best < 0.2;
       bytes *= 4) {
    clgen_step s;
    clgen_example_elementwise(&s, CLGEN_EW_COPY, (int64_t)bytes / 4);
    int code = time_step(d, &s, 1, 0.2, &best);
    if (code != CLGEN_OK) return code;
    *gb_per_s = 1e-9 * s.bytes / fmax(best, 1e-9);
  }
  return CLGEN_OK;
}

static int time_launch(clgen_device *d, double *microseconds) {
  enum { LAUNCHES = 200 };
  clgen_step s;
  double best = 0;
  clgen_example_elementwise(&s, CLGEN_EW_AFFINE, 1);
  int code = time_step(d, &s, LAUNCHES, 0.2, &best);
  if (code == CLGEN_OK) *microseconds = 1e6 * best / LAUNCHES;
  return code;
}

/* A reason from before, from the device's own answers, stays in front. */
static int conclude(probe *p) {
  clgen_device_info *info = &p->device->info;
  if (!p->reasons) return CLGEN_OK;
  char *reason = info->reason[0] ? clgen_format("%s; %s", info->reason, p->reasons) : clgen_strdup(p->reasons);
  if (!reason) return CLGEN_E_NOMEM;
  free(info->reason);
  info->reason = reason;
  info->status = CLGEN_DEVICE_LIMITED;
  return CLGEN_OK;
}

int clgen_device_probe(clgen_device *device, clgen_device_probe_result *out) {
  *out = (clgen_device_probe_result){0};
  probe p = {.device = device};
  int code = time_compile(device, &out->compile_s);
  if (code != CLGEN_OK) return clgen_fail_prefix(code, "probing device %s", device->info.spec);
  code = clgen_device_open(&p.host, "host", NULL);
  if (code != CLGEN_OK) return code;
  out->gemm_max_error = check_gemm(&p);
  out->conv_max_error = check_conv(&p);
  check_others(&p);
  clgen_device_close(p.host);
  if (time_gemm(device, &out->gemm_gflops) != CLGEN_OK) blame(&p, "timing matmul", clgen_last_error());
  if (time_copy(device, &out->copy_gb_per_s) != CLGEN_OK) blame(&p, "timing a copy", clgen_last_error());
  if (time_launch(device, &out->launch_us) != CLGEN_OK) blame(&p, "timing launches", clgen_last_error());
  code = conclude(&p);
  free(p.reasons);
  return code;
}
