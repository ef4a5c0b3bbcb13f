/* How far a long command is. */
#include "common.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool on_screen; /* a line without its newline; there is one terminal */

void tool_progress_wipe(void) {
  if (on_screen) fputs("\r\033[K", stderr);
  on_screen = false;
}

void tool_progress_start(tool_progress *p, const char *what, const char *unit, double first, double total) {
  const char *term = getenv("TERM");
  double now = clgen_seconds();
  *p = (tool_progress){.what = what,
                       .unit = unit,
                       .total = total,
                       .first = first,
                       .began = now,
                       .shown_at = now,
                       .last_time = now,
                       .last_done = first};
  p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

/* The rate of the last seconds counts more than that of the beginning, where kernels were built. */
static void measure(tool_progress *p, double now, double done) {
  double elapsed = now - p->last_time;
  if (elapsed < 0.5 || done <= p->last_done) return;
  double rate = (done - p->last_done) / elapsed, weight = elapsed / (elapsed + 5);
  p->rate = p->rate > 0 ? p->rate + weight * (rate - p->rate) : rate;
  p->last_time = now;
  p->last_done = done;
}

void tool_progress_update(tool_progress *p, double done, const char *more) {
  double now = clgen_seconds(), silence = now - p->began < 60 ? 10 : 30;
  measure(p, now, done);
  if (now - p->shown_at < (p->terminal ? 0.2 : silence)) return;
  p->shown_at = now;
  char speed[96] = "", left[64] = "", time[32];
  if (p->rate > 0) snprintf(speed, sizeof speed, ", %.3g %s/s", p->rate, p->unit);
  if (p->rate > 0 && p->total > done)
    snprintf(left, sizeof left, ", %s left", tool_time_text((p->total - done) / p->rate, time, sizeof time));
  tool_progress_wipe();
  fprintf(stderr, "%s: %.*f of %.6g %s (%.0f%%)%s%s%s%s", p->what, done < 100 && done != (double)(int64_t)done ? 1 : 0, done,
          p->total, p->unit, p->total > 0 ? 100 * done / p->total : 100, speed, left, more && more[0] ? ", " : "",
          more ? more : "");
  if (p->terminal)
    on_screen = true;
  else
    fputc('\n', stderr);
  fflush(stderr);
}

void tool_progress_end(tool_progress *p) {
  (void)p;
  tool_progress_wipe();
}
