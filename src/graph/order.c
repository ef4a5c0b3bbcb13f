/* The order of steps: matrix products next to each other where they have nothing to do with each other, and small steps that
 * need only states at the beginning, so that a backend may run them side by side. */
#include "graph/steps.h"

#include <string.h>

static void move(clgen_lowered *low, size_t from, size_t to) {
  const clgen_step moved = low->step[from];
  memmove(&low->step[to + 1], &low->step[to], (from - to) * sizeof moved);
  low->step[to] = moved;
}

/* A few numbers made from states that the program never writes, such as the factors of a batch norm in evaluation mode. */
static bool is_small_and_fixed(const clgen_lowered *low, const clgen_step *s) {
  enum { FEW = 4096 }; /* elements, which take memory until they are used */
  int64_t elements = 1;
  for (int k = 0; k < s->ndim; ++k) elements *= s->dim[k];
  if (s->kind != CLGEN_STEP_MAP || elements > FEW || s->n_inputs == 0) return false;
  for (int k = 0; k < s->n_inputs; ++k) {
    if (low->slot[s->in[k].slot].kind != CLGEN_SLOT_STATE) return false;
    for (size_t i = 0; i < low->n_steps; ++i)
      if (clgen_step_writes(&low->step[i], s, &s->in[k])) return false;
  }
  return true;
}

static void fixed_first(clgen_lowered *low) {
  size_t first = 0;
  for (size_t i = 0; i < low->n_steps; ++i) {
    bool apart = is_small_and_fixed(low, &low->step[i]);
    for (size_t k = first; k < i && apart; ++k) apart = clgen_steps_are_apart(&low->step[k], &low->step[i]);
    if (apart) move(low, i, first++);
  }
}

void clgen_steps_gather(clgen_lowered *low) {
  enum { FAR = 8 }; /* steps: what is moved up further lives longer */
  for (size_t i = 1; i < low->n_steps; ++i) {
    const clgen_step moved = low->step[i];
    if (moved.kind != CLGEN_STEP_MATMUL) continue;
    size_t at = i;
    bool apart = true;
    for (; at > 0 && apart && i - at < FAR; --at) {
      apart = clgen_steps_are_apart(&low->step[at - 1], &moved);
      if (low->step[at - 1].kind == CLGEN_STEP_MATMUL) break;
    }
    if (!apart || at == 0 || at == i || low->step[at - 1].kind != CLGEN_STEP_MATMUL) continue;
    move(low, i, at);
  }
  fixed_first(low);
}
