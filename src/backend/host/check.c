/* Whether a step is well formed: the reference trusts no one, so that a wrong plan fails here and not as a wrong number. */
#include "backend/host/host.h"
#include "base/base.h"

static const char *label(const clgen_step *s) { return s->label ? s->label : clgen_step_kind_name(s->kind); }

static int check_instr(const clgen_step *s, int k) {
  const clgen_ew_instr *in = &s->instr[k];
  if ((int)in->op < 0 || in->op > CLGEN_EW_TOTAL)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "host: %s: instruction %d has the unknown operation %d", label(s), k,
                      (int)in->op);
  if (in->op == CLGEN_EW_LOAD) {
    if (in->a < 0 || in->a >= s->n_inputs)
      return clgen_fail(CLGEN_E_INVALID, "host: %s: instruction %d loads input %d of %d", label(s), k, in->a, s->n_inputs);
    return 0;
  }
  bool after = s->first_after > 0 && k >= s->first_after;
  if (in->op == CLGEN_EW_TOTAL && (!after || in->a < 0 || in->a >= s->first_after))
    return clgen_fail(CLGEN_E_INVALID, "host: %s: instruction %d is the sum of value %d, which is not summed", label(s), k,
                      in->a);
  const int operand[3] = {in->a, in->b, in->c};
  for (int j = 0; j < clgen_ew_arity(in->op); ++j)
    if (operand[j] < (after && in->op != CLGEN_EW_TOTAL ? s->first_after : 0) || operand[j] >= k)
      return clgen_fail(CLGEN_E_INVALID, "host: %s: instruction %d (%s) uses value %d, which is not an earlier one",
                        label(s), k, clgen_ew_name(in->op), operand[j]);
  if (in->op == CLGEN_EW_RANDOM_UNIFORM || in->op == CLGEN_EW_RANDOM_NORMAL) {
    const clgen_ew_instr *counter = &s->instr[in->a];
    if (counter->op != CLGEN_EW_LOAD || s->in[counter->a].dtype != CLGEN_U32)
      return clgen_fail(CLGEN_E_INVALID, "host: %s: the counter of %s is not loaded from a U32 operand", label(s),
                        clgen_ew_name(in->op));
  }
  return 0;
}

static int check_program(const clgen_step *s) {
  if (s->n_inputs < 0 || s->n_inputs > CLGEN_STEP_MAX_INPUTS || s->n_outputs < 1 || s->n_outputs > CLGEN_STEP_MAX_OUTPUTS ||
      s->n_instrs < 1 || s->n_instrs > CLGEN_STEP_MAX_INSTRS || s->ndim < 0 || s->ndim > CLGEN_MAX_DIMS)
    return clgen_fail(CLGEN_E_INVALID, "host: %s: not supported: %d inputs, %d outputs, %d instructions, %d dimensions",
                      label(s), s->n_inputs, s->n_outputs, s->n_instrs, s->ndim);
  if (s->first_after && (s->kind != CLGEN_STEP_REDUCE || s->first_after < 1 || s->first_after >= s->n_instrs))
    return clgen_fail(CLGEN_E_INVALID, "host: %s: invalid number of instructions before the sums: %d of %d", label(s),
                      s->first_after, s->n_instrs);
  for (int k = 0; k < s->n_instrs; ++k) {
    int err = check_instr(s, k);
    if (err) return err;
  }
  for (int j = 0; j < s->n_outputs; ++j) {
    if (s->value[j] < s->first_after || s->value[j] >= s->n_instrs)
      return clgen_fail(CLGEN_E_INVALID, "host: %s: output %d stores value %d of %d", label(s), j, s->value[j], s->n_instrs);
    for (int k = 0; s->kind == CLGEN_STEP_REDUCE && k < s->ndim; ++k)
      if ((s->axes >> k & 1) && s->out[j].stride[k] != 0)
        return clgen_fail(CLGEN_E_INVALID, "host: %s: output %d has a stride along axis %d, which is summed over", label(s),
                          j, k);
  }
  return 0;
}

/* Elements first .. last of o must lie in its buffer. */
static int check_inside(const clgen_step *s, const clgen_operand *o, int64_t first, int64_t last) {
  if (!o->buffer) return clgen_fail(CLGEN_E_INVALID, "host: %s: an operand has no buffer", label(s));
  int64_t size = o->dtype == CLGEN_U8 ? 1 : 4, there = (int64_t)o->buffer->bytes / size;
  if (first < 0 || last >= there)
    return clgen_fail(CLGEN_E_INVALID, "host: %s: accesses elements %lld to %lld of an operand of %lld elements", label(s),
                      (long long)first, (long long)last, (long long)there);
  return 0;
}

static int check_strided(const clgen_step *s, const clgen_operand *o) {
  int64_t first = o->offset, last = o->offset;
  for (int k = 0; k < s->ndim; ++k) {
    if (s->dim[k] == 0) return 0;
    int64_t reach = (s->dim[k] - 1) * o->stride[k];
    if (reach < 0)
      first += reach;
    else
      last += reach;
  }
  return check_inside(s, o, first, last);
}

static int check_bound(const clgen_step *s) {
  int64_t size[3];
  int err = 0;
  const int64_t x = s->conv.n * s->conv.c * s->conv.h * s->conv.w, y = s->conv.n * s->conv.o * s->conv.oh * s->conv.ow,
                w = s->conv.o * s->conv.c * s->conv.kh * s->conv.kw;
  const int64_t planes = s->sample.n * s->sample.c, image = planes * s->sample.h * s->sample.w,
                view = planes * s->sample.oh * s->sample.ow, theta = 6 * s->sample.n;
  switch (s->kind) {
    case CLGEN_STEP_MATMUL: size[0] = s->m * s->k, size[1] = s->k * s->n, size[2] = s->m * s->n; break;
    case CLGEN_STEP_CONV2D: size[0] = x, size[1] = w, size[2] = y; break;
    case CLGEN_STEP_CONV2D_INPUT_GRAD: size[0] = y, size[1] = w, size[2] = x; break;
    case CLGEN_STEP_CONV2D_WEIGHT_GRAD: size[0] = x, size[1] = y, size[2] = w; break;
    case CLGEN_STEP_AFFINE_SAMPLE: size[0] = image, size[1] = theta, size[2] = view; break;
    case CLGEN_STEP_AFFINE_SAMPLE_GRAD: size[0] = view, size[1] = theta, size[2] = image; break;
    default:
      for (int k = 0; !err && k < s->n_inputs; ++k) err = check_strided(s, &s->in[k]);
      for (int k = 0; !err && k < s->n_outputs; ++k) err = check_strided(s, &s->out[k]);
      return err;
  }
  for (int k = 0; !err && k < 3; ++k) {
    const clgen_operand *o = k < 2 ? &s->in[k] : &s->out[0];
    err = check_inside(s, o, o->offset, o->offset + size[k] - 1);
  }
  return err;
}

static int check_conv(const clgen_step *s) {
  const clgen_conv c = s->conv.conv;
  bool good = c.stride_h > 0 && c.stride_w > 0 && c.pad_h >= 0 && c.pad_w >= 0 &&
              (s->conv.h + 2 * c.pad_h - s->conv.kh) / c.stride_h + 1 == s->conv.oh &&
              (s->conv.w + 2 * c.pad_w - s->conv.kw) / c.stride_w + 1 == s->conv.ow;
  if (good) return 0;
  return clgen_fail(CLGEN_E_INVALID,
                    "host: %s: a %lldx%lld kernel with stride %dx%d and padding %dx%d does not map %lldx%lld to %lldx%lld",
                    label(s), (long long)s->conv.kh, (long long)s->conv.kw, c.stride_h, c.stride_w, c.pad_h, c.pad_w,
                    (long long)s->conv.h, (long long)s->conv.w, (long long)s->conv.oh, (long long)s->conv.ow);
}

static int check_sample(const clgen_step *s) {
  if (s->sample.h > 0 && s->sample.w > 0) return 0;
  return clgen_fail(CLGEN_E_INVALID, "host: %s: invalid image size %lldx%lld", label(s), (long long)s->sample.h,
                    (long long)s->sample.w);
}

static int check_linear(const clgen_step *s) {
  if (s->n_inputs != 2 || s->n_outputs != 1)
    return clgen_fail(CLGEN_E_INVALID, "host: %s takes 2 inputs and gives 1 output, not %d and %d", label(s), s->n_inputs,
                      s->n_outputs);
  if (s->in[0].dtype != CLGEN_F32 || s->in[1].dtype != CLGEN_F32 || s->out[0].dtype != CLGEN_F32)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "host: %s takes float operands only", label(s));
  if (s->kind == CLGEN_STEP_AFFINE_SAMPLE || s->kind == CLGEN_STEP_AFFINE_SAMPLE_GRAD) return check_sample(s);
  return s->kind == CLGEN_STEP_MATMUL ? 0 : check_conv(s);
}

int clgen_host_check(const clgen_step *s, bool bound) {
  int err;
  if ((int)s->kind < 0 || s->kind >= CLGEN_STEP_KINDS)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "host: unknown step %d", (int)s->kind);
  if (s->kind == CLGEN_STEP_MAP || s->kind == CLGEN_STEP_REDUCE)
    err = check_program(s);
  else
    err = check_linear(s);
  return err || !bound ? err : check_bound(s);
}
