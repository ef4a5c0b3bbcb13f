/* What is made from an option table: help, and JSON out and in. */
#include <clgen/options.h>

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/base.h"
#include "base/options_internal.h"

enum { WIDTH = 100, COLUMN = 28 };

/* ---- Help -------------------------------------------------------------------------------------------------------- */

#define GENERAL "Options"

static const char *group_of(const clgen_option *row) { return row->group ? row->group : GENERAL; }

/* Words from the column on, the first line being `at` characters long already. */
static void wrap(FILE *f, const char *text, size_t at) {
  if (at + 2 > COLUMN) {
    fprintf(f, "\n");
    at = 0;
  }
  fprintf(f, "%*s", (int)(COLUMN - at), "");
  at = COLUMN;
  bool first = true;
  for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
    size_t n = strcspn(p, " ");
    if (!first && at + 1 + n > WIDTH) {
      fprintf(f, "\n%*s", COLUMN, "");
      at = COLUMN;
      first = true;
    }
    at += (size_t)fprintf(f, "%s%.*s", first ? "" : " ", (int)n, p);
    first = false;
    p += n;
  }
  fprintf(f, "\n");
}

/* "  -n, --name N" */
static char *left_side(const clgen_option *row) {
  char letter[8] = "    ";
  if (row->letter) snprintf(letter, sizeof letter, "-%c, ", row->letter);
  bool flag = row->type == CLGEN_OPTION_FLAG, on = row->initial && strcmp(row->initial, "yes") == 0;
  const char *operand = flag ? "" : row->operand ? row->operand : row->choices ? row->choices : "VALUE";
  return clgen_format("  %s--%s%s%s%s", letter, flag && on ? "[no-]" : "", row->name, flag ? "" : " ", operand);
}

/* Its help, and in brackets what is allowed and the default. */
static char *right_side(const clgen_option *row) {
  char range[96];
  const char *allowed = "";
  bool number = row->type == CLGEN_OPTION_INT || row->type == CLGEN_OPTION_REAL;
  if (number) { /* the operand says that it is a number */
    const char *words[] = {" from ", " of "};
    clgen_option_range(row, range, sizeof range);
    for (int i = 0; i < 2 && !allowed[0]; ++i)
      if (strstr(range, words[i])) allowed = strstr(range, words[i]) + strlen(words[i]);
  }
  bool choice = row->type == CLGEN_OPTION_CHOICE && row->operand;
  bool preset = row->initial && row->initial[0] && (!number || clgen_option_allows(row, clgen_option_real(row->initial))) &&
                !(row->type == CLGEN_OPTION_FLAG && strcmp(row->initial, "no") == 0);
  if (!allowed[0] && !choice && !preset) return clgen_strdup(row->help ? row->help : "");
  return clgen_format("%s (%s%s%s%s%s)", row->help ? row->help : "", choice ? "one of " : "",
                      choice ? row->choices : allowed, (choice || allowed[0]) && preset ? "; " : "",
                      preset ? "default " : "", preset ? row->initial : "");
}

static int write_row(FILE *f, const clgen_option *row) {
  char *left = left_side(row), *right = right_side(row);
  if (left && right) {
    fprintf(f, "%s", left);
    wrap(f, right, strlen(left));
  }
  int code = left && right ? CLGEN_OK : CLGEN_E_NOMEM;
  free(left);
  free(right);
  return code;
}

static bool seen_before(const clgen_option *rows, size_t i) {
  for (size_t j = 0; j < i; ++j)
    if (strcmp(group_of(&rows[j]), group_of(&rows[i])) == 0) return true;
  return false;
}

static int write_group(FILE *f, const clgen_option *rows, size_t n, const char *group) {
  int code = CLGEN_OK;
  fprintf(f, "\n%s:\n", group);
  for (size_t i = 0; i < n && !code; ++i)
    if (strcmp(group_of(&rows[i]), group) == 0) code = write_row(f, &rows[i]);
  return code;
}

/* --help itself stands last among the rows without a heading of their own. */
static int write_general(FILE *f, const clgen_option *rows, size_t n) {
  clgen_option help = {.name = "help", .letter = 'h', .type = CLGEN_OPTION_FLAG, .help = "show this help"};
  for (size_t i = 0; i < n; ++i)
    if (rows[i].letter == 'h') help.letter = 0;
  int code = write_group(f, rows, n, GENERAL);
  return code ? code : write_row(f, &help);
}

static int write_help(FILE *f, const clgen_option *rows, size_t n, const char *usage) {
  int code = CLGEN_OK;
  bool general = false;
  fprintf(f, "%s%s", usage, usage[0] && usage[strlen(usage) - 1] == '\n' ? "" : "\n");
  for (size_t i = 0; i < n && !code; ++i) {
    if (seen_before(rows, i)) continue;
    bool here = strcmp(group_of(&rows[i]), GENERAL) == 0;
    code = here ? write_general(f, rows, n) : write_group(f, rows, n, group_of(&rows[i]));
    general = general || here;
  }
  return code || general ? code : write_general(f, rows, n);
}

char *clgen_options_help(const clgen_option *rows, size_t n, const char *usage) {
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  if (!f) {
    clgen_fail_nomem(1);
    return NULL;
  }
  int code = write_help(f, rows, n, usage);
  if (fclose(f) != 0 || code) {
    free(text);
    clgen_fail_nomem(size);
    return NULL;
  }
  return text;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

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
    while (most < 17 && (snprintf(text, sizeof text, "%.*g", most, value), strtod(text, NULL) != value)) ++most;
  }
  return (size_t)most;
}

char *clgen_options_to_json(const clgen_option *rows, size_t n, const void *record) {
  json_t *object = json_object();
  for (size_t i = 0; i < n; ++i) {
    /* What json_string refuses is text that is not UTF-8, as a file's name may be. */
    if (object && json_object_set_new(object, rows[i].name, value_of(&rows[i], record)) == 0) continue;
    json_decref(object);
    clgen_fail(CLGEN_E_INVALID, "option --%s: its value cannot be saved as JSON: it is no number, or not UTF-8",
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
  return json_is_number(value) && json_number_value(value) == clgen_option_real(initial);
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
