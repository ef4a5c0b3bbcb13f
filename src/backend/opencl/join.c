/* Launches of a single work-item that follow each other become one, which does the same one after another: small steps cost
 * a launch each and hardly anything else. */
#include <stdlib.h>

#include "backend/opencl/ocl.h"

static bool is_alone(const clgen_ocl_item *item) {
  return !item->is_gemm && !item->name && item->global == 1 && item->local == 1;
}

/* How many items from `item` on can be one. */
static size_t run_of(const clgen_ocl_item *item, size_t n) {
  size_t count = 0;
  for (int mems = 0; count < n && is_alone(&item[count]); ++count) {
    mems += item[count].n_mems;
    if (mems > CLGEN_OCL_MAX_MEMS) break;
  }
  return count;
}

/* A kernel that calls those of the run. Each finds its words behind the first one's. */
static void join(clgen_plan *plan, clgen_ocl_item *first, size_t count) {
  clgen_text body = {0};
  int total = 0, at = 0;
  for (size_t i = 0; i < count; ++i) total += first[i].n_mems;
  clgen_text_add(&body, "(__global const long *words, int at");
  for (int k = 0; k < total; ++k) clgen_text_add(&body, ", __global void *a%d", k);
  clgen_text_add(&body, ") {\n");
  for (size_t i = 0; i < count; ++i) {
    clgen_text_add(&body, "f%d(words, at + %d", first[i].generated, (int)(first[i].first_word - first->first_word));
    for (int k = 0; k < first[i].n_mems; ++k) clgen_text_add(&body, ", a%d", at++);
    clgen_text_add(&body, ");\n");
  }
  clgen_text_add(&body, "}\n");
  for (size_t i = 0; i < count; ++i) {
    plan->body_is_called[first[i].generated] = true;
    for (int k = 0; i > 0 && k < first[i].n_mems; ++k) first->mem[first->n_mems++] = first[i].mem[k];
  }
  first->generated = clgen_ocl_body(plan, &body);
}

int clgen_ocl_join(clgen_plan *plan) {
  size_t kept = 0;
  const size_t most = plan->n_bodies + plan->n_items + 1;
  plan->body_is_called = calloc(most, sizeof *plan->body_is_called);
  if (!plan->body_is_called) return clgen_fail_nomem(most);
  for (size_t i = 0, count; i < plan->n_items; i += count) {
    count = run_of(&plan->item[i], plan->n_items - i);
    if (count > 1) join(plan, &plan->item[i], count);
    if (count == 0) count = 1;
    plan->item[kept++] = plan->item[i];
  }
  plan->n_items = kept;
  return plan->failed ? clgen_fail_nomem(most) : CLGEN_OK;
}
