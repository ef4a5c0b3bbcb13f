/* Some steps with memory of their own, run on one device: for probing, timing and choosing. */
#ifndef CLGEN_DEVICE_TRIAL_H
#define CLGEN_DEVICE_TRIAL_H

#include "backend/backend.h"

typedef struct {
  const clgen_backend *backend;
  void *impl;
  clgen_step *steps;
  size_t n; /* without repetitions */
  clgen_plan *plan;
} clgen_trial;

/* A plan of the steps, `repeat` times over, with the same inputs on every device. Nothing is left to free on failure. */
int clgen_trial_create(clgen_trial *t, const clgen_backend *backend, void *impl, const clgen_step *steps, size_t n,
                       size_t repeat);
void clgen_trial_free(clgen_trial *t);
/* Waits for the results. */
int clgen_trial_run(clgen_trial *t, double *seconds);
/* The best time of several runs that together take about `budget` seconds, at least two, after one that does not count. */
int clgen_trial_time(clgen_trial *t, double budget, double *best);

/* ---- What a device does in a second (speed.c). Each leaves its result at 0 when it fails at once. ---- */

int clgen_time_compile(clgen_device *d, double *seconds); /* some steps from source, without clgen's cache */
int clgen_time_gemm(clgen_device *d, double *gflops);
int clgen_time_conv(clgen_device *d, double *gflops); /* a convolution of 64 channels and its two gradients */
int clgen_time_copy(clgen_device *d, double *gb_per_s);
int clgen_time_launch(clgen_device *d, double *microseconds);

#endif
