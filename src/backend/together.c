/* Which steps may run at once. */
#include "backend/backend.h"

typedef struct {
  int64_t from, to; /* bytes of the operand's memory, both inside */
} extent;

static int64_t conv_elements(const clgen_step *s, const clgen_operand *o) {
  const int64_t x = s->conv.n * s->conv.c * s->conv.h * s->conv.w, y = s->conv.n * s->conv.o * s->conv.oh * s->conv.ow;
  const int64_t w = s->conv.o * s->conv.c * s->conv.kh * s->conv.kw;
  const int place = o == &s->in[0] ? 0 : o == &s->in[1] ? 1 : 2;
  switch (s->kind) {
    case CLGEN_STEP_CONV2D: return place == 0 ? x : place == 1 ? w : y;
    case CLGEN_STEP_CONV2D_INPUT_GRAD: return place == 0 ? y : place == 1 ? w : x;
    default: return place == 0 ? x : place == 1 ? y : w;
  }
}

static int64_t sample_elements(const clgen_step *s, const clgen_operand *o) {
  const int64_t planes = s->sample.n * s->sample.c, x = planes * s->sample.h * s->sample.w;
  const int64_t y = planes * s->sample.oh * s->sample.ow;
  if (o == &s->in[1]) return s->sample.n * 6;
  return (o == &s->in[0]) == (s->kind == CLGEN_STEP_AFFINE_SAMPLE) ? x : y;
}

static extent extent_of(const clgen_step *s, const clgen_operand *o) {
  const int64_t size = (int64_t)clgen_dtype_size(o->dtype);
  int64_t low = o->offset, high = o->offset;
  switch (s->kind) {
    case CLGEN_STEP_MAP:
    case CLGEN_STEP_REDUCE:
      for (int a = 0; a < s->ndim; ++a) *(o->stride[a] < 0 ? &low : &high) += (s->dim[a] - 1) * o->stride[a];
      break;
    case CLGEN_STEP_MATMUL: high += (o == &s->in[0] ? s->m * s->k : o == &s->in[1] ? s->k * s->n : s->m * s->n) - 1; break;
    case CLGEN_STEP_AFFINE_SAMPLE:
    case CLGEN_STEP_AFFINE_SAMPLE_GRAD: high += sample_elements(s, o) - 1; break;
    default: high += conv_elements(s, o) - 1; break;
  }
  return (extent){low * size, (high + 1) * size - 1};
}

/* Before memory is bound its slot says which it will be. */
static bool meet(const clgen_step *s, const clgen_operand *x, const clgen_step *t, const clgen_operand *y) {
  if (x->buffer != y->buffer || (!x->buffer && x->slot != y->slot)) return false;
  const extent a = extent_of(s, x), b = extent_of(t, y);
  return a.from <= b.to && b.from <= a.to;
}

bool clgen_step_writes(const clgen_step *writer, const clgen_step *s, const clgen_operand *o) {
  for (int i = 0; i < writer->n_outputs; ++i)
    if (meet(writer, &writer->out[i], s, o)) return true;
  return false;
}

bool clgen_step_disturbs(const clgen_step *writer, const clgen_step *s) {
  for (int k = 0; k < s->n_inputs; ++k)
    if (clgen_step_writes(writer, s, &s->in[k])) return true;
  for (int k = 0; k < s->n_outputs; ++k)
    if (clgen_step_writes(writer, s, &s->out[k])) return true;
  return false;
}

bool clgen_steps_are_apart(const clgen_step *s, const clgen_step *t) {
  return !clgen_step_disturbs(s, t) && !clgen_step_disturbs(t, s);
}

size_t clgen_step_together(const clgen_step *s, size_t n) {
  size_t count = 1;
  if (s->kind != CLGEN_STEP_MATMUL) return 1;
  for (; count < n && count < CLGEN_STEP_TOGETHER && s[count].kind == CLGEN_STEP_MATMUL; ++count)
    for (size_t i = 0; i < count; ++i)
      if (!clgen_steps_are_apart(&s[i], &s[count])) return count;
  return count;
}
