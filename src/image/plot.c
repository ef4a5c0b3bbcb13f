/* Plots as SVG. */
#include <clgen/plot.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LEFT = 58, RIGHT = 14, BOTTOM = 44, LINE = 17, CHARACTER = 7 }; /* pixels; a character's width is a guess */

/* Written out twice and not as variables, which few programs but browsers know. */
#define COLOUR(k, c) ".plot ." k "{stroke:" c ";fill:" c "}"
#define COLOURS(ink, faint, rule, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9)                                       \
  ".plot text{fill:" ink "}.plot .faint{fill:" faint "}.plot .rule{stroke:" rule                                \
  ";fill:none}"                                                                                                 \
  ".plot .axis{stroke:" faint ";fill:none}" COLOUR("k0", c0) COLOUR("k1", c1) COLOUR("k2", c2) COLOUR("k3", c3) \
      COLOUR("k4", c4) COLOUR("k5", c5) COLOUR("k6", c6) COLOUR("k7", c7) COLOUR("k8", c8)                      \
          COLOUR("k9", c9) ".plot .line{fill:none}.plot .dot circle,.plot circle.dot{stroke:none}"

/* Okabe and Ito's colours, which the colour-blind tell apart, darkened or lightened for the ground; two more for classes. */
const char *clgen_plot_css(void) {
  return ".plot{font:12px system-ui,sans-serif}.plot .title{font-weight:600}"
         ".plot .line{stroke-width:1.6;stroke-linejoin:round}.plot .dot{fill-opacity:.7}\n" COLOURS(
             "#1c1f23", "#5d6570", "#dfe3e8", "#0072b2", "#d55e00", "#00845f", "#b8528c", "#8a6d00", "#3f8fc4", "#6b4fbb",
             "#555", "#a03030",
             "#6f8f00") "\n@media(prefers-color-scheme:dark){" COLOURS("#e6e9ed", "#a3abb5", "#333a43", "#56b4e9", "#ff9147",
                                                                       "#2fc99a", "#f09cc7", "#f0e442", "#9ad4ff", "#b9a5ff",
                                                                       "#bbb", "#ff8a8a", "#c6e84f") "}\n";
}

typedef struct {
  const clgen_plot *plot;
  FILE *f;
  double left, right, top, bottom, x0, x1, y0, y1; /* y: logarithms where log is set */
  bool log;
} canvas;

static double x_at(const canvas *c, double x) { return c->left + (x - c->x0) / (c->x1 - c->x0) * (c->right - c->left); }
static double y_at(const canvas *c, double y) {
  if (c->log) y = log10(y);
  return c->bottom - (y - c->y0) / (c->y1 - c->y0) * (c->bottom - c->top);
}

/* ---- Ranges ---- */

static void widen(double *low, double *high, double v) {
  if (!isfinite(v)) return;
  if (!(*low <= v)) *low = v;
  if (!(*high >= v)) *high = v;
}

/* An axis needs a length, and what stands for "no data" too. */
static void open_range(double *low, double *high, double margin) {
  if (!(*low <= *high)) *low = 0, *high = 1;
  double length = *high - *low;
  if (!(length > 1e-12 * fmax(fabs(*low), fabs(*high)))) length = *low != 0 ? fabs(*low) : 1;
  *low -= margin * length;
  *high += *high - *low > 0.5 * length ? margin * length : length;
}

static void find_ranges(canvas *c) {
  const clgen_plot *p = c->plot;
  double x0 = NAN, x1 = NAN, y0 = NAN, y1 = NAN;
  for (int k = 0; k < p->n_series; ++k)
    for (int64_t i = 0; i < p->series[k].n; ++i) {
      if (!isfinite(p->series[k].x[i]) || !isfinite(p->series[k].y[i])) continue;
      widen(&x0, &x1, p->series[k].x[i]);
      widen(&y0, &y1, p->series[k].y[i]);
    }
  if (p->x_low < p->x_high) x0 = p->x_low, x1 = p->x_high;
  c->log = p->log_y && y0 > 0;
  if (c->log) y0 = log10(y0), y1 = log10(y1);
  open_range(&x0, &x1, p->points ? 0.04 : 0);
  bool above = !c->log && y0 >= 0;
  open_range(&y0, &y1, 0.05);
  if (above && y0 < 0) y0 = 0; /* what is never negative has no axis below 0 */
  c->x0 = x0, c->x1 = x1, c->y0 = y0, c->y1 = y1;
}

/* ---- Axes ---- */

static double step_of(double length, int about) {
  double raw = length / about, unit = pow(10, floor(log10(raw))), share = raw / unit;
  return unit * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

static void y_mark(const canvas *c, double value, double at) {
  clgen_fprintf(c->f,
                "<path class=\"rule\" d=\"M%.1f %.1fH%.1f\"/><text class=\"faint\" x=\"%.1f\" y=\"%.1f\" "
                "text-anchor=\"end\">%.6g</text>\n",
                c->left, at, c->right, c->left - 6, at + 4, fabs(value) < 1e-300 ? 0 : value);
}

/* 1, 2, 5 in every power of ten, or the powers alone where there are many; within one power, as on a straight axis. */
static void log_marks(const canvas *c) {
  double decades = c->y1 - c->y0, low = pow(10, c->y0), high = pow(10, c->y1);
  if (decades < 0.7) {
    double step = step_of(high - low, 5);
    for (double v = ceil(low / step) * step; v <= high; v += step) y_mark(c, v, y_at(c, v));
    return;
  }
  int every = decades > 7 ? (int)ceil(decades / 7) : 1;
  for (int e = (int)floor(c->y0); e <= (int)ceil(c->y1); ++e) {
    static const double within[] = {1, 2, 5};
    for (int k = 0; k < (decades > 2.5 ? 1 : 3); ++k) {
      double v = within[k] * pow(10, e);
      if (e % every == 0 && log10(v) >= c->y0 && log10(v) <= c->y1) y_mark(c, v, y_at(c, v));
    }
  }
}

static void text_at(const canvas *c, const char *attributes, double x, double y, const char *text) {
  clgen_fprintf(c->f, "<text %s x=\"%.1f\" y=\"%.1f\">", attributes, x, y);
  clgen_xml_text(c->f, text);
  fputs("</text>\n", c->f);
}

static void draw_axes(const canvas *c) {
  double step = step_of(c->x1 - c->x0, 6);
  for (double i = ceil(c->x0 / step - 1e-9); i * step <= c->x1 + 1e-9 * step; ++i)
    clgen_fprintf(c->f,
                  "<path class=\"axis\" d=\"M%.1f %.1fv4\"/><text class=\"faint\" x=\"%.1f\" y=\"%.1f\" "
                  "text-anchor=\"middle\">%.6g</text>\n",
                  x_at(c, i * step), c->bottom, x_at(c, i * step), c->bottom + 16, i == 0 ? 0 : i * step);
  step = step_of(c->y1 - c->y0, 5);
  if (c->log)
    log_marks(c);
  else
    for (double i = ceil(c->y0 / step); i * step <= c->y1; ++i) y_mark(c, i * step, y_at(c, i * step));
  clgen_fprintf(c->f, "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n", c->left, c->top, c->bottom, c->right);
  text_at(c, "text-anchor=\"middle\"", (c->left + c->right) / 2, c->bottom + 36, c->plot->x_label);
  fprintf(c->f, "<g transform=\"rotate(-90)\">");
  text_at(c, "text-anchor=\"middle\"", -(c->top + c->bottom) / 2, 13, c->plot->y_label);
  fputs("</g>\n", c->f);
}

/* Rows of names below the title; returns where they end. With no f it only measures. */
static double legend(const clgen_plot *p, FILE *f, double width, double top) {
  double x = LEFT, y = top + 12;
  if (p->n_series < 2) return top;
  for (int k = 0; k < p->n_series; ++k) {
    double length = 26 + CHARACTER * (double)strlen(p->series[k].name);
    if (x > LEFT && x + length > width) x = LEFT, y += LINE;
    if (f) {
      canvas c = {.f = f};
      clgen_fprintf(f, "<rect class=\"k%d\" x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"3\"/>",
                    p->series[k].colour % CLGEN_PLOT_COLOURS, x, y - 6);
      text_at(&c, "", x + 16, y, p->series[k].name);
    }
    x += length;
  }
  return y + 8;
}

/* ---- Data ---- */

/* Of the values that fall on one column of pixels the first, lowest, highest and last, in order, give the same picture. */
static void draw_line(const canvas *c, const clgen_plot_series *s) {
  double per_pixel = s->n > 4 * (c->right - c->left) ? (c->x1 - c->x0) / (c->right - c->left) : 0;
  int colour = s->colour % CLGEN_PLOT_COLOURS;
  bool open = false;
  fprintf(c->f, "<g data-name=\"");
  clgen_xml_text(c->f, s->name);
  fputs("\">", c->f);
  for (int64_t i = 0, next; i < s->n; i = next) {
    int64_t low = i, high = i;
    next = i + 1;
    if (!isfinite(s->x[i]) || !isfinite(s->y[i])) {
      if (open) fputs("\"/>", c->f);
      open = false;
      continue;
    }
    while (next < s->n && per_pixel > 0 && s->x[next] - s->x[i] < per_pixel && isfinite(s->y[next])) {
      if (s->y[next] < s->y[low]) low = next;
      if (s->y[next] > s->y[high]) high = next;
      ++next;
    }
    int64_t order[4] = {i, low < high ? low : high, low < high ? high : low, next - 1};
    if (!open) fprintf(c->f, "<polyline class=\"line k%d\" points=\"", colour);
    open = true;
    for (int k = 0; k < 4; ++k)
      if (!k || order[k] != order[k - 1])
        clgen_fprintf(c->f, "%.2f,%.2f ", x_at(c, s->x[order[k]]), y_at(c, s->y[order[k]]));
  }
  fputs(open ? "\"/></g>\n" : "</g>\n", c->f);
  if (s->n == 1 && isfinite(s->x[0]) && isfinite(s->y[0])) /* a line of one point is not seen */
    clgen_fprintf(c->f, "<circle class=\"dot k%d\" cx=\"%.2f\" cy=\"%.2f\" r=\"3\"/>\n", colour, x_at(c, s->x[0]),
                  y_at(c, s->y[0]));
}

static void draw_points(const canvas *c, const clgen_plot_series *s) {
  fprintf(c->f, "<g class=\"dot k%d\">", s->colour % CLGEN_PLOT_COLOURS);
  for (int64_t i = 0; i < s->n; ++i)
    if (isfinite(s->x[i]) && isfinite(s->y[i]))
      clgen_fprintf(c->f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>", x_at(c, s->x[i]), y_at(c, s->y[i]));
  fputs("</g>\n", c->f);
}

static int draw(FILE *f, const clgen_plot *p, const char *style) {
  int width = p->width ? p->width : 440, height = p->height ? p->height : 280;
  if (width < 120 || height < 120 || width > 10000 || height > 10000 || p->n_series < 0)
    return clgen_fail(CLGEN_E_INVALID, "invalid plot: %d x %d pixels with %d series", width, height, p->n_series);
  canvas c = {.plot = p, .f = f, .left = LEFT, .right = width - RIGHT, .bottom = height - BOTTOM};
  double under_title = 24;
  c.top = legend(p, NULL, width, under_title) + 6;
  height += (int)(c.top - under_title); /* a long legend takes nothing from the picture */
  c.bottom += c.top - under_title;
  find_ranges(&c);
  clgen_fprintf(f,
                "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
                "data-box=\"%.1f %.1f %.1f %.1f\" data-range=\"%.9g %.9g %.9g %.9g\"%s><title>",
                width, height, c.left, c.right, c.top, c.bottom, c.x0, c.x1, c.y0, c.y1, c.log ? " data-log=\"y\"" : "");
  clgen_xml_text(f, p->title);
  fprintf(f, "</title>%s\n", style);
  text_at(&c, "class=\"title\"", LEFT, 16, p->title);
  legend(p, f, width, under_title);
  draw_axes(&c);
  for (int k = 0; k < p->n_series; ++k) (p->points ? draw_points : draw_line)(&c, &p->series[k]);
  fputs("</svg>\n", f);
  return CLGEN_OK;
}

int clgen_plot_svg(FILE *f, const clgen_plot *plot) { return draw(f, plot, ""); }

int clgen_plot_write(const char *path, const clgen_plot *plot) {
  clgen_file_writer *w;
  int code = clgen_file_writer_open(&w, path);
  char *style = code ? NULL
                     : clgen_format(
                           "<style>\n%ssvg{background:#fff}@media(prefers-color-scheme:dark){svg{background:#14171a}}\n"
                           "</style>",
                           clgen_plot_css());
  if (code) return code;
  code = style ? draw(clgen_file_writer_stream(w), plot, style) : CLGEN_E_NOMEM;
  free(style);
  if (!code) return clgen_file_writer_commit(w);
  clgen_file_writer_abandon(w);
  return code;
}
