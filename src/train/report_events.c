/* What changed itself while a run went on, on the axis of time and as a table: {"kimg": .., "event": {"by": who, "what": the
 * quantity, "from": .., "to": .., "reason": why}}. */
#include <string.h>

#include "train/report.h"

enum { MAX_LANES = CLGEN_PLOT_COLOURS, MAX_ROWS = 500, LEFT = 58, RIGHT = 426, LANE = 26, TOP = 34 };

static const char *text_of(const json_t *event, const char *key) {
  const char *text = json_string_value(json_object_get(event, key));
  return text ? text : "";
}

static const char *who(const json_t *event) { return *text_of(event, "by") ? text_of(event, "by") : "event"; }

/* A number or a text; nothing for what is neither. */
static void write_value(FILE *f, const json_t *v) {
  if (json_is_number(v))
    clgen_fprintf(f, "%.6g", json_number_value(v));
  else if (json_is_boolean(v))
    fputs(json_is_true(v) ? "yes" : "no", f);
  else if (json_is_string(v))
    clgen_xml_text(f, json_string_value(v));
}

/* "what: from -> to" */
static void write_change(FILE *f, const json_t *event) {
  const json_t *from = json_object_get(event, "from"), *to = json_object_get(event, "to");
  clgen_xml_text(f, text_of(event, "what"));
  if (!from && !to) return;
  if (*text_of(event, "what")) fputs(": ", f);
  write_value(f, from);
  fputs(from ? " \xe2\x86\x92 " : "\xe2\x86\x92 ", f);
  write_value(f, to);
}

/* The names of those who decided; those beyond the last lane share it. */
static int find_lanes(const clgen_history *h, const char *lanes[MAX_LANES]) {
  int n = 0;
  for (int64_t i = 0; i < h->n; ++i) {
    const json_t *event = clgen_history_event(h, i);
    int k = 0;
    if (!event) continue;
    while (k < n && strcmp(lanes[k], who(event))) ++k;
    if (k == n && n < MAX_LANES) lanes[n++] = who(event);
  }
  return n;
}

static void draw_lanes(FILE *f, const clgen_history *h, const char *const *lanes, int n, double kimg) {
  int bottom = TOP + n * LANE;
  fprintf(f,
          "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 440 %d\" role=\"img\">"
          "<title>Decisions over time</title>\n",
          bottom + 44);
  for (int k = 0; k < n; ++k) {
    fprintf(f, "<text x=\"%d\" y=\"%d\">", LEFT, TOP + k * LANE - 6);
    clgen_xml_text(f, lanes[k]);
    fprintf(f, "</text><path class=\"rule\" d=\"M%d %dH%d\"/>\n", LEFT, TOP + k * LANE + 6, RIGHT);
  }
  for (int k = 0; k <= 5; ++k) {
    double x = LEFT + (RIGHT - LEFT) * k / 5.0;
    clgen_fprintf(f,
                  "<path class=\"axis\" d=\"M%.1f %dv4\"/><text class=\"faint\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">"
                  "%.4g</text>\n",
                  x, bottom, x, bottom + 16, kimg * k / 5);
  }
  fprintf(f,
          "<path class=\"axis\" d=\"M%d %dH%d\"/><text x=\"%d\" y=\"%d\" text-anchor=\"middle\">images seen (kimg: "
          "thousands)</text>\n",
          LEFT, bottom, RIGHT, (LEFT + RIGHT) / 2, bottom + 36);
  for (int64_t i = 0; i < h->n; ++i) {
    const json_t *event = clgen_history_event(h, i);
    int k = 0;
    if (!event) continue;
    while (k < n - 1 && strcmp(lanes[k], who(event))) ++k;
    clgen_fprintf(f, "<circle class=\"dot k%d\" cx=\"%.1f\" cy=\"%d\" r=\"3.5\"><title>%.6g kimg: ", k,
                  LEFT + (RIGHT - LEFT) * h->lines[i].kimg / kimg, TOP + k * LANE + 6, h->lines[i].kimg);
    write_change(f, event);
    fputs("</title></circle>\n", f);
  }
  fputs("</svg>\n", f);
}

static void write_table(FILE *f, const clgen_history *h) {
  int64_t events = 0, seen = 0;
  for (int64_t i = 0; i < h->n; ++i) events += clgen_history_event(h, i) != NULL;
  if (events > MAX_ROWS) fprintf(f, "<p>The last %d of %lld.</p>\n", MAX_ROWS, (long long)events);
  fputs(
      "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>kimg</th><th>by</th><th>change</th><th>reason</th></tr>"
      "</thead><tbody>\n",
      f);
  for (int64_t i = 0; i < h->n; ++i) {
    const json_t *event = clgen_history_event(h, i);
    if (!event || seen++ < events - MAX_ROWS) continue;
    clgen_fprintf(f, "<tr><td>%.6g</td><td>", h->lines[i].kimg);
    clgen_xml_text(f, who(event));
    fputs("</td><td>", f);
    write_change(f, event);
    fputs("</td><td>", f);
    clgen_xml_text(f, text_of(event, "reason"));
    fputs("</td></tr>\n", f);
  }
  fputs("</tbody></table></div>\n", f);
}

int clgen_report_events(FILE *f, const clgen_history *stats, double kimg) {
  const char *lanes[MAX_LANES];
  int n = find_lanes(stats, lanes);
  if (!n) return CLGEN_OK;
  fputs("<section aria-labelledby=\"events\"><h2 id=\"events\">Decisions</h2>\n", f);
  fputs("<div class=\"plots\">\n", f);
  draw_lanes(f, stats, lanes, n, kimg > 0 ? kimg : 1);
  fputs("</div>\n", f);
  write_table(f, stats);
  fputs("</section>\n", f);
  return CLGEN_OK;
}
