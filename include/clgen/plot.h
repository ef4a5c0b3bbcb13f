/* Plots as SVG: curves and clouds of points, with axes, their names, and a legend. */
#ifndef CLGEN_PLOT_H
#define CLGEN_PLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLGEN_PLOT_COLOURS 10

typedef struct {
  const char *name;    /* in the legend */
  const double *x, *y; /* n of each; what is not finite leaves a gap */
  int64_t n;
  int colour; /* 0 .. CLGEN_PLOT_COLOURS-1, beyond that from the beginning */
} clgen_plot_series;

typedef struct {
  const char *title, *x_label, *y_label; /* labels say the unit */
  const clgen_plot_series *series;
  int n_series;
  bool log_y;           /* where every value is positive; else, and where there is none, linear */
  bool points;          /* a dot for each, instead of a line through them */
  double x_low, x_high; /* of the axis; equal: as the data ask */
  int width, height;    /* in pixels at a scale of 1; 0: 440 x 280 */
} clgen_plot;

/* The style of every plot: colours for light and dark, by prefers-color-scheme. For a page that holds plots. */
const char *clgen_plot_css(void);
/* One <svg> element, without its style. Text is escaped, whatever it holds; long series are thinned to the extremes of each
 * pixel. The element says in data-box ("left right top bottom", pixels) and data-range ("x0 x1 y0 y1") what its points mean,
 * and in data-log="y" that the second range is a decimal logarithm. CLGEN_E_INVALID for a size or a number of series that
 * makes no sense, CLGEN_E_NOMEM. */
int clgen_plot_svg(FILE *f, const clgen_plot *plot);
/* A file of its own, with the style; it appears whole or not at all. */
int clgen_plot_write(const char *path, const clgen_plot *plot);

/* For text between tags and in quoted attributes: & < > " ' as entities; control characters, and bytes that are no UTF-8, as
 * U+FFFD. */
void clgen_xml_text(FILE *f, const char *text);

#ifdef __cplusplus
}
#endif
#endif
