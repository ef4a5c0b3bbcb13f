/* Fine-tuning: learning rate multipliers per parameter, frozen layers, and the quadratic penalty of L2-SP and EWC. */
#include "nn/nn_internal.h"

#include <stdlib.h>
#include <string.h>

int clgen_module_lr_multipliers(clgen_module *b, const bool *frozen) {
  size_t n = (size_t)b->net->n_tensors;
  b->rate = clgen_module_state(b, "rate");
  if (!b->rate) return clgen_last_code();
  if (!frozen) return CLGEN_OK;
  b->frozen = calloc(n + 1, sizeof *b->frozen);
  if (!b->frozen) return clgen_fail_nomem(n * sizeof *b->frozen);
  memcpy(b->frozen, frozen, n * sizeof *frozen);
  return CLGEN_OK;
}

bool clgen_module_is_frozen(const clgen_module *b, const clgen_layer *l) {
  return b->frozen && l->weight >= 0 && b->frozen[l->weight] && (l->bias < 0 || b->frozen[l->bias]);
}

clgen_tensor *clgen_module_keep_frozen(const clgen_module *b, clgen_tensor *value) {
  return b->rate ? clgen_where(b->rate, value, b->param) : value;
}

clgen_tensor *clgen_module_anchor_penalty(const clgen_module *b, clgen_tensor **grad) {
  clgen_tensor *distance = clgen_sub(b->param, clgen_module_state(b, "anchor"));
  clgen_tensor *force = clgen_mul(clgen_module_state(b, "stiffness"), distance);
  *grad = clgen_add(*grad, force);
  return *grad ? clgen_affine(clgen_sum(clgen_mul(force, distance), CLGEN_ALL_AXES, false), 0.5f, 0) : NULL;
}
