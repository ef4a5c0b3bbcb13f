/* The order of steps: matrix products next to each other where they have nothing to do with each other, so that a backend
 * may run them side by side. */
#include "graph/steps.h"

#include <string.h>

/* From where to where in its slot an operand lies; all of it where a step does not say. */
static void extent(const clgen_step *s, const clgen_operand *o, int64_t *low, int64_t *high) {
  *low = *high = o->offset;
  if (s->kind == CLGEN_STEP_MATMUL) {
    *high += (o == &s->in[0] ? s->m * s->k : o == &s->in[1] ? s->k * s->n : s->m * s->n) - 1;
  } else if (s->kind == CLGEN_STEP_MAP || s->kind == CLGEN_STEP_REDUCE) {
    for (int a = 0; a < s->ndim; ++a) *(o->stride[a] < 0 ? low : high) += (s->dim[a] - 1) * o->stride[a];
  } else {
    *low = INT64_MIN;
    *high = INT64_MAX;
  }
}

static bool meet(const clgen_step *s, const clgen_operand *x, const clgen_step *t, const clgen_operand *y) {
  int64_t low, high, from, to;
  if (x->slot != y->slot) return false;
  extent(s, x, &low, &high);
  extent(t, y, &from, &to);
  return low <= to && from <= high;
}

/* Whether s writes what t reads or writes. */
static bool disturbs(const clgen_step *s, const clgen_step *t) {
  for (int i = 0; i < s->n_outputs; ++i) {
    for (int k = 0; k < t->n_inputs; ++k)
      if (meet(s, &s->out[i], t, &t->in[k])) return true;
    for (int k = 0; k < t->n_outputs; ++k)
      if (meet(s, &s->out[i], t, &t->out[k])) return true;
  }
  return false;
}

void clgen_steps_gather(clgen_lowered *low) {
  enum { FAR = 8 }; /* steps: what is moved up further lives longer */
  for (size_t i = 1; i < low->n_steps; ++i) {
    const clgen_step moved = low->step[i];
    if (moved.kind != CLGEN_STEP_MATMUL) continue;
    size_t at = i;
    bool apart = true;
    for (; at > 0 && apart && i - at < FAR; --at) {
      apart = !disturbs(&low->step[at - 1], &moved) && !disturbs(&moved, &low->step[at - 1]);
      if (low->step[at - 1].kind == CLGEN_STEP_MATMUL) break;
    }
    if (!apart || at == 0 || at == i || low->step[at - 1].kind != CLGEN_STEP_MATMUL) continue;
    memmove(&low->step[at + 1], &low->step[at], (i - at) * sizeof moved);
    low->step[at] = moved;
  }
}
