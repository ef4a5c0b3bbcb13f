/* MAP and REDUCE: an elementwise program, run over the step's domain in short runs along one axis. */
#include <math.h>
#include <string.h>

#include "backend/host/host.h"

enum { RUN = 64 }; /* elements that are evaluated together */

/* `n` elements of the domain, beginning at `index` and going on along the axis `inner` (-1: a domain of one element). */
typedef struct {
  const clgen_step *step;
  int64_t index[CLGEN_MAX_DIMS];
  int inner;
  int n;
} run;

static int64_t element(const run *r, const clgen_operand *o) {
  int64_t at = o->offset;
  for (int k = 0; k < r->step->ndim; ++k) at += r->index[k] * o->stride[k];
  return at;
}

static int64_t stride(const run *r, const clgen_operand *o) { return r->inner < 0 ? 0 : o->stride[r->inner]; }

static int64_t length(const run *r) { return r->inner < 0 ? 1 : r->step->dim[r->inner]; }

static void load(const run *r, const clgen_operand *o, float *v) {
  int64_t at = element(r, o), step = stride(r, o);
  const unsigned char *bytes = o->buffer->data;
  const uint32_t *words = (const void *)bytes;
  const float *floats = (const void *)bytes;
  switch (o->dtype) {
    case CLGEN_U8:
      for (int i = 0; i < r->n; ++i) v[i] = bytes[at + i * step];
      break;
    case CLGEN_U32:
      for (int i = 0; i < r->n; ++i) v[i] = (float)words[at + i * step];
      break;
    case CLGEN_F32:
      for (int i = 0; i < r->n; ++i) v[i] = floats[at + i * step];
      break;
  }
}

/* Rounds to nearest even and saturates; NaN gives 0. */
static double to_integer(float x, double max) {
  if (!(x > 0)) return 0;
  return x >= max ? max : nearbyint(x);
}

static void store(const run *r, const clgen_operand *o, const float *v) {
  int64_t at = element(r, o), step = stride(r, o);
  unsigned char *bytes = o->buffer->data;
  uint32_t *words = (void *)bytes;
  float *floats = (void *)bytes;
  switch (o->dtype) {
    case CLGEN_U8:
      for (int i = 0; i < r->n; ++i) bytes[at + i * step] = (unsigned char)to_integer(v[i], UINT8_MAX);
      break;
    case CLGEN_U32:
      for (int i = 0; i < r->n; ++i) words[at + i * step] = (uint32_t)to_integer(v[i], UINT32_MAX);
      break;
    case CLGEN_F32:
      for (int i = 0; i < r->n; ++i) floats[at + i * step] = v[i];
      break;
  }
}

/* The U32 operand that instruction i loads or copies, or NULL: where its 32 bits matter, and not their value as a float. */
static const clgen_operand *word_operand(const clgen_step *s, int i) {
  while (s->instr[i].op == CLGEN_EW_COPY) i = s->instr[i].a;
  if (s->instr[i].op != CLGEN_EW_LOAD) return NULL;
  const clgen_operand *o = &s->in[s->instr[i].a];
  return o->dtype == CLGEN_U32 ? o : NULL;
}

static void copy_words(const run *r, const clgen_operand *from, const clgen_operand *to) {
  const uint32_t *in = (const uint32_t *)(const void *)from->buffer->data + element(r, from);
  uint32_t *out = (uint32_t *)(void *)to->buffer->data + element(r, to);
  for (int i = 0; i < r->n; ++i) out[i * stride(r, to)] = in[i * stride(r, from)];
}

static void draw(const run *r, const clgen_ew_instr *in, float *v) {
  const clgen_step *s = r->step;
  const clgen_operand *o = word_operand(s, in->a);
  const uint32_t *counter = (const uint32_t *)(const void *)o->buffer->data + element(r, o);
  int64_t place = 0, step = 0; /* in the row-major order of the domain */
  int64_t size = 1;
  for (int k = s->ndim - 1; k >= 0; --k) {
    place += r->index[k] * size;
    if (k == r->inner) step = size;
    size *= s->dim[k];
  }
  for (int i = 0; i < r->n; ++i) {
    uint32_t c = counter[i * stride(r, o)];
    uint64_t at = (uint64_t)(place + i * step);
    v[i] = in->op == CLGEN_EW_RANDOM_UNIFORM ? clgen_host_uniform(in->seed, in->stream, c, at)
                                             : clgen_host_normal(in->seed, in->stream, c, at);
  }
}

#define EACH(value)                                  \
  for (int i = 0; i < n; ++i) v[i] = (float)(value); \
  break

/* Each operation rounds to float, as on a device; the transcendental ones are computed in double first. */
static void evaluate(const clgen_ew_instr *in, int n, const float *a, const float *b, const float *c, float *v) {
  const float p = in->p, q = in->q;
  switch ((int)in->op) {
    case CLGEN_EW_CONST: EACH(p);
    case CLGEN_EW_COPY: EACH(a[i]);
    case CLGEN_EW_AFFINE: EACH(p * a[i] + q);
    case CLGEN_EW_NEG: EACH(-a[i]);
    case CLGEN_EW_ABS: EACH(fabsf(a[i]));
    case CLGEN_EW_SIGN: EACH((a[i] > 0) - (a[i] < 0));
    case CLGEN_EW_STEP: EACH(a[i] > 0);
    case CLGEN_EW_RELU: EACH(a[i] < 0 ? 0 : a[i]);
    case CLGEN_EW_LEAKY_RELU: EACH(a[i] > 0 ? a[i] : p * a[i]);
    case CLGEN_EW_LEAKY_STEP: EACH(a[i] > 0 ? 1 : p);
    case CLGEN_EW_TANH: EACH(tanh(a[i]));
    case CLGEN_EW_SIGMOID: EACH(1 / (1 + exp(-(double)a[i])));
    case CLGEN_EW_SOFTPLUS: EACH((a[i] < 0 ? 0 : a[i]) + log1p(exp(-fabs(a[i]))));
    case CLGEN_EW_EXP: EACH(exp(a[i]));
    case CLGEN_EW_LOG: EACH(log(a[i]));
    case CLGEN_EW_SQRT: EACH(sqrtf(a[i]));
    case CLGEN_EW_RSQRT: EACH(1 / sqrt(a[i]));
    case CLGEN_EW_SQUARE: EACH(a[i] * a[i]);
    case CLGEN_EW_RECIPROCAL: EACH(1 / a[i]);
    case CLGEN_EW_SIN: EACH(sin(a[i]));
    case CLGEN_EW_COS: EACH(cos(a[i]));
    case CLGEN_EW_POW: EACH(pow(a[i], p));
    case CLGEN_EW_ROUND: EACH(nearbyintf(a[i]));
    case CLGEN_EW_CLAMP: EACH(a[i] < p ? p : a[i] > q ? q : a[i]);
    case CLGEN_EW_IN_RANGE: EACH(p <= a[i] && a[i] <= q);
    case CLGEN_EW_IS_FINITE: EACH(isfinite(a[i]) != 0);
    case CLGEN_EW_ADD: EACH(a[i] + b[i]);
    case CLGEN_EW_SUB: EACH(a[i] - b[i]);
    case CLGEN_EW_MUL: EACH(a[i] * b[i]);
    case CLGEN_EW_DIV: EACH(a[i] / b[i]);
    case CLGEN_EW_MAXIMUM: EACH(a[i] > b[i] || isnan(a[i]) ? a[i] : b[i]);
    case CLGEN_EW_MINIMUM: EACH(a[i] < b[i] || isnan(a[i]) ? a[i] : b[i]);
    case CLGEN_EW_GREATER: EACH(a[i] > b[i]);
    case CLGEN_EW_WHERE: EACH(a[i] != 0 ? b[i] : c[i]);
    case CLGEN_EW_NORMALIZE: EACH((a[i] - b[i]) * c[i]);
  }
}

static void evaluate_some(const run *r, int first, int end, float v[][RUN]) {
  const clgen_step *s = r->step;
  for (int k = first; k < end; ++k) {
    const clgen_ew_instr *in = &s->instr[k];
    if (in->op == CLGEN_EW_TOTAL) continue; /* it is there */
    if (in->op == CLGEN_EW_LOAD) {
      load(r, &s->in[in->a], v[k]);
    } else if (in->op == CLGEN_EW_RANDOM_UNIFORM || in->op == CLGEN_EW_RANDOM_NORMAL) {
      draw(r, in, v[k]);
    } else {
      int arity = clgen_ew_arity(in->op);
      evaluate(in, r->n, arity > 0 ? v[in->a] : NULL, arity > 1 ? v[in->b] : NULL, arity > 2 ? v[in->c] : NULL, v[k]);
    }
  }
}

/* Moves to the next index over the axes of the mask, the last fastest; false after the last one, with all at 0 again. */
static bool advance(run *r, unsigned axes) {
  for (int k = r->step->ndim - 1; k >= 0; --k) {
    if (!(axes >> k & 1)) continue;
    if (++r->index[k] < r->step->dim[k]) return true;
    r->index[k] = 0;
  }
  return false;
}

static bool first_run(run *r) {
  r->n = (int)(length(r) < RUN ? length(r) : RUN);
  return r->n > 0;
}

/* Moves on along the inner axis; false at its end, with the index at 0 again. */
static bool next_run(run *r) {
  if (r->inner < 0) return false;
  int64_t at = r->index[r->inner] + r->n, left = length(r) - at;
  r->index[r->inner] = left > 0 ? at : 0;
  r->n = (int)(left < RUN ? left : RUN);
  return left > 0;
}

static int last_axis(const clgen_step *step, unsigned axes) {
  int k = step->ndim - 1;
  while (k >= 0 && !(axes >> k & 1)) --k;
  return k;
}

static bool empty(const clgen_step *step, unsigned axes) {
  for (int k = 0; k < step->ndim; ++k)
    if ((axes >> k & 1) && step->dim[k] == 0) return true;
  return false;
}

static unsigned without(unsigned axes, int axis) { return axis < 0 ? axes : axes & ~(1u << axis); }

void clgen_host_map(const clgen_step *s) {
  float v[CLGEN_STEP_MAX_INSTRS][RUN];
  run r = {.step = s, .inner = s->ndim - 1};
  if (empty(s, ~0u)) return;
  do {
    if (!first_run(&r)) return;
    do {
      evaluate_some(&r, 0, s->n_instrs, v);
      for (int j = 0; j < s->n_outputs; ++j) {
        const clgen_operand *words = s->out[j].dtype == CLGEN_U32 ? word_operand(s, s->value[j]) : NULL;
        if (words)
          copy_words(&r, words, &s->out[j]);
        else
          store(&r, &s->out[j], v[s->value[j]]);
      }
    } while (next_run(&r));
  } while (advance(&r, without(~0u, r.inner)));
}

/* What is summed: the values of the outputs, or those that the instructions after the sums ask for. */
static int summed_values(const clgen_step *s, int value[CLGEN_STEP_MAX_INSTRS]) {
  int n = 0;
  for (int k = s->first_after; s->first_after && k < s->n_instrs; ++k)
    if (s->instr[k].op == CLGEN_EW_TOTAL) value[n++] = s->instr[k].a;
  for (int j = 0; !s->first_after && j < s->n_outputs; ++j) value[n++] = s->value[j];
  return n;
}

/* The n sums of one place: over every index of the reduced axes. */
static void sum(run *r, float v[][RUN], int n, const int *value, double *sums) {
  const clgen_step *s = r->step;
  memset(sums, 0, (size_t)n * sizeof *sums);
  if (empty(s, s->axes)) return;
  do {
    if (!first_run(r)) return;
    do {
      evaluate_some(r, 0, s->first_after ? s->first_after : s->n_instrs, v);
      for (int j = 0; j < n; ++j)
        for (int i = 0; i < r->n; ++i) sums[j] += v[value[j]][i];
    } while (next_run(r));
  } while (advance(r, without(s->axes, r->inner)));
}

void clgen_host_reduce(const clgen_step *s) {
  float v[CLGEN_STEP_MAX_INSTRS][RUN];
  double sums[CLGEN_STEP_MAX_INSTRS];
  int value[CLGEN_STEP_MAX_INSTRS], n = summed_values(s, value);
  run r = {.step = s, .inner = last_axis(s, s->axes)};
  if (empty(s, ~s->axes)) return;
  do {
    sum(&r, v, n, value, sums);
    run one = r; /* the reduced axes are all at index 0 */
    one.n = 1;
    for (int k = s->first_after, j = 0; s->first_after && k < s->n_instrs; ++k)
      if (s->instr[k].op == CLGEN_EW_TOTAL) v[k][0] = (float)sums[j++];
    if (s->first_after) evaluate_some(&one, s->first_after, s->n_instrs, v);
    for (int j = 0; j < s->n_outputs; ++j) {
      float total = s->first_after ? v[s->value[j]][0] : (float)sums[j];
      store(&one, &s->out[j], &total);
    }
  } while (advance(&r, ~s->axes));
}
