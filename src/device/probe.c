/* Trying a device out: does it compile, does it compute what the host computes, and how fast is it?
 *
 * A device is marked limited by what is found here and by nothing else. Everything goes through the backend's table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "device/probe.h"
#include "device/trial.h"

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
  clgen_trial b;
  double seconds;
  int code = clgen_trial_create(&b, d->backend, d->impl, steps, n, 1);
  if (code != CLGEN_OK) return code;
  for (int i = 0; i < 2 && code == CLGEN_OK; i++)
    code = clgen_trial_run(&b, &seconds); /* a plan must bear being run again */
  for (size_t i = 0; i < n && code == CLGEN_OK; results += results_of(&steps[i++]))
    code = d->backend->buffer_read(d->impl, b.steps[i].out[0].buffer, 0, results_of(&steps[i]) * sizeof *results, results);
  clgen_trial_free(&b);
  return code;
}

/* The largest error that rounding explains: sums of at most a few hundred products, and library functions of a few ulp. */
#define TOLERANCE 1e-4

static double compare(probe *p, const clgen_step *s, const float *got, const float *expected) {
  bool random = s->n_inputs == 1 && s->in[0].dtype == CLGEN_U32; /* the same bits everywhere, or none */
  double error = difference(got, expected, results_of(s));
  char why[64];
  clgen_snprintf(why, sizeof why, "wrong results (error %.1g)", error);
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
    worst = fmax(worst, compare(p, &steps[i], got + at, expected + at));
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

/* Of a product so large that every library takes the kernels for large ones, each 97th row by the definition, in units of
 * the largest; the host's own device is the definition. */
enum { LARGE_SIZE = 1537 };

static bool large_gemm_fits(const clgen_device_info *info) {
  return info->max_alloc_bytes == 0 || info->max_alloc_bytes >= (uint64_t)LARGE_SIZE * LARGE_SIZE * sizeof(float);
}

static double check_large_gemm(probe *p, bool ta, bool tb) {
  enum { SIZE = LARGE_SIZE, APART = 97 };
  const size_t n = (size_t)SIZE * SIZE;
  clgen_step s;
  clgen_trial b;
  double worst = 0, largest = 0, seconds;
  clgen_example_matmul(&s, SIZE, SIZE, SIZE, ta, tb);
  float *x = malloc(3 * n * sizeof *x), *y = x + n, *got = y + n;
  int code = x ? clgen_trial_create(&b, p->device->backend, p->device->impl, &s, 1, 1) : clgen_fail_nomem(3 * n * sizeof *x);
  if (code == CLGEN_OK) {
    const clgen_operand *o[3] = {&b.steps[0].in[0], &b.steps[0].in[1], &b.steps[0].out[0]};
    code = clgen_trial_run(&b, &seconds);
    for (size_t k = 0; k < 3 && code == CLGEN_OK; k++)
      code = b.backend->buffer_read(b.impl, o[k]->buffer, 0, n * sizeof *x, x + k * n);
    clgen_trial_free(&b);
  }
  for (size_t i = 0; i < SIZE && code == CLGEN_OK; i += APART)
    for (size_t j = 0; j < SIZE; j++) {
      double sum = 0;
      for (size_t q = 0; q < SIZE; q++)
        sum += (double)x[ta ? q * SIZE + i : i * SIZE + q] * y[tb ? j * SIZE + q : q * SIZE + j];
      const double off = fabs(sum - got[i * SIZE + j]);
      if (!(off <= worst)) worst = off;
      largest = fmax(largest, fabs(sum));
    }
  free(x);
  char why[96];
  clgen_snprintf(why, sizeof why, "wrong results of a large product (error %.1g)", worst / largest);
  if (code != CLGEN_OK) blame(p, s.label, clgen_last_error());
  if (code != CLGEN_OK) return INFINITY;
  if (!(worst <= TOLERANCE * largest)) blame(p, s.label, why);
  return worst / largest;
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
  int code = clgen_time_compile(device, &out->compile_s);
  if (code != CLGEN_OK) return clgen_fail_prefix(code, "probing device %s", device->info.spec);
  code = clgen_device_open(&p.host, "host", NULL);
  if (code != CLGEN_OK) return code;
  out->gemm_max_error = check_gemm(&p);
  for (int t = 0; t < 4 && device->info.type != CLGEN_DEVICE_HOST && large_gemm_fits(&device->info); t++)
    out->gemm_max_error = fmax(out->gemm_max_error, check_large_gemm(&p, t & 1, t & 2));
  out->conv_max_error = check_conv(&p);
  check_others(&p);
  clgen_device_close(p.host);
  if (clgen_time_gemm(device, &out->gemm_gflops) != CLGEN_OK) blame(&p, "timing matmul", clgen_last_error());
  if (clgen_time_copy(device, &out->copy_gb_per_s) != CLGEN_OK) blame(&p, "timing a copy", clgen_last_error());
  if (clgen_time_launch(device, &out->launch_us) != CLGEN_OK) blame(&p, "timing launches", clgen_last_error());
  code = conclude(&p);
  free(p.reasons);
  return code;
}
