/* Which steps may run at once. */
#include "backend/backend.h"

/* Whether a product writes what another one reads or writes. Before memory is bound its slot says which it will be. */
static bool meet(const clgen_operand *x, int64_t x_size, const clgen_operand *y, int64_t y_size) {
  return x->buffer == y->buffer && (x->buffer || x->slot == y->slot) && x->offset < y->offset + y_size &&
         y->offset < x->offset + x_size;
}
static bool disturbs(const clgen_step *writer, const clgen_step *s) {
  const int64_t size[2] = {s->m * s->k, s->k * s->n}, written = writer->m * writer->n;
  return meet(&writer->out[0], written, &s->in[0], size[0]) || meet(&writer->out[0], written, &s->in[1], size[1]) ||
         meet(&writer->out[0], written, &s->out[0], s->m * s->n);
}

size_t clgen_step_together(const clgen_step *s, size_t n) {
  size_t count = 1;
  if (s->kind != CLGEN_STEP_MATMUL) return 1;
  for (; count < n && count < CLGEN_STEP_TOGETHER && s[count].kind == CLGEN_STEP_MATMUL; ++count)
    for (size_t i = 0; i < count; ++i)
      if (disturbs(&s[i], &s[count]) || disturbs(&s[count], &s[i])) return count;
  return count;
}
