/* A choice among the classes of a dataset: the list is read, and those that stay are numbered from 0 again. */
#include "data/data_internal.h"

#include <stdlib.h>
#include <string.h>

/* The digits at *p as a number, *p moved behind them; -1 where there are none, or more than a class can have. */
static int number_at(const char **p) {
  size_t n = strspn(*p, "0123456789");
  int v = n && n <= 5 ? (int)strtol(*p, NULL, 10) : -1;
  *p += n;
  return v;
}

/* "3" or "0-4", all of it. */
static bool as_range(const char *item, int *low, int *high) {
  *low = *high = number_at(&item);
  if (*item == '-') {
    ++item;
    *high = number_at(&item);
  }
  return *low >= 0 && *high >= *low && !*item;
}

/* The names that there are, for a message; what does not fit is "...". */
static void list_names(char *out, size_t size, char *const *names, int n) {
  size_t at = 0;
  out[0] = 0;
  for (int i = 0; i < n; ++i) {
    size_t need = strlen(names[i]) + 2;
    if (at + need + 4 > size) {
      snprintf(out + at, size - at, "...");
      return;
    }
    at += (size_t)snprintf(out + at, size - at, "%s%s", names[i], i + 1 < n ? ", " : "");
  }
}

static int take_item(clgen_dataset *ds, const char *item, char *const *names, int n) {
  int low, high;
  for (int i = 0; names && i < n; ++i)
    if (strcmp(names[i], item) == 0) {
      ds->keep[i] = true;
      return CLGEN_OK;
    }
  if (as_range(item, &low, &high) && high < n) {
    for (int i = low; i <= high; ++i) ds->keep[i] = true;
    return CLGEN_OK;
  }
  char known[512];
  if (names)
    list_names(known, sizeof known, names, n);
  else
    snprintf(known, sizeof known, "0 to %d", n - 1);
  return clgen_fail(CLGEN_E_INVALID, "%s: the choice of classes '%s': '%s' is neither a class nor a range of numbers: %s",
                    ds->path, ds->options.classes, item, known);
}

int clgen_classes_choose(clgen_dataset *ds, char *const *names, int n) {
  const char *list = ds->options.classes;
  if (!list || !list[0]) return CLGEN_OK;
  if (n < 1)
    return clgen_fail(CLGEN_E_INVALID, "%s: the classes '%s' are chosen, and its images have no labels", ds->path, list);
  ds->keep = calloc((size_t)n, sizeof *ds->keep);
  if (!ds->keep) return clgen_fail_nomem((size_t)n);
  ds->n_keep = n;
  int code = CLGEN_OK;
  for (const char *p = list; !code;) {
    size_t length = strcspn(p, ",");
    char *item = clgen_format("%.*s", (int)length, p);
    code = item ? take_item(ds, item, names, n) : CLGEN_E_NOMEM;
    free(item);
    p += length;
    if (!*p++) break;
  }
  return code;
}

bool clgen_classes_keep(const clgen_dataset *ds, int label) {
  return !ds->keep || (label >= 0 && label < ds->n_keep && ds->keep[label]);
}

int clgen_classes_none_left(const clgen_dataset *ds) {
  return clgen_fail(CLGEN_E_INVALID, "%s: no image is of the chosen classes '%s'", ds->path, ds->options.classes);
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
