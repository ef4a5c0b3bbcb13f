/* Some steps with memory of their own, run on one device. */
#include "device/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "device/probe.h"

void clgen_trial_free(clgen_trial *b) {
  if (b->plan) b->backend->plan_free(b->impl, b->plan);
  for (size_t i = 0; b->steps && i < b->n; i++) {
    clgen_step *s = &b->steps[i];
    for (int k = 0; k <= s->n_inputs; k++) {
      clgen_buffer *buffer = k < s->n_inputs ? s->in[k].buffer : s->out[0].buffer;
      if (buffer) b->backend->buffer_free(b->impl, buffer);
    }
  }
  free(b->steps);
  *b = (clgen_trial){0};
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
static int fill(clgen_trial *b, const clgen_step *s, const clgen_operand *o) {
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

static int bind_step(clgen_trial *b, clgen_step *s) {
  int code = CLGEN_OK;
  for (int k = 0; k <= s->n_inputs && code == CLGEN_OK; k++) {
    clgen_operand *o = k < s->n_inputs ? &s->in[k] : &s->out[0];
    code = b->backend->buffer_create(b->impl, (size_t)clgen_example_elements(s, o) * 4, &o->buffer);
    if (code == CLGEN_OK && k < s->n_inputs) code = fill(b, s, o);
  }
  return code;
}

/* A plan of the steps, `repeat` times over. Frees itself on failure. */
int clgen_trial_create(clgen_trial *b, const clgen_backend *backend, void *impl, const clgen_step *steps, size_t n,
                       size_t repeat) {
  *b = (clgen_trial){.backend = backend, .impl = impl, .n = n};
  b->steps = malloc(n * repeat * sizeof *steps);
  if (!b->steps) return clgen_fail_nomem(n * repeat * sizeof *steps);
  memcpy(b->steps, steps, n * sizeof *steps);
  int code = CLGEN_OK;
  for (size_t i = 0; i < n && code == CLGEN_OK; i++) {
    if (!backend->supports(impl, &steps[i])) return clgen_trial_free(b), CLGEN_E_UNSUPPORTED;
    code = bind_step(b, &b->steps[i]);
  }
  for (size_t r = 1; r < repeat; r++) memcpy(b->steps + r * n, b->steps, n * sizeof *steps);
  if (code == CLGEN_OK) code = backend->plan_create(impl, b->steps, n * repeat, &b->plan);
  if (code != CLGEN_OK) clgen_trial_free(b);
  return code;
}

/* A result is read at the end: drivers exist whose finish returns before the work is done (docs/drivers.md), but none can
 * give a result that is not there yet. */
int clgen_trial_run(clgen_trial *b, double *seconds) {
  float last;
  double start = clgen_seconds();
  int code = b->backend->plan_run(b->impl, b->plan);
  if (code == CLGEN_OK) code = b->backend->finish(b->impl);
  if (code == CLGEN_OK) code = b->backend->buffer_read(b->impl, b->steps[b->n - 1].out[0].buffer, 0, sizeof last, &last);
  *seconds = clgen_seconds() - start;
  return code;
}

/* The best of several runs that together take about `budget` seconds, at least two. */
int clgen_trial_time(clgen_trial *b, double budget, double *best) {
  double seconds, total = 0;
  int code = clgen_trial_run(b, &seconds); /* what happens only once happens here */
  *best = INFINITY;
  for (int i = 0; i < 100 && code == CLGEN_OK && (i < 2 || total < budget); i++, total += seconds) {
    code = clgen_trial_run(b, &seconds);
    if (seconds < *best) *best = seconds;
  }
  return code;
}
