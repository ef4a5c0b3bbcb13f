/* Lowering, third part: groups and other nodes become steps. */
#include <stdlib.h>
#include <string.h>

#include "graph/steps.h"

/* One copy of `in` over its shape to memory seen as `to`. */
static int emit_copy(clgen_lowering *L, const char *label, const clgen_tensor *in, const clgen_view *to) {
  clgen_step_writer w;
  if (!clgen_step_begin(&w, L, CLGEN_STEP_MAP, label)) return clgen_fail_nomem(sizeof *w.s);
  clgen_step_domain(&w, &in->shape);
  clgen_step_store(&w, clgen_step_outside(&w, in), to, CLGEN_F32);
  return clgen_step_end(&w);
}

/* ---- Groups ---- */

static bool needed_outside(const clgen_lowering *L, const clgen_tensor *t, int group) {
  if (t->output || L->placed_in[t->id] >= 0) return true;
  for (int u = L->use_start[t->id]; u < L->use_start[t->id + 1]; ++u)
    if (L->group[L->use[u].id] != group || !L->use[u].direct) return true;
  return false;
}

/* A view that must be written out: read through its operand's view where strides allow, else in the operand's shape, which
 * has the same elements in the same order. */
static int copied_view_value(clgen_step_writer *w, const clgen_tensor *t) {
  clgen_view view;
  const clgen_tensor *in = t->in[0];
  if (clgen_view_apply(t, &w->L->low->view[in->id], &view)) return clgen_step_load(w, &view, t->dtype);
  clgen_step_domain(w, &in->shape);
  return clgen_step_outside(w, in);
}

static void emit_member(clgen_step_writer *w, const clgen_tensor *t, int group, int *value_of) {
  clgen_lowering *L = w->L;
  int v[3] = {0, 0, 0};
  int first = t->op == CLGEN_OP_ASSIGN ? 1 : 0;
  if (clgen_op_is_view(t->op)) {
    value_of[t->id] = copied_view_value(w, t);
  } else if (clgen_is_constant(t)) {
    value_of[t->id] = clgen_step_outside(w, t);
  } else {
    for (int k = first; k < t->n_in; ++k)
      v[k - first] = L->group[t->in[k]->id] == group ? value_of[t->in[k]->id] : clgen_step_outside(w, t->in[k]);
    if (clgen_op_is_elementwise(t->op))
      value_of[t->id] = clgen_step_instr(w, (clgen_ew_instr){.op = (clgen_ew_op)t->op,
                                                             .a = v[0],
                                                             .b = v[1],
                                                             .c = v[2],
                                                             .p = t->attr.p,
                                                             .q = t->attr.q,
                                                             .seed = t->attr.seed,
                                                             .stream = t->attr.stream});
    else
      value_of[t->id] = v[0];
  }
  if (t->op == CLGEN_OP_ASSIGN || (t->op != CLGEN_OP_SUM && needed_outside(L, t, group))) {
    clgen_view contiguous; /* over the domain, which for some materialized views is not t's shape */
    clgen_shape domain = {.ndim = w->s->ndim};
    memcpy(domain.dim, w->s->dim, sizeof domain.dim);
    clgen_view_contiguous(&contiguous, t, w->after ? &t->shape : &domain);
    contiguous.offset = L->low->view[t->id].offset;
    clgen_step_store(w, value_of[t->id], &contiguous, t->dtype);
  }
}

static const char *group_label(const clgen_lowering *L, const clgen_group *group) {
  if (group->reduce) return "sum";
  int computing = 0;
  const char *name = "copy";
  for (int i = 0; i < group->n; ++i) {
    const clgen_tensor *t = L->g->node[group->member[i]];
    if (!clgen_op_is_elementwise(t->op) || clgen_is_constant(t)) continue;
    ++computing;
    name = clgen_op_name(t->op);
  }
  return computing > 1 ? "elementwise" : name;
}

/* First what is summed, then the sums, then what is made from them. */
static void emit_sums(clgen_step_writer *w, const clgen_group *group, int g, int *value_of) {
  const clgen_lowering *L = w->L;
  bool after = false;
  unsigned mask = 0;
  for (int i = 0; i < group->n; ++i) {
    const clgen_tensor *t = L->g->node[group->member[i]];
    after = after || clgen_is_after(group, t);
    if (!clgen_is_after(group, t)) emit_member(w, t, g, value_of);
    if (t->op == CLGEN_OP_SUM) mask = t->attr.mask;
  }
  w->s->axes = w->after = mask;
  if (after) w->s->first_after = w->s->n_instrs;
  for (int i = 0; i < group->n; ++i) {
    const clgen_tensor *t = L->g->node[group->member[i]];
    if (t->op != CLGEN_OP_SUM) continue;
    if (after) value_of[t->id] = clgen_step_instr(w, (clgen_ew_instr){.op = CLGEN_EW_TOTAL, .a = value_of[t->id]});
    if (needed_outside(L, t, g)) clgen_step_store(w, value_of[t->id], &L->low->view[t->id], CLGEN_F32);
  }
  for (int i = 0; i < group->n; ++i)
    if (clgen_is_after(group, L->g->node[group->member[i]])) emit_member(w, L->g->node[group->member[i]], g, value_of);
}

static int emit_group(clgen_lowering *L, int g, int *value_of) {
  const clgen_group *group = &L->groups[g];
  clgen_step_writer w;
  if (!clgen_step_begin(&w, L, group->reduce ? CLGEN_STEP_REDUCE : CLGEN_STEP_MAP, group_label(L, group)))
    return clgen_fail_nomem(sizeof *w.s);
  clgen_step_domain(&w, &group->domain);
  if (group->reduce)
    emit_sums(&w, group, g, value_of);
  else
    for (int i = 0; i < group->n; ++i) emit_member(&w, L->g->node[group->member[i]], g, value_of);
  int code = clgen_step_end(&w);
  if (!code) clgen_steps_join(L->low);
  return code;
}

/* ---- The others ---- */

static int emit_heavy(clgen_lowering *L, const clgen_tensor *t) {
  clgen_step_kind kind = (clgen_step_kind)(CLGEN_STEP_MATMUL + t->op - CLGEN_OP_MATMUL);
  clgen_step_writer w;
  if (!clgen_step_begin(&w, L, kind, clgen_op_name(t->op))) return clgen_fail_nomem(sizeof *w.s);
  clgen_step *s = w.s;
  for (int k = 0; k < 2; ++k) s->in[s->n_inputs++] = clgen_step_operand(&w, &L->low->view[t->in[k]->id], CLGEN_F32);
  s->out[s->n_outputs++] = clgen_step_operand(&w, &L->low->view[t->id], CLGEN_F32);
  const int64_t *a = t->in[0]->shape.dim, *b = t->in[1]->shape.dim, *y = t->shape.dim;
  if (t->op == CLGEN_OP_MATMUL) {
    s->transpose_a = t->attr.transpose_a;
    s->transpose_b = t->attr.transpose_b;
    s->m = y[0];
    s->n = y[1];
    s->k = a[s->transpose_a ? 0 : 1];
    return clgen_step_end(&w);
  }
  if (t->op == CLGEN_OP_AFFINE_SAMPLE || t->op == CLGEN_OP_AFFINE_SAMPLE_GRAD) {
    const int64_t *in = t->op == CLGEN_OP_AFFINE_SAMPLE ? a : y, *out = t->op == CLGEN_OP_AFFINE_SAMPLE ? y : a;
    s->sample.n = in[0], s->sample.c = in[1], s->sample.h = in[2], s->sample.w = in[3];
    s->sample.oh = out[2], s->sample.ow = out[3];
    return clgen_step_end(&w);
  }
  const int64_t *x = t->op == CLGEN_OP_CONV2D_INPUT_GRAD ? y : a;
  const int64_t *kernel = t->op == CLGEN_OP_CONV2D_WEIGHT_GRAD ? y : b;
  const int64_t *out = t->op == CLGEN_OP_CONV2D ? y : t->op == CLGEN_OP_CONV2D_INPUT_GRAD ? a : b;
  s->conv.n = x[0], s->conv.c = x[1], s->conv.h = x[2], s->conv.w = x[3];
  s->conv.o = kernel[0], s->conv.kh = kernel[2], s->conv.kw = kernel[3];
  s->conv.oh = out[2], s->conv.ow = out[3];
  s->conv.conv = t->attr.conv;
  return clgen_step_end(&w);
}

static bool is_in_place(const clgen_lowering *L, const clgen_tensor *whole, int k) {
  int64_t offset;
  const clgen_tensor *b = clgen_piece(whole, k, &offset);
  return L->placed_in[b->id] == whole->id && L->low->view[b->id].offset == offset;
}

static int emit_concat(clgen_lowering *L, const clgen_tensor *t) {
  int64_t start = 0;
  for (int k = 0; k < t->n_in; start += t->in[k++]->shape.dim[t->attr.axis]) {
    if (is_in_place(L, t, k)) continue;
    clgen_view to = L->low->view[t->id];
    to.offset += start * to.stride[t->attr.axis];
    int code = emit_copy(L, "concat", t->in[k], &to);
    if (code) return code;
  }
  return CLGEN_OK;
}

static int emit_pad(clgen_lowering *L, const clgen_tensor *t) {
  clgen_step_writer w;
  if (!clgen_step_begin(&w, L, CLGEN_STEP_MAP, "pad")) return clgen_fail_nomem(sizeof *w.s);
  clgen_step_domain(&w, &t->shape);
  clgen_step_store(&w, clgen_step_instr(&w, (clgen_ew_instr){.op = CLGEN_EW_CONST}), &L->low->view[t->id], CLGEN_F32);
  int code = clgen_step_end(&w);
  clgen_view to = L->low->view[t->id];
  to.offset += t->attr.before * to.stride[t->attr.axis];
  return code ? code : emit_copy(L, "pad", t->in[0], &to);
}

static int emit_pack(clgen_lowering *L, const clgen_tensor *t) {
  int code = CLGEN_OK;
  for (int k = 1; k < t->n_in && !code; ++k) {
    if (is_in_place(L, t, k)) continue;
    clgen_view to;
    clgen_view_contiguous(&to, t, &t->in[k]->shape);
    to.offset = L->low->view[t->id].offset + t->offsets[k - 1];
    code = emit_copy(L, "pack", t->in[k], &to);
  }
  return code;
}

static int emit_node(clgen_lowering *L, const clgen_tensor *t, int *value_of) {
  int g = L->group[t->id];
  if (g >= 0) return L->groups[g].last == t->id ? emit_group(L, g, value_of) : CLGEN_OK;
  if (clgen_op_is_heavy(t->op)) return emit_heavy(L, t);
  switch (t->op) {
    case CLGEN_OP_CONCAT: return emit_concat(L, t);
    case CLGEN_OP_PAD: return emit_pad(L, t);
    case CLGEN_OP_PACK: return emit_pack(L, t);
    default: return CLGEN_OK; /* sources, and views that are only names */
  }
}

/* Steps may run at once: what one of them touches is there during all of them. */
static void find_lifetimes(clgen_lowered *low) {
  for (size_t i = 0, count; i < low->n_steps; i += count) {
    count = clgen_step_together(&low->step[i], low->n_steps - i);
    for (size_t j = i; j < i + count; ++j) {
      const clgen_step *s = &low->step[j];
      for (int k = 0; k < s->n_inputs + s->n_outputs; ++k) {
        clgen_slot *slot = &low->slot[k < s->n_inputs ? s->in[k].slot : s->out[k - s->n_inputs].slot];
        if (slot->first < 0) slot->first = (int)i;
        slot->last = (int)(i + count) - 1;
      }
    }
  }
}

int clgen_emit(clgen_lowering *L) {
  int *value_of = malloc(((size_t)L->g->count + 1) * sizeof *value_of);
  if (!value_of) return clgen_fail_nomem((size_t)L->g->count * sizeof *value_of);
  int code = CLGEN_OK;
  for (int i = 0; i < L->g->count && !code; ++i) {
    const clgen_tensor *t = L->g->node[i];
    if (!L->alive[i]) continue;
    if (t->op == CLGEN_OP_INPUT ||
        t->op == CLGEN_OP_STATE) { /* so that they have memory even where only read from outside */
      if (clgen_slot_for(L, t) < 0) code = clgen_fail_nomem(sizeof(clgen_slot));
    } else {
      code = emit_node(L, t, value_of);
    }
  }
  free(value_of);
  if (code) return code;
  clgen_steps_gather(L->low);
  find_lifetimes(L->low);
  return code;
}
