/* A file of golden values, open while the tests of a program run. Include after graphs.h. */
#ifndef CLGEN_TEST_GOLDEN_H
#define CLGEN_TEST_GOLDEN_H

#include <clgen/safetensors.h>

static clgen_safetensors *golden;

static inline int open_golden_file(const char *name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.safetensors", getenv("CLGEN_TEST_GOLDEN"), name);
  return clgen_safetensors_open(&golden, path);
}

static inline int close_golden(void **state) {
  (void)state;
  clgen_safetensors_close(golden);
  return 0;
}

static inline const void *data_of(const char *name) {
  const clgen_st_tensor *t = clgen_safetensors_find(golden, name);
  if (!t) fail_msg("no %s", name);
  return t->data;
}

static inline const float *floats_of(const char *name) { return data_of(name); }

#endif
