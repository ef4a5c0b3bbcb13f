/* Fewer launches, on devices with few wide cores: those that follow each other become one where none needs what another one
 * makes, and share its work-items. So the packing of a convolution's weights runs beside what makes its images. What a
 * single work-item does for several of them it does in turn, and then one may need another.
 *
 * There is one kernel for that, which has all generated ones as functions and finds in its words whom to call: it is
 * compiled once, where a kernel for each run of launches would compile what they share again and again. */
#include "backend/opencl/ocl.h"

enum { MOST = 16 }; /* launches that become one */

static bool is_single(const clgen_ocl_launch *item) { return item->global == 1; }

static bool may_join(const clgen_ocl_launch *item) {
  return !item->is_gemm && !item->cached && (!item->name || item->packs);
}

static bool uses_scratch(const clgen_ocl_launch *item) {
  for (int k = 0; k < item->n_mems; ++k)
    if (item->mem[k].kind != CLGEN_OCL_MEM_BUFFER) return true;
  return false;
}

/* Whether what `pack` reads is written by a step. */
static bool writes_packed(const clgen_plan *plan, const clgen_step *writer, const clgen_ocl_launch *pack) {
  for (int i = 0; i < pack->steps; ++i) {
    const clgen_step *s = &plan->step[pack->step + (size_t)i];
    if (clgen_step_writes(writer, s, &s->in[pack->packs - 1])) return true;
  }
  return false;
}

static bool are_apart(const clgen_plan *plan, const clgen_ocl_launch *a, const clgen_ocl_launch *b) {
  if (a->step == b->step || (uses_scratch(a) && uses_scratch(b))) return false;
  if (b->packs) return !writes_packed(plan, &plan->step[a->step], b);
  if (a->packs) return !writes_packed(plan, &plan->step[b->step], a);
  return clgen_steps_are_apart(&plan->step[a->step], &plan->step[b->step]);
}

/* How many items from `item` on can be one. */
static size_t run_of(const clgen_plan *plan, const clgen_ocl_launch *item, size_t n) {
  size_t count = 0;
  for (int mems = 0; count < n && count < MOST && may_join(&item[count]); ++count) {
    bool joins = (mems += item[count].n_mems) <= CLGEN_OCL_MAX_MEMS;
    for (size_t i = 0; i < count && joins; ++i)
      joins = (is_single(&item[i]) && is_single(&item[count])) || are_apart(plan, &item[i], &item[count]);
    if (!joins) break;
  }
  return count;
}

/* One call, as clgen_ocl_calls_source reads it. */
static void add_call(clgen_plan *plan, const clgen_ocl_launch *item, int mem, bool goes_on) {
  const int64_t word[] = {item->generated, (int64_t)item->global, (int64_t)item->first_word, mem, goes_on};
  for (size_t i = 0; i < CLGEN_COUNT(word); ++i) clgen_ocl_argument(plan, word[i]);
}

/* The calls that share the work-items, then those of a single one in turn. */
static void join(clgen_plan *plan, clgen_ocl_launch *item, size_t count) {
  clgen_ocl_launch one = {
      .step = item->step, .steps = item->steps, .name = "clgen_calls", .local = 1, .first_word = plan->n_words};
  int mem[MOST];
  size_t singles = 0;
  for (size_t i = 0; i < count; ++i) {
    mem[i] = one.n_mems;
    for (int k = 0; k < item[i].n_mems; ++k) one.mem[one.n_mems++] = item[i].mem[k];
    singles += is_single(&item[i]);
    one.global += is_single(&item[i]) ? 0 : item[i].global;
    if (!is_single(&item[i])) add_call(plan, &item[i], mem[i], false);
  }
  one.global += singles > 0;
  for (size_t i = 0; i < count; ++i)
    if (is_single(&item[i])) add_call(plan, &item[i], mem[i], --singles > 0);
  while (one.n_mems < CLGEN_OCL_MAX_MEMS) one.mem[one.n_mems++] = one.mem[0]; /* the kernel has so many arguments */
  *item = one;
}

int clgen_ocl_join(clgen_plan *plan, bool each_alone) {
  size_t kept = 0;
  for (size_t i = 0, count; i < plan->n_items; i += count) {
    count = each_alone ? may_join(&plan->item[i]) : run_of(plan, &plan->item[i], plan->n_items - i);
    if (count > 1 || (count == 1 && !plan->item[i].packs)) join(plan, &plan->item[i], count);
    if (count == 0) count = 1;
    plan->item[kept++] = plan->item[i];
  }
  plan->n_items = kept;
  return plan->failed ? clgen_fail_nomem(plan->n_words * sizeof *plan->word) : CLGEN_OK;
}

void clgen_ocl_calls_source(const clgen_plan *plan, clgen_text *t) {
  clgen_text_add(t,
                 "__kernel __attribute__((reqd_work_group_size(1, 1, 1)))\n"
                 "void clgen_calls(__global const long *words, int at");
  for (int k = 0; k < CLGEN_OCL_MAX_MEMS; ++k) clgen_text_add(t, ", __global void *a%d", k);
  clgen_text_add(t, ") {\n__global void *const a[] = {");
  for (int k = 0; k < CLGEN_OCL_MAX_MEMS; ++k) clgen_text_add(t, "%sa%d", k ? ", " : "", k);
  clgen_text_add(t,
                 "};\n__global const long *w = words + at;\n"
                 "for (int item = (int)get_global_id(0);; w += 5) {\n"
                 "const int items = (int)w[1], from = (int)w[2], m = (int)w[3];\n"
                 "if (item >= items) {\nitem -= items;\ncontinue;\n}\n"
                 "switch ((int)w[0]) {\n");
  if (plan->uses_tiles)
    clgen_text_add(t,
                   "case %d: tiles_pack(item, items, words, from, a[m], a[m + 1], a[m + 2], a[m + 3], a[m + 4]); break;\n",
                   CLGEN_OCL_CALL_PACK);
  if (clgen_ocl_launches(plan, "clgen_tiles_winograd"))
    clgen_text_add(t, "case %d: tiles_winograd_weights(item, items, words, from, a[m], a[m + 1]); break;\n",
                   CLGEN_OCL_CALL_WINOGRAD);
  for (size_t i = 0; i < plan->n_bodies; ++i) {
    clgen_text_add(t, "case %d: f%d(item, items, words, from", (int)i, (int)i);
    for (int k = 0; k < plan->body[i].n_mems; ++k) clgen_text_add(t, ", a[m + %d]", k);
    clgen_text_add(t, "); break;\n");
  }
  clgen_text_add(t, "}\nif (!w[4]) break;\n}\n}\n");
}
