/* --classes: keep some classes of a dataset, which are renumbered from 0. */
#include "data/data_internal.h"

#include <stdlib.h>
#include <string.h>

int clgen_classes_choose(clgen_dataset *ds, char *const *names, int n) {
  const char *list = ds->options.classes;
  if (!list || !list[0]) return CLGEN_OK;
  if (n < 1)
    return clgen_fail(CLGEN_E_INVALID, "%s: classes '%s' were chosen, but the images have no labels", ds->path, list);
  ds->keep = calloc((size_t)n, sizeof *ds->keep);
  if (!ds->keep) return clgen_fail_nomem((size_t)n);
  ds->n_keep = n;
  int *chosen = NULL;
  size_t count;
  int code = clgen_choose(list, names, n, &chosen, &count);
  if (code == CLGEN_E_INVALID) code = clgen_fail_prefix(code, "%s", ds->path);
  for (size_t i = 0; !code && i < count; ++i) ds->keep[chosen[i]] = true;
  free(chosen);
  return code;
}

bool clgen_classes_keep(const clgen_dataset *ds, int label) {
  return !ds->keep || (label >= 0 && label < ds->n_keep && ds->keep[label]);
}

int clgen_classes_none_left(const clgen_dataset *ds) {
  return clgen_fail(CLGEN_E_INVALID, "%s: no image has one of the chosen classes '%s'", ds->path, ds->options.classes);
}

int clgen_classes_renumber(clgen_dataset *ds) {
  clgen_dataset_info *info = &ds->info;
  if (!ds->keep) return CLGEN_OK;
  int *now = malloc((size_t)ds->n_keep * sizeof *now), n = 0;
  if (!now) return clgen_fail_nomem((size_t)ds->n_keep * sizeof *now);
  for (int i = 0; i < ds->n_keep && i < info->classes; ++i) {
    char *name = ds->classes[i];
    ds->classes[i] = NULL;
    now[i] = n;
    if (ds->keep[i])
      ds->classes[n++] = name;
    else
      free(name);
  }
  for (int64_t i = 0; i < info->count; ++i) ds->labels[i] = now[ds->labels[i]];
  free(now);
  info->classes = n;
  return CLGEN_OK;
}
