/* What a trainer's steps watched, which lies on the device until it is read. */
#include "train/trainer.h"

#include <string.h>

/* ---- Reports ---- */

/* How many steps computed watched number i, of so many of each kind. */
static uint64_t times(const clgen_trainer *t, int i, const uint64_t ran[CLGEN_STEP_KINDS]) {
  uint64_t n = 0;
  for (int k = 0; k < CLGEN_STEP_KINDS; ++k)
    if (t->kind[k].computes[i]) n += ran[k];
  return n;
}

int clgen_trainer_read(clgen_trainer *t, clgen_trainer_report *out) {
  float sum[CLGEN_MAX_WATCHED], bad[CLGEN_MAX_WATCHED], good[CLGEN_MAX_WATCHED];
  static const char *const states[] = {CLGEN_WATCH_SUM, CLGEN_WATCH_BAD, CLGEN_WATCH_GOOD};
  float *const values[] = {sum, bad, good};
  *out = (clgen_trainer_report){.steps = t->steps, .bad = -1};
  if (!t->steps) return CLGEN_OK;
  for (size_t k = 0; k < CLGEN_COUNT(states); ++k) {
    int code = clgen_store_read(t->store, states[k], 0, t->names.n, values[k]);
    const float zero[CLGEN_MAX_WATCHED] = {0};
    if (!code) code = clgen_store_write(t->store, states[k], 0, t->names.n, zero);
    if (code) return code;
  }
  for (int i = 0; i < t->names.n; ++i) {
    uint64_t computed = times(t, i, t->ran);
    if (!computed) continue;
    int at = out->n++;
    out->name[at] = t->names.name[i];
    out->mean[at] = (double)sum[i] / (double)computed;
    if (bad[i] != 0 && (out->bad < 0 || good[i] < (float)out->bad_step)) {
      out->bad = at;
      out->bad_step = (uint64_t)good[i];
    }
  }
  t->steps = 0;
  memset(t->ran, 0, sizeof t->ran);
  return CLGEN_OK;
}

int clgen_trainer_read_window(clgen_trainer *t, uint64_t first, uint64_t last, clgen_adapt_statistics *out) {
  float sum[CLGEN_MAX_WATCHED];
  const float zero[CLGEN_MAX_WATCHED] = {0};
  uint64_t ran[CLGEN_STEP_KINDS] = {0}; /* no hyper was turned between first and last */
  out->n = 0;
  if (!t->config.controllers) return clgen_fail(CLGEN_E_INVALID, "a trainer without controllers has no window");
  for (uint64_t step = first; step < last; step += (uint64_t)clgen_trainer_batches(t)) {
    int kinds[4], n = clgen_trainer_kinds_of(t, clgen_trainer_kind_at(t, step), kinds);
    for (int i = 0; i < n; ++i) ++ran[kinds[i]];
  }
  int code = clgen_store_read(t->store, CLGEN_ADAPT_WINDOW, 0, t->names.n, sum);
  if (!code) code = clgen_store_write(t->store, CLGEN_ADAPT_WINDOW, 0, t->names.n, zero);
  for (int i = 0; !code && i < t->names.n; ++i) {
    uint64_t computed = times(t, i, ran);
    if (!computed) continue;
    out->name[out->n] = t->names.name[i];
    out->mean[out->n++] = (double)sum[i] / (double)computed;
  }
  return code;
}

/* ---- What a state keeps of it ---- */

/* Steps since the last report: all, and of each kind; then each player's updates, and the step before which they were made.
 */
enum { COUNT_STEPS, COUNT_RAN, COUNT_UPDATES = COUNT_RAN + CLGEN_STEP_KINDS, COUNT_SINCE = COUNT_UPDATES + CLGEN_PLAYERS };
_Static_assert((int)COUNT_SINCE < (int)CLGEN_TRAINER_COUNTS, "states have a fixed number of counts");

void clgen_trainer_get_counts(const clgen_trainer *t, int64_t counts[CLGEN_TRAINER_COUNTS]) {
  memset(counts, 0, CLGEN_TRAINER_COUNTS * sizeof *counts);
  counts[COUNT_STEPS] = (int64_t)t->steps;
  for (int i = 0; i < CLGEN_STEP_KINDS; ++i) counts[COUNT_RAN + i] = (int64_t)t->ran[i];
  for (int i = 0; i < CLGEN_PLAYERS; ++i) counts[COUNT_UPDATES + i] = (int64_t)t->updates[i];
  counts[COUNT_SINCE] = (int64_t)t->since;
}

void clgen_trainer_set_counts(clgen_trainer *t, const int64_t counts[CLGEN_TRAINER_COUNTS]) {
  t->steps = (uint64_t)counts[COUNT_STEPS];
  for (int i = 0; i < CLGEN_STEP_KINDS; ++i) t->ran[i] = (uint64_t)counts[COUNT_RAN + i];
  for (int i = 0; i < CLGEN_PLAYERS; ++i) t->updates[i] = (uint64_t)counts[COUNT_UPDATES + i];
  t->since = (uint64_t)counts[COUNT_SINCE];
}
