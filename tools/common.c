#include "common.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "device/list.h"
#include "drivers.h"

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

static void say(const char *who, const char *format, va_list args) {
  char few[512], *text = few;
  va_list again;
  va_copy(again, args);
  const int n = vsnprintf(few, sizeof few, format, args);
  if (n >= (int)sizeof few && (text = malloc((size_t)n + 1)) != NULL) vsnprintf(text, (size_t)n + 1, format, again);
  va_end(again);
  tool_progress_wipe();
  fprintf(stderr, "%s: ", who);
  columns_put_text(stderr, text ? text : few);
  fputc('\n', stderr);
  if (text != few) free(text);
}

void tool_message(const char *who, const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(who, format, args);
  va_end(args);
}

int tool_failed(const char *who) {
  tool_message(who, "%s", clgen_last_error());
  return TOOL_FAILED;
}

int tool_usage(const char *who, const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(who, format, args);
  va_end(args);
  fprintf(stderr, "Try '%s --help'.\n", who);
  return TOOL_USAGE;
}

static void write_log(void *user, clgen_log_level level, const char *message) {
  if (level == CLGEN_LOG_DEBUG) return;
  tool_message(user, "%s%s", level == CLGEN_LOG_WARNING ? "warning: " : "", message);
}

clgen_logger tool_logger(const char *who) { return (clgen_logger){write_log, (void *)who}; }

/* ---- Options ----------------------------------------------------------------------------------------------------- */

int tool_parse(tool_options *o, int argc, char **argv) {
  const char *help = NULL;
  clgen_options_init(o->rows, o->n_rows, o->record);
  int code = clgen_options_parse(o->rows, o->n_rows, o->record, argc, argv, o->given, o->operands, o->max_operands,
                                 &o->n_operands, &help);
  if (code == CLGEN_E_NOMEM) return tool_failed(argv[0]);
  if (code) return tool_usage(argv[0], "%s", clgen_last_error());
  if (!help) return TOOL_GO_ON;
  char *text = clgen_options_help(o->rows, o->n_rows, o->usage, help);
  if (!text) return tool_usage(argv[0], "%s", clgen_last_error());
  fputs(text, stdout);
  free(text);
  return TOOL_OK;
}

/* ---- Commands of parts ---- */

static void print_parts(const char *who, const char *what, const tool_part *parts, size_t n) {
  printf("usage: %s PART [OPTION]...\n\n%s '%s PART --help' tells more.\n\nParts:\n", who, what, who);
  for (size_t i = 0; i < n; ++i) printf("  %-11s %s\n", parts[i].name, parts[i].summary);
  printf("\nOptions:\n  -h, --help  show this help\n");
}

int tool_run_part(const char *what, const tool_part *parts, size_t n, int argc, char **argv) {
  enum { MAX_PARTS = 16 };
  const char *known[MAX_PARTS];
  if (argc < 2) return tool_usage(argv[0], "which part?");
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_parts(argv[0], what, parts, n);
    return TOOL_OK;
  }
  for (size_t i = 0; i < n && i < MAX_PARTS; ++i) {
    known[i] = parts[i].name;
    if (strcmp(argv[1], parts[i].name) != 0) continue;
    char who[64];
    snprintf(who, sizeof who, "%s %s", argv[0], parts[i].name);
    argv[1] = who;
    return parts[i].run(argc - 1, argv + 1);
  }
  const char *near = clgen_suggest(argv[1], known, n < MAX_PARTS ? n : MAX_PARTS);
  return tool_usage(argv[0], "there is no part '%s'%s%s%s", argv[1], near ? "; did you mean '" : "", near ? near : "",
                    near ? "'?" : "");
}

/* ---- Devices ----------------------------------------------------------------------------------------------------- */

static bool wants_profile(const tool_device_options *o) {
  const char *set = getenv("CLGEN_PROFILE");
  return o->profile || (set && set[0] && strcmp(set, "0") != 0);
}

int tool_device_open(clgen_device **out, const char *who, const tool_device_options *o) {
  clgen_device_options options = {.log = tool_logger(who), .profile = wants_profile(o)};
  tool_drivers_ready(o->spec, &options.log, NULL, NULL);
  return clgen_device_open(out, o->spec[0] ? o->spec : NULL, &options);
}

void tool_device_close(clgen_device *device, const tool_device_options *o) {
  if (device && wants_profile(o)) tool_profile_print(stderr, device);
  clgen_device_close(device);
}

void tool_profile_print(FILE *f, const clgen_device *device) {
  size_t n = clgen_device_profile_count(device);
  clgen_profile_row row, total = {.name = "total"};
  tool_progress_wipe();
  if (!n) fprintf(f, "profile: nothing was timed\n");
  for (size_t i = 0; i < n; ++i) {
    if (clgen_device_profile_get(device, i, &row)) continue;
    total.launches += row.launches;
    total.seconds += row.seconds;
    total.flops += row.flops;
    total.bytes += row.bytes;
  }
  if (n) fprintf(f, "%-24s %10s %12s %10s %8s %7s\n", "operation", "launches", "time ms", "GFLOP/s", "GB/s", "share");
  for (size_t i = 0; n && i <= n; ++i) {
    if (i == n)
      row = total;
    else if (clgen_device_profile_get(device, i, &row))
      continue;
    double s = row.seconds > 0 ? row.seconds : INFINITY;
    fprintf(f, "%-24s %10llu %12.3f %10.2f %8.2f %6.1f%%\n", row.name, (unsigned long long)row.launches, 1e3 * row.seconds,
            1e-9 * row.flops / s, 1e-9 * row.bytes / s, total.seconds > 0 ? 100 * row.seconds / total.seconds : 0);
  }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

json_t *tool_text_json(const char *text) {
  json_t *value = json_string(text);
  if (value) return value;
  char *ascii = clgen_strdup(text);
  for (char *p = ascii; p && *p; ++p)
    if ((unsigned char)*p >= 0x80) *p = '?';
  value = ascii ? json_string(ascii) : NULL;
  free(ascii);
  return value;
}

json_t *tool_device_json(const clgen_device *device) {
  const clgen_device_info *i = clgen_device_get_info(device);
  const struct {
    const char *name, *value;
  } members[] = {{"device", i->name},
                 {"spec", i->spec},
                 {"backend", i->backend},
                 {"type", clgen_device_type_name(i->type)},
                 {"platform", i->platform},
                 {"driver", i->driver},
                 {"device_version", i->version},
                 {"version", CLGEN_VERSION}};
  json_t *object = json_object();
  int failed = object ? 0 : -1;
  for (size_t k = 0; k < CLGEN_COUNT(members); ++k)
    failed |= json_object_set_new(object, members[k].name, tool_text_json(members[k].value));
  if (!failed) return object;
  json_decref(object);
  clgen_fail_nomem(256);
  return NULL;
}

int tool_json_print(const char *who, json_t *object) {
  char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
  json_decref(object);
  if (!text) {
    tool_message(who, "out of memory, or a value that JSON cannot hold");
    return TOOL_FAILED;
  }
  puts(text);
  free(text);
  return TOOL_OK;
}

/* ---- Seeds ------------------------------------------------------------------------------------------------------- */

enum { MAX_SEEDS = 10000000 };

/* Digits only, as far as they go. */
static bool read_seed(const char **p, uint64_t *value) {
  if (**p < '0' || **p > '9') return false;
  char *end;
  errno = 0;
  *value = strtoull(*p, &end, 10);
  *p = end;
  return errno == 0;
}

int tool_parse_seeds(const char *text, uint64_t **seeds, size_t *n) {
  *seeds = NULL;
  *n = 0;
  for (const char *p = text;; ++p) {
    uint64_t low, high;
    bool good = read_seed(&p, &low);
    high = low;
    if (good && *p == '-') {
      ++p;
      good = read_seed(&p, &high);
    }
    good = good && high >= low && (*p == ',' || *p == 0);
    bool many = good && (high - low >= MAX_SEEDS || *n + (size_t)(high - low) >= MAX_SEEDS);
    uint64_t *more = good && !many ? realloc(*seeds, (*n + (size_t)(high - low) + 1) * sizeof **seeds) : NULL;
    if (!more) {
      free(*seeds);
      *seeds = NULL;
      *n = 0;
      if (many) return clgen_fail(CLGEN_E_INVALID, "seeds '%s': more than %d", text, MAX_SEEDS);
      if (good) return clgen_fail_nomem((size_t)(high - low) * sizeof **seeds);
      return clgen_fail(CLGEN_E_INVALID, "invalid seeds '%s': give numbers and ranges, like 0-63 or 1,5,9-12", text);
    }
    *seeds = more;
    for (uint64_t i = 0; i <= high - low; ++i) more[(*n)++] = low + i;
    if (*p == 0) return CLGEN_OK;
  }
}

/* ---- Words ------------------------------------------------------------------------------------------------------- */

const char *tool_bytes_text(double bytes, char *buf, size_t size) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_t u = 0;
  for (; fabs(bytes) >= 1024 && u + 1 < CLGEN_COUNT(units); ++u) bytes /= 1024;
  snprintf(buf, size, u ? "%.2f %s" : "%.0f %s", bytes, units[u]);
  return buf;
}

const char *tool_time_text(double seconds, char *buf, size_t size) {
  if (!(seconds >= 0) || seconds > 1e9) seconds = seconds > 0 ? 1e9 : 0;
  long s = lround(seconds);
  if (s < 60)
    snprintf(buf, size, "%lds", s);
  else if (s < 3600)
    snprintf(buf, size, "%ldm %02lds", s / 60, s % 60);
  else
    snprintf(buf, size, "%ldh %02ldm", s / 3600, s / 60 % 60);
  return buf;
}

const char *tool_count_text(int64_t count, char *buf, size_t size) {
  char digits[24];
  int n = snprintf(digits, sizeof digits, "%lld", (long long)count);
  size_t at = 0;
  for (int i = 0; i < n && at + 2 < size; ++i) {
    if (i && (n - i) % 3 == 0 && digits[i - 1] != '-') buf[at++] = ',';
    buf[at++] = digits[i];
  }
  buf[at] = 0;
  return buf;
}
