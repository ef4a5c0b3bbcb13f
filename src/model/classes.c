/* The classes of a model: what they are called and how frequent they are. */
#include "model/model_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int no_classes(const clgen_model *m) {
  return clgen_fail(CLGEN_E_INVALID, "this %s is not conditional (clgen train --cond), so it cannot generate a given class",
                    clgen_arch_name(m->config.arch));
}

static int allocate(clgen_model *m) {
  size_t n = (size_t)m->config.classes;
  clgen_model_free_classes(m);
  m->class_names = calloc(n + 1, sizeof *m->class_names);
  m->class_counts = calloc(n + 1, sizeof *m->class_counts);
  return m->class_names && m->class_counts ? CLGEN_OK : clgen_fail_nomem(n * sizeof *m->class_names);
}

int clgen_model_number_classes(clgen_model *m) {
  int code = allocate(m);
  for (int k = 0; !code && k < m->config.classes; ++k) {
    m->class_counts[k] = 1;
    m->class_names[k] = clgen_format("%d", k);
    if (!m->class_names[k]) code = CLGEN_E_NOMEM;
  }
  return code;
}

void clgen_model_free_classes(clgen_model *m) {
  for (int k = 0; m->class_names && k < m->config.classes; ++k) free(m->class_names[k]);
  free(m->class_names);
  free(m->class_counts);
  m->class_names = NULL;
  m->class_counts = NULL;
}

int clgen_model_set_classes(clgen_model *m, const char *const *names, const int64_t *counts) {
  int code = allocate(m);
  int64_t all = 0;
  for (int k = 0; !code && k < m->config.classes; ++k) {
    m->class_names[k] = clgen_strdup(names[k]);
    if (!m->class_names[k]) code = CLGEN_E_NOMEM;
    m->class_counts[k] = counts[k];
    all += counts[k];
    if (counts[k] < 0) code = clgen_fail(CLGEN_E_INVALID, "class %d: %lld images", k, (long long)counts[k]);
  }
  return code || all > 0 ? code : clgen_fail(CLGEN_E_INVALID, "no image is of any of the %d classes", m->config.classes);
}

const char *clgen_model_class_name(const clgen_model *m, int k) {
  return k >= 0 && k < m->config.classes ? m->class_names[k] : "";
}

int clgen_model_find_class(const clgen_model *m, const char *name) {
  for (int k = 0; k < m->config.classes; ++k)
    if (strcmp(m->class_names[k], name) == 0) return k;
  return -1;
}

int clgen_model_parse_classes(const clgen_model *m, const char *list, int **classes, size_t *n) {
  *classes = NULL;
  *n = 0;
  return clgen_model_is_conditional(m) ? clgen_choose(list, m->class_names, m->config.classes, classes, n) : no_classes(m);
}

/* ---- Drawn ---- */

int clgen_model_class_at(const clgen_model *m, float uniform) {
  int64_t all = 0, below = 0;
  int last = 0;
  for (int k = 0; k < m->config.classes; ++k) all += m->class_counts[k];
  for (int k = 0; k < m->config.classes; ++k) {
    if (!m->class_counts[k]) continue;
    below += m->class_counts[k];
    last = k;
    if ((double)uniform * (double)all < (double)below) break;
  }
  return last;
}

int clgen_model_class_of_seed(const clgen_model *m, uint64_t seed) {
  return clgen_model_class_at(m, clgen_uniform_at(seed, CLGEN_STREAM_CLASS_OF_SEED, 0, 0));
}

int clgen_model_one_hot(const clgen_model *m, int64_t n, const int *classes, float *rows) {
  int64_t width = m->config.classes;
  memset(rows, 0, (size_t)(n * width) * sizeof *rows);
  for (int64_t i = 0; i < n; ++i) {
    if (classes[i] < 0 || classes[i] >= width)
      return clgen_fail(CLGEN_E_INVALID, "class %d of a model of %d classes", classes[i], (int)width);
    rows[i * width + classes[i]] = 1;
  }
  return CLGEN_OK;
}

/* ---- In a snapshot's metadata: {"names": [...], "counts": [...]} ---- */

char *clgen_model_classes_to_json(const clgen_model *m) {
  json_t *names = json_array(), *counts = json_array();
  int failed = !names || !counts;
  for (int k = 0; k < m->config.classes; ++k) {
    json_t *name = json_string(m->class_names[k]); /* NULL where it is no UTF-8 */
    char number[16];
    snprintf(number, sizeof number, "%d", k);
    failed |= json_array_append_new(names, name ? name : json_string(number));
    failed |= json_array_append_new(counts, json_integer(m->class_counts[k]));
  }
  json_t *o = failed ? NULL : json_pack("{s:O, s:O}", "names", names, "counts", counts);
  char *text = o ? json_dumps(o, JSON_PRESERVE_ORDER | JSON_COMPACT) : NULL;
  json_decref(names);
  json_decref(counts);
  json_decref(o);
  if (!text) clgen_fail_nomem(256);
  return text;
}

int clgen_model_classes_from_json(clgen_model *m, const char *json, const char *source) {
  json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
  const json_t *names = json_object_get(o, "names"), *counts = json_object_get(o, "counts");
  size_t n = (size_t)m->config.classes;
  int code = json_array_size(names) == n && json_array_size(counts) == n ? allocate(m) : CLGEN_E_FORMAT;
  int64_t all = 0;
  for (size_t k = 0; !code && k < n; ++k) {
    const json_t *name = json_array_get(names, k), *count = json_array_get(counts, k);
    m->class_names[k] = clgen_strdup(json_is_string(name) ? json_string_value(name) : "");
    m->class_counts[k] = json_integer_value(count);
    if (!m->class_names[k]) code = CLGEN_E_NOMEM;
    if (!json_is_string(name) || m->class_counts[k] < 0 || m->class_counts[k] > (int64_t)1 << 40) code = CLGEN_E_FORMAT;
    all += m->class_counts[k];
  }
  json_decref(o);
  if (code == CLGEN_E_FORMAT || (!code && !all))
    return clgen_fail(CLGEN_E_FORMAT, "%s: the metadata \"clgen.classes\" are not the names and counts of %zu classes",
                      source, n);
  return code;
}
