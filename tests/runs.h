/* For tests that train as a program does. Include after cmocka.h. */
#ifndef CLGEN_TESTS_RUNS_H
#define CLGEN_TESTS_RUNS_H

#include <stdio.h>
#include <string.h>

#include <clgen/error.h>
#include <clgen/options.h>
#include <clgen/train.h>

#ifndef OK
#define OK(call) \
  if ((call) != 0) fail_msg("%s: %s", #call, clgen_last_error())
#endif

/* Options by "name=value", the rest at their defaults. */
static inline clgen_train_result train_with(const char *const *options, size_t n) {
  size_t rows_n;
  const clgen_option *rows = clgen_train_option_rows(&rows_n);
  clgen_train_options o;
  bool given[128] = {false};
  clgen_options_init(rows, rows_n, &o);
  for (size_t i = 0; i < n; ++i) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(options[i], "="), options[i]);
    OK(clgen_options_set(rows, rows_n, &o, name, strchr(options[i], '=') + 1));
    for (size_t k = 0; k < rows_n; ++k)
      if (!strcmp(rows[k].name, name)) given[k] = true;
  }
  clgen_train_result result;
  OK(clgen_train(&o, given, &(clgen_train_calls){0}, &result));
  return result;
}

#endif
