/* Plans for the kernels of cl/tiles.cl: how a product or a convolution is cut into tasks and blocks. */
#include "backend/opencl/linear.h"

enum {
  DEPTH = 256,        /* of a block of the inner dimension: a panel of the left operand stays in the first-level cache */
  COLUMNS = 256,      /* of a task: with DEPTH, the right operand's block stays in the second-level cache */
  ITEMS_PER_UNIT = 4, /* work-items that a compute unit gets, so that the last ones to end are small */
  LINE = 16           /* floats in a cache line; parts of the working memory begin at one */
};

static int64_t up(int64_t n, int64_t d) { return (n + d - 1) / d; }
static int64_t aligned(int64_t floats) { return up(floats, LINE) * LINE; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
/* Pieces of at most `piece` that are as even as they can be: the size of each. */
static int64_t even(int64_t n, int64_t piece) { return up(n, up(n, piece)); }

static void words(clgen_plan *plan, const int64_t *value, size_t n) {
  for (size_t i = 0; i < n; ++i) clgen_ocl_word(plan, value[i]);
}

static clgen_ocl_item *add_item(clgen_ocl *ocl, clgen_plan *plan, size_t step, const char *name, int64_t tasks) {
  clgen_ocl_item *item = clgen_ocl_item_add(plan, step);
  if (!item) return NULL;
  plan->uses_tiles = true;
  item->name = name;
  item->local = 1;
  item->global = (size_t)least(tasks, ITEMS_PER_UNIT * (int64_t)ocl->units);
  return item;
}

/* ---- The left operand -------------------------------------------------------------------------------------------- */

/* One matrix that is packed: element (m, (k1,k2,k3)) is at `at` + m sm + k1 s1 + k2 s2 + k3 s3. */
typedef struct {
  int64_t k1, k2, k3, sm, s1, s2, s3, at, to;
} left_part;

static int add_pack(clgen_ocl *ocl, clgen_plan *plan, size_t step, clgen_ocl_mem from, int64_t rows, const left_part *part,
                    int parts) {
  int64_t panels = up(rows, clgen_tile_of(ocl)->rows);
  clgen_ocl_item *item = add_item(ocl, plan, step, "clgen_tiles_pack", parts * panels);
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->n_mems = 2;
  item->mem[0] = from;
  item->mem[1] = clgen_ocl_scratch_mem();
  const int64_t head[] = {parts, rows};
  words(plan, head, CLGEN_COUNT(head));
  for (int p = 0; p < parts; ++p) {
    const int64_t w[] = {part[p].k1, part[p].k2, part[p].k3, part[p].sm, part[p].s1,
                         part[p].s2, part[p].s3, part[p].at, part[p].to};
    words(plan, w, CLGEN_COUNT(w));
  }
  return CLGEN_OK;
}

/* ---- Convolutions over images --------------------------------------------------------------------------------------- */

/* One convolution of `source` with packed weights; an input gradient has one for each phase of the stride. */
typedef struct {
  int64_t kh, kw, pad_y, pad_x, oh, ow;
  left_part left;
  int64_t out_at, row_stride, image_stride, y_stride, x_stride;
  int64_t sums_at; /* in a slot */
} conv_part;

typedef struct {
  clgen_ocl *ocl;
  clgen_plan *plan;
  size_t step;
  int64_t m, images, channels, height, width, stride;
  const clgen_operand *source, *weight, *out;
  conv_part part[CLGEN_TILES_MAX_PHASES];
  int parts;
  const clgen_step *fold; /* the product's rows are folded into this step's output, over whole images */
  /* how it is cut */
  int64_t group, band, bands, panels_each, items, in_block;
  int64_t pad_y, pad_x, rows_there, cols_there; /* of a slot's piece of the source */
  int64_t right_at, pieces_at, sums_at, slot;   /* of a slot; pieces_at from right_at, sums_at of all parts */
} conv_tiles;

/* Tasks of about COLUMNS columns, and enough of them for every compute unit. */
static void cut_conv(conv_tiles *t) {
  const clgen_tile *tile = clgen_tile_of(t->ocl);
  int64_t oh = 1, ow = 1, taps = 1, wanted = 2 * (int64_t)t->ocl->units, panels = up(t->m, tile->rows);
  for (int p = 0; p < t->parts; ++p) {
    oh = most(oh, t->part[p].oh), ow = most(ow, t->part[p].ow);
    taps = most(taps, t->part[p].kh * t->part[p].kw);
  }
  int64_t columns = t->parts > 1 ? COLUMNS / 2 : COLUMNS;
  t->group = even(t->images, most(1, columns / (oh * ow)));
  if (up(t->images, t->group) < wanted) t->group = up(t->images, wanted);
  t->band = t->group > 1 || t->fold ? oh : even(oh, most(1, columns / ow));
  t->bands = up(oh, t->band);
  t->in_block = even(t->channels, most(1, DEPTH / taps));
  int64_t tasks = up(t->images, t->group) * t->bands;
  t->panels_each = tasks >= wanted || t->fold ? panels : up(panels, least(panels, up(wanted, tasks)));
  t->items = least(tasks * up(panels, t->panels_each), ITEMS_PER_UNIT * (int64_t)t->ocl->units);
}

/* The piece of the source that all parts read, and the slot's layout. */
static void lay_out_slot(conv_tiles *t) {
  const clgen_tile *tile = clgen_tile_of(t->ocl);
  int64_t columns_of = tile->vectors * tile->width, right = 0, pieces = 0, sums = 0;
  t->pad_y = t->part[0].pad_y, t->pad_x = t->part[0].pad_x;
  for (int p = 1; p < t->parts; ++p) {
    t->pad_y = most(t->pad_y, t->part[p].pad_y);
    t->pad_x = most(t->pad_x, t->part[p].pad_x);
  }
  t->rows_there = t->cols_there = 1;
  for (int p = 0; p < t->parts; ++p) {
    conv_part *v = &t->part[p];
    int64_t taps = v->kh * v->kw, some = t->group * t->band * v->ow, columns = up(some, columns_of) * columns_of;
    t->rows_there = most(t->rows_there, t->band + t->pad_y - v->pad_y + (v->kh > 0 ? (v->kh - 1) / t->stride : 0));
    t->cols_there = most(t->cols_there, v->ow + t->pad_x - v->pad_x + (v->kw > 0 ? (v->kw - 1) / t->stride : 0));
    right = most(right, t->in_block * taps * columns);
    pieces = most(pieces, 2 * some);
    v->sums_at = sums;
    sums += aligned(t->panels_each * tile->rows * columns);
  }
  t->right_at = aligned(t->in_block * t->group * t->stride * t->stride * t->rows_there * t->cols_there);
  t->pieces_at = aligned(right);
  t->sums_at = t->right_at + t->pieces_at + aligned(pieces);
  t->slot = t->sums_at + sums;
}

static int add_conv_item(conv_tiles *t, int64_t slots_at) {
  clgen_ocl_item *item = add_item(t->ocl, t->plan, t->step, "clgen_tiles_conv", t->items);
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->n_mems = 4;
  item->mem[0] = item->mem[3] = clgen_ocl_scratch_mem();
  item->mem[1] = clgen_ocl_mem_of(t->source);
  item->mem[2] = clgen_ocl_mem_of(t->out);
  const int64_t head[] = {t->parts,       t->m,          t->images,     t->group,       t->band,           t->bands,
                          t->panels_each, t->channels,   t->height,     t->width,       t->source->offset, slots_at,
                          t->slot,        t->right_at,   t->sums_at,    t->in_block,    t->stride,         t->pad_y,
                          t->pad_x,       t->rows_there, t->cols_there, t->fold != NULL};
  words(t->plan, head, CLGEN_COUNT(head));
  for (int p = 0; p < t->parts; ++p) {
    const conv_part *v = &t->part[p];
    const int64_t w[] = {v->kh,         v->kw,           t->pad_y - v->pad_y, t->pad_x - v->pad_x, v->oh,
                         v->ow,         v->left.to,      v->sums_at,          t->pieces_at,        v->out_at,
                         v->row_stride, v->image_stride, v->y_stride,         v->x_stride};
    words(t->plan, w, CLGEN_COUNT(w));
  }
  if (t->fold) {
    const clgen_step *s = t->fold;
    const int64_t w[] = {s->conv.c,          s->conv.h,         s->conv.w, s->conv.kh, s->conv.kw, s->conv.conv.stride_h,
                         s->conv.conv.pad_h, s->conv.conv.pad_w};
    words(t->plan, w, CLGEN_COUNT(w));
  }
  return CLGEN_OK;
}

static int add_conv_tiles(conv_tiles *t) {
  int64_t scratch = 0, rows = up(t->m, clgen_tile_of(t->ocl)->rows) * clgen_tile_of(t->ocl)->rows;
  left_part left[CLGEN_TILES_MAX_PHASES];
  for (int p = 0; p < t->parts; ++p) {
    t->part[p].left.to = scratch;
    left[p] = t->part[p].left;
    scratch += aligned(rows * t->channels * t->part[p].kh * t->part[p].kw);
  }
  cut_conv(t);
  lay_out_slot(t);
  int err = add_pack(t->ocl, t->plan, t->step, clgen_ocl_mem_of(t->weight), t->m, left, t->parts);
  if (!err) err = add_conv_item(t, scratch);
  clgen_ocl_want_scratch(t->plan, (size_t)(scratch + t->slot * t->items) * sizeof(float));
  return err;
}

int clgen_tiles_conv2d(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  const int64_t patch = s->conv.c * s->conv.kh * s->conv.kw, plane = s->conv.oh * s->conv.ow;
  conv_tiles t = {.ocl = ocl,
                  .plan = plan,
                  .step = index,
                  .m = s->conv.o,
                  .images = s->conv.n,
                  .channels = s->conv.c,
                  .height = s->conv.h,
                  .width = s->conv.w,
                  .source = &s->in[0],
                  .weight = &s->in[1],
                  .out = &s->out[0],
                  .parts = 1,
                  .stride = s->conv.conv.stride_h};
  t.part[0] = (conv_part){.kh = s->conv.kh,
                          .kw = s->conv.kw,
                          .pad_y = s->conv.conv.pad_h,
                          .pad_x = s->conv.conv.pad_w,
                          .oh = s->conv.oh,
                          .ow = s->conv.ow,
                          .left = {1, 1, patch, patch, 0, 0, 1, s->in[1].offset, 0},
                          .out_at = s->out[0].offset,
                          .row_stride = plane,
                          .image_stride = s->conv.o * plane,
                          .y_stride = s->conv.ow,
                          .x_stride = 1};
  return add_conv_tiles(&t);
}

/* Along one axis, the places y of the input with (y + pad) mod stride = phase are first, first + stride, ...; with
 * y + pad = stride a + phase they meet the taps phase + stride t and the outputs a - t, t = 0 .. taps - 1. */
typedef struct {
  int64_t taps, places, first, pad;
} phase_axis;

static phase_axis phase_of(int64_t size, int64_t kernel, int64_t stride, int64_t pad, int64_t phase) {
  phase_axis x = {.taps = phase < kernel ? up(kernel - phase, stride) : 0};
  int64_t a = phase >= pad ? 0 : up(pad - phase, stride);
  x.first = stride * a + phase - pad;
  x.places = x.first < size ? up(size - x.first, stride) : 0;
  x.pad = x.taps - 1 - a; /* taps in falling order make it a correlation with this padding */
  return x;
}

/* With few channels most of a tile's rows would be empty, but not with all their taps as rows. */
static bool folds(const clgen_step *s) {
  enum { FEW = 4, MOST_PLACES = 4096 };
  return s->conv.c <= FEW && s->conv.kh * s->conv.kw >= 4 && s->conv.oh * s->conv.ow <= MOST_PLACES;
}

static int input_grad_folded(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  const int64_t patch = s->conv.c * s->conv.kh * s->conv.kw, image = s->conv.c * s->conv.h * s->conv.w;
  conv_tiles t = {.ocl = ocl,
                  .plan = plan,
                  .step = index,
                  .m = patch,
                  .images = s->conv.n,
                  .channels = s->conv.o,
                  .height = s->conv.oh,
                  .width = s->conv.ow,
                  .stride = 1,
                  .source = &s->in[0],
                  .weight = &s->in[1],
                  .out = &s->out[0],
                  .parts = 1,
                  .fold = s};
  t.part[0] = (conv_part){.kh = 1,
                          .kw = 1,
                          .oh = s->conv.oh,
                          .ow = s->conv.ow,
                          .left = {1, 1, s->conv.o, 1, 0, 0, patch, s->in[1].offset, 0},
                          .out_at = s->out[0].offset,
                          .image_stride = image};
  return add_conv_tiles(&t);
}

int clgen_tiles_input_grad(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  if (folds(s)) return input_grad_folded(ocl, plan, s, index);
  const int64_t kernel = s->conv.kh * s->conv.kw, kw = s->conv.kw, stride = s->conv.conv.stride_h;
  const int64_t plane = s->conv.h * s->conv.w;
  conv_tiles t = {.ocl = ocl,
                  .plan = plan,
                  .step = index,
                  .m = s->conv.c,
                  .images = s->conv.n,
                  .channels = s->conv.o,
                  .height = s->conv.oh,
                  .width = s->conv.ow,
                  .source = &s->in[0],
                  .weight = &s->in[1],
                  .out = &s->out[0]};
  t.stride = 1;
  for (int64_t y0 = 0; y0 < stride; ++y0)
    for (int64_t x0 = 0; x0 < stride; ++x0) { /* parts whose columns take turns lie side by side */
      int64_t fy = (y0 + s->conv.conv.pad_h) % stride, fx = (x0 + s->conv.conv.pad_w) % stride;
      phase_axis y = phase_of(s->conv.h, s->conv.kh, stride, s->conv.conv.pad_h, fy);
      phase_axis x = phase_of(s->conv.w, s->conv.kw, stride, s->conv.conv.pad_w, fx);
      if (y.places == 0 || x.places == 0) continue;
      int64_t none = y.taps == 0 || x.taps == 0;
      if (none) y.taps = x.taps = 0;
      int64_t last = none ? 0 : (fy + stride * (y.taps - 1)) * kw + fx + stride * (x.taps - 1);
      t.part[t.parts++] = (conv_part){
          .kh = y.taps,
          .kw = x.taps,

          .pad_y = y.pad,
          .pad_x = x.pad,
          .oh = y.places,
          .ow = x.places,
          .left = {s->conv.o, y.taps, x.taps, kernel, s->conv.c * kernel, -stride * kw, -stride, s->in[1].offset + last, 0},
          .out_at = s->out[0].offset + y.first * s->conv.w + x.first,
          .row_stride = plane,
          .image_stride = s->conv.c * plane,
          .y_stride = stride * s->conv.w,
          .x_stride = stride};
    }
  return add_conv_tiles(&t);
}

/* ---- Products ------------------------------------------------------------------------------------------------------- */

typedef enum { RIGHT_ROWS, RIGHT_TRANSPOSED, RIGHT_PATCHES } right_mode;

typedef struct {
  int64_t m, n, units, per_unit; /* k = units per_unit */
  left_part left;
  clgen_ocl_mem a, b, out;
  int64_t b_at, out_at, ldb;
  right_mode mode;
  const clgen_step *conv; /* RIGHT_PATCHES */
} product;

static int add_sum(clgen_ocl *ocl, clgen_plan *plan, size_t step, const product *p, int64_t splits, int64_t from) {
  int64_t total = p->m * p->n;
  clgen_ocl_item *item = add_item(ocl, plan, step, "clgen_tiles_sum", up(total, 1024));
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->n_mems = 2;
  item->mem[0] = clgen_ocl_scratch_mem();
  item->mem[1] = p->out;
  const int64_t w[] = {up(total, (int64_t)item->global), total, splits, from, p->out_at};
  words(plan, w, CLGEN_COUNT(w));
  return CLGEN_OK;
}

/* How many stretches of k become products of their own, to be summed afterwards: where there are too few columns to keep
 * every compute unit busy. Must not depend on the tile, since the result does on it. */
static int64_t stretches(int64_t n, int64_t blocks, int64_t wanted) {
  enum { USUAL_COLUMNS = 32 };
  int64_t tasks = up(n, USUAL_COLUMNS);
  return tasks >= wanted ? 1 : most(1, least(blocks / 2, up(wanted, tasks)));
}

/* Its working memory begins behind `reserved` floats. */
static int add_product(clgen_ocl *ocl, clgen_plan *plan, size_t step, product *p, int64_t reserved) {
  const clgen_tile *tile = clgen_tile_of(ocl);
  const int64_t columns_of = tile->vectors * tile->width, panels = up(p->m, tile->rows), k = p->units * p->per_unit;
  int64_t wanted = 2 * (int64_t)ocl->units, column_panels = up(p->n, columns_of);
  int64_t in_block = even(p->units, most(1, DEPTH / p->per_unit)), blocks = up(p->units, in_block);
  int64_t splits = stretches(p->n, blocks, wanted), units_each = up(blocks, splits) * in_block;
  splits = up(p->units, units_each);
  wanted = up(wanted, splits);
  int64_t panels_in_task = even(column_panels, most(1, COLUMNS / columns_of));
  if (up(column_panels, panels_in_task) < wanted) panels_in_task = up(column_panels, least(column_panels, wanted));
  int64_t tasks = up(column_panels, panels_in_task);
  int64_t panels_each = tasks >= wanted ? panels : up(panels, least(panels, up(wanted, tasks)));
  tasks *= up(panels, panels_each);
  int64_t items = least(tasks * splits, ITEMS_PER_UNIT * (int64_t)ocl->units);

  int64_t columns = panels_in_task * columns_of, sums_at = aligned(in_block * p->per_unit * columns);
  int64_t slot = sums_at + aligned(panels_each * tile->rows * columns), slots_at;
  p->left.to = aligned(reserved);
  slots_at = p->left.to + aligned(panels * tile->rows * k);
  int64_t stretches_at = slots_at + items * slot;
  clgen_ocl_want_scratch(plan, (size_t)(stretches_at + (splits > 1 ? splits * p->m * p->n : 0)) * sizeof(float));
  int err = add_pack(ocl, plan, step, p->a, p->m, &p->left, 1);
  if (err) return err;
  clgen_ocl_item *item = add_item(ocl, plan, step, "clgen_tiles_product", items);
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->n_mems = 4;
  item->mem[0] = item->mem[3] = clgen_ocl_scratch_mem();
  item->mem[1] = p->b;
  item->mem[2] = splits > 1 ? clgen_ocl_scratch_mem() : p->out;
  const int64_t head[] = {p->m,
                          p->n,
                          p->units,
                          p->per_unit,
                          columns,
                          panels_each,
                          splits,
                          units_each,
                          in_block,
                          p->mode,
                          p->left.to,
                          p->b_at,
                          splits > 1 ? stretches_at : p->out_at,
                          slots_at,
                          slot,
                          sums_at,
                          p->ldb};
  words(plan, head, CLGEN_COUNT(head));
  if (p->mode == RIGHT_PATCHES) {
    const clgen_step *s = p->conv;
    const int64_t w[] = {s->conv.c,
                         s->conv.h,
                         s->conv.w,
                         s->conv.kh,
                         s->conv.kw,
                         s->conv.conv.stride_h,
                         s->conv.conv.stride_w,
                         s->conv.conv.pad_h,
                         s->conv.conv.pad_w,
                         s->conv.oh,
                         s->conv.ow};
    words(plan, w, CLGEN_COUNT(w));
  }
  return splits > 1 ? add_sum(ocl, plan, step, p, splits, stretches_at) : CLGEN_OK;
}

int clgen_tiles_gemm(clgen_ocl *ocl, clgen_plan *plan, size_t step, const clgen_ocl_gemm *g, int64_t reserved) {
  int64_t lda = (int64_t)g->lda;
  product p = {.m = (int64_t)g->m,
               .n = (int64_t)g->n,
               .units = (int64_t)g->k,
               .per_unit = 1,
               .left = {1, 1, (int64_t)g->k, g->ta ? 1 : lda, 0, 0, g->ta ? lda : 1, (int64_t)g->a_offset, 0},
               .a = g->a,
               .b = g->b,
               .out = g->out,
               .b_at = (int64_t)g->b_offset,
               .out_at = (int64_t)g->out_offset,
               .ldb = (int64_t)g->ldb,
               .mode = g->tb ? RIGHT_TRANSPOSED : RIGHT_ROWS};
  return add_product(ocl, plan, step, &p, reserved);
}

int clgen_tiles_weight_grad(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  const clgen_operand *x = &s->in[0], *dy = &s->in[1], *dw = &s->out[0];
  int64_t plane = s->conv.oh * s->conv.ow;
  product p = {.m = s->conv.o,
               .n = s->conv.c * s->conv.kh * s->conv.kw,
               .units = s->conv.n * s->conv.oh,
               .per_unit = s->conv.ow,
               .left = {s->conv.n, 1, plane, plane, s->conv.o * plane, 0, 1, dy->offset, 0},
               .a = clgen_ocl_mem_of(dy),
               .b = clgen_ocl_mem_of(x),
               .out = clgen_ocl_mem_of(dw),
               .b_at = x->offset,
               .out_at = dw->offset,
               .mode = RIGHT_PATCHES,
               .conv = s};
  return add_product(ocl, plan, index, &p, 0);
}

bool clgen_tiles_take(const clgen_ocl *ocl, const clgen_step *s) {
  if (!clgen_tile_of(ocl)) return false;
  if (s->kind == CLGEN_STEP_MATMUL || s->kind == CLGEN_STEP_CONV2D_WEIGHT_GRAD) return true;
  int64_t stride = s->conv.conv.stride_h;
  return stride == s->conv.conv.stride_w && stride * stride <= CLGEN_TILES_MAX_PHASES;
}
