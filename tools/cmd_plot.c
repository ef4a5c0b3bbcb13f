/* clgen plot */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/plot.h>

#include "commands.h"
#include "common.h"

static const char usage[] =
    "usage: clgen plot --output FILE.svg [OPTION]... [FILE]...\n\n"
    "Plots curves from text: each line has the name of a curve, x and y, separated by tabs, from files or from\n"
    "standard input. What is not finite leaves a gap; empty lines and those that begin with # are passed over.\n";

typedef struct {
  char output[CLGEN_OPTION_TEXT], title[CLGEN_OPTION_TEXT], x_label[CLGEN_OPTION_TEXT], y_label[CLGEN_OPTION_TEXT];
  bool log_y, points;
  int64_t width, height;
} record;

static const clgen_option rows[] = {
    {"output", 'o', CLGEN_OPTION_STRING, offsetof(record, output), "", 0, 0, NULL, "FILE.svg", NULL, "SVG file to write"},
    {"title", 't', CLGEN_OPTION_STRING, offsetof(record, title), "", 0, 0, NULL, "TEXT", NULL, "title above the plot"},
    {"x-label", 'x', CLGEN_OPTION_STRING, offsetof(record, x_label), "", 0, 0, NULL, "TEXT", NULL, "label of the x axis"},
    {"y-label", 'y', CLGEN_OPTION_STRING, offsetof(record, y_label), "", 0, 0, NULL, "TEXT", NULL, "label of the y axis"},
    {"log-y", 0, CLGEN_OPTION_FLAG, offsetof(record, log_y), "no", 0, 0, NULL, NULL, NULL,
     "logarithmic y axis; every y must be positive"},
    {"points", 0, CLGEN_OPTION_FLAG, offsetof(record, points), "no", 0, 0, NULL, NULL, NULL, "draw dots instead of lines"},
    {"width", 0, CLGEN_OPTION_INT, offsetof(record, width), "560", 100, 4000, NULL, "N", NULL, "in pixels"},
    {"height", 0, CLGEN_OPTION_INT, offsetof(record, height), "340", 100, 4000, NULL, "N", NULL, "in pixels"},
};

#define MAX_CURVES 64
typedef struct {
  char *name[MAX_CURVES];
  double *x[MAX_CURVES], *y[MAX_CURVES];
  int64_t n[MAX_CURVES], room[MAX_CURVES];
  int count;
} curves;

static void curves_free(curves *c) {
  for (int i = 0; i < c->count; ++i) free(c->name[i]), free(c->x[i]), free(c->y[i]);
}

/* The curve of this name; -1 when there is no room for another. */
static int curve_of(curves *c, const char *name) {
  for (int i = 0; i < c->count; ++i)
    if (strcmp(c->name[i], name) == 0) return i;
  if (c->count == MAX_CURVES || !(c->name[c->count] = strdup(name))) return -1;
  return c->count++;
}

static bool add_point(curves *c, int i, double x, double y) {
  if (c->n[i] == c->room[i]) {
    int64_t room = c->room[i] ? 2 * c->room[i] : 64;
    double *xs = realloc(c->x[i], (size_t)room * sizeof *xs);
    if (xs) c->x[i] = xs;
    double *ys = xs ? realloc(c->y[i], (size_t)room * sizeof *ys) : NULL;
    if (ys) c->y[i] = ys;
    if (!ys) return false;
    c->room[i] = room;
  }
  c->x[i][c->n[i]] = x;
  c->y[i][c->n[i]++] = y;
  return true;
}

static bool read_number(const char *text, double *out) {
  char *end;
  if (!text || !*text) return false;
  *out = strtod(text, &end);
  return *end == '\0';
}

/* "name\tx\ty"; what is wrong with it, or NULL. */
static const char *read_line(curves *c, char *line) {
  line[strcspn(line, "\r\n")] = '\0';
  if (!line[0] || line[0] == '#') return NULL;
  char *x = strchr(line, '\t'), *y = x ? strchr(x + 1, '\t') : NULL;
  if (!y) return "not a name, x and y with tabs between them";
  *x++ = *y++ = '\0';
  double at, value;
  if (!read_number(x, &at) || !read_number(y, &value)) return "x or y is not a number";
  int i = curve_of(c, line);
  if (i < 0) return "more curves than there are colours";
  return add_point(c, i, at, value) ? NULL : "no memory is left";
}

static int read_file(const char *who, curves *c, FILE *f, const char *name) {
  char *line = NULL;
  size_t room = 0;
  const char *wrong = NULL;
  long number = 0;
  while (!wrong && getline(&line, &room, f) >= 0) {
    ++number;
    wrong = read_line(c, line);
  }
  free(line);
  if (wrong) tool_message(who, "%s, line %ld: %s", name, number, wrong);
  if (!wrong && ferror(f)) tool_message(who, "%s: %s", name, strerror(errno));
  return wrong || ferror(f) ? TOOL_FAILED : TOOL_OK;
}

static int read_all(const char *who, curves *c, const char *const *files, int n) {
  int status = TOOL_OK;
  if (!n) status = read_file(who, c, stdin, "standard input");
  for (int i = 0; i < n && status == TOOL_OK; ++i) {
    FILE *f = fopen(files[i], "r");
    if (!f) tool_message(who, "%s: %s", files[i], strerror(errno));
    status = f ? read_file(who, c, f, files[i]) : TOOL_FAILED;
    if (f) fclose(f);
  }
  if (status == TOOL_OK && !c->count) {
    tool_message(who, "there is no point to draw");
    status = TOOL_FAILED;
  }
  return status;
}

static int draw(const char *who, const record *r, const curves *c) {
  clgen_plot_series series[MAX_CURVES];
  for (int i = 0; i < c->count; ++i)
    series[i] = (clgen_plot_series){.name = c->name[i], .x = c->x[i], .y = c->y[i], .n = c->n[i], .colour = i};
  const clgen_plot plot = {.title = r->title,
                           .x_label = r->x_label,
                           .y_label = r->y_label,
                           .series = series,
                           .n_series = c->count,
                           .log_y = r->log_y,
                           .points = r->points,
                           .width = (int)r->width,
                           .height = (int)r->height};
  return clgen_plot_write(r->output, &plot) ? tool_failed(who) : TOOL_OK;
}

int cmd_plot(int argc, char **argv) {
  record r;
  const char *files[64];
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  o.operands = files;
  o.max_operands = 64;
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  if (!r.output[0]) return tool_usage(argv[0], "option --output: no output file given");
  curves c = {0};
  status = read_all(argv[0], &c, files, o.n_operands);
  if (status == TOOL_OK) status = draw(argv[0], &r, &c);
  curves_free(&c);
  return status;
}
