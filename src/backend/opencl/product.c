/* Products of matrices where no tile computes them: CLBlast's, once they were compared with their definition on the device,
 * else those of cl/product.cl. */
#include "backend/opencl/product.h"

#include <clblast_c.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

/* ---- Our own ---------------------------------------------------------------------------------------------------------- */

int clgen_ocl_product_add(clgen_plan *plan, size_t step, const clgen_ocl_gemm *g) {
  enum { BLOCK = 32, GROUP = 64 }; /* of cl/product.cl */
  clgen_ocl_launch *launch = clgen_ocl_launch_add(plan, step);
  if (!launch) return clgen_fail_nomem(sizeof *launch);
  plan->uses_product = true;
  launch->name = "clgen_product";
  launch->n_mems = 3;
  launch->mem[0] = g->a, launch->mem[1] = g->b, launch->mem[2] = g->out;
  launch->local = GROUP;
  launch->global = GROUP * ((g->m + BLOCK - 1) / BLOCK) * ((g->n + BLOCK - 1) / BLOCK);
  const size_t words[] = {g->m,        g->n,        g->k,          g->ta,  g->tb,  g->add,
                          g->a_offset, g->b_offset, g->out_offset, g->lda, g->ldb, g->ldo};
  for (size_t i = 0; i < CLGEN_COUNT(words); ++i) clgen_ocl_argument(plan, (int64_t)words[i]);
  return CLGEN_OK;
}

/* ---- Checking --------------------------------------------------------------------------------------------------------- */

/* CLBlast has two kernels, and takes the one for large products from some m n k on that its database knows for the device.
 * That kernel wants temporary memory where sizes are odd; so this finds the least odd size whose cube takes it, or one
 * beyond MOST. */
enum { MOST = 4097 };

static bool is_indirect(clgen_ocl *ocl, size_t s) {
  const clgen_ocl_gemm g = {.m = s, .n = s, .k = s, .lda = s, .ldb = s, .ldo = s};
  size_t bytes = 0;
  return clgen_ocl_gemm_temp(ocl, &g, &bytes) == CLGEN_OK && bytes > 0;
}

static size_t least_indirect(clgen_ocl *ocl) {
  size_t low = 1, high = MOST + 2; /* odd; low is direct, or the least there is */
  if (is_indirect(ocl, low)) return low;
  while (high - low > 2) {
    const size_t middle = (low + high) / 4 * 2 + 1;
    if (is_indirect(ocl, middle))
      high = middle;
    else
      low = middle;
  }
  return high;
}

typedef struct {
  size_t count[3]; /* floats of a, b, out with what lies before them */
  float *host[3];
  clgen_buffer *buffer[3];
} operands;

static int make_operands(clgen_ocl *ocl, const clgen_ocl_gemm *g, operands *o) {
  o->count[0] = g->a_offset + g->m * g->k;
  o->count[1] = g->b_offset + g->k * g->n;
  o->count[2] = g->out_offset + g->m * g->n;
  for (int i = 0; i < 3; ++i) {
    const size_t bytes = o->count[i] * sizeof(float);
    if (!(o->host[i] = malloc(bytes))) return clgen_fail_nomem(bytes);
    clgen_tune_fill(o->host[i], o->count[i]);
    int err = clgen_ocl_buffer_create(ocl, bytes, &o->buffer[i]);
    if (!err) err = clgen_ocl_buffer_write(ocl, o->buffer[i], 0, bytes, o->host[i]);
    if (err) return err;
  }
  return CLGEN_OK;
}

static void free_operands(clgen_ocl *ocl, operands *o) {
  for (int i = 0; i < 3; ++i) {
    clgen_ocl_buffer_free(ocl, o->buffer[i]);
    free(o->host[i]);
  }
}

static double weight_of(size_t j) { return (double)((j * 40503u >> 4 & 255u) + 64) / 320; }

/* Whether out w is op(a) (op(b) w), and what was there where it was added to, for numbers w: one wrong element shows, and it
 * costs as little as reading the matrices (Freivalds 1977). `got` is what the device left, the host's out what was there. */
static bool agrees(const clgen_ocl_gemm *g, const operands *o, const float *got) {
  const float *a = o->host[0] + g->a_offset, *b = o->host[1] + g->b_offset, *was = o->host[2] + g->out_offset;
  const double bound = 1e-5 * sqrt((double)g->k * (double)g->n) + 1e-5;
  double *bw = calloc(g->k, sizeof *bw);
  bool good = bw && memcmp(got, o->host[2], g->out_offset * sizeof *got) == 0; /* nothing before it was written */
  got += g->out_offset;
  for (size_t q = 0; q < g->k && good; ++q)
    for (size_t j = 0; j < g->n; ++j) bw[q] += (double)b[g->tb ? j * g->k + q : q * g->n + j] * weight_of(j);
  for (size_t i = 0; i < g->m && good; ++i) {
    double sum = 0;
    for (size_t q = 0; q < g->k; ++q) sum += (double)a[g->ta ? q * g->m + i : i * g->k + q] * bw[q];
    for (size_t j = 0; j < g->n; ++j)
      sum -= ((double)got[i * g->n + j] - (g->add ? (double)was[i * g->n + j] : 0)) * weight_of(j);
    good = fabs(sum) <= bound;
  }
  free(bw);
  return good;
}

/* CLGEN_E_DEVICE and why, where the product is wrong or fails. */
static int check_one(clgen_ocl *ocl, clgen_ocl_gemm g) {
  operands o = {0};
  clgen_plan *plan = NULL;
  g.lda = g.ta ? g.m : g.k;
  g.ldb = g.tb ? g.k : g.n;
  g.ldo = g.n;
  int err = make_operands(ocl, &g, &o);
  g.a.mem = err ? NULL : o.buffer[0]->mem, g.b.mem = err ? NULL : o.buffer[1]->mem,
  g.out.mem = err ? NULL : o.buffer[2]->mem;
  float *got = malloc(o.count[2] * sizeof *got);
  if (!err && !got) err = clgen_fail_nomem(o.count[2] * sizeof *got);
  if (!err) err = clgen_ocl_plan_products(ocl, &g, 1, &plan);
  if (!err) err = clgen_ocl_plan_run(ocl, plan);
  if (!err) err = clgen_ocl_buffer_read(ocl, o.buffer[2], 0, o.count[2] * sizeof *got, got);
  if (!err && !agrees(&g, &o, got))
    err = clgen_fail(CLGEN_E_DEVICE, "a wrong product of matrices of %zux%zu%s and %zux%zu%s%s", g.m, g.k,
                     g.ta ? " (transposed)" : "", g.k, g.n, g.tb ? " (transposed)" : "", g.add ? ", added" : "");
  clgen_ocl_plan_free(ocl, plan);
  free_operands(ocl, &o);
  free(got);
  return err;
}

/* Every way to transpose, below and above the size where CLBlast changes kernels; above it also sizes that need no padding,
 * and a sum, as the gradient of a weight is made in parts. */
static int check_all(clgen_ocl *ocl, size_t large) {
  const size_t whole = (large + 127) / 128 * 128;
  const clgen_ocl_gemm size[] = {{.m = 33, .n = 65, .k = 47, .a_offset = 5, .b_offset = 64, .out_offset = 3},
                                 {.m = 64, .n = 64, .k = 96},
                                 {.m = large, .n = large + 2, .k = large, .a_offset = 3, .b_offset = 64, .out_offset = 1},
                                 {.m = whole, .n = whole, .k = whole}};
  int err = CLGEN_OK;
  for (size_t i = 0; i < CLGEN_COUNT(size) && !err; ++i) {
    clgen_ocl_gemm g = size[i];
    if (i >= 2 && large > MOST) break; /* no product of ours gets there */
    for (int t = 0; t < 4 && !err; ++t) {
      g.ta = t & 1, g.tb = t & 2;
      g.add = t == 2; /* as weights' gradients do */
      err = check_one(ocl, g);
    }
  }
  return err;
}

/* ---- Once a device ------------------------------------------------------------------------------------------------------
 */

static const char is_right[] = "right", is_wrong[] = "wrong";

static void keep(clgen_ocl *ocl, const char *key, const char *value) {
  if (clgen_tuning_put(ocl->cl, key, value) != CLGEN_OK)
    clgen_log_write(&ocl->cl->options.log, CLGEN_LOG_DEBUG, "the result of the check of matrix products cannot be saved: %s",
                    clgen_last_error());
}

/* CLBlast's, else ours; else neither. */
static int choose(clgen_ocl *ocl, const char *version, const char *key) {
  const clgen_logger *log = &ocl->cl->options.log;
  const char *name = ocl->cl->info.name;
  clgen_log_write(log, CLGEN_LOG_INFO, "checking CLBlast's matrix products on %s: once, some seconds ...", name);
  const size_t large = least_indirect(ocl);
  int err = check_all(ocl, large);
  if (!err) {
    keep(ocl, key, is_right);
    return CLGEN_OK;
  }
  if (err == CLGEN_E_NOMEM) return err;
  char why[256];
  snprintf(why, sizeof why, "%s", clgen_last_error());
  ocl->gemm.plain = true;
  err = check_all(ocl, large);
  if (err == CLGEN_E_NOMEM) return err;
  if (err)
    return clgen_fail(
        CLGEN_E_UNSUPPORTED,
        "%s cannot be used: its matrix products are wrong, with CLBlast's kernels (%s) and with clgen's own (%s)", name, why,
        clgen_last_error());
  clgen_log_write(log, CLGEN_LOG_WARNING,
                  "CLBlast %s on %s computes %s; clgen's own kernels, which are slower, are used instead (docs/drivers.md)",
                  version, name, why);
  keep(ocl, key, is_wrong);
  return CLGEN_OK;
}

int clgen_ocl_product_ready(clgen_ocl *ocl) {
  if (ocl->gemm.is_checked || ocl->cl->options.no_tune) return CLGEN_OK;
  char key[80], version[CLGEN_OCL_VERSION_TEXT];
  clgen_ocl_clblast_version(version);
  snprintf(key, sizeof key, "products of CLBlast %s", version);
  char *stored = clgen_tuning_get(ocl->cl, key);
  const bool known = stored && (!strcmp(stored, is_right) || !strcmp(stored, is_wrong));
  if (known) ocl->gemm.plain = !strcmp(stored, is_wrong);
  free(stored);
  ocl->gemm.is_checked = true; /* from here on the check's own products take what is set */
  if (known) return CLGEN_OK;
  const int candidate = ocl->gemm.candidate;
  const bool profile = ocl->cl->options.profile;
  ocl->gemm.candidate = 0;
  ocl->cl->options.profile = false; /* the check's launches are nobody's */
  const int err = choose(ocl, version, key);
  ocl->cl->options.profile = profile;
  ocl->gemm.candidate = candidate;
  ocl->gemm.is_checked = !err; /* so that the next one fails with the reason, too */
  if (err) ocl->gemm.plain = false;
  return err;
}

int clgen_ocl_product_warm(clgen_ocl *ocl) {
  if (ocl->clblast_keeps) return CLGEN_OK;
  clgen_log_write(&ocl->cl->options.log, CLGEN_LOG_INFO,
                  "compiling CLBlast's kernels for %s: some seconds, at each start ...", ocl->cl->info.name);
  const clgen_ocl_gemm g = {.m = 1, .n = 1, .k = 1, .lda = 1, .ldb = 1, .ldo = 1};
  operands o = {0};
  int err = make_operands(ocl, &g, &o);
  if (!err) err = clgen_ocl_gemm_enqueue(ocl, &g, o.buffer[0]->mem, o.buffer[1]->mem, o.buffer[2]->mem, NULL, NULL);
  if (!err) err = clgen_ocl_finish(ocl);
  free_operands(ocl, &o);
  return err;
}
