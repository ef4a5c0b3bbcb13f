/* Plans for the kernel of cl/tiles_weight.cl: how a convolution's weight gradient is cut into tasks and blocks. It is a
 * product dw (o, c kh kw) = dy (o, n oh ow) x patches, whose inner dimension goes over output places: a block of it is some
 * images, or for large ones a band of rows of one. */
#include "backend/opencl/tiles.h"

typedef struct {
  int64_t group, band, bands, blocks;       /* images and output rows of a block */
  int64_t rows_there, cols_there, channels; /* of the slot's piece of x */
  int64_t right_at, sums_at, slot;          /* of a slot */
} layout;

static layout lay_out(const clgen_step *s) {
  const int64_t plane = s->conv.oh * s->conv.ow;
  layout l = {.group = tile_even(s->conv.n, tile_most(1, CLGEN_TILES_DEPTH / plane))};
  l.band = l.group > 1 ? s->conv.oh : tile_even(s->conv.oh, tile_most(1, CLGEN_TILES_DEPTH / s->conv.ow));
  l.bands = tile_up(s->conv.oh, l.band);
  l.blocks = tile_up(s->conv.n, l.group) * l.bands;
  l.rows_there = (l.band - 1) * s->conv.conv.stride_h + s->conv.kh;
  l.cols_there = (s->conv.ow - 1) * s->conv.conv.stride_w + s->conv.kw;
  return l;
}

/* The slot of a task of so many columns and panels: its piece of x with zeros around it, the block of patches, the sums. */
static void lay_out_slot(layout *l, const clgen_step *s, const clgen_tile *tile, const clgen_tiles_cutting *cut) {
  enum { BEYOND = 4 }; /* pieces are read four floats at a time */
  const int64_t depth = l->group * l->band * s->conv.ow;
  l->channels = tile_least(s->conv.c, cut->columns / (s->conv.kh * s->conv.kw) + 2);
  l->right_at = tile_aligned(l->channels * l->group * l->rows_there * l->cols_there + BEYOND);
  l->sums_at = l->right_at + tile_aligned(depth * cut->columns);
  l->slot = l->sums_at + tile_aligned(cut->panels_each * tile->rows * cut->columns);
}

int clgen_tiles_weight_grad(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t step) {
  const clgen_operand *x = &s->in[0], *dy = &s->in[1], *dw = &s->out[0];
  const clgen_tile *tile = clgen_tile_of(ocl);
  const int64_t m = s->conv.o, n = s->conv.c * s->conv.kh * s->conv.kw, plane = s->conv.oh * s->conv.ow;
  layout l = lay_out(s);
  const clgen_tiles_cutting cut = clgen_tiles_cut(ocl, m, n, l.blocks);
  lay_out_slot(&l, s, tile, &cut);
  const int64_t slots_at = tile_aligned(cut.panels * tile->rows * s->conv.n * plane);
  const int64_t stretches_at = slots_at + cut.items * l.slot;
  clgen_ocl_want_scratch(plan, (size_t)(stretches_at + (cut.splits > 1 ? cut.splits * m * n : 0)) * sizeof(float));
  const clgen_tiles_left left = {s->conv.n, 1, plane, plane, s->conv.o * plane, 0, 1, dy->offset, 0, m, 0};
  const clgen_ocl_mem from = clgen_ocl_mem_of(dy);
  clgen_ocl_launch *item = clgen_tiles_pack(ocl, plan, step, 1, &from, 1, &left, 1);
  if (item) item = clgen_tiles_item(ocl, plan, step, "clgen_tiles_weight", cut.items);
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->n_mems = 4;
  item->mem[0] = item->mem[3] = clgen_ocl_scratch_mem();
  item->mem[1] = clgen_ocl_mem_of(x);
  item->mem[2] = cut.splits > 1 ? clgen_ocl_scratch_mem() : clgen_ocl_mem_of(dw);
  const int64_t head[] = {m,
                          n,
                          s->conv.n,
                          l.group,
                          l.band,
                          l.bands,
                          l.blocks,
                          cut.column_groups,
                          cut.panels_each,
                          cut.splits,
                          cut.blocks_each,
                          x->offset,
                          cut.splits > 1 ? stretches_at : dw->offset,
                          slots_at,
                          l.slot,
                          l.right_at,
                          l.sums_at,
                          s->conv.c,
                          s->conv.h,
                          s->conv.w,
                          s->conv.kh,
                          s->conv.kw,
                          s->conv.conv.stride_h,
                          s->conv.conv.stride_w,
                          s->conv.conv.pad_h,
                          s->conv.conv.pad_w,
                          s->conv.oh,
                          s->conv.ow,
                          l.rows_there,
                          l.cols_there};
  clgen_tiles_words(plan, head, CLGEN_COUNT(head));
  if (cut.splits == 1) return CLGEN_OK;
  return clgen_tiles_sum(ocl, plan, step, m * n, cut.splits, stretches_at, clgen_ocl_mem_of(dw), dw->offset);
}
