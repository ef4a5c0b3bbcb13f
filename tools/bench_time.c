#include "bench.h"

#include <stdlib.h>

#include "common.h"

enum { MOST_SAMPLES = 1000, MOST_CALLS = 4096 };
static const double SAMPLE_S = 0.01; /* far above the resolution of the clock and the cost of waiting */

static int by_time(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Seconds of one call, on the average of `calls`. */
static int sample(double *seconds, clgen_device *device, int (*run)(void *), void *context, int calls) {
  double begin = clgen_seconds();
  for (int i = 0; i < calls; ++i) {
    int code = run(context);
    if (code) return code;
  }
  int code = clgen_device_finish(device);
  *seconds = (clgen_seconds() - begin) / calls;
  return code;
}

/* Twice the calls until a sample is long enough: the warm-up at the same time. */
static int calibrate(int *calls, clgen_device *device, int (*run)(void *), void *context) {
  double s = 0;
  *calls = 1;
  int code = sample(&s, device, run, context, 1); /* kernels may be built here */
  if (!code && s < 1) code = sample(&s, device, run, context, 1);
  while (!code && s * *calls < SAMPLE_S && *calls < MOST_CALLS) {
    *calls *= 2;
    code = sample(&s, device, run, context, *calls);
  }
  return code;
}

int bench_measure(bench_timing *out, clgen_device *device, int (*run)(void *), void *context, double seconds) {
  double *s = malloc(MOST_SAMPLES * sizeof *s);
  if (!s) return clgen_fail_nomem(MOST_SAMPLES * sizeof *s);
  int calls = 1, n = 0, code = calibrate(&calls, device, run, context);
  double begin = clgen_seconds();
  while (!code && n < MOST_SAMPLES && (n < 3 || clgen_seconds() - begin < seconds))
    code = sample(&s[n++], device, run, context, calls);
  if (!code) {
    qsort(s, (size_t)n, sizeof *s, by_time);
    *out = (bench_timing){
        .median_s = n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2, .best_s = s[0], .samples = n, .calls = calls};
  }
  free(s);
  return code;
}

static int run_program(void *program) { return clgen_program_run(program); }

int bench_program(bench_timing *out, clgen_device *device, clgen_program *program, double seconds) {
  int code = clgen_program_prepare(program);
  return code ? code : bench_measure(out, device, run_program, program, seconds);
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
