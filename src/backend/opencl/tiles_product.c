/* Plans for the kernel of cl/tiles_product.cl: how matrix products are cut into tasks and blocks. */
#include "backend/opencl/tiles.h"

typedef struct {
  clgen_tiles_cutting cut;
  int64_t in_block, tasks, left_at, stretches_at;
} product;

/* Packing the left operand once costs a launch; every task with other columns packing it for itself costs time. */
static bool packs_in_tasks(const clgen_ocl_gemm *g, const product *p, int n) {
  enum { MOST_TWICE = 32768 }; /* floats, about a launch of a CPU */
  int64_t twice = 0;
  for (int i = 0; i < n; ++i) {
    twice += (p[i].cut.column_groups - 1) * (int64_t)(g[i].m * g[i].k);
    if (p[i].cut.splits > 1) return false;
  }
  return twice <= MOST_TWICE;
}

static clgen_tiles_left left_of(const clgen_ocl_gemm *g, const product *p, int number) {
  const int64_t lda = (int64_t)g->lda, k = (int64_t)g->k;
  return (clgen_tiles_left){
      1, 1, k, g->ta ? 1 : lda, 0, 0, g->ta ? lda : 1, (int64_t)g->a_offset, p->left_at, (int64_t)g->m, number};
}

static int pack(clgen_ocl *ocl, clgen_plan *plan, size_t step, const clgen_ocl_gemm *g, const product *p, int n) {
  clgen_ocl_mem from[CLGEN_STEP_TOGETHER];
  clgen_tiles_left left[CLGEN_STEP_TOGETHER];
  for (int i = 0; i < n; ++i) {
    from[i] = g[i].a;
    left[i] = left_of(&g[i], &p[i], i);
  }
  return clgen_tiles_pack(ocl, plan, step, 0, from, n, left, n) ? CLGEN_OK : clgen_fail_nomem(sizeof(clgen_ocl_launch));
}

static void describe(clgen_plan *plan, const clgen_ocl_gemm *g, const product *p) {
  const clgen_tiles_left left = left_of(g, p, 0);
  const int64_t w[] = {p->tasks,
                       (int64_t)g->m,
                       (int64_t)g->n,
                       (int64_t)g->k,
                       p->cut.column_groups,
                       p->cut.panels_each,
                       p->cut.blocks_each * p->in_block,
                       p->in_block,
                       g->tb,
                       p->left_at,
                       (int64_t)g->b_offset,
                       p->cut.splits > 1 ? p->stretches_at : (int64_t)g->out_offset,
                       (int64_t)g->ldb,
                       left.sm,
                       left.s3,
                       left.at};
  clgen_tiles_words(plan, w, CLGEN_COUNT(w));
}

int clgen_tiles_products(clgen_ocl *ocl, clgen_plan *plan, size_t step, const clgen_ocl_gemm *g, int n, int64_t reserved) {
  const clgen_tile *tile = clgen_tile_of(ocl);
  product p[CLGEN_STEP_TOGETHER];
  int64_t right = 0, own = 0, tasks = 0, end = tile_aligned(reserved);
  for (int i = 0; i < n; ++i) {
    const int64_t k = (int64_t)g[i].k;
    p[i].in_block = tile_even(k, CLGEN_TILES_DEPTH);
    p[i].cut = clgen_tiles_cut(ocl, (int64_t)g[i].m, (int64_t)g[i].n, tile_up(k, p[i].in_block));
    p[i].tasks = p[i].cut.column_groups * tile_up(p[i].cut.panels, p[i].cut.panels_each) * p[i].cut.splits;
    p[i].left_at = end;
    end += tile_aligned(p[i].cut.panels * tile->rows * k);
    p[i].stretches_at = end;
    if (p[i].cut.splits > 1) end += tile_aligned(p[i].cut.splits * (int64_t)(g[i].m * g[i].n));
    right = tile_most(right, tile_aligned(p[i].in_block * p[i].cut.columns));
    own = tile_most(own, tile_aligned(p[i].cut.panels_each * tile->rows * k));
    tasks += p[i].tasks;
  }
  const bool in_tasks = packs_in_tasks(g, p, n);
  const int64_t edge = tile_aligned(tile->rows * tile->vectors * tile->width), slot = right + edge + (in_tasks ? own : 0);
  const size_t first = plan->n_items;
  int err = in_tasks ? CLGEN_OK : pack(ocl, plan, step, g, p, n);
  clgen_ocl_launch *item = err ? NULL : clgen_tiles_item(ocl, plan, step, "clgen_tiles_product", tasks);
  if (!item) return err ? err : clgen_fail_nomem(sizeof *item);
  clgen_ocl_want_scratch(plan, (size_t)(end + (int64_t)item->global * slot) * sizeof(float));
  for (int i = 0; i < 2; ++i) item->mem[item->n_mems++] = clgen_ocl_scratch_mem();
  for (int i = 0; i < CLGEN_STEP_TOGETHER; ++i) item->mem[item->n_mems++] = g[i < n ? i : 0].a;
  for (int i = 0; i < CLGEN_STEP_TOGETHER; ++i) item->mem[item->n_mems++] = g[i < n ? i : 0].b;
  for (int i = 0; i < CLGEN_STEP_TOGETHER; ++i) {
    const int k = i < n ? i : 0;
    item->mem[item->n_mems++] = p[k].cut.splits > 1 ? clgen_ocl_scratch_mem() : g[k].out;
  }
  plan->item[first].steps = n; /* which counts the work of all */
  const int64_t head[] = {tasks, end, slot, right, in_tasks ? right + edge : -1};
  clgen_tiles_words(plan, head, CLGEN_COUNT(head));
  for (int i = 0; i < n; ++i) describe(plan, &g[i], &p[i]);
  for (int i = 0; i < n && !err; ++i)
    if (p[i].cut.splits > 1)
      err = clgen_tiles_sum(ocl, plan, step, (int64_t)(g[i].m * g[i].n), p[i].cut.splits, p[i].stretches_at, g[i].out,
                            (int64_t)g[i].out_offset);
  return err;
}
