/* Plans for the kernel of cl/tiles_product.cl: how a matrix product is cut into tasks and blocks. */
#include "backend/opencl/tiles.h"

/* Its working memory begins behind `reserved` floats. */
int clgen_tiles_gemm(clgen_ocl *ocl, clgen_plan *plan, size_t step, const clgen_ocl_gemm *g, int64_t reserved) {
  const clgen_tile *tile = clgen_tile_of(ocl);
  const int64_t m = (int64_t)g->m, n = (int64_t)g->n, k = (int64_t)g->k, lda = (int64_t)g->lda;
  const int64_t in_block = tile_even(k, CLGEN_TILES_DEPTH);
  const clgen_tiles_cutting cut = clgen_tiles_cut(ocl, m, n, tile_up(k, in_block));
  const int64_t sums_at = tile_aligned(in_block * cut.columns);
  const int64_t slot = sums_at + tile_aligned(cut.panels_each * tile->rows * cut.columns);
  const int64_t left_at = tile_aligned(reserved), slots_at = left_at + tile_aligned(cut.panels * tile->rows * k);
  const int64_t stretches_at = slots_at + cut.items * slot;
  clgen_ocl_want_scratch(plan, (size_t)(stretches_at + (cut.splits > 1 ? cut.splits * m * n : 0)) * sizeof(float));
  const clgen_tiles_left left = {1, 1, k, g->ta ? 1 : lda, 0, 0, g->ta ? lda : 1, (int64_t)g->a_offset, left_at};
  int err = clgen_tiles_pack(ocl, plan, step, g->a, m, &left, 1);
  if (err) return err;
  clgen_ocl_item *item = clgen_tiles_item(ocl, plan, step, "clgen_tiles_product", cut.items);
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->n_mems = 4;
  item->mem[0] = item->mem[3] = clgen_ocl_scratch_mem();
  item->mem[1] = g->b;
  item->mem[2] = cut.splits > 1 ? clgen_ocl_scratch_mem() : g->out;
  const int64_t head[] = {m,
                          n,
                          k,
                          cut.column_groups,
                          cut.panels_each,
                          cut.splits,
                          cut.blocks_each * in_block,
                          in_block,
                          g->tb,
                          left_at,
                          (int64_t)g->b_offset,
                          cut.splits > 1 ? stretches_at : (int64_t)g->out_offset,
                          slots_at,
                          slot,
                          sums_at,
                          (int64_t)g->ldb};
  clgen_tiles_words(plan, head, CLGEN_COUNT(head));
  if (cut.splits == 1) return CLGEN_OK;
  return clgen_tiles_sum(ocl, plan, step, m * n, cut.splits, stretches_at, g->out, (int64_t)g->out_offset);
}
