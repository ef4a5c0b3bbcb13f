/* Whether a step is one that the kernels can run. They count elements in 32 bits. */
#include "backend/opencl/ocl.h"

static const char *label(const clgen_step *s) { return s->label ? s->label : clgen_step_kind_name(s->kind); }

static int fail_big(const clgen_step *s) {
  return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: an operand has more than 2^31 elements", label(s));
}

static bool is_random(clgen_ew_op op) { return op == CLGEN_EW_RANDOM_UNIFORM || op == CLGEN_EW_RANDOM_NORMAL; }

static int check_instr(const clgen_step *s, int k) {
  const clgen_ew_instr *in = &s->instr[k];
  if ((int)in->op < 0 || in->op > CLGEN_EW_TOTAL)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: unknown elementwise operation %d", label(s), (int)in->op);
  if (in->op == CLGEN_EW_LOAD)
    return in->a >= 0 && in->a < s->n_inputs
               ? CLGEN_OK
               : clgen_fail(CLGEN_E_INVALID, "%s: instruction %d loads input %d of %d", label(s), k, in->a, s->n_inputs);
  bool after = s->first_after > 0 && k >= s->first_after;
  if (in->op == CLGEN_EW_TOTAL && (!after || in->a < 0 || in->a >= s->first_after))
    return clgen_fail(CLGEN_E_INVALID, "%s: instruction %d is the sum of value %d, which is not summed", label(s), k, in->a);
  const int operand[3] = {in->a, in->b, in->c};
  for (int j = 0; j < clgen_ew_arity((int)in->op); ++j)
    if (operand[j] < (after && in->op != CLGEN_EW_TOTAL ? s->first_after : 0) || operand[j] >= k)
      return clgen_fail(CLGEN_E_INVALID, "%s: instruction %d uses value %d, which is not an earlier one", label(s), k,
                        operand[j]);
  if (!is_random(in->op)) return CLGEN_OK;
  const clgen_ew_instr *counter = &s->instr[in->a];
  if (counter->op == CLGEN_EW_LOAD && s->in[counter->a].dtype == CLGEN_U32) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "%s: the counter of %s is not loaded from a U32 operand", label(s),
                    clgen_ew_name((int)in->op));
}

/* The first and the last element of a strided operand; false where the domain is empty. */
static bool reach(const clgen_step *s, const clgen_operand *o, double *first, double *last) {
  *first = *last = (double)o->offset;
  for (int k = 0; k < s->ndim; ++k) {
    if (s->dim[k] == 0) return false;
    double far = (double)(s->dim[k] - 1) * (double)o->stride[k];
    if (far < 0)
      *first += far;
    else
      *last += far;
  }
  return true;
}

static int check_program(const clgen_step *s) {
  if (s->n_inputs < 0 || s->n_inputs > CLGEN_STEP_MAX_INPUTS || s->n_outputs < 1 || s->n_outputs > CLGEN_STEP_MAX_OUTPUTS ||
      s->n_instrs < 1 || s->n_instrs > CLGEN_STEP_MAX_INSTRS || s->ndim < 0 || s->ndim > CLGEN_MAX_DIMS)
    return clgen_fail(CLGEN_E_INVALID, "%s: not supported: %d inputs, %d outputs, %d instructions, %d dimensions", label(s),
                      s->n_inputs, s->n_outputs, s->n_instrs, s->ndim);
  if (s->first_after && (s->kind != CLGEN_STEP_REDUCE || s->first_after < 1 || s->first_after >= s->n_instrs))
    return clgen_fail(CLGEN_E_INVALID, "%s: invalid number of instructions before the sums: %d of %d", label(s),
                      s->first_after, s->n_instrs);
  for (int k = 0; k < s->n_instrs; ++k) {
    int code = check_instr(s, k);
    if (code) return code;
  }
  double count = 1, first, last;
  for (int k = 0; k < s->ndim; ++k) count *= (double)s->dim[k];
  if (s->first_after && count < 1) return clgen_fail(CLGEN_E_INVALID, "%s: a sum over no elements is used", label(s));
  if (count > CLGEN_STEP_MAX_ELEMENTS)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: more than 2^31 elements to compute", label(s));
  for (int k = 0; k < s->n_inputs + s->n_outputs; ++k) {
    const clgen_operand *o = k < s->n_inputs ? &s->in[k] : &s->out[k - s->n_inputs];
    if (reach(s, o, &first, &last) && last > CLGEN_STEP_MAX_ELEMENTS) return fail_big(s);
  }
  for (int j = 0; j < s->n_outputs; ++j) {
    if (s->value[j] < s->first_after || s->value[j] >= s->n_instrs)
      return clgen_fail(CLGEN_E_INVALID, "%s: output %d stores value %d of %d", label(s), j, s->value[j], s->n_instrs);
    for (int k = 0; s->kind == CLGEN_STEP_REDUCE && k < s->ndim; ++k)
      if ((s->axes >> k & 1u) && s->dim[k] > 1 && s->out[j].stride[k] != 0)
        return clgen_fail(CLGEN_E_INVALID, "%s: output %d has a stride along axis %d, which is summed over", label(s), j, k);
  }
  return CLGEN_OK;
}

/* The elements of a linear step's two inputs and its output. */
static void linear_counts(const clgen_step *s, double count[3]) {
  const double x = (double)s->conv.n * (double)s->conv.c * (double)s->conv.h * (double)s->conv.w,
               y = (double)s->conv.n * (double)s->conv.o * (double)s->conv.oh * (double)s->conv.ow,
               w = (double)s->conv.o * (double)s->conv.c * (double)s->conv.kh * (double)s->conv.kw;
  const double planes = (double)s->sample.n * (double)s->sample.c, theta = 6 * (double)s->sample.n,
               image = planes * (double)s->sample.h * (double)s->sample.w,
               view = planes * (double)s->sample.oh * (double)s->sample.ow;
  switch (s->kind) {
    case CLGEN_STEP_CONV2D: count[0] = x, count[1] = w, count[2] = y; break;
    case CLGEN_STEP_CONV2D_INPUT_GRAD: count[0] = y, count[1] = w, count[2] = x; break;
    case CLGEN_STEP_CONV2D_WEIGHT_GRAD: count[0] = x, count[1] = y, count[2] = w; break;
    case CLGEN_STEP_AFFINE_SAMPLE: count[0] = image, count[1] = theta, count[2] = view; break;
    case CLGEN_STEP_AFFINE_SAMPLE_GRAD: count[0] = view, count[1] = theta, count[2] = image; break;
    default:
      count[0] = (double)s->m * (double)s->k;
      count[1] = (double)s->k * (double)s->n;
      count[2] = (double)s->m * (double)s->n;
  }
}

static int check_linear(const clgen_step *s) {
  if (s->n_inputs != 2 || s->n_outputs != 1)
    return clgen_fail(CLGEN_E_INVALID, "%s takes 2 inputs and gives 1 output, not %d and %d", label(s), s->n_inputs,
                      s->n_outputs);
  double count[3];
  linear_counts(s, count);
  for (int k = 0; k < 3; ++k) {
    const clgen_operand *o = k < 2 ? &s->in[k] : &s->out[0];
    if (o->dtype != CLGEN_F32) return clgen_fail(CLGEN_E_UNSUPPORTED, "%s takes float operands only", label(s));
    if ((double)o->offset + count[k] > CLGEN_STEP_MAX_ELEMENTS) return fail_big(s);
  }
  return CLGEN_OK;
}

int clgen_ocl_check(const clgen_step *s) {
  if ((int)s->kind < 0 || s->kind >= CLGEN_STEP_KINDS)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "unknown step %d", (int)s->kind);
  return s->kind == CLGEN_STEP_MAP || s->kind == CLGEN_STEP_REDUCE ? check_program(s) : check_linear(s);
}

static int check_inside(const clgen_step *s, const clgen_operand *o, double first, double last) {
  if (!o->buffer) return clgen_fail(CLGEN_E_INVALID, "%s: an operand has no buffer", label(s));
  double there = (double)(o->buffer->bytes / (o->dtype == CLGEN_U8 ? 1 : 4));
  if (first >= 0 && last < there) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "%s: accesses elements %.0f to %.0f of an operand of %.0f elements", label(s), first,
                    last, there);
}

int clgen_ocl_check_bound(const clgen_step *s) {
  bool linear = s->kind != CLGEN_STEP_MAP && s->kind != CLGEN_STEP_REDUCE;
  double count[3] = {0}, first, last;
  if (linear) linear_counts(s, count);
  for (int k = 0; k < s->n_inputs + s->n_outputs; ++k) {
    const clgen_operand *o = k < s->n_inputs ? &s->in[k] : &s->out[k - s->n_inputs];
    bool some = linear || reach(s, o, &first, &last);
    if (linear) first = (double)o->offset, last = first + count[k] - 1;
    int code = some ? check_inside(s, o, first, last) : CLGEN_OK;
    if (code) return code;
  }
  return CLGEN_OK;
}
