/* Names and costs of operations, from the one table in backend.h. */
#include "backend/backend.h"

typedef struct {
  const char *name;
  int arity, flops;
} ew_row;

static const ew_row ew_rows[] = {
#define X(NAME, name, arity, flops, low, high) {#name, arity, flops},
    CLGEN_EW_OPS(X)
#undef X
        {"load", 0, 0},
    {"total", 1, 1},
};

const char *clgen_ew_name(int op) { return op < 0 || op > CLGEN_EW_TOTAL ? "unknown" : ew_rows[op].name; }

int clgen_ew_arity(int op) { return op < 0 || op > CLGEN_EW_TOTAL ? 0 : ew_rows[op].arity; }

const char *clgen_step_kind_name(clgen_step_kind kind) {
  switch (kind) {
    case CLGEN_STEP_MAP: return "map";
    case CLGEN_STEP_REDUCE: return "reduce";
    case CLGEN_STEP_MATMUL: return "matmul";
    case CLGEN_STEP_CONV2D: return "conv2d";
    case CLGEN_STEP_CONV2D_INPUT_GRAD: return "conv2d_input_grad";
    case CLGEN_STEP_CONV2D_WEIGHT_GRAD: return "conv2d_weight_grad";
    case CLGEN_STEP_AFFINE_SAMPLE: return "affine_sample";
    case CLGEN_STEP_AFFINE_SAMPLE_GRAD: return "affine_sample_grad";
    case CLGEN_STEP_KINDS: break;
  }
  return "unknown";
}

/* The different elements that an operand touches: a stride of 0 reads the same ones again. */
static double operand_bytes(const clgen_step *s, const clgen_operand *o) {
  double elements = 1;
  for (int k = 0; k < s->ndim; ++k)
    if (o->stride[k] != 0) elements *= (double)s->dim[k];
  return o->dtype == CLGEN_U8 ? elements : 4 * elements;
}

static void count_elementwise(clgen_step *s) {
  double elements = 1, sums = 1, each = 0, after = 0;
  for (int k = 0; k < s->ndim; ++k) {
    elements *= (double)s->dim[k];
    if (!(s->axes >> k & 1u)) sums *= (double)s->dim[k];
  }
  for (int k = 0; k < s->n_instrs; ++k) {
    clgen_ew_op op = s->instr[k].op;
    if (op == CLGEN_EW_TOTAL)
      each += 1;
    else
      *(s->first_after && k >= s->first_after ? &after : &each) += ew_rows[op].flops;
  }
  if (s->kind == CLGEN_STEP_REDUCE && !s->first_after) each += s->n_outputs;
  s->flops = each * elements + after * sums;
  s->bytes = 0;
  for (int k = 0; k < s->n_inputs; ++k) s->bytes += operand_bytes(s, &s->in[k]);
  for (int k = 0; k < s->n_outputs; ++k) s->bytes += operand_bytes(s, &s->out[k]);
}

void clgen_step_count(clgen_step *s) {
  switch (s->kind) {
    case CLGEN_STEP_MAP:
    case CLGEN_STEP_REDUCE: count_elementwise(s); break;
    case CLGEN_STEP_MATMUL: {
      double m = (double)s->m, n = (double)s->n, k = (double)s->k;
      s->flops = 2 * m * n * k;
      s->bytes = 4 * (m * k + k * n + m * n);
      break;
    }
    case CLGEN_STEP_CONV2D:
    case CLGEN_STEP_CONV2D_INPUT_GRAD:
    case CLGEN_STEP_CONV2D_WEIGHT_GRAD: {
      double outputs = (double)s->conv.n * (double)s->conv.o * (double)s->conv.oh * (double)s->conv.ow;
      double inputs = (double)s->conv.n * (double)s->conv.c * (double)s->conv.h * (double)s->conv.w;
      double weights = (double)s->conv.o * (double)s->conv.c * (double)s->conv.kh * (double)s->conv.kw;
      s->flops = 2 * outputs * (double)s->conv.c * (double)s->conv.kh * (double)s->conv.kw;
      s->bytes = 4 * (outputs + inputs + weights);
      break;
    }
    case CLGEN_STEP_AFFINE_SAMPLE:
    case CLGEN_STEP_AFFINE_SAMPLE_GRAD: {
      double n = (double)s->sample.n, places = n * (double)s->sample.oh * (double)s->sample.ow, c = (double)s->sample.c;
      s->flops = places * (16 + 7 * c);
      s->bytes = 4 * (n * c * (double)s->sample.h * (double)s->sample.w + 6 * n + places * c);
      break;
    }
    case CLGEN_STEP_KINDS: break;
  }
}
