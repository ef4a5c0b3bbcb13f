#include "bench.h"

#include <stdlib.h>
#include <time.h>

#include "common.h"

enum { MOST_SAMPLES = 1000, MOST_CALLS = 4096 };
static const double SAMPLE_S = 0.01; /* far above the resolution of the clock and the cost of waiting */

static int by_time(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* What is measured, and its samples: seconds of one call, by the clock and of processor time. */
typedef struct {
  bench_work work;
  int calls;
  double *wall, *cpu;
} series;

static int sample(series *s, int at, clgen_device *device) {
  double begin = clgen_seconds();
  clock_t cpu = clock();
  int code = CLGEN_OK;
  for (int i = 0; i < s->calls && !code; ++i) code = s->work.run(s->work.context);
  if (!code) code = clgen_device_finish(device);
  s->wall[at] = (clgen_seconds() - begin) / s->calls;
  s->cpu[at] = (double)(clock() - cpu) / CLOCKS_PER_SEC / s->calls;
  return code;
}

/* Twice the calls until a sample is long enough: the warm-up at the same time. */
static int calibrate(series *s, clgen_device *device) {
  s->calls = 1;
  int code = sample(s, 0, device); /* kernels may be built here */
  if (!code && s->wall[0] < 1) code = sample(s, 0, device);
  while (!code && s->wall[0] * s->calls < SAMPLE_S && s->calls < MOST_CALLS) {
    s->calls *= 2;
    code = sample(s, 0, device);
  }
  return code;
}

static double median(double *x, int n) {
  qsort(x, (size_t)n, sizeof *x, by_time);
  return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static int measure(series *s, int n_series, bench_timing *out, bench_ratio *ratio, clgen_device *device, double seconds) {
  int n = 0, code = CLGEN_OK;
  for (int k = 0; k < n_series && !code; ++k) code = calibrate(&s[k], device);
  for (double begin = clgen_seconds(); !code && n < MOST_SAMPLES && (n < 3 || clgen_seconds() - begin < seconds); ++n)
    for (int k = 0; k < n_series && !code; ++k) code = sample(&s[k], n, device);
  if (code) return code;
  if (ratio) {
    double of[MOST_SAMPLES];
    for (int i = 0; i < n; ++i) of[i] = s[1].wall[i] / s[0].wall[i];
    ratio->wall = median(of, n);
    for (int i = 0; i < n; ++i) of[i] = s[1].cpu[i] / s[0].cpu[i];
    ratio->cpu = median(of, n);
  }
  for (int k = 0; k < n_series; ++k) {
    out[k] = (bench_timing){.median_s = median(s[k].wall, n), .cpu_s = median(s[k].cpu, n), .samples = n};
    out[k].best_s = s[k].wall[0];
    out[k].calls = s[k].calls;
  }
  return CLGEN_OK;
}

static int measure_all(const bench_work *work, int n, bench_timing *out, bench_ratio *ratio, clgen_device *device,
                       double seconds) {
  double *x = malloc(sizeof *x * 4 * MOST_SAMPLES);
  if (!x) return clgen_fail_nomem(sizeof *x * 4 * MOST_SAMPLES);
  series s[2];
  for (int k = 0; k < n; ++k)
    s[k] = (series){work[k], 1, x + 2 * k * (ptrdiff_t)MOST_SAMPLES, x + (2 * k + 1) * (ptrdiff_t)MOST_SAMPLES};
  int code = measure(s, n, out, ratio, device, seconds);
  free(x);
  return code;
}

int bench_measure(bench_timing *out, clgen_device *device, int (*run)(void *), void *context, double seconds) {
  return measure_all(&(bench_work){run, context}, 1, out, NULL, device, seconds);
}

int bench_beside(bench_timing out[2], bench_ratio *ratio, clgen_device *device, const bench_work work[2], double seconds) {
  return measure_all(work, 2, out, ratio, device, seconds);
}

int bench_run_program(void *program) { return clgen_program_run(program); }

int bench_program(bench_timing *out, clgen_device *device, clgen_program *program, double seconds) {
  int code = clgen_program_prepare(program);
  return code ? code : bench_measure(out, device, bench_run_program, program, seconds);
}

clgen_tensor *bench_operand(clgen_graph *graph, clgen_store *store, const char *name, clgen_shape shape) {
  int64_t n = clgen_shape_count(&shape);
  float *values = malloc((size_t)(n ? n : 1) * sizeof *values);
  int code = values ? CLGEN_OK : clgen_fail_nomem((size_t)n * sizeof *values);
  if (!code) {
    clgen_uniforms_fill(1, 0, 0, n, values);
    for (int64_t i = 0; i < n; ++i) values[i] = 2 * values[i] - 1;
    code = clgen_store_declare(store, name, CLGEN_F32, shape);
  }
  if (!code) code = clgen_store_write(store, name, 0, n, values);
  free(values);
  return code ? NULL : clgen_state(graph, name, CLGEN_F32, shape);
}
