/* Lowering, third part: groups and other nodes become steps over slots of memory. */
#include "graph/lower.h"

#include <stdlib.h>
#include <string.h>

/* ---- Slots ---- */

int clgen_lowered_slot_of(const clgen_lowered *low, const clgen_tensor *base) {
  const clgen_tensor *owner = clgen_writes_state(base) ? clgen_state_of(base) : base;
  for (int i = 0; i < low->n_slots; ++i)
    if (low->slot[i].node == owner) return i;
  return -1;
}

static int slot_for(clgen_lowering *L, const clgen_tensor *base) {
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

typedef struct {
  clgen_lowering *L;
  clgen_step *s;
  unsigned after; /* the axes that were summed over, once what follows their sums is written */
  bool failed;    /* out of memory; the fusion's limits keep everything else from happening */
} writer;

static bool step_begin(writer *w, clgen_lowering *L, clgen_step_kind kind, const char *label) {
  clgen_lowered *low = L->low;
  *w = (writer){.L = L};
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

static void set_domain(writer *w, const clgen_shape *shape) {
  w->s->ndim = shape->ndim;
  memcpy(w->s->dim, shape->dim, sizeof w->s->dim);
}

/* What follows a sum stays where it is along the axes that were summed over; they have size 1 for it. */
static clgen_operand operand(writer *w, const clgen_view *view, clgen_dtype dtype) {
  clgen_operand o = {.slot = slot_for(w->L, view->base), .dtype = dtype, .offset = view->offset};
  if (o.slot < 0) w->failed = true;
  for (int k = 0; k < CLGEN_MAX_DIMS; ++k) o.stride[k] = w->after >> k & 1u ? 0 : view->stride[k];
  return o;
}

static int add_instr(writer *w, clgen_ew_instr instr) {
  if (w->s->n_instrs == CLGEN_STEP_MAX_INSTRS) return w->failed = true, 0;
  w->s->instr[w->s->n_instrs] = instr;
  return w->s->n_instrs++;
}

static int add_load(writer *w, const clgen_view *view, clgen_dtype dtype) {
  clgen_operand o = operand(w, view, dtype);
  for (int i = w->s->first_after; i < w->s->n_instrs; ++i) {
    if (w->s->instr[i].op != CLGEN_EW_LOAD) continue;
    const clgen_operand *have = &w->s->in[w->s->instr[i].a];
    if (have->slot == o.slot && have->offset == o.offset && have->dtype == dtype &&
        memcmp(have->stride, o.stride, sizeof o.stride) == 0)
      return i;
  }
  if (w->s->n_inputs == CLGEN_STEP_MAX_INPUTS) return w->failed = true, 0;
  w->s->in[w->s->n_inputs] = o;
  return add_instr(w, (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = w->s->n_inputs++});
}

/* The value of operand `in`, for a step over in's own shape: a constant or a load. */
static int outside_value(writer *w, const clgen_tensor *in) {
  if (clgen_is_constant(in)) return add_instr(w, (clgen_ew_instr){.op = CLGEN_EW_CONST, .p = in->attr.p});
  return add_load(w, &w->L->low->view[in->id], in->dtype);
}

static void add_store(writer *w, int value, const clgen_view *view, clgen_dtype dtype) {
  if (w->s->n_outputs == CLGEN_STEP_MAX_OUTPUTS) {
    w->failed = true;
    return;
  }
  w->s->out[w->s->n_outputs] = operand(w, view, dtype);
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

static int step_end(writer *w) {
  if (w->failed) return clgen_fail(CLGEN_E_NOMEM, "lowering a graph: out of memory");
  if (w->s->kind == CLGEN_STEP_MAP || w->s->kind == CLGEN_STEP_REDUCE) collapse(w->s);
  clgen_step_count(w->s);
  return CLGEN_OK;
}

/* One copy of `in` over its shape to memory seen as `to`. */
static int emit_copy(clgen_lowering *L, const char *label, const clgen_tensor *in, const clgen_view *to) {
  writer w;
  if (!step_begin(&w, L, CLGEN_STEP_MAP, label)) return clgen_fail_nomem(sizeof *w.s);
  set_domain(&w, &in->shape);
  add_store(&w, outside_value(&w, in), to, CLGEN_F32);
  return step_end(&w);
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
static int copied_view_value(writer *w, const clgen_tensor *t) {
  clgen_view view;
  const clgen_tensor *in = t->in[0];
  if (clgen_view_apply(t, &w->L->low->view[in->id], &view)) return add_load(w, &view, t->dtype);
  set_domain(w, &in->shape);
  return outside_value(w, in);
}

static void emit_member(writer *w, const clgen_tensor *t, int group, int *value_of) {
  clgen_lowering *L = w->L;
  int v[3] = {0, 0, 0};
  int first = t->op == CLGEN_OP_ASSIGN ? 1 : 0;
  if (clgen_op_is_view(t->op)) {
    value_of[t->id] = copied_view_value(w, t);
  } else if (clgen_is_constant(t)) {
    value_of[t->id] = outside_value(w, t);
  } else {
    for (int k = first; k < t->n_in; ++k)
      v[k - first] = L->group[t->in[k]->id] == group ? value_of[t->in[k]->id] : outside_value(w, t->in[k]);
    if (clgen_op_is_elementwise(t->op))
      value_of[t->id] = add_instr(w, (clgen_ew_instr){.op = (clgen_ew_op)t->op,
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
    clgen_view contiguous; /* over the domain, which for some copied views is not t's shape */
    clgen_shape domain = {.ndim = w->s->ndim};
    memcpy(domain.dim, w->s->dim, sizeof domain.dim);
    clgen_view_contiguous(&contiguous, t, w->after ? &t->shape : &domain);
    contiguous.offset = L->low->view[t->id].offset;
    add_store(w, value_of[t->id], &contiguous, t->dtype);
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
static void emit_sums(writer *w, const clgen_group *group, int g, int *value_of) {
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
    if (after) value_of[t->id] = add_instr(w, (clgen_ew_instr){.op = CLGEN_EW_TOTAL, .a = value_of[t->id]});
    if (needed_outside(L, t, g)) add_store(w, value_of[t->id], &L->low->view[t->id], CLGEN_F32);
  }
  for (int i = 0; i < group->n; ++i)
    if (clgen_is_after(group, L->g->node[group->member[i]])) emit_member(w, L->g->node[group->member[i]], g, value_of);
}

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

/* The same over neighbours in memory, such as the averages of all running statistics, is one step. */
static void join_neighbours(clgen_lowered *low) {
  if (low->n_steps < 2) return;
  clgen_step *a = &low->step[low->n_steps - 2], *b = a + 1;
  if (!goes_on(a, b)) return;
  a->dim[0] += b->dim[0];
  clgen_step_count(a);
  --low->n_steps;
}

static int emit_group(clgen_lowering *L, int g, int *value_of) {
  const clgen_group *group = &L->groups[g];
  writer w;
  if (!step_begin(&w, L, group->reduce ? CLGEN_STEP_REDUCE : CLGEN_STEP_MAP, group_label(L, group)))
    return clgen_fail_nomem(sizeof *w.s);
  set_domain(&w, &group->domain);
  if (group->reduce)
    emit_sums(&w, group, g, value_of);
  else
    for (int i = 0; i < group->n; ++i) emit_member(&w, L->g->node[group->member[i]], g, value_of);
  int code = step_end(&w);
  if (!code) join_neighbours(L->low);
  return code;
}

/* ---- The others ---- */

static int emit_heavy(clgen_lowering *L, const clgen_tensor *t) {
  static const clgen_step_kind kinds[] = {CLGEN_STEP_MATMUL, CLGEN_STEP_CONV2D, CLGEN_STEP_CONV2D_INPUT_GRAD,
                                          CLGEN_STEP_CONV2D_WEIGHT_GRAD};
  writer w;
  if (!step_begin(&w, L, kinds[t->op - CLGEN_OP_MATMUL], clgen_op_name(t->op))) return clgen_fail_nomem(sizeof *w.s);
  clgen_step *s = w.s;
  for (int k = 0; k < 2; ++k) s->in[s->n_inputs++] = operand(&w, &L->low->view[t->in[k]->id], CLGEN_F32);
  s->out[s->n_outputs++] = operand(&w, &L->low->view[t->id], CLGEN_F32);
  const int64_t *a = t->in[0]->shape.dim, *b = t->in[1]->shape.dim, *y = t->shape.dim;
  if (t->op == CLGEN_OP_MATMUL) {
    s->transpose_a = t->attr.transpose_a;
    s->transpose_b = t->attr.transpose_b;
    s->m = y[0];
    s->n = y[1];
    s->k = a[s->transpose_a ? 0 : 1];
    return step_end(&w);
  }
  const int64_t *x = t->op == CLGEN_OP_CONV2D_INPUT_GRAD ? y : a;
  const int64_t *kernel = t->op == CLGEN_OP_CONV2D_WEIGHT_GRAD ? y : b;
  const int64_t *out = t->op == CLGEN_OP_CONV2D ? y : t->op == CLGEN_OP_CONV2D_INPUT_GRAD ? a : b;
  s->conv.n = x[0], s->conv.c = x[1], s->conv.h = x[2], s->conv.w = x[3];
  s->conv.o = kernel[0], s->conv.kh = kernel[2], s->conv.kw = kernel[3];
  s->conv.oh = out[2], s->conv.ow = out[3];
  s->conv.conv = t->attr.conv;
  return step_end(&w);
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
  writer w;
  if (!step_begin(&w, L, CLGEN_STEP_MAP, "pad")) return clgen_fail_nomem(sizeof *w.s);
  set_domain(&w, &t->shape);
  add_store(&w, add_instr(&w, (clgen_ew_instr){.op = CLGEN_EW_CONST}), &L->low->view[t->id], CLGEN_F32);
  int code = step_end(&w);
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
  switch (t->op) {
    case CLGEN_OP_MATMUL:
    case CLGEN_OP_CONV2D:
    case CLGEN_OP_CONV2D_INPUT_GRAD:
    case CLGEN_OP_CONV2D_WEIGHT_GRAD: return emit_heavy(L, t);
    case CLGEN_OP_CONCAT: return emit_concat(L, t);
    case CLGEN_OP_PAD: return emit_pad(L, t);
    case CLGEN_OP_PACK: return emit_pack(L, t);
    default: return CLGEN_OK; /* sources, and views that are only names */
  }
}

static void find_lifetimes(clgen_lowered *low) {
  for (size_t i = 0; i < low->n_steps; ++i) {
    const clgen_step *s = &low->step[i];
    for (int k = 0; k < s->n_inputs + s->n_outputs; ++k) {
      clgen_slot *slot = &low->slot[k < s->n_inputs ? s->in[k].slot : s->out[k - s->n_inputs].slot];
      if (slot->first < 0) slot->first = (int)i;
      slot->last = (int)i;
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
      if (slot_for(L, t) < 0) code = clgen_fail_nomem(sizeof(clgen_slot));
    } else {
      code = emit_node(L, t, value_of);
    }
  }
  free(value_of);
  if (!code) find_lifetimes(L->low);
  return code;
}
