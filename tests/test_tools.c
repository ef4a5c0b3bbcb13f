/* What the commands share: seeds, words for numbers, JSON of devices, messages, progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tools/common.h"
#include "../tools/preview.h"

static void check_seeds(const char *text, size_t n, const uint64_t *expected) {
  uint64_t *seeds;
  size_t count;
  if (tool_parse_seeds(text, &seeds, &count)) fail_msg("'%s': %s", text, clgen_last_error());
  assert_int_equal(count, n);
  assert_memory_equal(seeds, expected, n * sizeof *seeds);
  free(seeds);
}
#define SEEDS(text, ...) \
  check_seeds(text, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (const uint64_t[]){__VA_ARGS__})

static void seeds(void **state) {
  (void)state;
  SEEDS("7", 7);
  SEEDS("0-3", 0, 1, 2, 3);
  SEEDS("1,5,9-12", 1, 5, 9, 10, 11, 12);
  SEEDS("5,5,4-5", 5, 5, 4, 5);
  SEEDS("18446744073709551614-18446744073709551615", UINT64_MAX - 1, UINT64_MAX);
}

static void bad_seeds(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "a",
                                    "1,",
                                    ",1",
                                    "3-1",
                                    "1-",
                                    "-1",
                                    "1--2",
                                    "1-2-3",
                                    "1 2",
                                    " 1",
                                    "0x10",
                                    "+1",
                                    "1.5",
                                    "18446744073709551616",
                                    "0-10000000",
                                    "0-9999998,1,2",
                                    "0-18446744073709551615"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    uint64_t *list = (uint64_t *)&list;
    size_t n = 1;
    if (tool_parse_seeds(bad[i], &list, &n) != CLGEN_E_INVALID) fail_msg("'%s' was taken", bad[i]);
    assert_null(list);
    assert_int_equal(n, 0);
    assert_non_null(strstr(clgen_last_error(), "seeds"));
  }
}

static void words(void **state) {
  (void)state;
  char buf[32];
  assert_string_equal(tool_bytes_text(1023, buf, sizeof buf), "1023 bytes");
  assert_string_equal(tool_bytes_text(1536, buf, sizeof buf), "1.50 KiB");
  assert_string_equal(tool_bytes_text(3.0 * 1024 * 1024 * 1024, buf, sizeof buf), "3.00 GiB");
  assert_string_equal(tool_time_text(59.4, buf, sizeof buf), "59s");
  assert_string_equal(tool_time_text(80, buf, sizeof buf), "1m 20s");
  assert_string_equal(tool_time_text(3725, buf, sizeof buf), "1h 02m");
  assert_string_equal(tool_time_text(-1, buf, sizeof buf), "0s");
  assert_string_equal(tool_count_text(0, buf, sizeof buf), "0");
  assert_string_equal(tool_count_text(999, buf, sizeof buf), "999");
  assert_string_equal(tool_count_text(1000, buf, sizeof buf), "1,000");
  assert_string_equal(tool_count_text(-123456, buf, sizeof buf), "-123,456");
  assert_string_equal(tool_count_text(INT64_MIN, buf, sizeof buf), "-9,223,372,036,854,775,808");
}

static void device_as_json(void **state) {
  (void)state;
  clgen_device *device;
  assert_int_equal(clgen_device_open(&device, "host", NULL), 0);
  json_t *json = tool_device_json(device);
  assert_string_equal(json_string_value(json_object_get(json, "spec")), "host");
  assert_true(json_is_string(json_object_get(json, "device")) && json_is_string(json_object_get(json, "driver")) &&
              json_is_string(json_object_get(json, "version")));
  json_decref(json);
  clgen_device_close(device);
  json_t *odd = tool_text_json("Ger\344t"); /* Latin-1, as a driver may say it */
  assert_string_equal(json_string_value(odd), "Ger?t");
  json_decref(odd);
}

/* What `f` wrote to standard error, in buf. */
static void caught(void (*f)(void), char *buf, size_t size) {
  FILE *file = tmpfile();
  assert_non_null(file);
  fflush(stderr);
  int old = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  f();
  fflush(stderr);
  dup2(old, STDERR_FILENO);
  close(old);
  rewind(file);
  buf[fread(buf, 1, size - 1, file)] = 0;
  fclose(file);
}

/* The clock is turned back instead of waiting. */
static void make_progress(void) {
  tool_progress p;
  tool_progress_start(&p, "generating", "images", 0, 200);
  tool_progress_update(&p, 1, NULL);    /* too soon for another line */
  p.last_time -= 2e5, p.shown_at -= 20; /* so far that a busy machine makes no difference */
  tool_progress_update(&p, 50, "loss 1.5");
  tool_progress_update(&p, 51, NULL);
  tool_progress_end(&p);
}

static void progress(void **state) {
  (void)state;
  char text[512];
  caught(make_progress, text, sizeof text);
  assert_string_equal(text, "generating: 50 of 200 images (25%), 0.00025 images/s, 166h 40m left, loss 1.5\n");
}

static void say_something(void) {
  clgen_logger log = tool_logger("clgen train");
  log.write(log.user, CLGEN_LOG_DEBUG, "never seen");
  log.write(log.user, CLGEN_LOG_INFO, "tuning");
  log.write(log.user, CLGEN_LOG_WARNING, "slow");
  if (tool_usage("clgen train", "what is %d?", 5) != 2) tool_message("", "wrong status");
  clgen_fail(CLGEN_E_IO, "%s", "100%s full");
  if (tool_failed("clgen train") != 1) tool_message("", "wrong status");
}

static void messages(void **state) {
  (void)state;
  char text[512];
  caught(say_something, text, sizeof text);
  assert_string_equal(text,
                      "clgen train: tuning\nclgen train: warning: slow\nclgen train: what is 5?\nTry 'clgen train "
                      "--help'.\nclgen train: 100%s full\n");
}

static int times(const char *text, const char *piece) {
  int n = 0;
  for (const char *at = text; (at = strstr(at, piece)) != NULL; at += strlen(piece)) ++n;
  return n;
}

/* 4 x 4 images of 2 x 2 pixels: the upper row of pixels red, the lower blue. */
static void preview(void **state) {
  (void)state;
  clgen_image grid;
  assert_int_equal(clgen_image_create(&grid, 8, 8, 3), 0);
  for (int i = 0; i < 64; ++i) grid.data[3 * i + (i / 8 % 2 ? 2 : 0)] = 255;
  char *text;
  assert_int_equal(tool_preview_text(&text, &grid, 4, 80), 0); /* all across, half as many down: 8 x 4 pixels */
  assert_int_equal(times(text, "\n"), 2);
  assert_int_equal(times(text, "\033[38;2;255;0;0m\033[48;2;0;0;255m\u2580"), 16);
  assert_int_equal(times(text, "\u2580"), 16);
  free(text);
  assert_int_equal(tool_preview_text(&text, &grid, 4, 33), 0); /* two fit, and so one row of them */
  assert_int_equal(times(text, "\u2580"), 4);
  free(text);
  assert_int_equal(tool_preview_text(&text, &grid, 4, 1), 0); /* one image, in one character */
  assert_int_equal(times(text, "\u2580"), 1);
  free(text);
  clgen_image_free(&grid);
}

int main(void) {
  setenv("OCL_ICD_VENDORS", "/nonexistent", 1); /* the host reference is enough */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(seeds),    cmocka_unit_test(bad_seeds), cmocka_unit_test(words),  cmocka_unit_test(device_as_json),
      cmocka_unit_test(progress), cmocka_unit_test(messages),  cmocka_unit_test(preview)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
