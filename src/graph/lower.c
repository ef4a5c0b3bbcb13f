/* Lowering, first part: what is alive, what must be written out, where every node's elements lie, and who uses them. */
#include "graph/lower.h"

#include <stdlib.h>
#include <string.h>

const clgen_tensor *clgen_state_of(const clgen_tensor *t) {
  while (clgen_writes_state(t) || clgen_op_is_view(t->op)) t = t->in[0];
  return t->op == CLGEN_OP_STATE ? t : NULL;
}

const clgen_tensor *clgen_base_of(const clgen_lowering *L, const clgen_tensor *t) {
  while (clgen_op_is_view(t->op) && !L->materialized[t->id]) t = t->in[0];
  return t;
}

bool clgen_is_grouped(const clgen_lowering *L, const clgen_tensor *t) {
  if (clgen_is_constant(t) || clgen_op_is_view(t->op)) return L->materialized[t->id];
  return clgen_op_is_elementwise(t->op) || t->op == CLGEN_OP_ASSIGN || t->op == CLGEN_OP_SUM;
}

static void find_alive(clgen_lowering *L) {
  for (int i = L->g->count - 1; i >= 0; --i) {
    const clgen_tensor *t = L->g->node[i];
    if (t->output || clgen_writes_state(t)) L->alive[i] = true;
    if (!L->alive[i]) continue;
    ++L->low->alive;
    for (int k = 0; k < t->n_in; ++k) L->alive[t->in[k]->id] = true;
  }
}

/* ---- Pieces of a pack or of a concatenation that are computed where they belong ---- */

static bool state_is_only_packed(const clgen_lowering *L, const clgen_tensor *pack) {
  const clgen_tensor *state = clgen_state_of(pack);
  for (int i = 0; i < L->g->count; ++i) {
    const clgen_tensor *t = L->g->node[i];
    if (!L->alive[i] || t == pack) continue;
    if (clgen_writes_state(t) && clgen_state_of(t) == state) return false;
    for (int k = 0; k < t->n_in; ++k) { /* a view that only a pack follows, or a read of what was there before? */
      const clgen_tensor *under = t->in[k];
      while (clgen_op_is_view(under->op)) under = under->in[0];
      if (under == state) return false;
    }
  }
  return true;
}

const clgen_tensor *clgen_piece(const clgen_tensor *whole, int k, int64_t *offset) {
  const clgen_tensor *b = whole->in[k];
  if (whole->op == CLGEN_OP_PACK) {
    *offset = whole->offsets[k - 1];
  } else {
    int64_t inner = 1;
    for (int a = whole->attr.axis; a < whole->shape.ndim; ++a) inner *= a == whole->attr.axis ? 1 : whole->shape.dim[a];
    *offset = 0;
    for (int i = 0; i < k; ++i) *offset += whole->in[i]->shape.dim[whole->attr.axis] * inner;
  }
  while (b->op == CLGEN_OP_RESHAPE || b->op == CLGEN_OP_STOP_GRADIENT) b = b->in[0];
  return b;
}

/* Whether the pieces lie in `whole` one after another. */
static bool pieces_are_contiguous(const clgen_tensor *whole) {
  for (int a = 0; whole->op == CLGEN_OP_CONCAT && a < whole->attr.axis; ++a)
    if (whole->shape.dim[a] != 1) return false;
  return true;
}

static void place_pieces(clgen_lowering *L, const clgen_tensor *whole) {
  bool pack = whole->op == CLGEN_OP_PACK;
  if (!pieces_are_contiguous(whole) || (pack && !state_is_only_packed(L, whole))) return;
  for (int k = pack ? 1 : 0; k < whole->n_in; ++k) {
    int64_t offset;
    const clgen_tensor *b = clgen_piece(whole, k, &offset);
    bool computed =
        clgen_op_is_heavy(b->op) || b->op == CLGEN_OP_SUM || (clgen_op_is_elementwise(b->op) && !clgen_is_constant(b));
    if (computed && b->dtype == CLGEN_F32 && !b->output && L->placed_in[b->id] < 0) L->placed_in[b->id] = whole->id;
  }
}

static int64_t placed_offset(const clgen_lowering *L, const clgen_tensor *t) {
  const clgen_tensor *whole = L->g->node[L->placed_in[t->id]];
  int64_t offset = 0;
  for (int k = whole->op == CLGEN_OP_PACK ? 1 : 0; k < whole->n_in; ++k)
    if (clgen_piece(whole, k, &offset) == t) return offset;
  return 0;
}

/* ---- Views ---- */

static void make_view(clgen_lowering *L, const clgen_tensor *t, bool must_be_contiguous) {
  clgen_view *view = &L->low->view[t->id];
  L->low->has_view[t->id] = true;
  if (clgen_is_constant(t)) {
    L->materialized[t->id] = must_be_contiguous || t->output;
    clgen_view_contiguous(view, t, &t->shape);
  } else if (clgen_writes_state(t)) { /* the target's memory, but what is read there is this node's doing */
    clgen_view_contiguous(view, t, &t->shape);
    view->offset = L->low->view[t->in[0]->id].offset;
  } else if (clgen_op_is_view(t->op)) {
    bool possible = clgen_view_apply(t, &L->low->view[t->in[0]->id], view);
    L->materialized[t->id] = !possible || t->output || (must_be_contiguous && !clgen_view_is_contiguous(view, &t->shape));
    if (L->materialized[t->id]) clgen_view_contiguous(view, t, &t->shape);
  } else {
    clgen_view_contiguous(view, t, &t->shape);
    if (L->placed_in[t->id] >= 0) view->offset = placed_offset(L, t);
  }
}

static int make_views(clgen_lowering *L) {
  bool *contiguous = calloc((size_t)(unsigned)L->g->count + 1u, sizeof *contiguous);
  if (!contiguous) return clgen_fail_nomem((size_t)L->g->count);
  for (int i = 0; i < L->g->count; ++i) {
    const clgen_tensor *t = L->g->node[i];
    if (L->alive[i] && (t->op == CLGEN_OP_PACK || t->op == CLGEN_OP_CONCAT)) place_pieces(L, t);
    if (L->alive[i] && clgen_op_is_heavy(t->op)) contiguous[t->in[0]->id] = contiguous[t->in[1]->id] = true;
  }
  int code = CLGEN_OK;
  for (int i = 0; i < L->g->count && !code; ++i) {
    const clgen_tensor *t = L->g->node[i];
    if (!L->alive[i]) continue;
    make_view(L, t, contiguous[i]);
    if (t->op == CLGEN_OP_ASSIGN && !clgen_view_is_contiguous(&L->low->view[t->in[0]->id], &t->shape))
      code = clgen_fail(CLGEN_E_INVALID,
                        "assign: the target is not contiguous in its state; only slices of the first axis are");
  }
  free(contiguous);
  return code;
}

/* ---- Uses ---- */

static int find_uses(clgen_lowering *L) {
  int n = L->g->count;
  for (int pass = 0; pass < 2; ++pass) { /* count, then fill */
    for (int i = 0; i < n; ++i) {
      const clgen_tensor *t = L->g->node[i];
      if (!L->alive[i] || (clgen_op_is_view(t->op) && !L->materialized[i])) continue;
      for (int k = 0; k < t->n_in; ++k) {
        const clgen_tensor *base = clgen_base_of(L, t->in[k]);
        if (pass == 0)
          ++L->use_start[base->id + 1];
        else
          L->use[L->use_start[base->id]++] = (clgen_use){i, base == t->in[k] && !(clgen_writes_state(t) && k == 0)};
      }
    }
    if (pass == 0) {
      for (int i = 0; i < n; ++i) L->use_start[i + 1] += L->use_start[i];
      L->use = calloc((size_t)L->use_start[n] + 1, sizeof *L->use);
      if (!L->use) return clgen_fail_nomem((size_t)L->use_start[n]);
    }
  }
  for (int i = n; i > 0; --i) L->use_start[i] = L->use_start[i - 1]; /* filling moved each start to the next one's */
  L->use_start[0] = 0;
  return CLGEN_OK;
}

/* A handle of a state must not be read once something newer was written over it. */
static int check_stale(const clgen_lowering *L) {
  for (int a = 0; a < L->g->count; ++a) {
    const clgen_tensor *w = L->g->node[a];
    if (!L->alive[a] || !clgen_writes_state(w)) continue;
    const clgen_tensor *state = clgen_state_of(w);
    int64_t from = L->low->view[a].offset, to = from + clgen_shape_count(&w->shape);
    for (int i = a + 1; i < L->g->count; ++i) {
      const clgen_tensor *t = L->g->node[i];
      if (!L->alive[i] || (clgen_op_is_view(t->op) && !L->materialized[i])) continue;
      for (int k = clgen_writes_state(t) ? 1 : 0; k < t->n_in; ++k) {
        const clgen_tensor *base = clgen_base_of(L, t->in[k]);
        if (base->id >= a || L->materialized[base->id] || clgen_state_of(base) != state) continue;
        int64_t low = L->low->view[t->in[k]->id].offset, high = low;
        for (int d = 0; d < t->in[k]->shape.ndim; ++d)
          high += (t->in[k]->shape.dim[d] - 1) * L->low->view[t->in[k]->id].stride[d];
        if (low < to && high >= from)
          return clgen_fail(CLGEN_E_INVALID,
                            "%s reads state \"%s\" through a tensor from before its assignment; use the tensor that "
                            "clgen_assign returned",
                            clgen_op_name(t->op), state->name);
      }
    }
  }
  return CLGEN_OK;
}

int clgen_lower(clgen_lowered *out, const clgen_graph *g) {
  memset(out, 0, sizeof *out);
  size_t n = (size_t)(unsigned)g->count + 1u;
  clgen_lowering L = {.g = g, .low = out};
  out->view = calloc(n, sizeof *out->view);
  out->has_view = calloc(n, sizeof *out->has_view);
  L.alive = calloc(n, sizeof *L.alive);
  L.materialized = calloc(n, sizeof *L.materialized);
  L.use_start = calloc(n + 1, sizeof *L.use_start);
  L.group = malloc(n * sizeof *L.group);
  L.placed_in = malloc(n * sizeof *L.placed_in);
  int code = CLGEN_OK;
  if (!out->view || !out->has_view || !L.alive || !L.materialized || !L.use_start || !L.group || !L.placed_in) {
    code = clgen_fail_nomem(n * sizeof *out->view);
  } else {
    for (size_t i = 0; i < n; ++i) L.group[i] = L.placed_in[i] = -1;
    find_alive(&L);
    if (!code) code = make_views(&L);
    if (!code) code = find_uses(&L);
    if (!code) code = check_stale(&L);
    if (!code) code = clgen_fuse(&L);
    if (!code) code = clgen_emit(&L);
  }
  for (int i = 0; i < L.n_groups; ++i) free(L.groups[i].member);
  free(L.groups);
  free(L.alive);
  free(L.materialized);
  free(L.use_start);
  free(L.use);
  free(L.group);
  free(L.placed_in);
  if (code) clgen_lowered_free(out);
  return code;
}

void clgen_lowered_free(clgen_lowered *low) {
  free(low->step);
  free(low->slot);
  free(low->view);
  free(low->has_view);
  memset(low, 0, sizeof *low);
}
