/* The memory plan: which intermediate results share memory. */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

static int root_of(const clgen_lowered *low, int slot) {
  while (low->slot[slot].alias >= 0) slot = low->slot[slot].alias;
  return slot;
}

static bool same_walk(const clgen_operand *a, const clgen_operand *b) {
  return a->offset == 0 && b->offset == 0 && a->dtype == b->dtype && memcmp(a->stride, b->stride, sizeof a->stride) == 0;
}

/* An output may take over an operand that nobody reads afterwards, when both are walked alike. */
static void alias_in_place(clgen_lowered *low, int step) {
  clgen_step *s = &low->step[step];
  if (s->kind != CLGEN_STEP_MAP) return;
  for (int o = 0; o < s->n_outputs; ++o) {
    clgen_slot *out = &low->slot[s->out[o].slot];
    if (out->kind != CLGEN_SLOT_TEMP || out->first != step || out->alias >= 0) continue;
    for (int i = 0; i < s->n_inputs; ++i) {
      int in_slot = s->in[i].slot, root = root_of(low, in_slot);
      clgen_slot *in = &low->slot[in_slot];
      if (in->kind != CLGEN_SLOT_TEMP || in->last != step || low->slot[root].last != step || in->bytes != out->bytes)
        continue;
      bool alone = same_walk(&s->in[i], &s->out[o]);
      for (int k = 0; alone && k < s->n_inputs; ++k) alone = k == i || root_of(low, s->in[k].slot) != root;
      if (!alone) continue;
      out->alias = in_slot;
      low->slot[root].last = out->last;
      break;
    }
  }
}

typedef struct {
  uint64_t bytes;
  int first, slot;
} request;

static int by_size(const void *a, const void *b) {
  const request *x = a, *y = b;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
  return x->first != y->first ? x->first - y->first : x->slot - y->slot;
}

#define ALIGN 256u

static bool overlap_in_time(const clgen_slot *a, const clgen_slot *b) { return a->first <= b->last && b->first <= a->last; }

/* The lowest offset in one arena where `slot` meets none of those placed before it; UINT64_MAX when it is too large. */
static uint64_t find_place(const clgen_lowered *low, const request *done, int n, const clgen_slot *slot, int arena,
                           uint64_t limit) {
  uint64_t at = 0;
  bool moved = true;
  while (moved) { /* each round moves past one obstacle; obstacles are few */
    moved = false;
    for (int i = 0; i < n; ++i) {
      const clgen_slot *other = &low->slot[done[i].slot];
      uint64_t end = other->offset + other->bytes;
      if (other->arena != arena || !overlap_in_time(slot, other) || at >= end || at + slot->bytes <= other->offset) continue;
      at = (end + ALIGN - 1) / ALIGN * ALIGN;
      moved = true;
    }
  }
  return at + slot->bytes <= limit ? at : UINT64_MAX;
}

/* The end of the part of an arena in which a slot may lie: steps count elements up to a limit, from the arena's start. */
static uint64_t limit_of(const clgen_slot *slot, uint64_t max_arena) {
  const uint64_t counted = (uint64_t)CLGEN_STEP_MAX_ELEMENTS * clgen_dtype_size(slot->node->dtype);
  return max_arena && max_arena < counted ? max_arena : counted;
}

int clgen_plan_memory(clgen_lowered *low, uint64_t max_arena, uint64_t arena_bytes[CLGEN_MAX_ARENAS], int *n_arenas) {
  memset(arena_bytes, 0, CLGEN_MAX_ARENAS * sizeof *arena_bytes);
  *n_arenas = 0;
  for (size_t i = 0; i < low->n_steps; ++i) alias_in_place(low, (int)i);
  request *todo = malloc(((size_t)low->n_slots + 1) * sizeof *todo);
  if (!todo) return clgen_fail_nomem((size_t)low->n_slots * sizeof *todo);
  int n = 0, code = CLGEN_OK;
  for (int i = 0; i < low->n_slots; ++i)
    if (low->slot[i].kind == CLGEN_SLOT_TEMP && low->slot[i].alias < 0 && low->slot[i].first >= 0)
      todo[n++] = (request){low->slot[i].bytes, low->slot[i].first, i};
  qsort(todo, (size_t)n, sizeof *todo, by_size);
  for (int i = 0; i < n && !code; ++i) {
    clgen_slot *slot = &low->slot[todo[i].slot];
    uint64_t at = UINT64_MAX;
    int arena = 0;
    for (; arena < CLGEN_MAX_ARENAS && at == UINT64_MAX; ++arena)
      at = find_place(low, todo, i, slot, arena, limit_of(slot, max_arena));
    if (at == UINT64_MAX) {
      char text[96];
      code =
          clgen_fail(CLGEN_E_NOMEM,
                     "no room for a tensor of %s, which takes %.1f MiB: intermediate results have at most %.1f MiB in each "
                     "of %d allocations",
                     clgen_shape_text(&slot->node->shape, text, sizeof text), (double)slot->bytes / 1048576.0,
                     (double)limit_of(slot, max_arena) / 1048576.0, CLGEN_MAX_ARENAS);
      break;
    }
    slot->arena = arena - 1;
    slot->offset = at;
    if (arena > *n_arenas) *n_arenas = arena;
    if (at + slot->bytes > arena_bytes[arena - 1]) arena_bytes[arena - 1] = at + slot->bytes;
  }
  free(todo);
  for (int i = 0; i < low->n_slots && !code; ++i) {
    const clgen_slot *root = &low->slot[root_of(low, i)];
    low->slot[i].arena = root->arena;
    low->slot[i].offset = root->offset;
  }
  return code;
}
