/* The loop: the CPU gathers the next batch while the device runs the last step; only ticks wait for the device. */
#include "train/train_internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  double begin, tick_begin, maintenance; /* seconds: of the call, of the tick; between this tick and the last */
  double last_progress;
  uint64_t first_step, tick_step; /* where the call and the tick began */
  int64_t tick;                   /* number of the next */
  bool stopped;                   /* the caller asked for it: only what going on needs is done */
} clock_state;

static uint64_t images_at(const clgen_run *r, uint64_t step) { return step * (uint64_t)r->options.batch; }

/* Tick t ends with the first step that has seen t ticks of images; tick 0 with the first step. A tick's number is thus a
 * function of the step, whatever the run went through. */
static int64_t tick_of(const clgen_run *r, uint64_t step) {
  return (int64_t)floor((double)images_at(r, step) / (1000 * r->options.tick));
}
static bool ends_tick(const clgen_run *r, uint64_t before, uint64_t step) {
  return before == 0 || tick_of(r, step) != tick_of(r, before) || step == r->total_steps;
}

/* The next n images. */
static void gather(const clgen_run *r, uint64_t n, const clgen_dataset *from, clgen_sampler *sampler, uint8_t *batch,
                   int *labels) {
  const clgen_dataset_info *i = clgen_dataset_get_info(from);
  size_t image = (size_t)i->channels * (size_t)i->height * (size_t)i->width;
  uint64_t first = images_at(r, r->step);
  for (uint64_t k = 0; k < n; ++k) {
    int64_t index = clgen_sampler_index(sampler, first + k);
    memcpy(batch + k * image, clgen_dataset_image(from, index), image);
    labels[k] = clgen_dataset_label(from, index);
  }
}

static int step(clgen_run *r) {
  int code = CLGEN_OK;
  gather(r, images_at(r, (uint64_t)clgen_trainer_batches(r->trainer)), r->data, r->sampler, r->batch, r->labels);
  if (r->validation) {
    gather(r, images_at(r, 1), r->validation, r->validation_sampler, r->validation_batch, r->validation_labels);
    code = clgen_trainer_set_validation(r->trainer, r->validation_batch, r->validation_labels);
  }
  if (!code && clgen_model_get_config(r->model)->classes) code = clgen_trainer_set_labels(r->trainer, r->labels);
  return code ? code : clgen_trainer_step(r->trainer, r->step, r->batch, NULL);
}

static const char *duration(double seconds, char buf[48]) {
  long s = lround(seconds), h = s / 3600, m = s / 60 % 60;
  if (h)
    snprintf(buf, 48, "%ldh %02ldm %02lds", h, m, s % 60);
  else if (m)
    snprintf(buf, 48, "%ldm %02lds", m, s % 60);
  else
    snprintf(buf, 48, "%lds", s % 60);
  return buf;
}

/* What a tick says: `accuracy` is that on the test images, negative where there are none. */
typedef struct {
  clgen_trainer_report report;
  double seconds, rate, accuracy;
} tick_report;

static int write_stats(clgen_run *r, const tick_report *t, const clock_state *c) {
  const clgen_trainer_report *report = &t->report;
  json_t *o = json_object();
  int failed = json_object_set_new(o, "tick", json_integer(c->tick));
  failed |= json_object_set_new(o, "step", json_integer((json_int_t)r->step));
  failed |= json_object_set_new(o, "kimg", json_real((double)images_at(r, r->step) / 1000));
  failed |= json_object_set_new(o, "time_s", json_real(clgen_seconds() - c->begin));
  failed |= json_object_set_new(o, "sec_per_tick", json_real(t->seconds));
  failed |= json_object_set_new(o, "images_per_s", json_real(t->rate));
  failed |= json_object_set_new(o, "memory_bytes", json_integer((json_int_t)clgen_run_peak_bytes(r)));
  for (int i = 0; i < report->n; ++i) /* what is not finite has no number in JSON */
    failed |= json_object_set_new(o, report->name[i], isfinite(report->mean[i]) ? json_real(report->mean[i]) : json_null());
  if (t->accuracy >= 0) failed |= json_object_set_new(o, "test_accuracy", json_real(t->accuracy));
  char *text = failed ? NULL : json_dumps(o, JSON_PRESERVE_ORDER | JSON_COMPACT | JSON_REAL_PRECISION(9));
  json_decref(o);
  int code = text ? clgen_run_add_stats(r, text) : clgen_fail_nomem(1024);
  free(text);
  return code;
}

static void say_tick(const clgen_run *r, const tick_report *t, const clock_state *c) {
  const clgen_trainer_report *report = &t->report;
  char time[48], losses[256] = "";
  for (int i = 0; i < report->n; ++i) {
    size_t n = strlen(losses);
    if (strncmp(report->name[i], "grad", 4))
      clgen_snprintf(losses + n, sizeof losses - n, "  %s %.4f", report->name[i], report->mean[i]);
  }
  if (t->accuracy >= 0)
    clgen_snprintf(losses + strlen(losses), sizeof losses - strlen(losses), "  test_accuracy %.4f", t->accuracy);
  double kimg = (double)images_at(r, r->step) / 1000, share = (double)images_at(r, r->step - c->tick_step) / 1000;
  clgen_log_write(&r->log, CLGEN_LOG_INFO,
                  "tick %-4lld kimg %-8.1f time %-10s sec/tick %-7.2f sec/kimg %-8.3f images/s %-8.1f%s  memory %.0fM  "
                  "maintenance %.1f",
                  (long long)c->tick, kimg, duration(clgen_seconds() - c->begin, time), t->seconds,
                  share > 0 ? t->seconds / share : 0, t->rate, losses, (double)clgen_run_peak_bytes(r) / 1048576.0,
                  c->maintenance);
}

static int fail_nonfinite(const clgen_run *r, const char *what, uint64_t step) {
  return clgen_fail(
      CLGEN_E_NONFINITE,
      "%s became NaN or infinite in step %llu (%.3f kimg); the last good snapshot: %s; a smaller --lr may help", what,
      (unsigned long long)step, (double)images_at(r, step) / 1000,
      r->result->snapshot[0] ? r->result->snapshot : "none was written yet");
}

/* *rescued: a weight was not finite, and the run went back to a good state. */
static int save(clgen_run *r, bool *rescued) {
  int code = clgen_run_save(r);
  *rescued = false;
  if (code != CLGEN_E_NONFINITE) return code;
  char *what = clgen_strdup(clgen_last_error());
  int other = clgen_run_adapt_rescue(r, "a weight", rescued);
  if (other || *rescued) {
    free(what);
    return other;
  }
  clgen_fail(code, "%s by step %llu (%.3f kimg); the last good snapshot: %s; a smaller --lr may help",
             what ? what : "a weight", (unsigned long long)r->step, (double)images_at(r, r->step) / 1000,
             r->result->snapshot[0] ? r->result->snapshot : "none was written yet");
  free(what);
  return code;
}

/* A run that ends inside a tick is saved before its last line, so that it can be made longer as if it had never ended. */
static int end_tick(clgen_run *r, clock_state *c, bool last, bool inside) {
  tick_report t = {.accuracy = -1};
  if (inside) {
    const int saved = clgen_run_save(r);
    inside = saved != CLGEN_E_NONFINITE; /* which is told below */
    if (saved && inside) return saved;
  }
  const clgen_trainer_report *report = &t.report;
  int code = clgen_trainer_read(r->trainer, &t.report); /* waits for the device */
  if (code) return code;
  double now = clgen_seconds();
  t.seconds = now - c->tick_begin;
  t.rate = t.seconds > 0 ? (double)images_at(r, r->step - c->tick_step) / t.seconds : 0;
  c->tick = r->step == 1 ? 0 : tick_of(r, r->step);
  if (report->bad >= 0) {
    bool rescued;
    uint64_t when = r->step - report->steps + report->bad_step + 1;
    code = write_stats(r, &t, c);
    if (!code) code = clgen_run_adapt_rescue(r, report->name[report->bad], &rescued);
    if (code || rescued) return code;
    return fail_nonfinite(r, report->name[report->bad], when);
  }
  if (r->test_accuracy) code = clgen_test_accuracy_run(r->test_accuracy, &t.accuracy);
  if (code) return code;
  say_tick(r, &t, c);
  code = write_stats(r, &t, c);
  if (!code && (last || c->tick % r->options.snap == 0)) {
    bool rescued = false;
    if (!inside) code = save(r, &rescued);
    if (!code && !rescued && !c->stopped) code = clgen_run_metrics(r); /* else going on measures it */
  }
  c->tick_step = r->step;
  c->tick_begin = clgen_seconds();
  c->maintenance = c->tick_begin - now;
  return code;
}

static void progress(clgen_run *r, clock_state *c) {
  double now = clgen_seconds();
  if (!r->calls->progress || now - c->last_progress < 0.2) return;
  c->last_progress = now;
  clgen_train_progress p = {
      .images = images_at(r, r->step), .total = images_at(r, r->total_steps), .seconds = now - c->begin};
  if (now - c->begin > 1) {
    p.images_per_s = (double)images_at(r, r->step - c->first_step) / (now - c->begin);
    p.seconds_left = (double)(p.total - p.images) / p.images_per_s;
  }
  r->calls->progress(r->calls->user, &p);
}

/* A stop inside a tick leaves no line: its sums are saved, and the tick goes on when the run is resumed. */
static int stop_inside_tick(clgen_run *r, clock_state *c) {
  int code = clgen_run_save(r);
  return code == CLGEN_E_NONFINITE ? end_tick(r, c, true, false) : code;
}

/* After going back: what was between is in no tick. */
static void restart_clock(const clgen_run *r, clock_state *c) {
  c->tick_step = r->step;
  c->tick_begin = clgen_seconds();
  if (r->step < c->first_step) c->first_step = r->step;
}

int clgen_run_loop(clgen_run *r) {
  clock_state c = {.begin = clgen_seconds(), .first_step = r->step, .tick_step = r->step};
  c.tick_begin = c.begin;
  const volatile sig_atomic_t *stop = r->calls->stop;
  int code = CLGEN_OK;
  bool stopped = false;
  while (!code && !stopped && r->step < r->total_steps) {
    uint64_t batches = (uint64_t)clgen_trainer_batches(r->trainer);
    code = step(r);
    if (code) break;
    uint64_t before = r->step, now = r->step += batches;
    code = clgen_run_adapt(r);
    c.stopped = stopped = stop && *stop && r->step < r->total_steps;
    const bool inside = before != 0 && tick_of(r, now) == tick_of(r, before);
    if (!code && r->step == now && ends_tick(r, before, now))
      code = end_tick(r, &c, stopped || now == r->total_steps, inside);
    else if (!code && r->step == now && stopped)
      code = stop_inside_tick(r, &c);
    if (r->step != now) restart_clock(r, &c);
    progress(r, &c);
  }
  r->result->images = images_at(r, r->step);
  if (!code && stopped)
    code = clgen_fail(CLGEN_E_INTERRUPTED, "stopped at %.3f kimg; resume with: clgen train --resume %s",
                      (double)images_at(r, r->step) / 1000, r->dir.path);
  return code;
}
