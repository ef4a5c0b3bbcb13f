/* What the plans for the kernels of cl/tiles*.cl share. */
#include "backend/opencl/tiles.h"

void clgen_tiles_words(clgen_plan *plan, const int64_t *value, size_t n) {
  for (size_t i = 0; i < n; ++i) clgen_ocl_argument(plan, value[i]);
}

clgen_ocl_launch *clgen_tiles_item(clgen_ocl *ocl, clgen_plan *plan, size_t step, const char *name, int64_t tasks) {
  clgen_ocl_launch *item = clgen_ocl_launch_add(plan, step);
  if (!item) return NULL;
  plan->uses_tiles = true;
  item->name = name;
  item->local = 1;
  item->global = (size_t)tile_least(tasks, CLGEN_TILES_ITEMS_PER_UNIT * (int64_t)ocl->units);
  return item;
}

clgen_ocl_launch *clgen_tiles_pack(clgen_ocl *ocl, clgen_plan *plan, size_t step, int which, const clgen_ocl_mem *from,
                                   int pieces, const clgen_tiles_left *part, int parts) {
  const int64_t rows_of = clgen_tile_of(ocl)->rows;
  int64_t tasks = 0;
  bool equal = parts > 1;
  for (int p = 0; p < parts; ++p) {
    tasks += tile_up(part[p].rows, rows_of);
    equal &= part[p].rows == part[0].rows;
  }
  clgen_ocl_launch *item = clgen_tiles_item(ocl, plan, step, "clgen_tiles_pack", tasks);
  if (!item) return NULL;
  item->packs = 1 + which;
  item->generated = CLGEN_OCL_CALL_PACK;
  item->mem[item->n_mems++] = clgen_ocl_scratch_mem();
  for (int i = 0; i < CLGEN_STEP_TOGETHER; ++i) item->mem[item->n_mems++] = from[i < pieces ? i : 0];
  clgen_ocl_argument(plan, tasks);
  clgen_ocl_argument(plan, equal ? parts : 0);
  for (int p = 0; p < parts; ++p) {
    const clgen_tiles_left *l = &part[p];
    const int64_t w[] = {
        tile_up(l->rows, rows_of), l->rows, l->from, l->k1, l->k2, l->k3, l->sm, l->s1, l->s2, l->s3, l->at, l->to};
    clgen_tiles_words(plan, w, CLGEN_COUNT(w));
  }
  return item;
}

/* How many stretches of k become products of their own, to be summed afterwards: where there are too few columns to keep
 * every compute unit busy. Must not depend on the tile, since the result does on it. */
static int64_t stretches(int64_t n, int64_t blocks, int64_t wanted) {
  enum { USUAL_COLUMNS = 32 };
  int64_t tasks = tile_up(n, USUAL_COLUMNS);
  return tasks >= wanted ? 1 : tile_most(1, tile_least(blocks / 2, tile_up(wanted, tasks)));
}

clgen_tiles_cutting clgen_tiles_cut(const clgen_ocl *ocl, int64_t m, int64_t n, int64_t blocks) {
  const clgen_tile *tile = clgen_tile_of(ocl);
  const int64_t columns_of = tile->vectors * tile->width, vectors = tile_up(n, tile->width), units = (int64_t)ocl->units;
  int64_t wanted = 2 * units;
  clgen_tiles_cutting c = {.panels = tile_up(m, tile->rows)};
  c.blocks_each = tile_up(blocks, stretches(n, blocks, wanted));
  c.splits = tile_up(blocks, c.blocks_each);
  wanted = tile_up(wanted, c.splits);
  /* A task's columns are whole vectors, not whole tiles, so that all have about as many. */
  c.column_groups = tile_most(tile_up(n, CLGEN_TILES_COLUMNS), tile_least(tile_up(n, columns_of), wanted));
  if (c.column_groups > wanted) c.column_groups = tile_up(c.column_groups, units) * units;
  c.columns = tile_up(tile_up(vectors, c.column_groups), tile->vectors) * columns_of;
  c.panels_each = c.column_groups >= wanted ? c.panels : tile_up(c.panels, tile_up(wanted, c.column_groups));
  int64_t tasks = c.column_groups * tile_up(c.panels, c.panels_each) * c.splits;
  c.items = tile_least(tasks, CLGEN_TILES_ITEMS_PER_UNIT * units);
  return c;
}

int clgen_tiles_sum(clgen_ocl *ocl, clgen_plan *plan, size_t step, int64_t total, int64_t splits, int64_t from,
                    clgen_ocl_mem out, int64_t out_at) {
  clgen_ocl_launch *item = clgen_tiles_item(ocl, plan, step, "clgen_tiles_sum", tile_up(total, 1024));
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->n_mems = 2;
  item->mem[0] = clgen_ocl_scratch_mem();
  item->mem[1] = out;
  const int64_t w[] = {tile_up(total, (int64_t)item->global), total, splits, from, out_at};
  clgen_tiles_words(plan, w, CLGEN_COUNT(w));
  return CLGEN_OK;
}

bool clgen_tiles_take(const clgen_ocl *ocl, const clgen_step *s) {
  if (!clgen_tile_of(ocl)) return false;
  if (s->kind == CLGEN_STEP_MATMUL || s->kind == CLGEN_STEP_CONV2D_WEIGHT_GRAD) return true;
  int64_t stride = s->conv.conv.stride_h;
  return stride == s->conv.conv.stride_w && stride * stride <= CLGEN_TILES_MAX_PHASES;
}
