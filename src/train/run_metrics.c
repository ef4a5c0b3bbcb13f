/* clgen train --metrics: evaluates the network of each snapshot as clgen evaluate does; a line a metric goes to
 * metric-<name>.jsonl, and best.json names the best snapshot so far. Nothing of it is part of the training state. */
#include "train/train_internal.h"

#include <clgen/assess.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPLIT "test" /* as clgen evaluate */

static int options_of(const clgen_run *r, clgen_assess_options *a) {
  const clgen_train_options *o = &r->options;
  *a = (clgen_assess_options){.data = o->data, .split = SPLIT, .metrics = o->metrics, .features = o->features};
  a->classes = o->classes;
  a->num = o->metrics_num;
  a->strict = o->strict;
  a->log = r->log;
  return clgen_train_background(o, a->background);
}

int clgen_run_metrics_plan(clgen_run *r) {
  clgen_assess_options a;
  if (!r->options.metrics[0]) return CLGEN_OK;
  int code = options_of(r, &a);
  if (!code) code = clgen_assess_plan(r->model, &a, r->store, r->data, &r->judging_bytes);
  return code && code != CLGEN_E_NOMEM ? clgen_fail_prefix(code, "option --metrics") : code;
}

int clgen_run_metrics_open(clgen_run *r) {
  clgen_assess_options a;
  if (!r->options.metrics[0] || r->options.dry_run) return CLGEN_OK;
  int code = options_of(r, &a);
  if (!code) code = clgen_assessor_create(&r->assessor, r->device, r->model, &a);
  return code ? clgen_fail_prefix(code, "option --metrics") : CLGEN_OK;
}

void clgen_run_metrics_say(const clgen_run *r) {
  if (!r->options.metrics[0]) return;
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "metrics:  %s of %lld images at each snapshot, features %s", r->options.metrics,
                  (long long)r->options.metrics_num,
                  !r->assessor                                    ? "not chosen yet"
                  : clgen_assessor_get_info(r->assessor).features ? clgen_assessor_get_info(r->assessor).features->name
                                                                  : "none");
}

static bool is_bound(const clgen_score *s) { return strcmp(s->metric, "elbo") == 0 || strcmp(s->metric, "iwae") == 0; }

static int64_t images_of(const clgen_run *r, const clgen_score *s) {
  const clgen_assessor_info a = clgen_assessor_get_info(r->assessor);
  return is_bound(s) ? a.bound_images : a.images;
}

static void snapshot_name(const clgen_run *r, char out[64]) {
  snprintf(out, 64, CLGEN_SNAPSHOT_PREFIX "%06ld" CLGEN_SAFETENSORS, clgen_run_kimg(r));
}

static double kimg_now(const clgen_run *r) { return (double)(r->step * (uint64_t)r->options.batch) / 1000; }

/* ---- A line ---- */

static json_t *finite(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* {"metric", "results": {part: value}, "scores": {part: everything}, ...}, the form of StyleGAN2-ADA's metric-*.jsonl. */
static int write_line(const clgen_run *r, const clgen_score *scores, int n) {
  char snapshot[64], file[64], *details = clgen_scores_to_json(scores, n), *text = NULL;
  json_t *results = json_object(), *line = json_object(), *all = details ? json_loads(details, 0, NULL) : NULL;
  int failed = 0;
  snapshot_name(r, snapshot);
  snprintf(file, sizeof file, "metric-%s.jsonl", scores->metric);
  for (int i = 0; i < n; ++i) failed |= json_object_set_new(results, scores[i].part, finite(scores[i].score.value));
  failed |= json_object_set_new(line, "metric", json_string(scores->metric));
  failed |= json_object_set_new(line, "results", results);
  failed |= json_object_set_new(line, "snapshot", json_string(snapshot));
  failed |= json_object_set_new(line, "kimg", json_real(kimg_now(r)));
  failed |= json_object_set_new(line, "time", json_real(scores->seconds));
  failed |= json_object_set_new(line, "images", json_integer((json_int_t)images_of(r, scores)));
  failed |= json_object_set_new(line, "name", json_string(scores->name));
  failed |= json_object_set_new(line, "scores", all);
  if (!failed) text = json_dumps(line, JSON_PRESERVE_ORDER | JSON_COMPACT | JSON_REAL_PRECISION(9));
  int code = text ? clgen_run_dir_append(&r->dir, file, text) : clgen_fail_nomem(4096);
  json_decref(line);
  free(details);
  free(text);
  return code;
}

static void say(const clgen_run *r, const clgen_score *scores, int n) {
  char figures[512] = "";
  for (int i = 0; i < n; ++i) {
    size_t at = strlen(figures);
    clgen_snprintf(figures + at, sizeof figures - at, "  %s %.5g", i ? scores[i].part : scores[i].name,
                   scores[i].score.value);
    if (!isnan(scores[i].floor.value)) {
      at = strlen(figures);
      clgen_snprintf(figures + at, sizeof figures - at, " (floor %.5g)", scores[i].floor.value);
    }
  }
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "metric   kimg %-8.1f%s", (double)(r->step * (uint64_t)r->options.batch) / 1000,
                  figures);
}

/* ---- The best ---- */

/* The lines of a metric's file; free(*text). CLGEN_E_NOTFOUND: none yet. */
static int read_lines(const clgen_run *r, const char *metric, char **text) {
  char name[64], path[CLGEN_PATH_TEXT];
  void *data;
  size_t size;
  snprintf(name, sizeof name, "metric-%s.jsonl", metric);
  clgen_run_dir_file(&r->dir, name, -1, "", path);
  int code = clgen_file_read(path, (size_t)1 << 30, &data, &size);
  *text = data;
  return code;
}

/* One line as JSON; *text moves behind it. NULL where it is none (a killed process may leave half a line). */
static json_t *next_line(const char **text) {
  size_t length = strcspn(*text, "\n");
  json_t *line = json_loadb(*text, length, 0, NULL);
  *text += length + ((*text)[length] == '\n');
  return line;
}

/* By the same features and as many images. */
static bool comparable(const json_t *line, const clgen_score *first, int64_t images) {
  const char *name = json_string_value(json_object_get(line, "name"));
  return name && strcmp(name, first->name) == 0 && json_integer_value(json_object_get(line, "images")) == images &&
         json_string_value(json_object_get(line, "snapshot"));
}

static double badness(const json_t *line, const clgen_score *first) {
  const json_t *v = json_object_get(json_object_get(line, "results"), first->part);
  if (!json_is_number(v)) return INFINITY;
  double value = json_number_value(v);
  return first->better < 0 ? value : first->better > 0 ? -value : fabs(value - first->floor.value);
}

/* Of all snapshots, each by its last line (a run that went back to an older one says some of them twice), the best; of
 * equals the earliest. */
static json_t *best_of(const char *text, const clgen_score *first, int64_t images) {
  json_t *last = json_object(), *best = NULL, *line;
  const char *snapshot;
  while (last && *text) {
    line = next_line(&text);
    if (comparable(line, first, images)) json_object_set(last, json_string_value(json_object_get(line, "snapshot")), line);
    json_decref(line);
  }
  json_object_foreach(last, snapshot, line) {
    if (!best || badness(line, first) < badness(best, first)) best = line;
  }
  json_incref(best);
  json_decref(last);
  return best;
}

/* {"snapshot": file, "metric": "fid", "name": "fid[mnist-cnn]", "value", "kimg", "images"} */
static int write_best(const clgen_run *r, const clgen_score *first) {
  char path[CLGEN_PATH_TEXT], *lines = NULL, *text = NULL;
  int code = read_lines(r, first->metric, &lines);
  if (code) return code;
  json_t *best = best_of(lines, first, images_of(r, first)), *out = json_object();
  static const char *const kept[] = {"snapshot", "metric", "name", "kimg", "images"};
  int failed = best ? 0 : -1;
  for (size_t i = 0; i < CLGEN_COUNT(kept); ++i) failed |= json_object_set(out, kept[i], json_object_get(best, kept[i]));
  failed |= json_object_set(out, "value", json_object_get(json_object_get(best, "results"), first->part));
  if (!failed) text = json_dumps(out, JSON_PRESERVE_ORDER | JSON_COMPACT | JSON_REAL_PRECISION(9));
  clgen_run_dir_file(&r->dir, "best.json", -1, "", path);
  code = text ? clgen_file_write(path, text, strlen(text)) : clgen_fail_nomem(4096);
  char now[64];
  snapshot_name(r, now);
  if (!code && strcmp(json_string_value(json_object_get(best, "snapshot")), now) == 0)
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "best:    %s by %s", json_string_value(json_object_get(best, "snapshot")),
                    first->name);
  json_decref(best);
  json_decref(out);
  free(lines);
  free(text);
  return code;
}

/* ---- At a snapshot ---- */

int clgen_run_metrics(clgen_run *r) {
  if (!r->assessor) return CLGEN_OK;
  clgen_score scores[CLGEN_MAX_SCORES];
  int n = 0, first = 0;
  int code = clgen_assessor_network(r->assessor, r->store, scores, &n);
  for (int i = 0, k; !code && i < n; i = k) { /* the parts of a metric lie together */
    for (k = i + 1; k < n && strcmp(scores[k].metric, scores[i].metric) == 0;) ++k;
    if (strncmp(r->options.metrics, scores[i].metric, strcspn(r->options.metrics, ",")) == 0) first = i;
    say(r, scores + i, k - i);
    code = write_line(r, scores + i, k - i);
  }
  if (!code && n) code = write_best(r, &scores[first]);
  return code ? clgen_fail_prefix(code, "judging the snapshot") : CLGEN_OK;
}

int clgen_run_metrics_missing(clgen_run *r) {
  char snapshot[64], metric[16], *lines = NULL;
  bool said = false;
  if (!r->assessor || r->step == 0) return CLGEN_OK;
  snapshot_name(r, snapshot);
  snprintf(metric, sizeof metric, "%.*s", (int)strcspn(r->options.metrics, ","), r->options.metrics);
  if (read_lines(r, metric, &lines) == CLGEN_OK)
    for (const char *at = lines; !said && *at;) {
      json_t *line = next_line(&at);
      const char *name = json_string_value(json_object_get(line, "snapshot"));
      double kimg = json_number_value(json_object_get(line, "kimg")); /* names are of whole thousands: two may share one */
      said = name && strcmp(name, snapshot) == 0 && fabs(kimg - kimg_now(r)) < 1e-4;
      json_decref(line);
    }
  free(lines);
  return said ? CLGEN_OK : clgen_run_metrics(r);
}
