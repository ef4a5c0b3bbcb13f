/* The automatic choice among several devices: the fastest of those that compile and run something.
 *
 * What devices say of themselves cannot be compared: a GPU's compute unit has 64 or 256 lanes, a CPU's one core, and an
 * integrated GPU may be slower than the cores beside it. So where there is a choice, each device is timed once, and the
 * result is kept with its tuning results: in the cache, by device, driver and versions. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "device/list.h"
#include "device/probe.h"
#include "device/trial.h"

static const char speed_key[] = "speed";

/* ---- Speeds -------------------------------------------------------------------------------------------------------- */

/* Images a second of a training step like a DCGAN's (32x32, ngf 64, batch 64): its operations, its traffic, its launches. */
static int measure(clgen_device *d, double *speed) {
  const double gflop = 24.2, gigabytes = 0.9, launches = 200, images = 64;
  double gflops = 0, gb_per_s = 0, microseconds = 0;
  int code = clgen_time_conv(d, &gflops);
  if (code == CLGEN_OK) code = clgen_time_copy(d, &gb_per_s);
  if (code == CLGEN_OK) code = clgen_time_launch(d, &microseconds);
  if (code != CLGEN_OK) return code;
  if (gflops <= 0 || gb_per_s <= 0) return clgen_fail(CLGEN_E_DEVICE, "its speed cannot be measured");
  *speed = images / (gflop / gflops + gigabytes / gb_per_s + 1e-6 * microseconds * launches);
  return CLGEN_OK;
}

static double recall_speed(const clgen_device_info *d, const clgen_device_options *options) {
  const clgen_backend *backend = clgen_backend_find(d->backend);
  char *text = backend && backend->recall ? backend->recall(d, options, speed_key) : NULL;
  double speed = text ? clgen_strtod(text, NULL) : 0;
  free(text);
  return speed > 0 ? speed : 0;
}

static double measure_speed(const clgen_device_info *d, const clgen_device_options *options) {
  const clgen_logger *log = options ? &options->log : NULL;
  clgen_device_options own = options ? *options : (clgen_device_options){0};
  clgen_device *open = NULL;
  double speed = 0;
  char text[32];
  own.profile = false;
  int code = clgen_device_open_info(&open, d, &own);
  if (code == CLGEN_OK) code = measure(open, &speed);
  if (code != CLGEN_OK) { /* the last to be tried */
    clgen_log_write(log, CLGEN_LOG_WARNING, "device %s, %s: its speed cannot be measured: %s", d->spec, d->name,
                    clgen_last_error());
    clgen_device_close(open);
    return -1;
  }
  clgen_device_close(open);
  clgen_log_write(log, CLGEN_LOG_INFO, "device %s, %s: about %.3g images/s of a small DCGAN", d->spec, d->name, speed);
  clgen_snprintf(text, sizeof text, "%.6g", speed);
  const clgen_backend *backend = clgen_backend_find(d->backend);
  if (backend->keep && backend->keep(d, options, speed_key, text) != CLGEN_OK)
    clgen_log_write(log, CLGEN_LOG_DEBUG, "the measured speed cannot be saved: %s", clgen_last_error());
  return speed;
}

void clgen_devices_sort(size_t *order, double *speed, size_t n) {
  for (size_t i = 1; i < n; i++)
    for (size_t k = i; k > 0 && speed[k] > speed[k - 1]; k--) {
      size_t device = order[k];
      double own = speed[k];
      order[k] = order[k - 1], speed[k] = speed[k - 1];
      order[k - 1] = device, speed[k - 1] = own;
    }
}

static size_t count_usable(const clgen_device_list *list, const size_t *order, size_t n) {
  size_t usable = 0;
  while (usable < n && clgen_devices_get(list, order[usable])->status != CLGEN_DEVICE_UNUSABLE) usable++;
  return usable;
}

bool clgen_devices_sort_by_speed(const clgen_device_list *list, size_t *order, size_t n, const clgen_device_options *options,
                                 bool may_measure) {
  size_t usable = count_usable(list, order, n);
  if (usable < 2) return true;
  if (options && (options->no_cache || options->no_tune)) may_measure = false;
  double *speed = calloc(usable, sizeof *speed);
  bool known = speed != NULL, said = false;
  for (size_t i = 0; i < usable && known; i++) {
    const clgen_device_info *d = clgen_devices_get(list, order[i]);
    speed[i] = recall_speed(d, options);
    known = speed[i] > 0 || may_measure;
    if (speed[i] > 0 || !known) continue;
    if (!said)
      clgen_log_write(options ? &options->log : NULL, CLGEN_LOG_INFO,
                      "measuring which of %zu devices is the fastest: once, some seconds each; --device SPEC or "
                      "CLGEN_DEVICE=SPEC chooses one without it ...",
                      usable);
    said = true;
    speed[i] = measure_speed(d, options);
  }
  if (known) clgen_devices_sort(order, speed, usable);
  free(speed);
  return known;
}

bool clgen_devices_are_measured(const clgen_device_list *list) {
  size_t *order = calloc(clgen_devices_count(list) + 1, sizeof *order);
  bool measured = order && clgen_devices_sort_by_speed(list, order, clgen_devices_rank(list, order, NULL), NULL, false);
  free(order);
  return measured;
}

/* ---- Opening the best ---------------------------------------------------------------------------------------------- */

/* Compiles and runs something small: a copy, whose result is known. */
static int try_out(clgen_device *d) {
  enum { N = 67 };
  clgen_step step;
  clgen_trial t;
  double seconds;
  float in[N], out[N];
  clgen_example_elementwise(&step, CLGEN_EW_COPY, N);
  int code = clgen_trial_create(&t, d->backend, d->impl, &step, 1, 1);
  if (code != CLGEN_OK) return code;
  code = clgen_trial_run(&t, &seconds);
  if (code == CLGEN_OK) code = d->backend->buffer_read(d->impl, t.steps[0].in[0].buffer, 0, sizeof in, in);
  if (code == CLGEN_OK) code = d->backend->buffer_read(d->impl, t.steps[0].out[0].buffer, 0, sizeof out, out);
  if (code == CLGEN_OK && memcmp(in, out, sizeof in) != 0) code = clgen_fail(CLGEN_E_DEVICE, "it copies data wrongly");
  clgen_trial_free(&t);
  return code;
}

static int open_and_try(clgen_device **out, const clgen_device_info *d, const clgen_device_options *options) {
  int code = clgen_device_open_info(out, d, options);
  if (code == CLGEN_OK && (code = try_out(*out)) != CLGEN_OK) {
    code = clgen_fail_prefix(code, "trying device %s", d->spec);
    char *why = clgen_strdup(clgen_last_error());
    clgen_device_close(*out); /* which may leave a message of its own */
    *out = NULL;
    if (why) clgen_fail(code, "%s", why);
    free(why);
  }
  return code;
}

int clgen_device_open_automatic(clgen_device **out, const clgen_device_list *list, const clgen_device_options *options) {
  const clgen_logger *log = options ? &options->log : NULL;
  size_t count = clgen_devices_count(list), *order = calloc(count + 1, sizeof *order), first;
  if (!order) return clgen_fail_nomem((count + 1) * sizeof *order);
  size_t total = 0, n = clgen_devices_rank(list, order, &total);
  int code = clgen_devices_select(list, NULL, &first);
  if (code == CLGEN_OK) clgen_devices_sort_by_speed(list, order, n, options, true);
  for (size_t i = 0; i < total && !*out && code != CLGEN_E_NOTFOUND; i++) {
    const clgen_device_info *d = clgen_devices_get(list, order[i]);
    if (d->status == CLGEN_DEVICE_UNUSABLE) continue;
    code = open_and_try(out, d, options);
    if (code != CLGEN_OK) clgen_log_write(log, CLGEN_LOG_WARNING, "passing over a device: %s", clgen_last_error());
  }
  for (size_t i = 0; i < n && *out; i++) {
    const clgen_device_info *d = clgen_devices_get(list, order[i]);
    if (d->status == CLGEN_DEVICE_UNUSABLE)
      clgen_log_write(log, CLGEN_LOG_INFO, "passing over device %s, %s: %s", d->spec, d->name, d->reason);
  }
  free(order);
  if (!*out) return code;
  const clgen_device_info *d = &(*out)->info;
  /* by what stays when another driver is installed, where that is known */
  const char *pin = d->pci[0] ? d->pci : d->uuid[0] ? d->uuid : d->spec;
  clgen_log_write(log, CLGEN_LOG_INFO, "device %s: %s (%s, %s); CLGEN_DEVICE=%s always chooses it", d->spec, d->name,
                  clgen_device_type_name(d->type), d->platform, pin);
  return CLGEN_OK;
}
