/* How fast a device is, in a second or two. */
#include <math.h>

#include "base/base.h"
#include "device/probe.h"
#include "device/trial.h"

/* One map, one sum and the three convolutions, from source: as a second opening of the device sees them, without our caches
 * (a driver's own it may have). */
int clgen_time_compile(clgen_device *d, double *seconds) {
  clgen_step s[5];
  clgen_example_elementwise(&s[0], CLGEN_EW_TANH, 1003);
  clgen_example_reduce(&s[1], 1003, 7);
  for (int k = 0; k < 3; k++) clgen_example_conv(&s[2 + k], (clgen_step_kind)(CLGEN_STEP_CONV2D + k), 5, 13, 11, 7, 4, 2, 1);
  clgen_device_options options = {.log = d->options.log, .no_cache = true, .no_tune = true};
  void *impl = NULL;
  int code = d->backend->open(&impl, &d->info, &options);
  if (code != CLGEN_OK) return code;
  clgen_trial b;
  double first = 0, again = 0, start = clgen_seconds();
  code = clgen_trial_create(&b, d->backend, impl, s, CLGEN_COUNT(s), 1);
  *seconds = clgen_seconds() - start;
  if (code == CLGEN_OK) {
    code = clgen_trial_run(&b, &first); /* some drivers compile only now */
    if (code == CLGEN_OK) code = clgen_trial_run(&b, &again);
    *seconds += fmax(0, first - again);
    clgen_trial_free(&b);
  }
  d->backend->close(impl);
  return code;
}

/* The best time of the steps, made ready anew. */
static int time_steps(clgen_device *d, const clgen_step *steps, size_t n, size_t repeat, double budget, double *best) {
  clgen_trial b;
  int code = clgen_trial_create(&b, d->backend, d->impl, steps, n, repeat);
  if (code != CLGEN_OK) return code;
  code = clgen_trial_time(&b, budget, best);
  clgen_trial_free(&b);
  return code;
}

/* Sizes grow for as long as the next, eight times the work, is a matter of less than a second. */
int clgen_time_gemm(clgen_device *d, double *gflops) {
  double best = 0;
  for (int64_t size = 128; size <= 1024 && 8 * best < 0.7; size *= 2) {
    clgen_step s;
    clgen_example_matmul(&s, size, size, size, false, false);
    int code = time_steps(d, &s, 1, 1, 0.4, &best);
    if (code != CLGEN_OK) return code;
    *gflops = fmax(*gflops, 1e-9 * s.flops / fmax(best, 1e-9));
  }
  return CLGEN_OK;
}

int clgen_time_conv(clgen_device *d, double *gflops) {
  double best = 0;
  for (int64_t size = 8; size <= 64 && 4 * best < 0.15; size *= 2) {
    clgen_step s[3];
    for (int k = 0; k < 3; k++)
      clgen_example_conv(&s[k], (clgen_step_kind)(CLGEN_STEP_CONV2D + k), 64, size, size, 64, 4, 2, 1);
    int code = time_steps(d, s, 3, 1, 0.2, &best);
    if (code != CLGEN_OK) return code;
    *gflops = fmax(*gflops, 1e-9 * (s[0].flops + s[1].flops + s[2].flops) / fmax(best, 1e-9));
  }
  return CLGEN_OK;
}

/* Up to 64 MiB, so that caches do not answer in memory's place. Counts what is read and what is written. */
int clgen_time_copy(clgen_device *d, double *gb_per_s) {
  uint64_t most = d->info.max_alloc_bytes ? d->info.max_alloc_bytes / 4 : (uint64_t)16 << 20;
  double best = 0;
  for (uint64_t bytes = (uint64_t)1 << 20; bytes <= (uint64_t)64 << 20 && (bytes <= most || best == 0) && best < 0.2;
       bytes *= 4) {
    clgen_step s;
    clgen_example_elementwise(&s, CLGEN_EW_COPY, (int64_t)bytes / 4);
    int code = time_steps(d, &s, 1, 1, 0.2, &best);
    if (code != CLGEN_OK) return code;
    *gb_per_s = 1e-9 * s.bytes / fmax(best, 1e-9);
  }
  return CLGEN_OK;
}

int clgen_time_launch(clgen_device *d, double *microseconds) {
  enum { LAUNCHES = 200 };
  clgen_step s;
  double best = 0;
  clgen_example_elementwise(&s, CLGEN_EW_AFFINE, 1);
  int code = time_steps(d, &s, 1, LAUNCHES, 0.2, &best);
  if (code == CLGEN_OK) *microseconds = 1e6 * best / LAUNCHES;
  return code;
}
