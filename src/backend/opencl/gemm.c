/* Products of matrices through CLBlast. */
#include "backend/opencl/linear.h"

#include <clblast_c.h>
#include <string.h>

#include "backend/opencl/product.h"
#include "backend/opencl/sources.h"

static CLBlastTranspose transpose(bool t) { return t ? CLBlastTransposeYes : CLBlastTransposeNo; }

static int fail_clblast(const clgen_ocl *ocl, const clgen_ocl_gemm *g, CLBlastStatusCode code) {
  if (code > CLBlastNotImplemented) /* an error of OpenCL's own */
    return clgen_cl_fail_on(ocl->cl, (cl_int)code, true, "a %zux%zux%zu matrix product", g->m, g->n, g->k);
  return clgen_fail(CLGEN_E_DEVICE, "%s: CLBlast fails with error %d in a matrix product of %zux%zux%zu", ocl->cl->info.name,
                    (int)code, g->m, g->n, g->k);
}

int clgen_ocl_gemm_temp(clgen_ocl *ocl, const clgen_ocl_gemm *g, size_t *bytes) {
  CLBlastStatusCode code =
      CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, transpose(g->ta), transpose(g->tb), g->m, g->n, g->k, g->a_offset,
                                 g->lda, g->b_offset, g->ldb, g->out_offset, g->ldo, &ocl->cl->queue, bytes);
  return code == CLBlastSuccess ? CLGEN_OK : fail_clblast(ocl, g, code);
}

int clgen_ocl_gemm_add(clgen_ocl *ocl, clgen_plan *plan, size_t step, const clgen_ocl_gemm *g, int64_t reserved) {
  if (clgen_tile_of(ocl) && !g->add) return clgen_tiles_products(ocl, plan, step, g, 1, reserved);
  size_t bytes;
  int err = clgen_ocl_product_ready(ocl);
  if (!err && ocl->gemm.plain) return clgen_ocl_product_add(plan, step, g);
  if (!err) err = clgen_ocl_gemm_temp(ocl, g, &bytes);
  if (err) return err;
  clgen_ocl_launch *item = clgen_ocl_launch_add(plan, step);
  if (!item) return clgen_fail_nomem(sizeof *item);
  item->is_gemm = true;
  item->gemm = *g;
  if (bytes > plan->gemm_bytes) plan->gemm_bytes = bytes;
  return CLGEN_OK;
}

int clgen_ocl_gemm_enqueue(clgen_ocl *ocl, const clgen_ocl_gemm *g, cl_mem a, cl_mem b, cl_mem out, cl_mem temp,
                           cl_event *event) {
  float beta = g->add ? 1.0f : 0.0f;
  ocl->clblast_keeps = true;
  CLBlastStatusCode code = CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, transpose(g->ta), transpose(g->tb), g->m, g->n,
                                                      g->k, 1.0f, a, g->a_offset, g->lda, b, g->b_offset, g->ldb, beta, out,
                                                      g->out_offset, g->ldo, &ocl->cl->queue, event, temp);
  return code == CLBlastSuccess ? CLGEN_OK : fail_clblast(ocl, g, code);
}

void clgen_ocl_gemm_close(clgen_ocl *ocl) {
  if (ocl->clblast_keeps) CLBlastClearCache();
}

bool clgen_ocl_launches(const clgen_plan *plan, const char *kernel) {
  for (size_t i = 0; i < plan->n_items; ++i)
    if (plan->item[i].name && strcmp(plan->item[i].name, kernel) == 0) return true;
  return false;
}

/* Of the kernels of tiles those that are wanted: each costs its time to compile. */
static void add_tiles(const clgen_tile *tile, const clgen_plan *plan, clgen_text *source) {
  const bool winograd = clgen_ocl_launches(plan, "clgen_tiles_winograd");
  clgen_text_add(source, "#define TM %d\n#define TV %d\n#define TW %d\n%s", tile->rows, tile->vectors, tile->width,
                 clgen_cl_tiles);
  if (winograd || clgen_ocl_launches(plan, "clgen_tiles_conv")) clgen_text_add(source, "%s", clgen_cl_tiles_conv);
  if (winograd) clgen_text_add(source, "%s", clgen_cl_tiles_winograd);
  if (clgen_ocl_launches(plan, "clgen_tiles_product")) clgen_text_add(source, "%s", clgen_cl_tiles_product);
  if (clgen_ocl_launches(plan, "clgen_tiles_weight")) clgen_text_add(source, "%s", clgen_cl_tiles_weight);
}

void clgen_ocl_linear_source(const clgen_ocl *ocl, const clgen_plan *plan, clgen_text *source) {
  const clgen_tile *tile = clgen_tile_of(ocl);
  if (plan->uses_conv || plan->uses_sample) clgen_text_add(source, "%s", clgen_cl_stretch);
  if (plan->uses_conv) clgen_text_add(source, "%s", clgen_cl_conv);
  if (plan->uses_product) clgen_text_add(source, "%s", clgen_cl_product);
  if (plan->uses_sample) clgen_text_add(source, "#define REACH %d\n%s", CLGEN_SAMPLE_REACH, clgen_cl_sample);
  if (plan->uses_tiles && tile) add_tiles(tile, plan, source);
}

/* ---- What the steps share ---------------------------------------------------------------------------------------- */

enum { ITEMS_PER_UNIT = 4, LOOPING_ITEMS_PER_UNIT = 4096 };

void clgen_ocl_spread(const clgen_ocl *ocl, clgen_plan *plan, clgen_ocl_launch *item, int64_t total) {
  int64_t items = ocl->wide ? ITEMS_PER_UNIT * (int64_t)ocl->units : LOOPING_ITEMS_PER_UNIT * (int64_t)ocl->units;
  if (items > CLGEN_STEP_MAX_ITEMS) items = CLGEN_STEP_MAX_ITEMS;
  if (items > total) items = total;
  int64_t per_item = ocl->wide ? (total + items - 1) / items : 0;
  item->local = ocl->local;
  item->global = ((size_t)items + ocl->local - 1) / ocl->local * ocl->local;
  clgen_ocl_argument(plan, per_item);
  clgen_ocl_argument(plan, total);
}

size_t clgen_ocl_scratch_limit(const clgen_ocl *ocl) {
  const size_t least = (size_t)8 << 20, most = (size_t)256 << 20;
  uint64_t share = ocl->cl->info.global_bytes / 32, largest = ocl->cl->info.max_alloc_bytes;
  size_t limit = share < least ? least : share > most ? most : (size_t)share;
  return largest && limit > largest ? (size_t)largest : limit;
}

static clgen_ocl_gemm gemm_of(const clgen_step *s) {
  return (clgen_ocl_gemm){.m = (size_t)s->m,
                          .n = (size_t)s->n,
                          .k = (size_t)s->k,
                          .ta = s->transpose_a,
                          .tb = s->transpose_b,
                          .a = clgen_ocl_mem_of(&s->in[0]),
                          .b = clgen_ocl_mem_of(&s->in[1]),
                          .out = clgen_ocl_mem_of(&s->out[0]),
                          .a_offset = (size_t)s->in[0].offset,
                          .b_offset = (size_t)s->in[1].offset,
                          .out_offset = (size_t)s->out[0].offset,
                          .lda = (size_t)(s->transpose_a ? s->m : s->k),
                          .ldb = (size_t)(s->transpose_b ? s->k : s->n),
                          .ldo = (size_t)s->n};
}

int clgen_ocl_add_matmuls(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index, size_t n) {
  clgen_ocl_gemm g[CLGEN_STEP_TOGETHER];
  int err = clgen_ocl_gemm_ready(ocl);
  for (size_t i = 0; i < n; ++i) g[i] = gemm_of(&s[i]);
  if (!err && clgen_tile_of(ocl)) return clgen_tiles_products(ocl, plan, index, g, (int)n, 0);
  for (size_t i = 0; i < n && !err; ++i) err = clgen_ocl_gemm_add(ocl, plan, index + i, &g[i], 0);
  return err;
}

static bool fits(const clgen_ocl *ocl, const clgen_step *s, const char *what, double floats) {
  double largest = (double)ocl->cl->info.max_alloc_bytes;
  if (floats <= (double)CLGEN_STEP_MAX_ELEMENTS && (largest <= 0 || 4 * floats <= largest)) return true;
  clgen_fail(CLGEN_E_UNSUPPORTED,
             "%s: %s: %s of %.0f floats is more than the device's largest allocation (%.0f bytes) or than "
             "2^31 elements; a smaller batch may fit",
             ocl->cl->info.name, s->label ? s->label : clgen_step_kind_name(s->kind), what, floats, largest);
  return false;
}

bool clgen_ocl_linear_supports(clgen_ocl *ocl, const clgen_step *s) {
  if (s->kind == CLGEN_STEP_MATMUL) {
    double m = (double)s->m, n = (double)s->n, k = (double)s->k;
    return fits(ocl, s, "the left matrix", m * k) && fits(ocl, s, "the right matrix", k * n) &&
           fits(ocl, s, "the product", m * n);
  }
  if (s->kind == CLGEN_STEP_AFFINE_SAMPLE || s->kind == CLGEN_STEP_AFFINE_SAMPLE_GRAD) {
    double planes = (double)s->sample.n * (double)s->sample.c;
    return fits(ocl, s, "the images", planes * (double)s->sample.h * (double)s->sample.w) &&
           fits(ocl, s, "the sampled images", planes * (double)s->sample.oh * (double)s->sample.ow);
  }
  double n = (double)s->conv.n, c = (double)s->conv.c, o = (double)s->conv.o,
         plane = (double)s->conv.oh * (double)s->conv.ow;
  double kernel = (double)s->conv.kh * (double)s->conv.kw;
  return fits(ocl, s, "the input", n * c * (double)s->conv.h * (double)s->conv.w) &&
         fits(ocl, s, "the output", n * o * plane) && fits(ocl, s, "the weight", o * c * kernel) &&
         fits(ocl, s, "the matrix of one image's patches", (c * kernel + o) * plane + 64);
}
