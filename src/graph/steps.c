/* Writing the steps of a lowered graph: slots of memory, the instructions of one step, and steps that become one. */
#include "graph/steps.h"

#include <stdlib.h>
#include <string.h>

/* ---- Slots ---- */

int clgen_lowered_slot_of(const clgen_lowered *low, const clgen_tensor *base) {
  const clgen_tensor *owner = clgen_writes_state(base) ? clgen_state_of(base) : base;
  for (int i = 0; i < low->n_slots; ++i)
    if (low->slot[i].node == owner) return i;
  return -1;
}

int clgen_slot_for(clgen_lowering *L, const clgen_tensor *base) {
  const clgen_tensor *owner = base;
  if (clgen_writes_state(base)) owner = clgen_state_of(base);
  const clgen_tensor *whole = L->placed_in[base->id] >= 0 ? L->g->node[L->placed_in[base->id]] : NULL;
  if (whole) owner = whole->op == CLGEN_OP_PACK ? clgen_state_of(whole) : whole;
  int at = clgen_lowered_slot_of(L->low, owner);
  if (at >= 0) return at;
  clgen_lowered *low = L->low;
  if (low->n_slots == low->room_slots) {
    int room = low->room_slots ? 2 * low->room_slots : 64;
    clgen_slot *slot = realloc(low->slot, (size_t)room * sizeof *slot);
    if (!slot) return -1;
    low->slot = slot;
    low->room_slots = room;
  }
  clgen_slot_kind kind = owner->op == CLGEN_OP_STATE   ? CLGEN_SLOT_STATE
                         : owner->op == CLGEN_OP_INPUT ? CLGEN_SLOT_INPUT
                         : owner->output               ? CLGEN_SLOT_OUTPUT
                                                       : CLGEN_SLOT_TEMP;
  uint64_t bytes = (uint64_t)clgen_shape_count(&owner->shape) * clgen_dtype_size(owner->dtype);
  low->slot[low->n_slots] = (clgen_slot){.kind = kind, .node = owner, .bytes = bytes, .first = -1, .last = -1, .alias = -1};
  return low->n_slots++;
}

/* ---- Steps ---- */

bool clgen_step_begin(clgen_step_writer *w, clgen_lowering *L, clgen_step_kind kind, const char *label) {
  clgen_lowered *low = L->low;
  *w = (clgen_step_writer){.L = L};
  if (low->n_steps == low->room_steps) {
    size_t room = low->room_steps ? 2 * low->room_steps : 64;
    clgen_step *step = realloc(low->step, room * sizeof *step);
    if (!step) return false;
    low->step = step;
    low->room_steps = room;
  }
  w->s = &low->step[low->n_steps++];
  memset(w->s, 0, sizeof *w->s);
  w->s->kind = kind;
  w->s->label = label;
  return true;
}

void clgen_step_domain(clgen_step_writer *w, const clgen_shape *shape) {
  w->s->ndim = shape->ndim;
  memcpy(w->s->dim, shape->dim, sizeof w->s->dim);
}

clgen_operand clgen_step_operand(clgen_step_writer *w, const clgen_view *view, clgen_dtype dtype) {
  clgen_operand o = {.slot = clgen_slot_for(w->L, view->base), .dtype = dtype, .offset = view->offset};
  if (o.slot < 0) w->failed = true;
  for (int k = 0; k < CLGEN_MAX_DIMS; ++k) o.stride[k] = w->after >> k & 1u ? 0 : view->stride[k];
  return o;
}

int clgen_step_instr(clgen_step_writer *w, clgen_ew_instr instr) {
  if (w->s->n_instrs == CLGEN_STEP_MAX_INSTRS) return w->failed = true, 0;
  w->s->instr[w->s->n_instrs] = instr;
  return w->s->n_instrs++;
}

int clgen_step_load(clgen_step_writer *w, const clgen_view *view, clgen_dtype dtype) {
  clgen_operand o = clgen_step_operand(w, view, dtype);
  for (int i = w->s->first_after; i < w->s->n_instrs; ++i) {
    if (w->s->instr[i].op != CLGEN_EW_LOAD) continue;
    const clgen_operand *have = &w->s->in[w->s->instr[i].a];
    if (have->slot == o.slot && have->offset == o.offset && have->dtype == dtype &&
        memcmp(have->stride, o.stride, sizeof o.stride) == 0)
      return i;
  }
  if (w->s->n_inputs == CLGEN_STEP_MAX_INPUTS) return w->failed = true, 0;
  w->s->in[w->s->n_inputs] = o;
  return clgen_step_instr(w, (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = w->s->n_inputs++});
}

int clgen_step_outside(clgen_step_writer *w, const clgen_tensor *in) {
  if (clgen_is_constant(in)) return clgen_step_instr(w, (clgen_ew_instr){.op = CLGEN_EW_CONST, .p = in->attr.p});
  return clgen_step_load(w, &w->L->low->view[in->id], in->dtype);
}

void clgen_step_store(clgen_step_writer *w, int value, const clgen_view *view, clgen_dtype dtype) {
  if (w->s->n_outputs == CLGEN_STEP_MAX_OUTPUTS) {
    w->failed = true;
    return;
  }
  w->s->out[w->s->n_outputs] = clgen_step_operand(w, view, dtype);
  w->s->value[w->s->n_outputs++] = value;
}

/* Merges neighbouring axes that every operand walks alike, and drops those of size 1. */
static void collapse(clgen_step *s) {
  int n = 0;
  unsigned axes = 0;
  clgen_operand *all[CLGEN_STEP_MAX_INPUTS + CLGEN_STEP_MAX_OUTPUTS];
  int n_all = 0;
  for (int i = 0; i < s->n_inputs; ++i) all[n_all++] = &s->in[i];
  for (int i = 0; i < s->n_outputs; ++i) all[n_all++] = &s->out[i];
  for (int k = 0; k < s->ndim; ++k) {
    if (s->dim[k] == 1) continue;
    bool summed = s->axes >> k & 1u;
    bool merge = n > 0 && summed == (bool)(axes >> (n - 1) & 1u);
    for (int i = 0; merge && i < n_all; ++i) merge = all[i]->stride[n - 1] == all[i]->stride[k] * s->dim[k];
    if (merge) {
      s->dim[n - 1] *= s->dim[k];
      for (int i = 0; i < n_all; ++i) all[i]->stride[n - 1] = all[i]->stride[k];
      continue;
    }
    int64_t dim = s->dim[k];
    s->dim[n] = dim;
    for (int i = 0; i < n_all; ++i) all[i]->stride[n] = all[i]->stride[k];
    if (summed) axes |= 1u << n;
    ++n;
  }
  for (int k = n; k < CLGEN_MAX_DIMS; ++k) {
    s->dim[k] = 0;
    for (int i = 0; i < n_all; ++i) all[i]->stride[k] = 0;
  }
  s->ndim = n;
  s->axes = axes;
}

int clgen_step_end(clgen_step_writer *w) {
  if (w->failed) return clgen_fail(CLGEN_E_NOMEM, "lowering a graph: out of memory");
  if (w->s->kind == CLGEN_STEP_MAP || w->s->kind == CLGEN_STEP_REDUCE) collapse(w->s);
  clgen_step_count(w->s);
  return CLGEN_OK;
}

/* ---- Steps that become one ---- */

static bool meet(const clgen_step *a, const clgen_operand *x, const clgen_step *b, const clgen_operand *y) {
  return x->slot == y->slot && x->offset <= y->offset + (b->dim[0] - 1) * y->stride[0] &&
         y->offset <= x->offset + (a->dim[0] - 1) * x->stride[0];
}

/* Whether `b`, a step over as many elements of the same memory right behind those of `a`, can be one with it. */
static bool goes_on(const clgen_step *a, const clgen_step *b) {
  if (a->kind != CLGEN_STEP_MAP || b->kind != CLGEN_STEP_MAP || a->ndim != 1 || b->ndim != 1 || a->n_inputs != b->n_inputs ||
      a->n_outputs != b->n_outputs || a->n_instrs != b->n_instrs)
    return false;
  for (int k = 0; k < a->n_instrs; ++k) {
    const clgen_ew_instr *x = &a->instr[k], *y = &b->instr[k];
    if (x->op != y->op || x->a != y->a || x->b != y->b || x->c != y->c || x->p != y->p || x->q != y->q ||
        x->op == CLGEN_EW_RANDOM_UNIFORM || x->op == CLGEN_EW_RANDOM_NORMAL)
      return false;
  }
  for (int k = 0; k < a->n_inputs + a->n_outputs; ++k) {
    const clgen_operand *x = k < a->n_inputs ? &a->in[k] : &a->out[k - a->n_inputs];
    const clgen_operand *y = k < a->n_inputs ? &b->in[k] : &b->out[k - a->n_inputs];
    if (x->slot != y->slot || x->dtype != y->dtype || x->stride[0] != y->stride[0] || x->stride[0] < 0 ||
        y->offset != x->offset + a->dim[0] * x->stride[0])
      return false;
    for (int j = 0; j < a->n_outputs; ++j) /* neither touches what the other writes */
      if (meet(a, &a->out[j], b, y) || meet(a, x, b, &b->out[j])) return false;
  }
  for (int j = 0; j < a->n_outputs; ++j)
    if (a->value[j] != b->value[j] || a->out[j].stride[0] == 0) return false;
  return true;
}

void clgen_steps_join(clgen_lowered *low) {
  if (low->n_steps < 2) return;
  clgen_step *a = &low->step[low->n_steps - 2], *b = a + 1;
  if (!goes_on(a, b)) return;
  a->dim[0] += b->dim[0];
  clgen_step_count(a);
  --low->n_steps;
}
