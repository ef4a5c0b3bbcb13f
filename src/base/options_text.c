/* An option table's values as JSON, out and in. */
#include <clgen/options.h>

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/base.h"
#include "base/options_internal.h"

static json_t *value_of(const clgen_option *row, const void *record) {
  const void *m = (const char *)record + row->offset;
  switch (row->type) {
    case CLGEN_OPTION_INT: return json_integer(*(const int64_t *)m);
    case CLGEN_OPTION_REAL: return json_real(*(const double *)m);
    case CLGEN_OPTION_FLAG: return json_boolean(*(const bool *)m);
    case CLGEN_OPTION_STRING:
    case CLGEN_OPTION_CHOICE: return json_string(m);
  }
  return NULL;
}

/* The fewest digits that give every real number back: 0.9, and not 0.90000000000000002. */
static size_t digits_needed(const clgen_option *rows, size_t n, const void *record) {
  int most = 15;
  char text[40];
  for (size_t i = 0; i < n; ++i) {
    if (rows[i].type != CLGEN_OPTION_REAL) continue;
    double value = *(const double *)(const void *)((const char *)record + rows[i].offset);
    while (most < 17 && (clgen_snprintf(text, sizeof text, "%.*g", most, value), clgen_strtod(text, NULL) != value)) ++most;
  }
  return (size_t)most;
}

char *clgen_options_to_json(const clgen_option *rows, size_t n, const void *record) {
  json_t *object = json_object();
  for (size_t i = 0; i < n; ++i) {
    /* What json_string refuses is text that is not UTF-8, as a file's name may be. */
    if (object && json_object_set_new(object, rows[i].name, value_of(&rows[i], record)) == 0) continue;
    json_decref(object);
    clgen_fail(CLGEN_E_INVALID,
               "option --%s: its value cannot be saved as JSON: it is no number, or not UTF-8; a link with a plain name "
               "serves a path "
               "as well",
               rows[i].name);
    return NULL;
  }
  char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(digits_needed(rows, n, record))) : NULL;
  json_decref(object);
  if (!text) clgen_fail_nomem(n);
  return text;
}

static const char *wanted_type(const clgen_option *row, const json_t *value) {
  switch (row->type) {
    case CLGEN_OPTION_INT: return json_is_integer(value) ? NULL : "a whole number";
    case CLGEN_OPTION_REAL: return json_is_number(value) ? NULL : "a number";
    case CLGEN_OPTION_FLAG: return json_is_boolean(value) ? NULL : "true or false";
    case CLGEN_OPTION_STRING:
    case CLGEN_OPTION_CHOICE: break;
  }
  return json_is_string(value) ? NULL : "a string";
}

/* The default may lie outside what can be chosen (0 for "none"), and comes back from a saved file all the same. */
static bool is_initial(const clgen_option *row, const json_t *value) {
  const char *initial = row->initial ? row->initial : "";
  if (json_is_string(value)) return strcmp(json_string_value(value), initial) == 0;
  return json_is_number(value) && json_number_value(value) == clgen_strtod(initial, NULL);
}

static int set_value(const clgen_option *rows, size_t n, void *record, const char *name, const json_t *value) {
  size_t i = 0;
  while (i < n && strcmp(rows[i].name, name) != 0) ++i;
  if (i == n) return clgen_options_set(rows, n, record, name, ""); /* its message names the nearest */
  const char *wanted = wanted_type(&rows[i], value);
  if (wanted) return clgen_fail(CLGEN_E_INVALID, "option \"%s\" has to be %s", name, wanted);
  if (is_initial(&rows[i], value)) {
    clgen_options_init(&rows[i], 1, record);
    return CLGEN_OK;
  }
  if (json_is_string(value)) return clgen_options_set(rows, n, record, name, json_string_value(value));
  if (json_is_boolean(value)) return clgen_options_set(rows, n, record, name, json_is_true(value) ? "yes" : "no");
  char *text = json_dumps(value, JSON_ENCODE_ANY); /* 17 digits: the same double again */
  if (!text) return clgen_fail_nomem(32);
  int code = clgen_options_set(rows, n, record, name, text);
  free(text);
  return code;
}

int clgen_options_from_json(const clgen_option *rows, size_t n, void *record, const char *json, const char *source_name) {
  json_error_t error;
  json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
  if (!object) return clgen_fail(CLGEN_E_FORMAT, "%s:%d: not JSON: %s", source_name, error.line, error.text);
  int code = json_is_object(object) ? CLGEN_OK : clgen_fail(CLGEN_E_FORMAT, "not an object of options");
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    if (!code) code = set_value(rows, n, record, name, value);
  }
  json_decref(object);
  return code ? clgen_fail_prefix(code, "%s", source_name) : CLGEN_OK;
}
