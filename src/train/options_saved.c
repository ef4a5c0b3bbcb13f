/* What a run's files keep of its options, and which may change when it goes on. */
#include "train/train_internal.h"

#include <stdlib.h>
#include <string.h>

/* What a run's files keep of each option. */
static bool is_one_of(const char *name, const char *const *names, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}
static bool is_of_the_call(const char *name) {
  static const char *const names[] = {"resume", "dry-run"};
  return is_one_of(name, names, CLGEN_COUNT(names));
}
/* They change nothing that is computed; the data are checked by what is in them. Falling learning rates aim at the end. */
static bool may_change(const clgen_train_options *o, const char *name) {
  if (strcmp(name, "kimg") == 0 && (!strcmp(o->lr_schedule, "linear") || !strcmp(o->lr_schedule, "cosine"))) return false;
  static const char *const names[] = {"kimg", "tick", "snap", "device", "data", "metrics", "metrics-num", "features"};
  return is_of_the_call(name) || is_one_of(name, names, CLGEN_COUNT(names));
}
static bool is_of_the_place(const char *name) {
  static const char *const names[] = {"outdir", "desc"};
  return is_one_of(name, names, CLGEN_COUNT(names));
}

static char *to_json(const clgen_train_options *o, bool course_only) {
  size_t count, n = 0;
  const clgen_option *rows = clgen_train_option_rows(&count);
  clgen_option *some = malloc(count * sizeof *some);
  if (!some) return clgen_fail_nomem(count * sizeof *some), NULL;
  for (size_t i = 0; i < count; ++i) {
    const char *name = rows[i].name;
    if (course_only ? !may_change(o, name) && !is_of_the_place(name) : !is_of_the_call(name)) some[n++] = rows[i];
  }
  char *json = clgen_options_to_json(some, n, o);
  free(some);
  return json;
}
char *clgen_train_options_saved(const clgen_train_options *o) { return to_json(o, false); }
char *clgen_train_options_course(const clgen_train_options *o) { return to_json(o, true); }

/* ---- Going on ---- */

static size_t member_size(clgen_option_type type) {
  switch (type) {
    case CLGEN_OPTION_INT: return sizeof(int64_t);
    case CLGEN_OPTION_REAL: return sizeof(double);
    case CLGEN_OPTION_FLAG: return sizeof(bool);
    default: return CLGEN_OPTION_TEXT;
  }
}

static void value_text(const clgen_option *row, const clgen_train_options *o, char *buf, size_t size) {
  const char *at = (const char *)o + row->offset;
  switch (row->type) {
    case CLGEN_OPTION_INT: {
      int64_t v;
      memcpy(&v, at, sizeof v);
      snprintf(buf, size, "%lld", (long long)v);
      break;
    }
    case CLGEN_OPTION_REAL: {
      double v;
      memcpy(&v, at, sizeof v);
      clgen_snprintf(buf, size, "%g", v);
      break;
    }
    case CLGEN_OPTION_FLAG: snprintf(buf, size, "%s", *(const bool *)(const void *)at ? "yes" : "no"); break;
    default: snprintf(buf, size, "%s", at); break;
  }
}

static bool same_value(const clgen_option *row, const clgen_train_options *a, const clgen_train_options *b) {
  const char *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
  if (row->type == CLGEN_OPTION_STRING || row->type == CLGEN_OPTION_CHOICE) return strcmp(x, y) == 0;
  return memcmp(x, y, member_size(row->type)) == 0;
}

bool clgen_train_option_given(const clgen_train_options *o, const bool *given, const char *name) {
  clgen_train_options initial;
  size_t n;
  const clgen_option *rows = clgen_train_option_rows(&n);
  clgen_options_init(rows, n, &initial);
  for (size_t i = 0; i < n; ++i)
    if (strcmp(rows[i].name, name) == 0) return given ? given[i] : !same_value(&rows[i], o, &initial);
  return false;
}

/* Refuses the first option that differs and is (or is not) in `given`: what was asked for is to blame before what follows.
 */
static int refuse_changes(const clgen_train_options *saved, const clgen_train_options *now, const bool *given, bool asked) {
  size_t n;
  const clgen_option *rows = clgen_train_option_rows(&n);
  for (size_t i = 0; i < n; ++i) {
    const clgen_option *row = &rows[i];
    if ((!given || given[i]) != asked || may_change(saved, row->name) || same_value(row, saved, now)) continue;
    char after[160], before[160];
    value_text(row, now, after, sizeof after);
    value_text(row, saved, before, sizeof before);
    return clgen_fail(CLGEN_E_INVALID,
                      "option --%s: '%s' differs from the value of the run, '%s'; leave it out, or start a "
                      "new run",
                      row->name, after, before);
  }
  return CLGEN_OK;
}

int clgen_train_options_merge(clgen_train_options *o, const bool *given, const char *json, const char *source) {
  clgen_train_options saved, merged;
  size_t n;
  const clgen_option *rows = clgen_train_option_rows(&n);
  clgen_arch arch;
  clgen_options_init(rows, n, &saved);
  int code = clgen_options_from_json(rows, n, &saved, json, source);
  if (code) return code;
  merged = saved;
  for (size_t i = 0; i < n; ++i) {
    if (given && !given[i]) continue;
    memcpy((char *)&merged + rows[i].offset, (const char *)o + rows[i].offset, member_size(rows[i].type));
  }
  code = clgen_train_options_complete(&merged, &arch);
  if (!code) code = refuse_changes(&saved, &merged, given, true);
  if (!code) code = refuse_changes(&saved, &merged, given, false);
  if (!code) *o = merged;
  return code;
}
