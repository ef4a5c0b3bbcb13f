/* Plans for the kernels of cl/tiles_conv.cl: how a convolution over images, or an input gradient, is cut into tasks and
 * blocks. */
#include "backend/opencl/tiles.h"

/* One convolution of `source` with packed weights; an input gradient has one for each phase of the stride. */
typedef struct {
  int64_t kh, kw, pad_y, pad_x, oh, ow;
  clgen_tiles_left left;
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
  const clgen_step *fold; /* the product's rows are folded into this step's output */
  int64_t folded;         /* of a band: rows of that output */
  /* how it is cut */
  int64_t group, band, bands, parts_each, panels_each, items, in_block;
  int64_t pad_y, pad_x, rows_there, cols_there; /* of a slot's piece of the source */
  int64_t right_at, places_at, sums_at, slot;   /* of a slot; places_at from right_at, sums_at of all parts */
  bool cached;                                  /* the packed weights are kept */
} conv_tiles;

/* One image that is folded becomes bands of rows of the output, each with all rows of the source that they need. */
static void cut_folded(conv_tiles *t, int64_t wanted) {
  const clgen_conv *c = &t->fold->conv.conv;
  const int64_t rows = t->fold->conv.h, all = t->fold->conv.oh, kernel = t->fold->conv.kh;
  t->folded = t->group > 1 ? rows : tile_even(rows, tile_most(kernel, tile_up(rows, tile_up(wanted, t->images))));
  t->bands = tile_up(rows, t->folded);
  t->band = t->bands > 1 ? tile_least(all, (t->folded + kernel - 2) / c->stride_h + 1) : all;
}

/* Tasks of about CLGEN_TILES_COLUMNS columns, and enough of them for every compute unit. */
static void cut_conv(conv_tiles *t) {
  const clgen_tile *tile = clgen_tile_of(t->ocl);
  const int64_t units = (int64_t)t->ocl->units, panels = tile_up(t->m, tile->rows);
  int64_t oh = 1, ow = 1, taps = 1;
  /* What one image needs is gathered by each task anew: as few as there are units. */
  const int64_t wanted = t->images == 1 ? units : 2 * units;
  for (int p = 0; p < t->parts; ++p) {
    oh = tile_most(oh, t->part[p].oh), ow = tile_most(ow, t->part[p].ow);
    taps = tile_most(taps, t->part[p].kh * t->part[p].kw);
  }
  int64_t columns = t->parts > 1 ? CLGEN_TILES_COLUMNS / 2 : CLGEN_TILES_COLUMNS;
  t->group = tile_even(t->images, tile_most(1, columns / (oh * ow)));
  if (tile_up(t->images, t->group) < wanted) t->group = tile_up(t->images, wanted);
  t->band = t->group > 1 || t->fold ? oh : tile_even(oh, tile_most(1, columns / ow));
  t->bands = tile_up(oh, t->band);
  if (t->fold) cut_folded(t, wanted);
  t->in_block = tile_even(t->channels, tile_most(1, CLGEN_TILES_DEPTH / taps));
  int64_t tasks = tile_up(t->images, t->group) * t->bands;
  t->parts_each = tasks < wanted && t->parts % 2 == 0 ? t->parts / 2 : t->parts; /* pairs stay together */
  tasks *= t->parts / t->parts_each;
  t->panels_each = tasks >= wanted || t->fold ? panels : tile_up(panels, tile_least(panels, tile_up(wanted, tasks)));
  t->items = tile_least(tasks * tile_up(panels, t->panels_each), CLGEN_TILES_ITEMS_PER_UNIT * (int64_t)t->ocl->units);
}

/* The piece of the source that all parts read, and the slot's layout. */
static void lay_out_slot(conv_tiles *t) {
  const clgen_tile *tile = clgen_tile_of(t->ocl);
  int64_t columns_of = tile->vectors * tile->width, right = 0, places = 0, sums = 0;
  t->pad_y = t->part[0].pad_y, t->pad_x = t->part[0].pad_x;
  for (int p = 1; p < t->parts; ++p) {
    t->pad_y = tile_most(t->pad_y, t->part[p].pad_y);
    t->pad_x = tile_most(t->pad_x, t->part[p].pad_x);
  }
  t->rows_there = t->cols_there = 1;
  for (int p = 0; p < t->parts; ++p) {
    conv_part *v = &t->part[p];
    int64_t taps = v->kh * v->kw, columns = tile_up(t->group * t->band * v->ow, columns_of) * columns_of;
    t->rows_there = tile_most(t->rows_there, t->band + t->pad_y - v->pad_y + (v->kh > 0 ? (v->kh - 1) / t->stride : 0));
    t->cols_there = tile_most(t->cols_there, v->ow + t->pad_x - v->pad_x + (v->kw > 0 ? (v->kw - 1) / t->stride : 0));
    right = tile_most(right, t->in_block * taps * columns);
    places = tile_most(places, t->in_block * taps);
    v->sums_at = sums;
    sums += tile_aligned(t->panels_each * tile->rows * columns);
  }
  t->right_at = tile_aligned(t->in_block * t->group * t->stride * t->stride * t->rows_there * t->cols_there);
  t->places_at = tile_aligned(right);
  t->sums_at = t->right_at + t->places_at + tile_aligned(places);
  t->slot = t->sums_at + sums;
}

static int add_conv_item(conv_tiles *t, int64_t slots_at) {
  clgen_ocl_launch *item = clgen_tiles_item(t->ocl, t->plan, t->step, "clgen_tiles_conv", t->items);
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->n_mems = 4;
  item->mem[0] = t->cached ? clgen_ocl_cache_mem() : clgen_ocl_scratch_mem();
  item->mem[3] = clgen_ocl_scratch_mem();
  item->steps = t->cached; /* its work is counted with the launch that is always there */
  item->mem[1] = clgen_ocl_mem_of(t->source);
  item->mem[2] = clgen_ocl_mem_of(t->out);
  const int64_t head[] = {t->parts,       t->m,          t->images,     t->group,        t->band,           t->bands,
                          t->panels_each, t->channels,   t->height,     t->width,        t->source->offset, slots_at,
                          t->slot,        t->right_at,   t->sums_at,    t->in_block,     t->stride,         t->pad_y,
                          t->pad_x,       t->rows_there, t->cols_there, t->fold != NULL, t->parts_each};
  clgen_tiles_words(t->plan, head, CLGEN_COUNT(head));
  for (int p = 0; p < t->parts; ++p) {
    const conv_part *v = &t->part[p];
    const int64_t w[] = {v->kh,         v->kw,           t->pad_y - v->pad_y, t->pad_x - v->pad_x, v->oh,
                         v->ow,         v->left.to,      v->sums_at,          t->places_at,        v->out_at,
                         v->row_stride, v->image_stride, v->y_stride,         v->x_stride};
    clgen_tiles_words(t->plan, w, CLGEN_COUNT(w));
  }
  if (t->fold) {
    const clgen_step *s = t->fold;
    const int64_t w[] = {s->conv.c,          s->conv.h,          s->conv.w, s->conv.kh, s->conv.kw, s->conv.conv.stride_h,
                         s->conv.conv.pad_h, s->conv.conv.pad_w, t->folded};
    clgen_tiles_words(t->plan, w, CLGEN_COUNT(w));
  }
  return CLGEN_OK;
}

static int add_packing(conv_tiles *t, const clgen_tiles_left *left) {
  const clgen_ocl_mem weight = clgen_ocl_mem_of(t->weight);
  clgen_ocl_launch *item = clgen_tiles_pack(t->ocl, t->plan, t->step, 1, &weight, 1, left, t->parts);
  if (!item) return clgen_fail_nomem(sizeof *item);
  if (!t->cached) return CLGEN_OK;
  item->mem[0] = clgen_ocl_cache_mem();
  item->cached = t->weight;
  item->steps = 0;
  return CLGEN_OK;
}

static int add_conv_tiles(conv_tiles *t) {
  int64_t packed = 0, columns = 0, rows = tile_up(t->m, clgen_tile_of(t->ocl)->rows) * clgen_tile_of(t->ocl)->rows;
  clgen_tiles_left left[CLGEN_TILES_MAX_PHASES];
  for (int p = 0; p < t->parts; ++p) {
    t->part[p].left.to = packed;
    packed += tile_aligned(rows * t->channels * t->part[p].kh * t->part[p].kw);
    columns += t->images * t->part[p].oh * t->part[p].ow;
  }
  t->cached = clgen_ocl_caches(t->plan, &t->plan->step[t->step], 1, columns);
  const int64_t packed_at = t->cached ? clgen_ocl_cache_take(t->plan, packed) : 0, slots_at = t->cached ? 0 : packed;
  for (int p = 0; p < t->parts; ++p) {
    t->part[p].left.to += packed_at;
    left[p] = t->part[p].left;
    left[p].rows = t->m;
  }
  cut_conv(t);
  lay_out_slot(t);
  clgen_ocl_want_scratch(t->plan, (size_t)(slots_at + t->slot * t->items) * sizeof(float));
  int err = add_packing(t, left);
  return err ? err : add_conv_item(t, slots_at);
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
                          .left = {.k1 = 1, .k2 = 1, .k3 = patch, .sm = patch, .s3 = 1, .at = s->in[1].offset},
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
  phase_axis x = {.taps = phase < kernel ? tile_up(kernel - phase, stride) : 0};
  int64_t a = phase >= pad ? 0 : tile_up(pad - phase, stride);
  x.first = stride * a + phase - pad;
  x.places = x.first < size ? tile_up(size - x.first, stride) : 0;
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
                          .left = {.k1 = 1, .k2 = 1, .k3 = s->conv.o, .sm = 1, .s3 = patch, .at = s->in[1].offset},
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
      t.part[t.parts++] = (conv_part){.kh = y.taps,
                                      .kw = x.taps,

                                      .pad_y = y.pad,
                                      .pad_x = x.pad,
                                      .oh = y.places,
                                      .ow = x.places,
                                      .left = {.k1 = s->conv.o,
                                               .k2 = y.taps,
                                               .k3 = x.taps,
                                               .sm = kernel,
                                               .s1 = s->conv.c * kernel,
                                               .s2 = -stride * kw,
                                               .s3 = -stride,
                                               .at = s->in[1].offset + last},
                                      .out_at = s->out[0].offset + y.first * s->conv.w + x.first,
                                      .row_stride = plane,
                                      .image_stride = s->conv.c * plane,
                                      .y_stride = stride * s->conv.w,
                                      .x_stride = stride};
    }
  return add_conv_tiles(&t);
}
