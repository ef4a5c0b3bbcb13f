/* The parts of a run's page. docs/seeing.md tells what the lines it is made from hold. */
#ifndef CLGEN_TRAIN_REPORT_H
#define CLGEN_TRAIN_REPORT_H

#include <clgen/plot.h>
#include <clgen/report.h>
#include <jansson.h>

#include "train/train_internal.h"

/* ---- report_read.c: lines of JSON ---- */

typedef struct {
  double kimg;
  json_t *line;
} clgen_history_line;

/* Lines with a number "kimg", in ascending order of it. */
typedef struct {
  clgen_history_line *lines;
  int64_t n, room;
} clgen_history;

/* Lines that are no JSON object with a kimg are passed over; where the run went back, what it had gone through before is
 * forgotten. A file that is not there has no lines. */
int clgen_history_read(clgen_history *h, const char *path);
void clgen_history_free(clgen_history *h);
/* The line's "event", or NULL where it is a tick. */
const json_t *clgen_history_event(const clgen_history *h, int64_t i);

/* ---- report_plots.c ---- */

/* Curves of numbers by name: every one has a value (NaN: none) for each x. */
typedef struct {
  char *name;
  double *y;
} clgen_curve;
typedef struct {
  double *x;
  int64_t n;
  clgen_curve *curves;
  int n_curves;
} clgen_curves;

/* Numbers of the ticks; with `metric`, of the members of "results" under names that say by which features. */
int clgen_curves_of(clgen_curves *c, const clgen_history *h, bool metric);
void clgen_curves_free(clgen_curves *c);
/* From kimg 0 to here on every plot. */
int clgen_report_curves(FILE *f, const clgen_history *stats, double kimg);
/* Of every metric-*.jsonl in the folder. */
int clgen_report_metrics(FILE *f, const char *run_dir, double kimg);
/* A lane for each who decided, and a table. */
int clgen_report_events(FILE *f, const clgen_history *stats, double kimg);

/* ---- report_images.c ---- */

/* The slider, and the real images beside it. */
int clgen_report_grids(FILE *f, const char *run_dir);

#endif
