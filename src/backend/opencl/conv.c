/* Convolutions as products of matrices: the images' patches become the columns of a matrix (im2col), for as many images at
 * once as the working memory holds. Chellapilla, Puri & Simard, "High performance convolutional neural networks for document
 * processing" (2006). */
#include "backend/opencl/linear.h"

typedef struct {
  clgen_ocl *ocl;
  clgen_plan *plan;
  const clgen_step *s;
  size_t index;
  int64_t patch, plane, image; /* c kh kw, oh ow, c h w */
  int64_t reserved;            /* floats of scratch memory for the columns and for a matrix of outputs */
} conv_job;

/* Rounded up so that the second part of the scratch memory begins at a cache line. */
static int64_t aligned(int64_t floats) { return (floats + 63) / 64 * 64; }

/* How many images have their columns at once: within the limit, evenly shared among the turns. */
static int64_t images_at_once(const conv_job *j) {
  int64_t each = (j->patch + j->s->conv.o) * j->plane, n = j->s->conv.n;
  int64_t most = (int64_t)(clgen_ocl_scratch_limit(j->ocl) / sizeof(float)) / each;
  if (most < 1) most = 1;
  int64_t turns = (n + most - 1) / most;
  return (n + turns - 1) / turns;
}

static clgen_ocl_launch *add_kernel(conv_job *j, const char *name, int64_t total, clgen_ocl_mem from, clgen_ocl_mem to) {
  clgen_ocl_launch *item = clgen_ocl_launch_add(j->plan, j->index);
  if (!item) return NULL;
  j->plan->uses_conv = true;
  item->name = name;
  item->n_mems = 2;
  item->mem[0] = from;
  item->mem[1] = to;
  clgen_ocl_spread(j->ocl, j->plan, item, total);
  return item;
}

/* clgen_words_conv: per_item, total, images, channels, height, width, kh, kw, oh, ow, strides, pads, offsets */
static int add_columns(conv_job *j, const char *name, int64_t total, int64_t images, clgen_ocl_mem from, clgen_ocl_mem to,
                       int64_t image_at, int64_t cols_at) {
  if (!add_kernel(j, name, total, from, to)) return clgen_fail_nomem(sizeof(clgen_ocl_launch));
  const clgen_step *s = j->s;
  const int64_t words[] = {images,
                           s->conv.c,
                           s->conv.h,
                           s->conv.w,
                           s->conv.kh,
                           s->conv.kw,
                           s->conv.oh,
                           s->conv.ow,
                           s->conv.conv.stride_h,
                           s->conv.conv.stride_w,
                           s->conv.conv.pad_h,
                           s->conv.conv.pad_w,
                           image_at,
                           cols_at};
  for (size_t k = 0; k < CLGEN_COUNT(words); ++k) clgen_ocl_argument(j->plan, words[k]);
  return CLGEN_OK;
}

static int add_swap(conv_job *j, int64_t rows, int64_t columns, clgen_ocl_mem from, int64_t from_at, clgen_ocl_mem to,
                    int64_t to_at) {
  if (!add_kernel(j, "clgen_swap_axes", rows * columns * j->plane, from, to))
    return clgen_fail_nomem(sizeof(clgen_ocl_launch));
  const int64_t words[] = {rows, columns, j->plane, from_at, to_at};
  for (size_t k = 0; k < CLGEN_COUNT(words); ++k) clgen_ocl_argument(j->plan, words[k]);
  return CLGEN_OK;
}

static int im2col(conv_job *j, const clgen_operand *x, int64_t first, int64_t images) {
  return add_columns(j, "clgen_im2col", j->patch * images * j->plane, images, clgen_ocl_mem_of(x), clgen_ocl_scratch_mem(),
                     x->offset + first * j->image, 0);
}

/* y (n,o,p) <-> the same with the first two axes swapped, at the end of the scratch memory */
static int forward(conv_job *j, int64_t first, int64_t images) {
  const clgen_operand *x = &j->s->in[0], *w = &j->s->in[1], *y = &j->s->out[0];
  int64_t n = images * j->plane, y_at = y->offset + first * j->s->conv.o * j->plane, swapped_at = aligned(j->patch * n);
  bool direct = images == 1 || j->s->conv.o == 1;
  clgen_ocl_gemm g = {.m = (size_t)j->s->conv.o,
                      .n = (size_t)n,
                      .k = (size_t)j->patch,
                      .a = clgen_ocl_mem_of(w),
                      .a_offset = (size_t)w->offset,
                      .lda = (size_t)j->patch,
                      .b = clgen_ocl_scratch_mem(),
                      .ldb = (size_t)n,
                      .ldo = (size_t)n,
                      .out = direct ? clgen_ocl_mem_of(y) : clgen_ocl_scratch_mem(),
                      .out_offset = (size_t)(direct ? y_at : swapped_at)};
  int err = im2col(j, x, first, images);
  if (!err) err = clgen_ocl_gemm_add(j->ocl, j->plan, j->index, &g, j->reserved);
  if (!err && !direct)
    err = add_swap(j, j->s->conv.o, images, clgen_ocl_scratch_mem(), swapped_at, clgen_ocl_mem_of(y), y_at);
  return err;
}

/* dy as a matrix (o, n p): where it is, or swapped into the scratch memory. */
static int matrix_of_dy(conv_job *j, const clgen_operand *dy, int64_t first, int64_t images, clgen_ocl_mem *mem,
                        size_t *offset) {
  int64_t dy_at = dy->offset + first * j->s->conv.o * j->plane, swapped_at = aligned(j->patch * images * j->plane);
  *mem = clgen_ocl_mem_of(dy);
  *offset = (size_t)dy_at;
  if (images == 1 || j->s->conv.o == 1) return CLGEN_OK;
  *mem = clgen_ocl_scratch_mem();
  *offset = (size_t)swapped_at;
  return add_swap(j, images, j->s->conv.o, clgen_ocl_mem_of(dy), dy_at, *mem, swapped_at);
}

static int input_grad(conv_job *j, int64_t first, int64_t images) {
  const clgen_operand *dy = &j->s->in[0], *w = &j->s->in[1], *dx = &j->s->out[0];
  int64_t n = images * j->plane;
  clgen_ocl_gemm g = {.m = (size_t)j->patch,
                      .n = (size_t)n,
                      .k = (size_t)j->s->conv.o,
                      .ta = true,
                      .a = clgen_ocl_mem_of(w),
                      .a_offset = (size_t)w->offset,
                      .lda = (size_t)j->patch,
                      .ldb = (size_t)n,
                      .out = clgen_ocl_scratch_mem(),
                      .ldo = (size_t)n};
  int err = matrix_of_dy(j, dy, first, images, &g.b, &g.b_offset);
  if (!err) err = clgen_ocl_gemm_add(j->ocl, j->plan, j->index, &g, j->reserved);
  if (!err)
    err = add_columns(j, "clgen_col2im", images * j->image, images, clgen_ocl_scratch_mem(), clgen_ocl_mem_of(dx),
                      dx->offset + first * j->image, 0);
  return err;
}

static int weight_grad(conv_job *j, int64_t first, int64_t images) {
  const clgen_operand *x = &j->s->in[0], *dy = &j->s->in[1], *dw = &j->s->out[0];
  int64_t n = images * j->plane;
  clgen_ocl_gemm g = {.m = (size_t)j->s->conv.o,
                      .n = (size_t)j->patch,
                      .k = (size_t)n,
                      .tb = true,
                      .add = first > 0,
                      .lda = (size_t)n,
                      .b = clgen_ocl_scratch_mem(),
                      .ldb = (size_t)n,
                      .out = clgen_ocl_mem_of(dw),
                      .out_offset = (size_t)dw->offset,
                      .ldo = (size_t)j->patch};
  int err = im2col(j, x, first, images);
  if (!err) err = matrix_of_dy(j, dy, first, images, &g.a, &g.a_offset);
  return err ? err : clgen_ocl_gemm_add(j->ocl, j->plan, j->index, &g, j->reserved);
}

/* The kernel covers the whole image: y (n,o) = x (n, chw) x w (o, chw) transposed, without any columns. */
static int add_whole(conv_job *j) {
  const clgen_step *s = j->s;
  clgen_ocl_gemm g = {.a = clgen_ocl_mem_of(&s->in[0]),
                      .a_offset = (size_t)s->in[0].offset,
                      .b = clgen_ocl_mem_of(&s->in[1]),
                      .b_offset = (size_t)s->in[1].offset,
                      .out = clgen_ocl_mem_of(&s->out[0]),
                      .out_offset = (size_t)s->out[0].offset};
  size_t n = (size_t)s->conv.n, o = (size_t)s->conv.o, patch = (size_t)j->patch;
  if (s->kind == CLGEN_STEP_CONV2D) {
    g.m = n, g.n = o, g.k = patch, g.tb = true;
  } else if (s->kind == CLGEN_STEP_CONV2D_INPUT_GRAD) {
    g.m = n, g.n = patch, g.k = o;
  } else { /* dw (o, chw) = dy (n,o) transposed x x */
    clgen_ocl_mem x = g.a;
    size_t x_offset = g.a_offset;
    g.a = g.b, g.a_offset = g.b_offset, g.b = x, g.b_offset = x_offset;
    g.m = o, g.n = patch, g.k = n, g.ta = true;
  }
  g.lda = g.ta ? g.m : g.k;
  g.ldb = g.tb ? g.k : g.n;
  g.ldo = g.n;
  return clgen_ocl_gemm_add(j->ocl, j->plan, j->index, &g, j->reserved);
}

static bool is_whole(const clgen_step *s) {
  return s->conv.oh == 1 && s->conv.ow == 1 && s->conv.kh == s->conv.h && s->conv.kw == s->conv.w &&
         s->conv.conv.pad_h == 0 && s->conv.conv.pad_w == 0;
}

static bool is_empty(const clgen_step *s) { return s->conv.n == 0 || s->conv.c == 0 || s->conv.o == 0; }

static int add_tiles(conv_job *j) {
  if (clgen_tiles_winograd_takes(j->s)) return clgen_tiles_winograd(j->ocl, j->plan, j->s, j->index);
  switch (j->s->kind) {
    case CLGEN_STEP_CONV2D: return clgen_tiles_conv2d(j->ocl, j->plan, j->s, j->index);
    case CLGEN_STEP_CONV2D_INPUT_GRAD: return clgen_tiles_input_grad(j->ocl, j->plan, j->s, j->index);
    default: return clgen_tiles_weight_grad(j->ocl, j->plan, j->s, j->index);
  }
}

int clgen_ocl_add_conv(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  conv_job j = {
      ocl, plan, s, index, s->conv.c * s->conv.kh * s->conv.kw, s->conv.oh * s->conv.ow, s->conv.c * s->conv.h * s->conv.w,
      0};
  int err = clgen_ocl_gemm_ready(ocl);
  if (err || is_empty(s)) return err;
  if (is_whole(s)) return add_whole(&j);
  if (clgen_tiles_take(ocl, s)) return add_tiles(&j);
  int64_t at_once = images_at_once(&j);
  j.reserved = aligned(j.patch * at_once * j.plane) + s->conv.o * at_once * j.plane;
  clgen_ocl_want_scratch(plan, (size_t)j.reserved * sizeof(float));
  for (int64_t first = 0; !err && first < s->conv.n; first += at_once) {
    int64_t images = s->conv.n - first < at_once ? s->conv.n - first : at_once;
    if (s->kind == CLGEN_STEP_CONV2D)
      err = forward(&j, first, images);
    else
      err = s->kind == CLGEN_STEP_CONV2D_INPUT_GRAD ? input_grad(&j, first, images) : weight_grad(&j, first, images);
  }
  return err;
}
