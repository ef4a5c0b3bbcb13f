/* CIFAR-10's binary version (https://www.cs.toronto.edu/~kriz/cifar.html): records of a label and 3 planes of 32 x 32. */
#include "data/data_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, RECORD = 1 + PIXELS, CLASSES = 10 };

static int append(clgen_array *a, const char *path) {
  void *data;
  size_t size;
  int code = clgen_file_read(path, SIZE_MAX / 4, &data, &size);
  if (code) return code;
  const uint8_t *from = data;
  int64_t n = (int64_t)(size / RECORD), total = a->count + n;
  if (n == 0 || size % RECORD)
    code = clgen_fail(CLGEN_E_FORMAT,
                      "%s: %zu bytes, not a multiple of a CIFAR-10 record, %d bytes: truncated, or not CIFAR-10", path, size,
                      RECORD);
  uint8_t *bytes = code ? NULL : realloc(a->bytes, (size_t)total * PIXELS);
  if (bytes) a->bytes = bytes;
  int *labels = bytes ? realloc(a->labels, (size_t)total * sizeof *labels) : NULL;
  if (labels) a->labels = labels;
  if (!code && !labels) code = clgen_fail_nomem((size_t)total * PIXELS);
  for (; !code && a->count < total; from += RECORD, ++a->count) {
    if (from[0] >= CLASSES)
      code = clgen_fail(CLGEN_E_FORMAT, "%s: record %zu has the label %d; CIFAR-10 has 0 to 9", path,
                        (size_t)(from - (uint8_t *)data) / RECORD, from[0]);
    a->labels[a->count] = from[0];
    memcpy(a->bytes + (size_t)a->count * PIXELS, from + 1, PIXELS);
  }
  free(data);
  return code;
}

static int finish(clgen_dataset *ds, clgen_array *a) {
  static const char *const names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                             "dog",      "frog",       "horse", "ship", "truck"};
  ds->info.classes = CLASSES;
  ds->classes = calloc(CLASSES, sizeof *ds->classes);
  int code = ds->classes ? CLGEN_OK : clgen_fail_nomem(sizeof names);
  for (int i = 0; !code && i < CLASSES; ++i)
    if (!(ds->classes[i] = clgen_strdup(names[i]))) code = CLGEN_E_NOMEM;
  if (!code) return clgen_fill_from_array(ds, a);
  clgen_array_free(a);
  return code;
}

static const clgen_array empty = {.channels = 3, .height = SIDE, .width = SIDE};

int clgen_open_cifar_file(clgen_dataset *ds, const char *path) {
  clgen_array a = empty;
  ds->info.format = "CIFAR-10";
  int code = append(&a, path);
  if (!code) return finish(ds, &a);
  clgen_array_free(&a);
  return code;
}

static bool in_set(const char *name, bool test) {
  size_t n = strlen(name);
  if (n < 4 || strcmp(name + n - 4, ".bin") != 0) return false;
  return test ? strcmp(name, "test_batch.bin") == 0 : strncmp(name, "data_batch_", 11) == 0;
}

static int append_set(clgen_dataset *ds, const clgen_names *files, bool test, clgen_array *a) {
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < files->n; ++i) {
    if (!in_set(files->at[i], test)) continue;
    char *path = clgen_format("%s/%s", ds->path, files->at[i]);
    code = path ? append(a, path) : CLGEN_E_NOMEM;
    free(path);
  }
  return code;
}

int clgen_open_cifar_folder(clgen_dataset *ds, const clgen_names *files, bool *taken) {
  clgen_array a = empty;
  int code = append_set(ds, files, ds->test, &a);
  *taken = true;
  if (!code && !a.count) {
    code = append_set(ds, files, !ds->test, &a);
    if (!code && a.count)
      clgen_log_write(&ds->options.log, CLGEN_LOG_INFO, "%s: there are only %s, which are used for training and for testing",
                      ds->path, ds->test ? "data_batch_*.bin" : "test_batch.bin");
  }
  *taken = code || a.count;
  if (*taken) ds->info.format = "CIFAR-10";
  if (!code && a.count) return finish(ds, &a);
  clgen_array_free(&a);
  return code;
}
