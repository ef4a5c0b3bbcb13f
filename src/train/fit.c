/* What would fit where a run does not: found by planning it, which allocates nothing on the device. */
#include "train/train_internal.h"

#include <stdlib.h>

#define MOST_DIVISORS 512

/* A smaller batch, or smaller parts of it. */
typedef struct {
  int64_t batch, batch_gpu;
} division;

static bool fits(const clgen_run *r, division d, uint64_t *bytes) {
  clgen_store *store = NULL;
  clgen_trainer *trainer = NULL;
  clgen_generator *generator = NULL;
  clgen_trainer_config t = r->config;
  t.batch = d.batch;
  t.batch_gpu = d.batch_gpu;
  int code = clgen_store_create(&store, r->device);
  if (!code) code = clgen_trainer_create(&trainer, r->model, store, &t);
  if (!code && !clgen_model_is_classifier(r->model))
    code = clgen_generator_create(&generator, r->model, store, CLGEN_GRID_IMAGES);
  if (!code) *bytes = clgen_store_memory(store).peak_bytes + r->judging_bytes;
  clgen_generator_free(generator);
  clgen_trainer_free(trainer);
  clgen_store_free(store);
  uint64_t have = clgen_device_get_info(r->device)->global_bytes;
  return !code && (!have || *bytes <= have);
}

/* The largest of the choices 0 .. n-1, which grow, that fits; -1: none does. */
static int64_t largest(const clgen_run *r, int64_t n, division (*choice)(const clgen_run *r, const int64_t *from, int64_t i),
                       const int64_t *from, uint64_t *bytes) {
  int64_t low = -1, high = n;
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    uint64_t takes;
    if (fits(r, choice(r, from, middle), &takes)) {
      low = middle;
      *bytes = takes;
    } else {
      high = middle;
    }
  }
  return low;
}

static division by_parts(const clgen_run *r, const int64_t *divisors, int64_t i) {
  return (division){r->config.batch, divisors[i]};
}

/* Batches of many images in steps of 8. */
static int64_t batch_number(int64_t i) { return i < 16 ? i + 1 : 8 * (i - 13); }
static division by_batch(const clgen_run *r, const int64_t *none, int64_t i) {
  (void)r, (void)none;
  return (division){batch_number(i), 0};
}

/* Those below what is asked for now. */
static int64_t find_divisors(const clgen_trainer_config *c, int64_t out[MOST_DIVISORS]) {
  int64_t n = 0, now = c->batch_gpu ? c->batch_gpu : c->batch;
  for (int64_t k = 1; k < now && n < MOST_DIVISORS; ++k)
    if (c->batch % k == 0) out[n++] = k;
  return n;
}

static void say_size(char *out, size_t size, const char *option, int64_t n, uint64_t bytes) {
  clgen_snprintf(out, size, "%s %lld would fit, in %.1f MiB", option, (long long)n, (double)bytes / 1048576.0);
}

int clgen_run_advise(const clgen_run *r, int code) {
  int64_t divisors[MOST_DIVISORS], n = find_divisors(&r->config, divisors), most = r->config.batch;
  uint64_t bytes = 0;
  bool too_large = code == CLGEN_E_NOMEM || code == CLGEN_E_UNSUPPORTED; /* indices have their limit too */
  if (!too_large || !r->store || fits(r, (division){most, r->config.batch_gpu}, &bytes)) return code;
  char *what = clgen_strdup(clgen_last_error()), parts[96] = "", batch[96] = "";
  if (clgen_batch_gpu_check(most, 1, &r->config.gan)) n = 0; /* the objective needs the whole batch */
  int64_t found = largest(r, n, by_parts, divisors, &bytes);
  if (found >= 0) say_size(parts, sizeof parts, "--batch-gpu", divisors[found], bytes);
  int64_t batches = 0;
  while (batch_number(batches) < most) ++batches;
  found = largest(r, batches, by_batch, NULL, &bytes);
  if (found >= 0) say_size(batch, sizeof batch, "--batch", batch_number(found), bytes);
  code = clgen_fail(code, "%s; %s%s%s", what ? what : "this does not fit", parts, parts[0] && batch[0] ? ", and " : "",
                    parts[0] || batch[0] ? batch : "a micro-batch of one image does not fit either; use a smaller network");
  free(what);
  return code;
}
