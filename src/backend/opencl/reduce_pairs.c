/* The text of a REDUCE kernel of a wide device that goes through two sums at a time, from both halves of a work-item's: two
 * streams through memory, of which a core gets more than of one. Each sum is made as it is alone, bit for bit. */
#include "backend/opencl/reduce.h"

enum { PAIR = 2 };

/* TYPE NAME<sum>_<which of the two> = 0 */
static void declare(clgen_reduction *r, int width, const char *name) {
  char f[24];
  clgen_ew_type("float", width, f);
  for (int k = 0; k < r->n_sums; ++k)
    for (int q = 0; q < PAIR; ++q) clgen_text_add(r->gen.t, "%s %s%d_%d = (%s)(0.0f);\n", f, name, k, q, f);
}

static void add_runs(clgen_reduction *r, int width, const char *condition, const char *block) {
  clgen_ew_gen *g = &r->gen;
  char base[16];
  clgen_text_add(g->t, "for (; %s; j += %d) {\n", condition, width);
  for (int q = 0; q < PAIR; ++q) {
    snprintf(base, sizeof base, "b%d_", q);
    clgen_text_add(g->t, "{\n");
    clgen_ew_load_fixed(g, base);
    clgen_ew_evaluate(g, width, base);
    for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "%s%d_%d += v%d;\n", block, k, q, r->sum[k]);
    clgen_text_add(g->t, "}\n");
  }
  clgen_text_add(g->t, "}\n");
}

static void add_blocks(clgen_reduction *r, int width, const char *sum, const char *error, const char *block) {
  for (int k = 0; k < r->n_sums; ++k)
    for (int q = 0; q < PAIR; ++q)
      clgen_text_add(r->gen.t, "ew_accumulate_%d(&%s%d_%d, &%s%d_%d, %s%d_%d);\n", width, sum, k, q, error, k, q, block, k,
                     q);
}

static void store(clgen_reduction *r, bool tail) {
  clgen_ew_gen *g = &r->gen;
  clgen_text_add(g->t, "for (int q = 0; q < %d; ++q) {\nconst int own = q ? own1 : own0;\n", PAIR);
  clgen_ew_decode(g, clgen_reduction_kept(&r->walk), "own");
  clgen_ew_bases(g, clgen_reduction_kept(&r->walk), 0, r->walk.n_operands, NULL, "B");
  for (int k = 0; k < r->n_sums; ++k) {
    clgen_text_add(g->t, "const float total%d = ew_total_%d(q ? sum%d_1 : sum%d_0)", k, r->width, k, k);
    clgen_text_add(g->t, tail ? " + (q ? rest%d_1 : rest%d_0);\n" : ";\n", k, k);
  }
  clgen_reduction_store_totals(r);
  clgen_text_add(g->t, "}\n");
}

void clgen_reduction_write_pairs(clgen_reduction *r, int64_t per_item) {
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  const unsigned kept = clgen_reduction_kept(w), outer = w->axes & ~(1u << g->column);
  bool tail = w->dim[g->column] % r->width != 0;
  char condition[40], own[16], from[16], to[16];
  clgen_ew_open(g, true);
  clgen_ew_number(g, "owners", r->owners);
  clgen_ew_number(g, "summands", r->summands);
  clgen_ew_number(g, "per_item", per_item);
  clgen_ew_number(g, "chunk", r->chunk);
  clgen_ew_number(g, "blocks", r->blocks);
  clgen_ew_number(g, "together", clgen_reduction_runs_together(r));
  clgen_text_add(g->t,
                 "const int begin = ITEM * per_item, end = min(owners, begin + per_item);\n"
                 "const int pairs = (end - begin + 1) / 2;\n"
                 "for (int u = begin; u < begin + pairs; ++u) {\n" /* of an odd number one is made twice */
                 "const int own0 = u, own1 = min(u + pairs, end - 1);\n");
  for (int q = 0; q < PAIR; ++q) { /* the second's places in a scope inside of the first's, where their names are new */
    snprintf(own, sizeof own, "own%d", q);
    snprintf(to, sizeof to, "B%d_", q);
    clgen_text_add(g->t, "{\n");
    clgen_ew_decode(g, kept, own);
    clgen_ew_bases(g, kept, 0, w->n_operands, NULL, to);
  }
  declare(r, r->width, "sum");
  declare(r, r->width, "error");
  if (tail) declare(r, 1, "rest");
  if (tail) declare(r, 1, "missed");
  clgen_text_add(g->t, "for (int run = 0; run < summands;) {\nconst int until = min(summands, run + together);\n");
  declare(r, r->width, "t");
  if (tail) declare(r, 1, "h");
  clgen_text_add(g->t, "for (; run < until; ++run) {\n");
  clgen_reduction_place_run(r);
  for (int q = 0; q < PAIR; ++q) {
    snprintf(from, sizeof from, "B%d_", q);
    snprintf(to, sizeof to, "b%d_", q);
    clgen_ew_bases(g, outer, 0, w->n_operands, from, to);
  }
  snprintf(condition, sizeof condition, "j + %d <= stop", r->width);
  add_runs(r, r->width, condition, "t");
  if (tail) add_runs(r, 1, "j < stop", "h");
  clgen_text_add(g->t, "}\n");
  add_blocks(r, r->width, "sum", "error", "t");
  if (tail) add_blocks(r, 1, "rest", "missed", "h");
  clgen_text_add(g->t, "}\n");
  store(r, tail);
  for (int q = 0; q < PAIR + 2; ++q) clgen_text_add(g->t, "}\n"); /* the scopes, the loop, the kernel */
}
