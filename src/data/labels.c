/* Classes of image files: labels.csv (labels_csv.c) or dataset.json, {"labels": [["file", class], ...]}, as StyleGAN2-ADA's
 * dataset tool writes it. */
#include "data/data_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#if CLGEN_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

#define MAX_BYTES ((size_t)1 << 30)

char *clgen_path_key(const char *path) {
  char *key = clgen_strdup(path), *to = key;
  for (const char *from = key; from && *from;) {
    const size_t n = strcspn(from, "/\\");
    const bool nothing = n == 0 || (n == 1 && from[0] == '.');
    const char *next = from + n + (from[n] != 0);
    if (!nothing) {
      if (to != key) *to++ = '/';
      memmove(to, from, n);
      to += n;
    }
    from = next;
  }
  if (key) *to = 0;
#if CLGEN_HAVE_UTF8PROC
  char *composed = key ? (char *)utf8proc_NFC((const utf8proc_uint8_t *)key) : NULL; /* NULL too where it is no UTF-8 */
  if (composed) {
    free(key);
    return composed;
  }
#endif
  return key;
}

int clgen_labels_add(clgen_labels *l, char *path, char *name) {
  char *file = path ? clgen_path_key(path) : NULL;
  free(path);
  int code = file && name ? CLGEN_OK : CLGEN_E_NOMEM;
  if (!code && l->n == l->room) {
    size_t room = l->room ? l->room * 2 : 256;
    clgen_file_class *at = realloc(l->at, room * sizeof *at);
    if (!at) code = clgen_fail_nomem(room * sizeof *at);
    if (at) {
      l->at = at;
      l->room = room;
    }
  }
  if (code) {
    free(file);
    free(name);
    return code;
  }
  if (strchr(file, '/')) l->nested = true;
  l->at[l->n++] = (clgen_file_class){.file = file, .name = name};
  return CLGEN_OK;
}

/* ---- dataset.json ----------------------------------------------------------------------------------------------------- */

static int take_pair(clgen_labels *l, json_t *pair, size_t i, const char *path) {
  json_t *file = json_array_get(pair, 0), *name = json_array_get(pair, 1);
  if (!json_is_array(pair) || json_array_size(pair) != 2 || !json_is_string(file) ||
      !(json_is_integer(name) || json_is_string(name)))
    return clgen_fail(CLGEN_E_FORMAT, "%s: \"labels\"[%zu] is not [\"file\", class] with a number or a name as class", path,
                      i);
  return clgen_labels_add(l, clgen_strdup(json_string_value(file)),
                          json_is_string(name) ? clgen_strdup(json_string_value(name))
                                               : clgen_format("%lld", (long long)json_integer_value(name)));
}

static int read_json(clgen_labels *l, const char *path) {
  void *data;
  size_t size;
  json_error_t error;
  int code = clgen_file_read(path, MAX_BYTES, &data, &size);
  if (code) return code;
  json_t *root = json_loadb(data, size, 0, &error), *list = json_object_get(root, "labels");
  free(data);
  if (!root)
    code = clgen_fail(CLGEN_E_FORMAT, "%s: line %d: %s", path, error.line, error.text);
  else if (!json_is_object(root) || (list && !json_is_null(list) && !json_is_array(list)))
    code = clgen_fail(CLGEN_E_FORMAT, "%s: not {\"labels\": [[\"file\", class], ...]}", path);
  for (size_t i = 0; !code && i < json_array_size(list); ++i) code = take_pair(l, json_array_get(list, i), i, path);
  json_decref(root);
  return code;
}

/* ---- Both ------------------------------------------------------------------------------------------------------------- */

static int by_file(const void *a, const void *b) {
  return strcmp(((const clgen_file_class *)a)->file, ((const clgen_file_class *)b)->file);
}
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* 3, and 3.0, as pandas writes a column of numbers with gaps. */
static bool as_number(const char *text, int *out) {
  char *end;
  size_t n = strcspn(text, ".");
  if (text[n] && (!text[n + 1] || strspn(text + n + 1, "0") != strlen(text + n + 1))) return false;
  if (n < 1 || n > 5 || strspn(text, "0123456789") < n) return false;
  long v = strtol(text, &end, 10);
  *out = (int)v;
  return v < CLGEN_MAX_CLASSES;
}

/* Classes that are all numbers keep their order and their distances, from the least of them on, which need not be 0; others
 * are numbered in the order of their names. */
static int number_classes(clgen_labels *l) {
  bool numbers = true;
  int v, top = 0, first = CLGEN_MAX_CLASSES;
  for (size_t i = 0; i < l->n && numbers; ++i) {
    numbers = as_number(l->at[i].name, &v);
    if (numbers && v >= top) top = v + 1;
    if (numbers && v < first) first = v;
  }
  l->numbers = numbers;
  l->first = numbers ? first : 0;
  size_t room = numbers ? (size_t)(top - first) : l->n, n = 0;
  l->classes = calloc(room ? room : 1, sizeof *l->classes);
  if (!l->classes) return clgen_fail_nomem(room * sizeof *l->classes);
  if (numbers) {
    for (; l->count < top - first; ++l->count)
      if (!(l->classes[l->count] = clgen_format("%d", first + l->count))) return CLGEN_E_NOMEM;
    return CLGEN_OK;
  }
  char **sorted = malloc(l->n * sizeof *sorted);
  if (!sorted) return clgen_fail_nomem(l->n * sizeof *sorted);
  for (size_t i = 0; i < l->n; ++i) sorted[i] = l->at[i].name;
  qsort(sorted, l->n, sizeof *sorted, by_text);
  for (size_t i = 0; i < l->n; ++i)
    if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0) sorted[n++] = sorted[i];
  int code = n > CLGEN_MAX_CLASSES
                 ? clgen_fail(CLGEN_E_FORMAT, "%s: %zu classes; at most %d are supported", l->source, n, CLGEN_MAX_CLASSES)
                 : CLGEN_OK;
  for (size_t i = 0; !code && i < n; ++i) {
    if (!(l->classes[i] = clgen_strdup(sorted[i]))) code = CLGEN_E_NOMEM;
    if (!code) ++l->count;
  }
  free(sorted);
  return code;
}

int clgen_labels_end(clgen_labels *l) {
  if (l->n == 0) return CLGEN_OK;
  qsort(l->at, l->n, sizeof *l->at, by_file);
  for (size_t i = 1; i < l->n; ++i)
    if (strcmp(l->at[i].file, l->at[i - 1].file) == 0 && strcmp(l->at[i].name, l->at[i - 1].name) != 0)
      return clgen_fail(CLGEN_E_FORMAT, "%s: %s has two classes, %s and %s", l->source, l->at[i].file, l->at[i - 1].name,
                        l->at[i].name);
  return number_classes(l);
}

int clgen_labels_read(clgen_labels *l, const char *folder, const clgen_names *files) {
  memset(l, 0, sizeof *l);
  l->source = clgen_names_have(files, "dataset.json")   ? "dataset.json"
              : clgen_names_have(files, "labels.csv")   ? "labels.csv"
              : clgen_names_have(files, "metadata.csv") ? "metadata.csv"
                                                        : NULL;
  if (!l->source) return CLGEN_OK;
  char *path = clgen_format("%s/%s", folder, l->source);
  if (!path) return CLGEN_E_NOMEM;
  int code = strcmp(l->source, "dataset.json") == 0 ? read_json(l, path) : clgen_labels_read_csv(l, path, files);
  free(path);
  if (!code && (code = clgen_labels_end(l)) == CLGEN_E_FORMAT) code = clgen_fail_prefix(code, "%s", folder);
  return code;
}

static clgen_file_class *find_key(const clgen_labels *l, char *key) {
  const clgen_file_class wanted = {.file = key};
  return l->n ? bsearch(&wanted, l->at, l->n, sizeof *l->at, by_file) : NULL;
}

const clgen_file_class *clgen_labels_find(clgen_labels *l, const char *file) {
  char *key = l->n ? clgen_path_key(file) : NULL;
  clgen_file_class *found = key ? find_key(l, key) : NULL;
  char *slash = key ? strrchr(key, '/') : NULL, *dot = key ? strrchr(key, '.') : NULL;
  if (key && !found && dot && dot > (slash ? slash : key)) {
    *dot = 0;
    found = find_key(l, key);
  }
  free(key);
  if (found) found->found = true;
  return found;
}

int clgen_labels_class(const clgen_labels *l, const char *name) {
  int v = -1;
  if (l->numbers) return as_number(name, &v) ? v - l->first : -1;
  char **found = l->count ? bsearch(&name, l->classes, (size_t)l->count, sizeof *l->classes, by_text) : NULL;
  return found ? (int)(found - l->classes) : -1;
}

void clgen_labels_free(clgen_labels *l) {
  for (size_t i = 0; i < l->n; ++i) {
    free(l->at[i].file);
    free(l->at[i].name);
  }
  for (int i = 0; i < l->count; ++i) free(l->classes[i]);
  free(l->classes);
  free(l->at);
  memset(l, 0, sizeof *l);
}
