/* How products of matrices are computed on a device: measured once, then remembered. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/opencl/tune.h"

static const char store_key[] = "gemm";

/* Tiles for devices with 32 registers of 16 floats, 16 of 8, and 16 of 4. They all give the same sums, so that it does not
 * matter for a result which of them is the fastest today. */
static const clgen_gemm_candidate candidates[] = {
    {"clblast", {0, 0, 0}}, {"tiles 8x2x16", {8, 2, 16}}, {"tiles 6x2x8", {6, 2, 8}}, {"tiles 6x2x4", {6, 2, 4}}};

const clgen_gemm_candidate *clgen_gemm_candidates(size_t *n) {
  *n = CLGEN_COUNT(candidates);
  return candidates;
}

const clgen_tile *clgen_tile_of(const clgen_ocl *ocl) {
  const clgen_gemm_candidate *c = &candidates[ocl->gemm.candidate];
  return c->tile.rows ? &c->tile : NULL;
}

/* ---- The choice ------------------------------------------------------------------------------------------------------ */

static const int64_t sizes[CLGEN_GEMM_SIZES][3] = {{128, 256, 256}, {128, 2048, 256}, {512, 512, 512}}; /* m, n, k */

static const double far_behind = 8, clearly = 0.8;

/* The time of candidate k over all sizes, 0 where it is no choice; *small: of the first size the best so far, 0: none. */
static double measure(const clgen_gemm_trial *trial, size_t k, double *small) {
  double sum = 0, seconds = 0;
  if (!trial->is_right(trial->user, k)) return 0;
  for (int size = 0; size < CLGEN_GEMM_SIZES; ++size) {
    if (!trial->seconds(trial->user, k, size, &seconds)) return 0;
    if (size == 0 && *small > 0 && seconds > far_behind * *small) return 0;
    if (size == 0 && (*small <= 0 || seconds < *small)) *small = seconds;
    sum += seconds;
  }
  return sum;
}

size_t clgen_gemm_choose(const clgen_gemm_trial *trial, size_t n, double *total) {
  size_t winner = 0;
  double small = 0;
  for (size_t k = 0; k < n; ++k) total[k] = 0;
  for (size_t k = 1; k < n; ++k) {
    total[k] = measure(trial, k, &small);
    if (total[k] > 0 && (winner == 0 || total[k] < total[winner])) winner = k;
    if (winner > 0 && trial->is_enough(trial->user, total[winner])) return winner;
  }
  total[0] = measure(trial, 0, &small);
  return winner > 0 && (total[0] <= 0 || total[winner] < clearly * total[0]) ? winner : 0;
}

/* ---- Measuring on the device ----------------------------------------------------------------------------------------- */

static void product_step(clgen_step *s, const int64_t size[3], bool ta, bool tb) {
  *s = (clgen_step){.kind = CLGEN_STEP_MATMUL,
                    .label = "matmul",
                    .n_inputs = 2,
                    .n_outputs = 1,
                    .m = size[0],
                    .n = size[1],
                    .k = size[2],
                    .transpose_a = ta,
                    .transpose_b = tb};
  for (int k = 0; k < 2; ++k) s->in[k].dtype = CLGEN_F32;
  s->out[0].dtype = CLGEN_F32;
  clgen_step_count(s);
}

void clgen_tune_fill(float *x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] = (float)((i * 2654435761u) >> 8 & 1023) / 1023.0f - 0.5f;
}

enum { MAX_PRODUCTS = 16 };

/* Some products on the device, as one plan. */
typedef struct {
  clgen_ocl *ocl;
  int n;
  clgen_step step[MAX_PRODUCTS];
  clgen_buffer *buffer[MAX_PRODUCTS][3];
  float *host[MAX_PRODUCTS][3];
  clgen_plan *plan;
} products;

static size_t count_of(const clgen_step *s, int k) {
  return (size_t)(k == 0 ? s->m * s->k : k == 1 ? s->k * s->n : s->m * s->n);
}

static void products_free(products *p) {
  clgen_ocl_plan_free(p->ocl, p->plan);
  for (int i = 0; i < p->n; ++i)
    for (int k = 0; k < 3; ++k) {
      clgen_ocl_buffer_free(p->ocl, p->buffer[i][k]);
      free(p->host[i][k]);
    }
}

static int add_product(products *p, const int64_t size[3], bool ta, bool tb) {
  int i = p->n++, err = CLGEN_OK;
  clgen_step *s = &p->step[i];
  product_step(s, size, ta, tb);
  for (int k = 0; k < 3 && !err; ++k) {
    size_t n = count_of(s, k);
    float *x = p->host[i][k] = malloc(n * sizeof(float));
    if (!x) return clgen_fail_nomem(n * sizeof(float));
    clgen_tune_fill(x, n);
    err = clgen_ocl_buffer_create(p->ocl, n * sizeof(float), &p->buffer[i][k]);
    if (!err) err = clgen_ocl_buffer_write(p->ocl, p->buffer[i][k], 0, n * sizeof(float), x);
    (k < 2 ? &s->in[k] : &s->out[0])->buffer = p->buffer[i][k];
  }
  return err;
}

static int run(products *p) {
  int err = p->plan ? CLGEN_OK : clgen_ocl_plan_create(p->ocl, p->step, (size_t)p->n, &p->plan);
  if (!err) err = clgen_ocl_plan_run(p->ocl, p->plan);
  return err ? err : clgen_ocl_finish(p->ocl);
}

/* Whether every `apart`th row of product i, the last one included, is what it should be. */
static bool agrees(products *p, int i, int64_t apart) {
  const clgen_step *s = &p->step[i];
  const float *a = p->host[i][0], *b = p->host[i][1];
  float *out = p->host[i][2];
  if (clgen_ocl_buffer_read(p->ocl, p->buffer[i][2], 0, count_of(s, 2) * sizeof(float), out) != CLGEN_OK) return false;
  for (int64_t row = (s->m - 1) % apart; row < s->m; row += apart)
    for (int64_t j = 0; j < s->n; ++j) {
      double sum = 0;
      for (int64_t q = 0; q < s->k; ++q)
        sum += (double)a[s->transpose_a ? q * s->m + row : row * s->k + q] * b[s->transpose_b ? j * s->k + q : q * s->n + j];
      if (!(fabs(sum - out[row * s->n + j]) <= 1e-5 * sqrt((double)s->k))) return false;
    }
  return true;
}

static bool is_right(void *user, size_t candidate) {
  static const int64_t odd[][3] = {{33, 65, 47}, {7, 129, 300}, {40, 3, 1500}, {1, 1, 1}};
  products p = {.ocl = user};
  p.ocl->gemm.candidate = (int)candidate;
  if (candidate == 0) return true; /* it is what there is without tuning; each kernel of it takes long to build */
  int width = candidates[candidate].tile.width;
  if (p.ocl->width < width || p.ocl->width > 2 * width) return false; /* its registers are of another size */
  bool good = true;
  for (int i = 0; i < MAX_PRODUCTS && good; ++i) good = add_product(&p, odd[i / 4], i & 1, i & 2) == CLGEN_OK;
  good = good && run(&p) == CLGEN_OK;
  for (int i = 0; i < MAX_PRODUCTS && good; ++i) good = agrees(&p, i, 1);
  products_free(&p);
  return good && clgen_tune_convolutions_agree(p.ocl);
}

/* Large products are checked too: a driver that ends long loops early gets the small ones right and is fast
 * (docs/drivers.md). CLBlast is what there is when nothing else is right. */
static bool seconds_of(void *user, size_t candidate, int size, double *best) {
  enum { ROWS_APART = 32 };
  products p = {.ocl = user};
  p.ocl->gemm.candidate = (int)candidate;
  bool good = add_product(&p, sizes[size], false, false) == CLGEN_OK && run(&p) == CLGEN_OK; /* the first warms up */
  double spent = 0;
  for (int i = 0; good && i < 5 && (i < 2 || spent < 0.2); ++i) {
    double start = clgen_seconds();
    good = run(&p) == CLGEN_OK;
    double seconds = clgen_seconds() - start;
    if (i == 0 || seconds < *best) *best = seconds;
    spent += seconds;
  }
  good = good && (candidate == 0 || agrees(&p, 0, ROWS_APART));
  products_free(&p);
  return good;
}

static double gflops(double total) {
  double operations = 0;
  for (int k = 0; k < CLGEN_GEMM_SIZES; ++k) operations += 2e-9 * (double)(sizes[k][0] * sizes[k][1] * sizes[k][2]);
  return total > 0 ? operations / total : 0;
}

/* Each candidate costs seconds of building kernels, CLBlast's many. A tile that does one and a half vectors of operations a
 * clock and compute unit (two hardware threads may share one vector unit) needs no comparison: CLBlast's kernels, made for
 * GPUs, reach 3 to 5 operations on CPUs. */
static bool is_enough(void *user, double total) {
  const clgen_ocl *ocl = user;
  const clgen_device_info *info = &ocl->cl->info;
  return info->clock_mhz > 0 && gflops(total) * 1e3 > 1.5 * ocl->width * info->clock_mhz * (double)ocl->units;
}

static void tune(clgen_ocl *ocl) {
  double total[CLGEN_COUNT(candidates)] = {0}, start = clgen_seconds();
  bool profile = ocl->cl->options.profile;
  ocl->cl->options.profile = false; /* the trials are nobody's launches */
  clgen_log_write(&ocl->cl->options.log, CLGEN_LOG_INFO, "tuning matrix products for %s: once, some seconds ...",
                  ocl->cl->info.name);
  clgen_gemm_trial trial = {ocl, is_right, seconds_of, is_enough};
  size_t winner = clgen_gemm_choose(&trial, CLGEN_COUNT(candidates), total);
  ocl->cl->options.profile = profile;
  ocl->gemm.candidate = (int)winner;
  char other[64] = "that is enough, CLBlast was not tried";
  if (total[0] > 0) clgen_snprintf(other, sizeof other, "CLBlast's defaults %.0f", gflops(total[0]));
  clgen_log_write(&ocl->cl->options.log, CLGEN_LOG_INFO, "tuned matrix products for %s (once, %.1f s): %s, %.0f GFLOP/s; %s",
                  ocl->cl->info.name, clgen_seconds() - start, candidates[winner].name, gflops(total[winner]), other);
  /* A cache that cannot be written costs the next start a few seconds; that is no reason to stop. */
  if (clgen_tuning_put(ocl->cl, store_key, candidates[winner].name) != CLGEN_OK)
    clgen_log_write(&ocl->cl->options.log, CLGEN_LOG_DEBUG, "the tuning result cannot be saved: %s", clgen_last_error());
}

static bool use_stored(clgen_ocl *ocl) {
  char *name = clgen_tuning_get(ocl->cl, store_key);
  bool found = false;
  for (size_t k = 0; k < CLGEN_COUNT(candidates) && name && !found; ++k) {
    found = strcmp(name, candidates[k].name) == 0;
    if (found) ocl->gemm.candidate = (int)k;
  }
  free(name);
  return found;
}

int clgen_ocl_gemm_ready(clgen_ocl *ocl) {
  if (ocl->gemm_ready) return CLGEN_OK;
  ocl->gemm_ready = true; /* from here on the trials' own plans take what is set */
  ocl->gemm.candidate = 0;
  /* The tiles are made for few wide cores; others have CLBlast's tuned database. */
  if (!ocl->wide || ocl->cl->options.no_tune || use_stored(ocl)) return CLGEN_OK;
  tune(ocl);
  return CLGEN_OK;
}
