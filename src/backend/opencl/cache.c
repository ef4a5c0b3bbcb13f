/* Packed weights that a plan keeps from run to run, in memory of its own. Who makes a few images again and again with the
 * same weights (clgen generate) would spend more time on packing them than on the convolutions. Each buffer counts how often
 * it was written; the launch that packs is left out as long as its operand's count is what it was. */
#include "backend/opencl/ocl.h"

/* Worth its memory where the packed weights are used for few columns only: packing takes a fixed time, the product one that
 * grows with the columns. */
bool clgen_ocl_caches(const clgen_plan *plan, const clgen_step *s, int which, int64_t columns) {
  enum { FEW_COLUMNS = 512 };
  if (columns > FEW_COLUMNS) return false;
  for (size_t i = 0; i < plan->n_steps; ++i)
    if (clgen_step_writes(&plan->step[i], s, &s->in[which])) return false;
  return true;
}

int64_t clgen_ocl_cache_take(clgen_plan *plan, int64_t floats) {
  enum { LINE = 16 };
  const int64_t at = (int64_t)(plan->cache_bytes / sizeof(float));
  plan->cache_bytes += (size_t)((floats + LINE - 1) / LINE * LINE) * sizeof(float);
  return at;
}

bool clgen_ocl_cache_is_stale(const clgen_ocl_launch *item) {
  return !item->cached || item->cached->buffer->version != item->cached_version;
}

void clgen_ocl_cache_filled(clgen_ocl_launch *item) {
  if (item->cached) item->cached_version = item->cached->buffer->version;
}

void clgen_ocl_cache_count_writes(const clgen_plan *plan) {
  for (size_t i = 0; i < plan->n_steps; ++i)
    for (int k = 0; k < plan->step[i].n_outputs; ++k) ++plan->step[i].out[k].buffer->version;
}
