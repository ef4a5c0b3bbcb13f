/* Runs that go on from a state that is changed on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <clgen/safetensors.h>

#include "files.h"
#include "runs.h"

#define STATE "training-state-"
#define COUNTS "steps_since_report"

/* Writes the state again with another step. */
static void set_step(const char *path, int64_t step) {
  clgen_safetensors *st;
  OK(clgen_safetensors_open(&st, path));
  const size_t n = clgen_safetensors_count(st), n_meta = clgen_safetensors_meta_count(st);
  clgen_st_tensor *tensors = calloc(n, sizeof *tensors);
  clgen_st_meta *meta = calloc(n_meta, sizeof *meta);
  bool found = false;
  for (size_t i = 0; i < n; ++i) {
    tensors[i] = *clgen_safetensors_get(st, i);
    if (strcmp(tensors[i].name, "step") != 0) continue;
    tensors[i].data = &step;
    found = true;
  }
  assert_true(found);
  for (size_t i = 0; i < n_meta; ++i) meta[i] = *clgen_safetensors_meta_get(st, i);
  OK(clgen_safetensors_write(path, tensors, n, meta, n_meta));
  clgen_safetensors_close(st);
  free(meta);
  free(tensors);
}

/* How many of a state's counts are `value`. */
static int counts_of(const char *path, int64_t value) {
  clgen_safetensors *st;
  OK(clgen_safetensors_open(&st, path));
  const clgen_st_tensor *t = clgen_safetensors_find(st, COUNTS);
  assert_non_null(t);
  assert_int_equal(t->dtype, CLGEN_ST_I64);
  int found = 0;
  for (int64_t i = 0; i < clgen_shape_count(&t->shape); ++i) {
    int64_t count;
    memcpy(&count, (const char *)t->data + (size_t)i * sizeof count, sizeof count);
    found += count == value;
  }
  clgen_safetensors_close(st);
  return found;
}

/* A float holds no whole number above 2^24 that is odd. */
static void counts_above_24_bits(void **state) {
  (void)state;
  const int64_t many = (int64_t)1 << 24;
  char data[1100], out[600], run[2100], path[2200], kimg[32];
  snprintf(data, sizeof data, "data=%s/mnist/t10k-images-idx3-ubyte.gz", getenv("CLGEN_TEST_EXAMPLES"));
  snprintf(out, sizeof out, "outdir=%s", file_at("many"));
  const char *const first[] = {data,     out,          "cfg=vae-mlp",       "hidden=4",    "nz=2",
                               "kimg=1", "batch=1000", "adapt=control-vae", "kl-target=2", "device=host"};
  clgen_train_result result = train_with(first, CLGEN_COUNT(first));
  snprintf(path, sizeof path, "%s/" STATE "000001.safetensors", result.run_dir);
  assert_int_equal(counts_of(path, 1), 3); /* both players' updates, and the step from which they hold */
  set_step(path, many);
  snprintf(run, sizeof run, "resume=%s", result.run_dir);
  snprintf(kimg, sizeof kimg, "kimg=%lld", (long long)many + 1);
  const char *const more[] = {run, kimg};
  result = train_with(more, CLGEN_COUNT(more));
  snprintf(path, sizeof path, "%s/" STATE "%lld.safetensors", result.run_dir, (long long)many + 1);
  assert_int_equal(counts_of(path, many + 1), 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(counts_above_24_bits)};
  return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
