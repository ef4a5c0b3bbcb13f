/* Held-out images: taken out of the training set for validation. */
#include "data/data_internal.h"

#include <stdlib.h>
#include <string.h>

static int copy_classes(const clgen_dataset *ds, clgen_dataset *held) {
  if (!ds->classes) return CLGEN_OK;
  held->classes = calloc((size_t)ds->info.classes + 1, sizeof *held->classes);
  if (!held->classes) return clgen_fail_nomem((size_t)ds->info.classes * sizeof *held->classes);
  for (int i = 0; i < ds->info.classes; ++i)
    if (!(held->classes[i] = clgen_strdup(ds->classes[i]))) return CLGEN_E_NOMEM;
  return CLGEN_OK;
}

static int like(clgen_dataset **out, const clgen_dataset *ds, int64_t n) {
  clgen_dataset *held = *out = calloc(1, sizeof *held);
  if (!held) return clgen_fail_nomem(sizeof *held);
  size_t bytes = (size_t)(clgen_dataset_image(ds, n) - ds->pixels);
  held->info = ds->info;
  held->options = ds->options;
  held->info.passed_over = 0;
  held->path = clgen_strdup(ds->path);
  held->name = clgen_strdup(ds->name);
  held->pixels = malloc(bytes);
  if (ds->labels) held->labels = malloc((size_t)n * sizeof *held->labels);
  if (!held->path || !held->name || !held->pixels || (ds->labels && !held->labels)) return clgen_fail_nomem(bytes);
  held->info.path = held->path;
  held->info.name = held->name;
  held->info.count = held->room = n;
  return copy_classes(ds, held);
}

static void move_image(clgen_dataset *to, int64_t place, const clgen_dataset *from, int64_t i) {
  size_t bytes = (size_t)(clgen_dataset_image(from, 1) - from->pixels);
  if (to == from && place == i) return;
  memcpy(to->pixels + (size_t)place * bytes, clgen_dataset_image(from, i), bytes);
  if (from->labels) to->labels[place] = from->labels[i];
}

/* chosen: 1 for each image that goes. */
static void part(clgen_dataset *ds, clgen_dataset *held, const char *chosen) {
  int64_t left = 0, gone = 0;
  for (int64_t i = 0; i < ds->info.count; ++i)
    if (chosen[i])
      move_image(held, gone++, ds, i);
    else
      move_image(ds, left++, ds, i);
  ds->info.count = left;
}

int clgen_dataset_hold_out(clgen_dataset *ds, int64_t n, clgen_dataset **out) {
  int64_t count = ds->info.count;
  *out = NULL;
  if (n < 1 || n >= count)
    return clgen_fail(CLGEN_E_INVALID, "%s: cannot hold out %lld of %lld images", ds->path, (long long)n, (long long)count);
  int64_t *order = malloc((size_t)count * sizeof *order);
  char *chosen = calloc((size_t)count, 1);
  clgen_dataset *held = NULL;
  int code = order && chosen ? like(&held, ds, n) : clgen_fail_nomem((size_t)count * sizeof *order);
  if (!code) {
    clgen_shuffle(order, count, ds->options.seed, CLGEN_STREAM_HOLD_OUT, 0);
    for (int64_t i = 0; i < n; ++i) chosen[order[i]] = 1;
    part(ds, held, chosen);
    *out = held;
  } else {
    clgen_dataset_close(held);
  }
  free(order);
  free(chosen);
  return code;
}
