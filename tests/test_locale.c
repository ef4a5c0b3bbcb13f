/* A program that links the library may have set a locale in which 1.5 is written 1,5 and I is not the capital of i: what the
 * library writes and reads is the same. The locales are made by localedef, which is part of the C library's programs. */
#define _XOPEN_SOURCE 700 /* realpath, setenv */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <strings.h>

#include <clgen/options.h>
#include <clgen/plot.h>
#include <clgen/report.h>

#include "data/data_internal.h"
#include "files.h"
#include "runs.h"

/* A locale of nothing but a decimal comma needs no sources of the system's. */
static const char comma_source[] = "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n";

static int set_up(void **state) {
  if (files_set_up(state) != 0) return -1;
  char *folder = realpath(files_root, NULL);
  put_text("comma.src", comma_source);
  char *commands[] = {clgen_format("localedef -c -i %s %s/comma >%s/log 2>&1", file_at("comma.src"), folder, folder),
                      clgen_format("localedef -i tr_TR -f UTF-8 %s/dotted_i >>%s/log 2>&1", folder, folder)};
  for (size_t i = 0; i < CLGEN_COUNT(commands); ++i) {
    if (system(commands[i])) print_message("localedef warns, or is not there; setlocale tells\n");
    free(commands[i]);
  }
  setenv("LOCPATH", folder, 1);
  free(folder);
  return 0;
}

/* Skips the test where the locale could not be made. */
static void enter(const char *name) {
  if (!setlocale(LC_ALL, name)) {
    print_message("there is no localedef, or it lacks its sources: the locale \"%s\" cannot be made\n", name);
    skip();
  }
}

static int leave(void **state) {
  (void)state;
  setlocale(LC_ALL, "C");
  return 0;
}

static void enter_comma(void) {
  char text[8];
  enter("comma");
  snprintf(text, sizeof text, "%.1f", 1.5);
  assert_string_equal(text, "1,5"); /* else this tests nothing */
}

/* ---- Pieces ---- */

static void numbers(void **state) {
  (void)state;
  enter_comma();
  char text[32], *end;
  assert_int_equal(clgen_snprintf(text, sizeof text, "%g %.2f %s", 0.25, 1234.5, "x"), 14);
  assert_string_equal(text, "0.25 1234.50 x");
  assert_true(clgen_strtod("0.125,5", &end) == 0.125);
  assert_string_equal(end, ",5");
  char *made = clgen_format("%a %e", 0.5, 1e9);
  assert_string_equal(made, "0x1p-1 1.000000e+09");
  free(made);
  clgen_fail(CLGEN_E_INVALID, "%.3f", 1.5);
  assert_string_equal(clgen_last_error(), "1.500");
  snprintf(text, sizeof text, "%.1f", 1.5);
  assert_string_equal(text, "1,5"); /* the program's locale is left as it was */
}

static char *plot_text(void) {
  static const double x[] = {0, 0.5, 1, 1.5}, y[] = {0.125, 3.75, NAN, 1e-3};
  const clgen_plot_series series[] = {{"line", x, y, 4, 0}, {"one", x, y, 1, 1}};
  const clgen_plot plots[] = {
      {.title = "t", .x_label = "x", .y_label = "y", .series = series, .n_series = 2},
      {.title = "t", .x_label = "x", .y_label = "y", .series = series, .n_series = 2, .log_y = true},
      {.title = "t", .x_label = "x", .y_label = "y", .series = series, .n_series = 2, .points = true}};
  void *text;
  size_t size;
  FILE *f = fopen(file_at("plot.svg"), "w");
  for (size_t i = 0; i < CLGEN_COUNT(plots); ++i) OK(clgen_plot_svg(f, &plots[i]));
  fclose(f);
  OK(clgen_file_read(file_at("plot.svg"), 1 << 20, &text, &size));
  return text;
}

static void plots(void **state) {
  (void)state;
  char *expected = plot_text();
  enter_comma();
  char *text = plot_text();
  assert_string_equal(text, expected);
  free(text);
  free(expected);
}

static void options(void **state) {
  (void)state;
  size_t n;
  const clgen_option *rows = clgen_train_option_rows(&n);
  clgen_train_options o, again;
  enter_comma();
  clgen_options_init(rows, n, &o);
  OK(clgen_options_set(rows, n, &o, "lr", "0.125"));
  assert_true(o.lr == 0.125);
  assert_int_equal(clgen_options_set(rows, n, &o, "lr", "0,125"), CLGEN_E_INVALID);
  char *text = clgen_options_to_json(rows, n, &o);
  assert_non_null(strstr(text, "\"lr\": 0.125"));
  clgen_options_init(rows, n, &again);
  OK(clgen_options_from_json(rows, n, &again, text, "x"));
  assert_true(again.lr == 0.125);
  free(text);
}

/* In Turkish, the small letter of I is not i, so that "VALID" and "valid" differ for strcasecmp. */
static void words(void **state) {
  (void)state;
  assert_true(clgen_same_word("VALIDATION", "validation"));
  assert_false(clgen_same_word("VALIDATION", "valid"));
  assert_false(clgen_same_word("valid", "VALIDATION"));
  assert_false(clgen_same_word("@[`{", "`{@["));
  assert_true(clgen_same_letters("VALIDATION", "valid", 5));
  assert_false(clgen_same_letters("vali", "valid", 5));
  enter("dotted_i");
  assert_int_not_equal(tolower('I'), 'i'); /* else this tests nothing */
  assert_true(clgen_same_word("VALID", "valid"));
  assert_int_equal(clgen_split_of_name("VALIDATION", 10, NULL), CLGEN_SPLIT_TEST);
  assert_int_equal(clgen_split_of_name("Training", 8, NULL), CLGEN_SPLIT_TRAIN);
}

/* ---- A whole run ---- */

/* Trains in files_root/NAME, and writes the report; the run's folder, to be freed. */
static char *train_in(const char *name) {
  char data[1100], out[600];
  snprintf(data, sizeof data, "data=%s/mnist/t10k-images-idx3-ubyte.gz", getenv("CLGEN_TEST_EXAMPLES"));
  snprintf(out, sizeof out, "outdir=%s", file_at(name));
  const char *const options[] = {data,           out,      "cfg=vae-mlp", "hidden=12", "nz=3",     "kimg=2",
                                 "tick=0.5",     "snap=1", "lr=0.0015",   "seed=5",    "batch=50", "adapt=control-vae",
                                 "kl-target=2.5"};
  clgen_train_result result = train_with(options, CLGEN_COUNT(options));
  OK(clgen_report_write(result.run_dir, NULL));
  return clgen_strdup(result.run_dir);
}

static char *read_of(const char *folder, const char *name, size_t *size) {
  void *data;
  char *path = clgen_format("%s/%s", folder, name);
  OK(clgen_file_read(path, 1 << 26, &data, size));
  free(path);
  return data;
}

/* A digit, a comma, and a digit: in these files only a decimal comma. */
static void check_points(const char *folder, const char *name) {
  size_t size;
  char *text = read_of(folder, name, &size);
  bool any = false;
  for (size_t i = 1; i + 1 < size; ++i) {
    const bool between = isdigit((unsigned char)text[i - 1]) && isdigit((unsigned char)text[i + 1]);
    if (between && text[i] == ',') fail_msg("%s: a decimal comma: %.40s", name, text + (i > 20 ? i - 20 : 0));
    any = any || (between && text[i] == '.');
  }
  if (!any) fail_msg("%s: has no fractions: this tests nothing", name);
  free(text);
}

static void check_same(const char *a, const char *b, const char *name) {
  size_t n, m;
  char *one = read_of(a, name, &n), *two = read_of(b, name, &m);
  if (n != m || memcmp(one, two, n) != 0) fail_msg("%s: not the same bytes", name);
  free(one);
  free(two);
}

/* Of the plots in a page: their numbers are apart by blanks, those of a point by one comma. */
static void check_report(const char *folder) {
  size_t size;
  char *text = read_of(folder, "report.html", &size);
  size_t lines = 0;
  for (char *p = text; (p = strstr(p, "points=\"")) != NULL; ++lines) {
    p += strlen("points=\"");
    for (char *end = p + strcspn(p, "\""); p < end; p += strcspn(p, " \"") + 1) {
      double x, y;
      char *at;
      x = clgen_strtod(p, &at);
      assert_int_equal(*at, ',');
      y = clgen_strtod(at + 1, &at);
      if (*at != ' ' && *at != '"') fail_msg("report.html: not a point: %.30s", p);
      assert_true(isfinite(x) && isfinite(y));
    }
  }
  assert_true(lines > 0);
  for (char *p = text; (p = strstr(p, "data-range=\"")) != NULL;) {
    p += strlen("data-range=\"");
    if (memchr(p, ',', strcspn(p, "\""))) fail_msg("report.html: a decimal comma: %.60s", p);
  }
  free(text);
}

static void a_run(void **state) {
  (void)state;
  char *plain = train_in("plain");
  enter_comma();
  char *run = train_in("comma-run");
  check_same(plain, run, "network-snapshot-000002.safetensors");
  check_same(plain, run, "training-state-000002.safetensors");
  check_points(run, "stats.jsonl");
  check_points(run, "log.txt");
  check_points(run, "training_options.json");
  check_report(run);
  free(plain);
  free(run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(numbers, leave), cmocka_unit_test_teardown(plots, leave),
      cmocka_unit_test_teardown(options, leave), cmocka_unit_test_teardown(words, leave),
      cmocka_unit_test_teardown(a_run, leave),
  };
  return cmocka_run_group_tests(tests, set_up, files_tear_down);
}
