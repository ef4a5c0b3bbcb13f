/* What a run's page draws: losses, gradients, metrics. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/report.h"

#define X_LABEL "images seen (kimg: thousands)"
#define MAX_CURVES 64

/* ---- Curves ---- */

void clgen_curves_free(clgen_curves *c) {
  for (int k = 0; k < c->n_curves; ++k) {
    free(c->curves[k].name);
    free(c->curves[k].y);
  }
  free(c->curves);
  free(c->x);
  *c = (clgen_curves){0};
}

/* What counts or times a tick, and is no curve of its own. */
static bool is_counter(const char *name) {
  static const char *const names[] = {"tick", "step", "kimg", "time_s", "sec_per_tick", "memory_bytes", "event"};
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

/* NULL with no memory, or when there are too many to be seen (*full). */
static clgen_curve *curve_named(clgen_curves *c, const char *name, bool *full) {
  for (int k = 0; k < c->n_curves; ++k)
    if (strcmp(c->curves[k].name, name) == 0) return &c->curves[k];
  *full = c->n_curves == MAX_CURVES;
  if (*full) return NULL;
  clgen_curve *more = realloc(c->curves, (size_t)(c->n_curves + 1) * sizeof *more);
  if (!more) return NULL;
  c->curves = more;
  clgen_curve *k = &more[c->n_curves];
  k->name = clgen_strdup(name);
  k->y = malloc((size_t)c->n * sizeof *k->y);
  if (!k->name || !k->y) {
    free(k->name);
    free(k->y);
    return NULL;
  }
  for (int64_t i = 0; i < c->n; ++i) k->y[i] = NAN;
  ++c->n_curves;
  return k;
}

/* "fid" and the line's name "fid[mnist-cnn]" make "fid[mnist-cnn]": figures by other features are another curve. */
static char *name_of(const json_t *line, const char *key, bool metric, const char *more) {
  const char *name = metric ? json_string_value(json_object_get(line, "name")) : NULL;
  const char *features = name ? strchr(name, '[') : NULL;
  return clgen_format("%s%s%s", key, features ? features : "", more);
}

static int set_value(clgen_curves *c, int64_t i, char *name, const json_t *value) {
  bool full = false;
  clgen_curve *k = name ? curve_named(c, name, &full) : NULL;
  free(name);
  if (k) k->y[i] = json_number_value(value);
  return k || full ? CLGEN_OK : clgen_fail_nomem((size_t)c->n * sizeof(double));
}

#define FLOOR " of real images (floor)"

static int take_line(clgen_curves *c, int64_t i, json_t *line, bool metric) {
  const char *key;
  json_t *value, *from = metric ? json_object_get(line, "results") : line;
  json_object_foreach(from, key, value) {
    if (!json_is_number(value) || (!metric && is_counter(key))) continue;
    int code = set_value(c, i, name_of(line, key, metric, ""), value);
    const json_t *score = metric ? json_object_get(json_object_get(line, "scores"), key) : NULL;
    const json_t *floor = json_object_get(json_object_get(score, "floor"), "value");
    if (!code && json_is_number(floor)) code = set_value(c, i, name_of(line, key, metric, FLOOR), floor);
    if (code) return code;
  }
  return CLGEN_OK;
}

int clgen_curves_of(clgen_curves *c, const clgen_history *h, bool metric) {
  *c = (clgen_curves){0};
  c->x = malloc((size_t)(h->n + 1) * sizeof *c->x);
  if (!c->x) return clgen_fail_nomem((size_t)h->n * sizeof *c->x);
  for (int64_t i = 0; i < h->n; ++i)
    if (!clgen_history_event(h, i)) c->x[c->n++] = h->lines[i].kimg;
  int code = CLGEN_OK;
  for (int64_t i = 0, tick = 0; !code && i < h->n; ++i)
    if (!clgen_history_event(h, i)) code = take_line(c, tick++, h->lines[i].line, metric);
  if (code) clgen_curves_free(c);
  return code;
}

/* ---- Plots ---- */

static int plot(FILE *f, clgen_plot *p, double kimg) {
  p->x_label = X_LABEL;
  p->x_low = 0, p->x_high = kimg > 0 ? kimg : 1;
  p->width = 440, p->height = 270;
  return clgen_plot_svg(f, p);
}

static int add_series(clgen_plot_series *s, int n, const clgen_curves *c, int k) {
  s[n] = (clgen_plot_series){.name = c->curves[k].name, .x = c->x, .y = c->curves[k].y, .n = c->n, .colour = n};
  return n + 1;
}

/* Whose names begin with `prefix`, in one plot; none is drawn where there are none. */
static int plot_prefix(FILE *f, const clgen_curves *c, const char *prefix, clgen_plot *p, double kimg, bool *done) {
  clgen_plot_series s[MAX_CURVES];
  int n = 0;
  for (int k = 0; k < c->n_curves; ++k)
    if (!done[k] && strncmp(c->curves[k].name, prefix, strlen(prefix)) == 0) {
      n = add_series(s, n, c, k);
      done[k] = true;
    }
  p->series = s, p->n_series = n;
  return n ? plot(f, p, kimg) : CLGEN_OK;
}

static double size_of(const clgen_curves *c, int k) {
  double size = 0;
  for (int64_t i = 0; i < c->n; ++i)
    if (isfinite(c->curves[k].y[i])) size = fmax(size, fabs(c->curves[k].y[i]));
  return size;
}

/* The curve of what real images get, or -1. */
static int floor_of(const clgen_curves *c, int k) {
  size_t n = strlen(c->curves[k].name);
  for (int j = 0; j < c->n_curves; ++j)
    if (strncmp(c->curves[j].name, c->curves[k].name, n) == 0 && strcmp(c->curves[j].name + n, FLOOR) == 0) return j;
  return -1;
}

/* A curve alone in its plot, which has room for its floor; logarithmic where the floor is far below. */
static int plot_alone(FILE *f, const clgen_curves *c, int k, double kimg) {
  clgen_plot_series s[2];
  int n = add_series(s, 0, c, k), floor = floor_of(c, k);
  clgen_plot p = {.title = c->curves[k].name, .y_label = c->curves[k].name, .series = s};
  if (floor >= 0) n = add_series(s, n, c, floor);
  p.n_series = n;
  p.log_y = floor >= 0 && size_of(c, floor) > 0 && size_of(c, k) > 20 * size_of(c, floor);
  char *label = p.log_y ? clgen_format("%s (log scale)", p.title) : NULL;
  if (label) p.y_label = label;
  int code = plot(f, &p, kimg);
  free(label);
  return code;
}

/* The rest, those of like size together: on one axis a small one beside a large one is a flat line. */
static int plot_by_size(FILE *f, const clgen_curves *c, const char *title, double kimg, bool *done) {
  int code = CLGEN_OK;
  for (int k = 0; k < c->n_curves; ++k)
    if (floor_of(c, k) >= 0) done[floor_of(c, k)] = true;
  for (int k = 0; !code && k < c->n_curves; ++k) {
    clgen_plot_series s[MAX_CURVES];
    int n = 0;
    double size = size_of(c, k);
    if (done[k]) continue;
    for (int j = k; j < c->n_curves && n < CLGEN_PLOT_COLOURS; ++j) {
      double ratio = size > 0 ? size_of(c, j) / size : 1;
      if (done[j] || ratio > 5 || ratio < 0.2) continue;
      n = add_series(s, n, c, j);
      done[j] = true;
    }
    clgen_plot p = {.title = title, .y_label = "value", .series = s, .n_series = n};
    if (n) code = n == 1 ? plot_alone(f, c, k, kimg) : plot(f, &p, kimg);
  }
  return code;
}

int clgen_report_curves(FILE *f, const clgen_history *stats, double kimg) {
  clgen_curves c;
  bool done[MAX_CURVES] = {false};
  int code = clgen_curves_of(&c, stats, false);
  if (code) return code;
  clgen_plot loss = {.title = "Loss, mean over each tick", .y_label = "loss (nats)"};
  clgen_plot grad = {.title = "Norm of the gradient, mean over each tick", .y_label = "norm (log scale)", .log_y = true};
  clgen_plot terms = {.title = "Terms of the negative ELBO", .y_label = "nats an image"};
  clgen_plot right = {.title = "Accuracy on test images", .y_label = "share of images"};
  clgen_plot rate = {.title = "Speed", .y_label = "images a second"};
  code = plot_prefix(f, &c, "loss", &loss, kimg, done);
  if (!code) code = plot_prefix(f, &c, "grad", &grad, kimg, done);
  if (!code) code = plot_prefix(f, &c, "reconstruction", &terms, kimg, done);
  if (!code) code = plot_prefix(f, &c, "test_accuracy", &right, kimg, done);
  if (!code) code = plot_prefix(f, &c, "images_per_s", &rate, kimg, done);
  if (!code) code = plot_by_size(f, &c, "More", kimg, done);
  if (!code && !c.n) fputs("<p>There is no tick yet.</p>\n", f);
  clgen_curves_free(&c);
  return code;
}

/* ---- Metrics ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Names of "metric-*.jsonl", sorted; at most max. */
static int metric_files(const char *run_dir, char **names, int max) {
  DIR *folder = opendir(run_dir);
  int n = 0;
  if (!folder) return 0;
  for (struct dirent *e; n < max && (e = readdir(folder));) {
    size_t length = strlen(e->d_name);
    if (length < 14 || strncmp(e->d_name, "metric-", 7) || strcmp(e->d_name + length - 6, ".jsonl")) continue;
    if ((names[n] = clgen_strdup(e->d_name))) ++n;
  }
  closedir(folder);
  qsort(names, (size_t)n, sizeof *names, by_text);
  return n;
}

static int plot_metric(FILE *f, const char *run_dir, const char *name, double kimg) {
  clgen_history h;
  clgen_curves c;
  bool done[MAX_CURVES] = {false};
  char *path = clgen_format("%s/%s", run_dir, name), *title = clgen_format("%.*s", (int)strlen(name) - 13, name + 7);
  int code = path && title ? clgen_history_read(&h, path) : CLGEN_E_NOMEM;
  if (!code) {
    code = clgen_curves_of(&c, &h, true);
    if (!code) {
      code = plot_by_size(f, &c, title, kimg, done);
      clgen_curves_free(&c);
    }
    clgen_history_free(&h);
  }
  free(path);
  free(title);
  return code;
}

int clgen_report_metrics(FILE *f, const char *run_dir, double kimg) {
  char *names[MAX_CURVES];
  int n = metric_files(run_dir, names, MAX_CURVES), code = CLGEN_OK;
  if (n) fputs("<section aria-labelledby=\"metrics\"><h2 id=\"metrics\">Metrics</h2><div class=\"plots\">\n", f);
  for (int i = 0; i < n; ++i) {
    if (!code) code = plot_metric(f, run_dir, names[i], kimg);
    free(names[i]);
  }
  if (n) fputs("</div></section>\n", f);
  return code;
}
