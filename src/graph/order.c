/* The order of steps: matrix products next to each other where they have nothing to do with each other, so that a backend
 * may run them side by side. */
#include "graph/steps.h"

#include <string.h>

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
    memmove(&low->step[at + 1], &low->step[at], (i - at) * sizeof moved);
    low->step[at] = moved;
  }
}
