/* Examples of steps. The elementwise ones come from the table of operations, so that a new row is an example by itself. */
#include <string.h>

#include "device/probe.h"

static clgen_step new_step(clgen_step_kind kind, int n_inputs) {
  clgen_step s = {.kind = kind, .label = clgen_step_kind_name(kind), .n_inputs = n_inputs, .n_outputs = 1};
  for (int k = 0; k < n_inputs; k++) s.in[k].slot = k;
  s.out[0].slot = n_inputs;
  return s;
}

static bool is_random(int op) { return op == CLGEN_EW_RANDOM_UNIFORM || op == CLGEN_EW_RANDOM_NORMAL; }

void clgen_example_elementwise(clgen_step *out, int op, int64_t n) {
  clgen_step s = new_step(CLGEN_STEP_MAP, clgen_ew_arity(op));
  s.label = clgen_ew_name(op);
  s.ndim = 1;
  s.dim[0] = n;
  for (int k = 0; k < s.n_inputs; k++) {
    s.in[k].stride[0] = is_random(op) ? 0 : 1; /* a counter is one number for all */
    s.in[k].dtype = is_random(op) ? CLGEN_U32 : CLGEN_F32;
    s.instr[s.n_instrs++] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = k};
  }
  s.out[0].stride[0] = 1;
  /* 0.3 and 0.7 are a range for clamp, a slope, a scale with a shift, and an exponent */
  s.instr[s.n_instrs] = (clgen_ew_instr){
      .op = (clgen_ew_op)op, .a = 0, .b = 1, .c = 2, .p = 0.3f, .q = 0.7f, .seed = 0x1234567890abcdef, .stream = 5};
  s.value[0] = s.n_instrs++;
  clgen_step_count(&s);
  *out = s;
}

void clgen_example_reduce(clgen_step *out, int64_t rows, int64_t columns) {
  clgen_step s = new_step(CLGEN_STEP_REDUCE, 1);
  s.ndim = 2;
  s.dim[0] = rows;
  s.dim[1] = columns;
  s.axes = 1;
  s.in[0].stride[0] = columns;
  s.in[0].stride[1] = s.out[0].stride[1] = 1;
  s.instr[s.n_instrs++] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  clgen_step_count(&s);
  *out = s;
}

void clgen_example_matmul(clgen_step *out, int64_t m, int64_t n, int64_t k, bool transpose_a, bool transpose_b) {
  clgen_step s = new_step(CLGEN_STEP_MATMUL, 2);
  s.m = m, s.n = n, s.k = k;
  s.transpose_a = transpose_a;
  s.transpose_b = transpose_b;
  clgen_step_count(&s);
  *out = s;
}

void clgen_example_conv(clgen_step *out, clgen_step_kind kind, int64_t c, int64_t h, int64_t w, int64_t o, int kernel,
                        int stride, int pad) {
  clgen_step s = new_step(kind, 2);
  s.conv.n = 2, s.conv.c = c, s.conv.h = h, s.conv.w = w, s.conv.o = o;
  s.conv.kh = s.conv.kw = kernel;
  s.conv.oh = (h + 2 * pad - kernel) / stride + 1;
  s.conv.ow = (w + 2 * pad - kernel) / stride + 1;
  s.conv.conv = (clgen_conv){stride, stride, pad, pad};
  clgen_step_count(&s);
  *out = s;
}

void clgen_example_sample(clgen_step *out, clgen_step_kind kind, int64_t c, int64_t h, int64_t w, int64_t oh, int64_t ow) {
  clgen_step s = new_step(kind, 2);
  s.sample.n = 2, s.sample.c = c, s.sample.h = h, s.sample.w = w, s.sample.oh = oh, s.sample.ow = ow;
  clgen_step_count(&s);
  *out = s;
}

int64_t clgen_example_elements(const clgen_step *s, const clgen_operand *o) {
  bool output = o == &s->out[0], first = o == &s->in[0];
  const int64_t x = s->conv.n * s->conv.c * s->conv.h * s->conv.w, y = s->conv.n * s->conv.o * s->conv.oh * s->conv.ow,
                w = s->conv.o * s->conv.c * s->conv.kh * s->conv.kw;
  const int64_t planes = s->sample.n * s->sample.c, image = planes * s->sample.h * s->sample.w,
                view = planes * s->sample.oh * s->sample.ow, theta = 6 * s->sample.n;
  int64_t last = 0;
  switch (s->kind) {
    case CLGEN_STEP_MATMUL: return output ? s->m * s->n : first ? s->m * s->k : s->k * s->n;
    case CLGEN_STEP_CONV2D: return output ? y : first ? x : w;
    case CLGEN_STEP_CONV2D_INPUT_GRAD: return output ? x : first ? y : w;
    case CLGEN_STEP_CONV2D_WEIGHT_GRAD: return output ? w : first ? x : y;
    case CLGEN_STEP_AFFINE_SAMPLE: return output ? view : first ? image : theta;
    case CLGEN_STEP_AFFINE_SAMPLE_GRAD: return output ? image : first ? view : theta;
    default: break;
  }
  for (int k = 0; k < s->ndim; k++) last += (s->dim[k] - 1) * o->stride[k];
  return last + 1;
}

/* The kinds of steps that are not one elementwise operation. */
enum { N_KINDS = CLGEN_STEP_KINDS - 1 };

size_t clgen_example_count(void) { return CLGEN_EW_COUNT + N_KINDS; }

void clgen_example_get(size_t index, clgen_step *s) {
  if (index < CLGEN_EW_COUNT) {
    clgen_example_elementwise(s, (int)index, 1003);
    return;
  }
  clgen_step_kind kind = (clgen_step_kind)(index - CLGEN_EW_COUNT + 1);
  if (kind == CLGEN_STEP_REDUCE)
    clgen_example_reduce(s, 1003, 7);
  else if (kind == CLGEN_STEP_MATMUL)
    clgen_example_matmul(s, 67, 45, 129, false, false);
  else if (kind == CLGEN_STEP_AFFINE_SAMPLE || kind == CLGEN_STEP_AFFINE_SAMPLE_GRAD)
    clgen_example_sample(s, kind, 3, 13, 11, 9, 14);
  else
    clgen_example_conv(s, kind, 5, 13, 11, 7, 4, 2, 1);
}

const char *clgen_example_name(size_t index) {
  return index < CLGEN_EW_COUNT ? clgen_ew_name((int)index)
                                : clgen_step_kind_name((clgen_step_kind)(index - CLGEN_EW_COUNT + 1));
}
