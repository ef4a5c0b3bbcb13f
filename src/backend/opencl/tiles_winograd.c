/* Plans for the kernels of cl/tiles_winograd.cl: which convolutions have a form there, and how they are cut into tasks. */
#include "backend/opencl/tiles.h"

enum { FORM_3X3, FORM_4X4, FORM_4X4_INPUT, NO_FORM };

/* What the kernels know of each form. */
typedef struct {
  int64_t step, patch, phases, kinds, products, outputs;
} winograd_form;
static const winograd_form form_of[] = {{2, 4, 1, 16, 16, 2}, {4, 6, 4, 9, 9, 2}, {2, 4, 1, 25, 36, 4}};

/* The convolution to be done: of images (channels, height, width) to images with m channels. */
typedef struct {
  const clgen_step *s;
  int form;
  int64_t m, channels, height, width, oh, ow, pad_y, pad_x;
  int64_t sm, s1; /* from one kernel to the next along m, and along channels */
  bool turned;    /* kernels are taken from the last tap to the first */
} work;

typedef struct {
  int64_t group, band, bands, panels_each, items, in_block;
  int64_t rows_there, cols_there;
  int64_t places_at, patches_at, sums_at, tile_at, slot, kind, sums_kind; /* of a slot */
} layout;

static int form_by_kernel(const clgen_step *s) {
  const clgen_conv *c = &s->conv.conv;
  const int64_t kernel = s->conv.kh, stride = c->stride_h;
  if (s->kind == CLGEN_STEP_CONV2D_WEIGHT_GRAD || s->conv.kw != kernel || c->stride_w != stride) return NO_FORM;
  if (kernel == 3 && stride == 1 && c->pad_h <= 2 && c->pad_w <= 2) return FORM_3X3;
  if (kernel != 4 || stride != 2 || c->pad_h != 1 || c->pad_w != 1) return NO_FORM;
  if (s->kind == CLGEN_STEP_CONV2D) return FORM_4X4;
  return s->conv.h == 2 * s->conv.oh && s->conv.w == 2 * s->conv.ow ? FORM_4X4_INPUT : NO_FORM;
}

/* Where there are few channels or tiles, transformations cost more than the products that they save; where kernels don't fit
 * into the caches, waiting for the larger transformed ones does. This must depend on shapes only: a result depends on it. */
static int find_form(const clgen_step *s) {
  enum { FEW_CHANNELS = 16, FEW_TILES = 96, MANY_KERNELS = 1 << 21 /* floats */ };
  const int form = form_by_kernel(s);
  if (form == NO_FORM) return form;
  const bool forward = s->kind == CLGEN_STEP_CONV2D;
  const int64_t outputs = form_of[form].outputs, kernels = s->conv.o * s->conv.c;
  const int64_t tiles =
      s->conv.n * tile_up(forward ? s->conv.oh : s->conv.h, outputs) * tile_up(forward ? s->conv.ow : s->conv.w, outputs);
  const bool pays = s->conv.c >= FEW_CHANNELS && s->conv.o >= FEW_CHANNELS && tiles >= FEW_TILES &&
                    form_of[form].products * form_of[form].phases * kernels <= MANY_KERNELS;
  return pays ? form : NO_FORM;
}

bool clgen_tiles_winograd_takes(const clgen_step *s) { return find_form(s) != NO_FORM; }

static work work_of(const clgen_step *s) {
  const int64_t kernel = s->conv.kh * s->conv.kw;
  work k = {.s = s, .form = find_form(s)};
  if (s->kind == CLGEN_STEP_CONV2D) {
    k.m = s->conv.o, k.channels = s->conv.c;
    k.height = s->conv.h, k.width = s->conv.w, k.oh = s->conv.oh, k.ow = s->conv.ow;
    k.pad_y = s->conv.conv.pad_h, k.pad_x = s->conv.conv.pad_w;
    k.sm = s->conv.c * kernel, k.s1 = kernel;
  } else { /* of dy to dx */
    k.m = s->conv.c, k.channels = s->conv.o;
    k.height = s->conv.oh, k.width = s->conv.ow, k.oh = s->conv.h, k.ow = s->conv.w;
    k.sm = kernel, k.s1 = s->conv.c * kernel;
    k.pad_y = k.form == FORM_3X3 ? 2 - s->conv.conv.pad_h : 1;
    k.pad_x = k.form == FORM_3X3 ? 2 - s->conv.conv.pad_w : 1;
  }
  k.turned = k.form == FORM_3X3 && s->kind != CLGEN_STEP_CONV2D;
  return k;
}

/* Images, or a band of rows of tiles, for about so many columns; whether there are enough of them, and channels in a block.
 */
static void cut(layout *l, const clgen_ocl *ocl, const work *k, const winograd_form *f) {
  enum { SLOT = 220000, DEPTH = 128 }; /* floats of sums and patches that the second-level cache has room for */
  const clgen_tile *tile = clgen_tile_of(ocl);
  const int64_t tiles_y = tile_up(k->oh, f->outputs), tiles_x = tile_up(k->ow, f->outputs), images = k->s->conv.n;
  const int64_t panels = tile_up(k->m, tile->rows), wanted = 2 * (int64_t)ocl->units;
  const int64_t each = f->products * panels * tile->rows + f->kinds * DEPTH, columns = SLOT / each >= 64 ? 64 : 32;
  l->group = tile_even(images, tile_most(1, columns / (tiles_y * tiles_x)));
  if (tile_up(images, l->group) < wanted) l->group = tile_up(images, wanted);
  l->band = l->group > 1 ? tiles_y : tile_even(tiles_y, tile_most(1, columns / tiles_x));
  l->bands = tile_up(tiles_y, l->band);
  const int64_t tasks = tile_up(images, l->group) * l->bands;
  l->panels_each = tasks >= wanted ? panels : tile_up(panels, tile_least(panels, tile_up(wanted, tasks)));
  l->items = tile_least(tasks * tile_up(panels, l->panels_each), CLGEN_TILES_ITEMS_PER_UNIT * (int64_t)ocl->units);
  l->in_block = tile_even(k->channels, DEPTH / f->phases);
}

static layout lay_out(const clgen_ocl *ocl, const work *k) {
  const winograd_form *f = &form_of[k->form];
  const clgen_tile *tile = clgen_tile_of(ocl);
  const int64_t tiles_x = tile_up(k->ow, f->outputs), columns_of = tile->vectors * tile->width;
  layout l;
  cut(&l, ocl, k, f);
  l.rows_there = l.band + 1, l.cols_there = tiles_x + 1;
  const int64_t columns = tile_up(l.group * l.band * tiles_x, columns_of) * columns_of;
  /* A line more, so that not all kinds have the same place in the caches. */
  l.kind = columns * l.in_block * f->phases + CLGEN_TILES_LINE;
  l.sums_kind = l.panels_each * tile->rows * columns + CLGEN_TILES_LINE;
  l.places_at = tile_aligned(l.in_block * l.group * f->step * f->step * l.rows_there * l.cols_there);
  l.patches_at = l.places_at + tile_aligned(l.in_block * f->patch * f->patch);
  l.sums_at = l.patches_at + f->kinds * l.kind;
  l.tile_at = l.sums_at + f->products * l.sums_kind;
  l.slot = l.tile_at + f->outputs * f->outputs * columns;
  return l;
}

static int add_weights(clgen_ocl *ocl, clgen_plan *plan, const work *k, size_t step) {
  clgen_ocl_launch *item =
      clgen_tiles_item(ocl, plan, step, "clgen_tiles_winograd_weights", tile_up(k->m, clgen_tile_of(ocl)->rows));
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->packs = 2;
  item->generated = CLGEN_OCL_CALL_WINOGRAD;
  item->n_mems = 2;
  item->mem[0] = clgen_ocl_scratch_mem();
  item->mem[1] = clgen_ocl_mem_of(&k->s->in[1]);
  const int64_t w[] = {k->form, k->m, k->channels, k->sm, k->s1, k->turned, k->s->in[1].offset};
  clgen_tiles_words(plan, w, CLGEN_COUNT(w));
  return CLGEN_OK;
}

int clgen_tiles_winograd(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t step) {
  const work k = work_of(s);
  const winograd_form *f = &form_of[k.form];
  const layout l = lay_out(ocl, &k);
  const int64_t rows = tile_up(k.m, clgen_tile_of(ocl)->rows) * clgen_tile_of(ocl)->rows;
  const int64_t slots_at = tile_aligned(f->products * rows * k.channels * f->phases);
  clgen_ocl_want_scratch(plan, (size_t)(slots_at + l.slot * l.items) * sizeof(float));
  int err = add_weights(ocl, plan, &k, step);
  clgen_ocl_launch *item = err ? NULL : clgen_tiles_item(ocl, plan, step, "clgen_tiles_winograd", l.items);
  if (!item) return err ? err : clgen_fail_nomem(sizeof *item);
  item->n_mems = 4;
  item->mem[0] = item->mem[3] = clgen_ocl_scratch_mem();
  item->mem[1] = clgen_ocl_mem_of(&s->in[0]);
  item->mem[2] = clgen_ocl_mem_of(&s->out[0]);
  const int64_t w[] = {k.m,        s->conv.n,        l.group,     l.band,          l.bands,      l.panels_each,
                       k.channels, k.height,         k.width,     s->in[0].offset, slots_at,     l.slot,
                       l.in_block, k.pad_y,          k.pad_x,     l.rows_there,    l.cols_there, k.oh,
                       k.ow,       s->out[0].offset, l.places_at, l.patches_at,    l.sums_at,    l.tile_at,
                       l.kind,     l.sums_kind,      k.form};
  clgen_tiles_words(plan, w, CLGEN_COUNT(w));
  return CLGEN_OK;
}
