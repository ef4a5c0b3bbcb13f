/* Lowering, second part: which elementwise nodes run together.
 *
 * A group runs at the place of its last member, so a node may join only if nothing outside the group needs an earlier member
 * before that, and if no state that a member reads is written in between. Members see each other's values in registers; what
 * others need is stored by the group. */
#include "graph/lower.h"

#include <stdlib.h>
#include <string.h>

static int group_new(clgen_lowering *L, const clgen_tensor *t) {
  if (L->n_groups == L->room_groups) {
    int room = L->room_groups ? 2 * L->room_groups : 64;
    clgen_group *groups = realloc(L->groups, (size_t)room * sizeof *groups);
    if (!groups) return -1;
    L->groups = groups;
    L->room_groups = room;
  }
  clgen_group *group = &L->groups[L->n_groups];
  *group = (clgen_group){.member = malloc(4 * sizeof *group->member), .n = 1, .room = 4, .last = t->id, .domain = t->shape};
  if (!group->member) return -1;
  group->member[0] = t->id;
  L->group[t->id] = L->n_groups;
  return L->n_groups++;
}

static bool group_absorb(clgen_lowering *L, int into, int from) {
  clgen_group *a = &L->groups[into], *b = &L->groups[from];
  if (a->n + b->n > a->room) {
    int room = 2 * (a->n + b->n);
    int *member = realloc(a->member, (size_t)room * sizeof *member);
    if (!member) return false;
    a->member = member;
    a->room = room;
  }
  for (int i = 0; i < b->n; ++i) {
    a->member[a->n++] = b->member[i];
    L->group[b->member[i]] = into;
  }
  if (b->last > a->last) a->last = b->last;
  if (b->reduce) {
    a->reduce = a->closed = true;
    a->domain = b->domain;
  }
  b->n = 0;
  return true;
}

/* ---- May these two groups become one that runs at `at`? ---- */

static bool in_either(const clgen_lowering *L, int id, int ga, int gb) { return L->group[id] == ga || L->group[id] == gb; }

static bool uses_allow(const clgen_lowering *L, int g, int ga, int gb, int at) {
  const clgen_group *group = &L->groups[g];
  for (int i = 0; i < group->n; ++i) {
    int id = group->member[i];
    for (int u = L->use_start[id]; u < L->use_start[id + 1]; ++u) {
      clgen_use use = L->use[u];
      if (in_either(L, use.id, ga, gb) ? !use.direct : use.id <= at) return false;
    }
  }
  return true;
}

static bool same_elements(const clgen_view *a, const clgen_view *b, const clgen_shape *shape) {
  if (a->offset != b->offset) return false;
  for (int k = 0; k < shape->ndim; ++k)
    if (shape->dim[k] != 1 && a->stride[k] != b->stride[k]) return false;
  return true;
}

static void extent(const clgen_view *v, const clgen_shape *shape, int64_t *low, int64_t *high) {
  *low = *high = v->offset;
  for (int k = 0; k < shape->ndim; ++k) *high += (shape->dim[k] - 1) * v->stride[k];
}

/* Would delaying the read of operand `in` of `reader` to `at` make it see a later write? */
static bool read_allows(const clgen_lowering *L, const clgen_tensor *reader, const clgen_tensor *in, int ga, int gb,
                        int at) {
  const clgen_tensor *base = clgen_base_of(L, in), *state = L->materialized[base->id] ? NULL : clgen_state_of(base);
  if (!state) return true;
  if (clgen_op_is_view(base->op)) return true;
  int64_t low, high, from, to;
  const clgen_view *view = &L->low->view[in->id];
  extent(view, &in->shape, &low, &high);
  for (int a = reader->id + 1; a <= at; ++a) {
    const clgen_tensor *w = L->g->node[a];
    if (!L->alive[a] || !clgen_writes_state(w) || clgen_state_of(w) != state) continue;
    extent(&L->low->view[a], &w->shape, &from, &to);
    if (low > to || high < from) continue;
    if (!in_either(L, a, ga, gb) || !same_elements(view, &L->low->view[a], &in->shape)) return false;
  }
  return true;
}

static bool reads_allow(const clgen_lowering *L, int g, int ga, int gb, int at) {
  const clgen_group *group = &L->groups[g];
  for (int i = 0; i < group->n; ++i) {
    const clgen_tensor *t = L->g->node[group->member[i]];
    for (int k = t->op == CLGEN_OP_ASSIGN ? 1 : 0; k < t->n_in; ++k)
      if (!read_allows(L, t, t->in[k], ga, gb, at)) return false;
  }
  return true;
}

/* Two writes to one place in one step would race. */
static bool writes_allow(const clgen_lowering *L, int ga, int gb) {
  for (int i = 0; i < L->groups[ga].n; ++i) {
    const clgen_tensor *a = L->g->node[L->groups[ga].member[i]];
    for (int j = 0; a->op == CLGEN_OP_ASSIGN && j < L->groups[gb].n; ++j) {
      const clgen_tensor *b = L->g->node[L->groups[gb].member[j]];
      if (b->op != CLGEN_OP_ASSIGN || clgen_state_of(a) != clgen_state_of(b)) continue;
      int64_t alow, ahigh, blow, bhigh;
      extent(&L->low->view[a->id], &a->shape, &alow, &ahigh);
      extent(&L->low->view[b->id], &b->shape, &blow, &bhigh);
      if (alow <= bhigh && blow <= ahigh) return false;
    }
  }
  return true;
}

/* An upper bound: every operand that is not a member may be a load of its own, and so is a sum that has parts. */
static bool fits(const clgen_lowering *L, int ga, int gb) {
  int loads = 0, values = 0, stores = 0;
  for (int side = 0; side < 2; ++side) {
    const clgen_group *group = &L->groups[side ? gb : ga];
    for (int i = 0; i < group->n; ++i) {
      const clgen_tensor *t = L->g->node[group->member[i]];
      ++values;
      bool stored = t->op == CLGEN_OP_ASSIGN || t->output || L->placed_in[t->id] >= 0;
      loads += t->op == CLGEN_OP_SUM;
      for (int u = L->use_start[t->id]; u < L->use_start[t->id + 1]; ++u)
        stored = stored || !in_either(L, L->use[u].id, ga, gb);
      stores += stored;
      for (int k = t->op == CLGEN_OP_ASSIGN ? 1 : 0; k < t->n_in; ++k) {
        if (in_either(L, t->in[k]->id, ga, gb)) continue;
        ++values;
        loads += !clgen_is_constant(t->in[k]);
      }
    }
  }
  return loads <= CLGEN_STEP_MAX_INPUTS && values <= CLGEN_STEP_MAX_INSTRS && stores <= CLGEN_STEP_MAX_OUTPUTS;
}

static const clgen_tensor *first_sum(const clgen_lowering *L, const clgen_group *group) {
  for (int i = 0; i < group->n; ++i)
    if (L->g->node[group->member[i]]->op == CLGEN_OP_SUM) return L->g->node[group->member[i]];
  return NULL;
}

/* Whether these can follow the sum `s` in one step, once for each of its elements. */
static bool may_follow(const clgen_lowering *L, const clgen_group *group, const clgen_tensor *s) {
  if (!clgen_shape_equal(&group->domain, &s->shape) || clgen_shape_count(&s->in[0]->shape) == 0) return false;
  for (int i = 0; i < group->n; ++i) {
    const clgen_tensor *t = L->g->node[group->member[i]];
    if (t->dtype != CLGEN_F32 || t->op == CLGEN_EW_RANDOM_UNIFORM || t->op == CLGEN_EW_RANDOM_NORMAL) return false;
  }
  return true;
}

static bool shapes_allow(const clgen_lowering *L, int ga, int gb) {
  const clgen_group *a = &L->groups[ga], *b = &L->groups[gb];
  if (a->reduce != b->reduce) return may_follow(L, a->reduce ? b : a, first_sum(L, a->reduce ? a : b));
  if (!clgen_shape_equal(&a->domain, &b->domain)) return false;
  return !a->reduce || first_sum(L, a)->attr.mask == first_sum(L, b)->attr.mask;
}

/* What is written after the sums must not be what other work-items still add up. */
static bool sums_allow(const clgen_lowering *L, int ga, int gb) {
  const int group[] = {ga, gb};
  for (int i = 0; i < 4; ++i) { /* each pair of a writer's group and a reader's */
    const clgen_group *writers = &L->groups[group[i / 2]], *readers = &L->groups[group[i % 2]];
    for (int w = 0; w < writers->n && readers->reduce; ++w) {
      const clgen_tensor *written = L->g->node[writers->member[w]];
      for (int r = 0; written->op == CLGEN_OP_ASSIGN && r < readers->n; ++r) {
        const clgen_tensor *t = L->g->node[readers->member[r]];
        for (int k = 0; k < t->n_in && !clgen_is_after(readers, t); ++k)
          if (clgen_state_of(clgen_base_of(L, t->in[k])) == clgen_state_of(written)) return false;
      }
    }
  }
  return true;
}

static bool may_merge(const clgen_lowering *L, int ga, int gb, int at) {
  return shapes_allow(L, ga, gb) && sums_allow(L, ga, gb) && uses_allow(L, ga, ga, gb, at) &&
         uses_allow(L, gb, ga, gb, at) && reads_allow(L, ga, ga, gb, at) && reads_allow(L, gb, ga, gb, at) &&
         writes_allow(L, ga, gb) && fits(L, ga, gb);
}

/* ---- Sums ---- */

/* Whether everything in group g is there for t alone: a sum then ends the group. */
static bool serves_only(const clgen_lowering *L, int g, const clgen_tensor *t) {
  for (int i = 0; i < L->groups[g].n; ++i) {
    const clgen_tensor *m = L->g->node[L->groups[g].member[i]];
    if (m->output || m->op == CLGEN_OP_ASSIGN || L->placed_in[m->id] >= 0) return false;
    for (int u = L->use_start[m->id]; u < L->use_start[m->id + 1]; ++u)
      if (L->use[u].id != t->id && L->group[L->use[u].id] != g) return false;
  }
  return true;
}

static bool fuse_sum(clgen_lowering *L, const clgen_tensor *t) {
  int own = group_new(L, t);
  if (own < 0) return false;
  L->groups[own].domain = t->in[0]->shape;
  int in = L->group[t->in[0]->id];
  if (in >= 0 && !L->groups[in].closed && serves_only(L, in, t) && may_merge(L, own, in, t->id) && !group_absorb(L, own, in))
    return false;
  L->groups[own].reduce = L->groups[own].closed = true;
  /* Sums over the same axes: one launch, and where they add up the same memory one pass over it. Few back, since it must be
   * near. */
  for (int g = own - 1; g >= 0 && g > own - 8; --g) {
    if (!L->groups[g].n || !L->groups[g].reduce) continue;
    if (may_merge(L, own, g, t->id)) return group_absorb(L, own, g);
  }
  return true;
}

/* ---- All nodes in their order ---- */

static bool only_for_a_sum(const clgen_lowering *L, const clgen_tensor *t) {
  int first = L->use_start[t->id];
  return !t->output && L->placed_in[t->id] < 0 && L->use_start[t->id + 1] == first + 1 && L->use[first].direct &&
         L->g->node[L->use[first].id]->op == CLGEN_OP_SUM;
}

static bool fuse_elementwise(clgen_lowering *L, const clgen_tensor *t) {
  int own = group_new(L, t);
  if (own < 0) return false;
  bool alone = clgen_is_constant(t) || clgen_op_is_view(t->op); /* a plain copy */
  bool summed = only_for_a_sum(L, t); /* then it is better computed while summing than stored by a group that does more */
  for (int k = t->op == CLGEN_OP_ASSIGN ? 1 : 0; !alone && k < t->n_in; ++k) {
    int g = L->group[t->in[k]->id];
    if (g < 0 || g == own || (L->groups[g].closed && !L->groups[g].reduce)) continue;
    if (summed && !serves_only(L, g, t)) continue;
    if (may_merge(L, own, g, t->id) && !group_absorb(L, own, g)) return false;
  }
  /* The rounding to bytes is part of the store: members would see the value before it. */
  L->groups[own].closed |= alone || (t->dtype != CLGEN_F32 && t->op != CLGEN_OP_ASSIGN);
  return true;
}

static int compare_ints(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int clgen_fuse(clgen_lowering *L) {
  for (int i = 0; i < L->g->count; ++i) {
    const clgen_tensor *t = L->g->node[i];
    if (!L->alive[i] || !clgen_is_grouped(L, t)) continue;
    if (!(t->op == CLGEN_OP_SUM ? fuse_sum(L, t) : fuse_elementwise(L, t))) return clgen_fail_nomem(sizeof(clgen_group));
  }
  for (int g = 0; g < L->n_groups; ++g)
    qsort(L->groups[g].member, (size_t)L->groups[g].n, sizeof *L->groups[g].member, compare_ints);
  return CLGEN_OK;
}
