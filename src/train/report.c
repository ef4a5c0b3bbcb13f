/* A run as one page: report.html with its @@NAMES@@ filled in. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "train/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "config.h"

extern const char clgen_report_html[]; /* made from report.html */

enum { LOG_SHOWN = 64 * 1024 };

typedef struct {
  const char *run_dir;
  json_t *options; /* NULL: none that can be read */
  char *log;       /* "" where there is none */
  clgen_history stats;
  double kimg; /* how far the run has come */
} report;

static double option(const report *r, const char *name) { return json_number_value(json_object_get(r->options, name)); }

/* ---- The run's name and how far it is ---- */

static int write_title(FILE *f, const report *r) {
  char *full = realpath(r->run_dir, NULL);
  const char *path = full ? full : r->run_dir, *slash = strrchr(path, '/');
  clgen_xml_text(f, slash && slash[1] ? slash + 1 : path);
  free(full);
  return CLGEN_OK;
}

static void pair(FILE *f, const char *const around[3], const char *name, const char *value) {
  fputs(around[0], f);
  clgen_xml_text(f, name);
  fputs(around[1], f);
  clgen_xml_text(f, value);
  fputs(around[2], f);
}

static void tile(FILE *f, const char *name, const char *value) {
  pair(f, (const char *const[]){"<div><dt>", "</dt><dd>", "</dd></div>\n"}, name, value);
}

/* Every call counts its own time; ticks add up over all of them. */
static double seconds_of(const clgen_history *h) {
  double sum = 0;
  for (int64_t i = 0; i < h->n; ++i) sum += json_number_value(json_object_get(h->lines[i].line, "sec_per_tick"));
  return sum;
}

static const json_t *last_tick(const clgen_history *h) {
  for (int64_t i = h->n - 1; i >= 0; --i)
    if (!clgen_history_event(h, i)) return h->lines[i].line;
  return NULL;
}

static int write_summary(FILE *f, const report *r) {
  char text[96];
  const json_t *last = last_tick(&r->stats);
  const char *cfg = json_string_value(json_object_get(r->options, "cfg"));
  double total = option(r, "kimg"), seconds = seconds_of(&r->stats);
  if (cfg) tile(f, "Model", cfg);
  clgen_snprintf(text, sizeof text, total > 0 ? "%.6g of %.6g kimg" : "%.6g kimg",
                 total > 0 ? fmin(r->kimg, total) : r->kimg, total);
  tile(f, "Images seen", text);
  if (seconds >= 3600)
    snprintf(text, sizeof text, "%ld h %02ld min", (long)seconds / 3600, (long)seconds / 60 % 60);
  else
    snprintf(text, sizeof text, "%ld min %02ld s", (long)seconds / 60, (long)seconds % 60);
  tile(f, "Time in training", text);
  if (!last) return CLGEN_OK;
  clgen_snprintf(text, sizeof text, "%.4g images/s", json_number_value(json_object_get(last, "images_per_s")));
  tile(f, "Speed of the last tick", text);
  clgen_snprintf(text, sizeof text, "%.4g MiB", json_number_value(json_object_get(last, "memory_bytes")) / 1048576);
  tile(f, "Memory on the device", text);
  return CLGEN_OK;
}

/* ---- Tables ---- */

static void row(FILE *f, const char *name, const char *value) {
  pair(f, (const char *const[]){"<tr><th scope=\"row\">", "</th><td>", "</td></tr>\n"}, name, value);
}

static int write_options(FILE *f, const report *r) {
  const char *key;
  json_t *value;
  json_object_foreach(r->options, key, value) {
    char *text = json_is_string(value) ? clgen_strdup(json_string_value(value))
                                       : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text) return clgen_fail_nomem(256);
    row(f, key, text);
    free(text);
  }
  return CLGEN_OK;
}

/* The name in "name:     value"; NULL for another line. Length of the name in *n. */
static const char *value_in(const char *line, size_t length, size_t *n) {
  size_t k = 0;
  while (k < length && k < 12 && line[k] >= 'a' && line[k] <= 'z') ++k;
  if (k < 3 || k + 2 >= length || line[k] != ':' || line[k + 1] != ' ') return NULL;
  *n = k++;
  while (k < length && line[k] == ' ') ++k;
  return line + k;
}

/* What the run said of itself before its first tick, the last time that it was begun or gone on with. */
static int write_environment(FILE *f, const report *r) {
  const char *from = strncmp(r->log, "run:", 4) ? NULL : r->log, *p = r->log;
  while ((p = strstr(p, "\nrun:"))) from = ++p;
  while (from && *from) {
    size_t length = strcspn(from, "\n"), n;
    const char *value = value_in(from, length, &n);
    if (strncmp(from, "tick ", 5) == 0) break;
    if (value) {
      char *name = clgen_format("%.*s", (int)n, from), *text = clgen_format("%.*s", (int)(from + length - value), value);
      if (name && text) row(f, name, text);
      free(name);
      free(text);
    }
    from += length + (from[length] == '\n');
  }
  return CLGEN_OK;
}

static int write_log(FILE *f, const report *r) {
  size_t n = strlen(r->log);
  const char *from = r->log;
  if (n > LOG_SHOWN) {
    const char *line = strchr(r->log + n - LOG_SHOWN, '\n');
    from = line ? line + 1 : r->log + n - LOG_SHOWN;
    fputs("[...]\n", f);
  }
  clgen_xml_text(f, from);
  return CLGEN_OK;
}

static int write_footer(FILE *f, const report *r) {
  char text[64] = "";
  time_t now = time(NULL);
  struct tm utc;
  (void)r;
  if (gmtime_r(&now, &utc)) strftime(text, sizeof text, " on %Y-%m-%d at %H:%M UTC", &utc);
  fprintf(f, "Made by clgen " CLGEN_VERSION "%s.", text);
  return CLGEN_OK;
}

/* ---- The page ---- */

static int write_style(FILE *f, const report *r) {
  (void)r;
  fputs(clgen_plot_css(), f);
  return CLGEN_OK;
}
static int write_grids(FILE *f, const report *r) { return clgen_report_grids(f, r->run_dir); }
static int write_curves(FILE *f, const report *r) { return clgen_report_curves(f, &r->stats, r->kimg); }
static int write_metrics(FILE *f, const report *r) { return clgen_report_metrics(f, r->run_dir, r->kimg); }
static int write_events(FILE *f, const report *r) { return clgen_report_events(f, &r->stats, r->kimg); }

static const struct {
  const char *name;
  int (*write)(FILE *f, const report *r);
} parts[] = {{"TITLE", write_title},   {"PLOT_STYLE", write_style}, {"SUMMARY", write_summary},
             {"GRIDS", write_grids},   {"CURVES", write_curves},    {"METRICS", write_metrics},
             {"EVENTS", write_events}, {"OPTIONS", write_options},  {"ENVIRONMENT", write_environment},
             {"LOG", write_log},       {"FOOTER", write_footer}};

static int write_part(FILE *f, const report *r, const char *name, size_t n) {
  for (size_t i = 0; i < CLGEN_COUNT(parts); ++i)
    if (strlen(parts[i].name) == n && strncmp(parts[i].name, name, n) == 0) return parts[i].write(f, r);
  return clgen_fail(CLGEN_E_INVALID, "report.html: there is no part %.*s", (int)n, name);
}

static int write_page(FILE *f, const report *r) {
  const char *p = clgen_report_html, *mark;
  int code = CLGEN_OK;
  while (!code && (mark = strstr(p, "@@"))) {
    const char *end = strstr(mark + 2, "@@");
    if (!end) break;
    fwrite(p, 1, (size_t)(mark - p), f);
    code = write_part(f, r, mark + 2, (size_t)(end - mark - 2));
    p = end + 2;
  }
  fputs(p, f);
  return code;
}

/* ---- What it is made from ---- */

static int read_text(const char *run_dir, const char *name, char **text) {
  char *path = clgen_format("%s/%s", run_dir, name);
  void *data = NULL;
  size_t size;
  int code = path ? clgen_file_read(path, (size_t)1 << 30, &data, &size) : CLGEN_E_NOMEM;
  free(path);
  *text = data;
  return code;
}

/* What is missing of a run is left out, but a run it has to be. */
static int open_report(report *r) {
  struct stat st;
  char *options = NULL, *path = clgen_format("%s/stats.jsonl", r->run_dir);
  if (!path) return CLGEN_E_NOMEM;
  int found = read_text(r->run_dir, "training_options.json", &options);
  int code = clgen_history_read(&r->stats, path);
  if (!code && found == CLGEN_E_NOTFOUND && stat(path, &st) != 0)
    code = clgen_fail(CLGEN_E_NOTFOUND, "%s: not a run's folder: it has neither training_options.json nor stats.jsonl",
                      r->run_dir);
  free(path);
  if (options) r->options = json_loads(options, 0, NULL);
  free(options);
  if (code) return code;
  (void)read_text(r->run_dir, "log.txt", &r->log);
  if (!r->log) r->log = clgen_strdup("");
  for (int64_t i = 0; i < r->stats.n; ++i) r->kimg = fmax(r->kimg, r->stats.lines[i].kimg);
  return r->log ? CLGEN_OK : CLGEN_E_NOMEM;
}

static int write_file(const report *r, const char *output) {
  clgen_file_writer *w;
  char *path = output ? clgen_strdup(output) : clgen_format("%s/report.html", r->run_dir);
  int code = path ? clgen_file_writer_open(&w, path) : CLGEN_E_NOMEM;
  free(path);
  if (code) return code;
  code = write_page(clgen_file_writer_stream(w), r);
  if (!code) return clgen_file_writer_commit(w);
  clgen_file_writer_abandon(w);
  return code;
}

int clgen_report_write(const char *run_dir, const char *output) {
  report r = {.run_dir = run_dir};
  int code = strlen(run_dir) < CLGEN_PATH_TEXT / 2 ? open_report(&r)
                                                   : clgen_fail(CLGEN_E_INVALID, "%s: the path is too long", run_dir);
  if (!code) code = write_file(&r, output);
  clgen_history_free(&r.stats);
  json_decref(r.options);
  free(r.log);
  return code;
}
