/* clgen-devices: what there is to compute on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <clgen/clgen.h>
#include <clgen/options.h>

#include "base/base.h"
#include "config.h"
#include "devices.h"
#include "drivers.h"

typedef struct {
  bool list, verbose, json, probe, ops, version;
  char device[CLGEN_OPTION_TEXT];
} arguments;

#define FLAG(name, letter, member, help) \
  { name, letter, CLGEN_OPTION_FLAG, offsetof(arguments, member), "no", 0, 0, NULL, NULL, NULL, help }
static const clgen_option rows[] = {
    FLAG("list", 'l', list, "SPEC and name only, one line a device"),
    FLAG("verbose", 'v', verbose, "every property of each device"),
    {"device", 'd', CLGEN_OPTION_STRING, offsetof(arguments, device), "", 0, 0, NULL, "SPEC", NULL,
     "only this one: P:D as listed, a PCI address or UUID, gpu, cpu or accel (each with an optional :N), host, or a piece "
     "of a name"},
    FLAG("json", 0, json, "a JSON object with a list \"devices\"; valid, and empty when there is nothing"),
    FLAG("probe", 0, probe,
         "compile for each device, check its results against the host, and measure its speed (seconds each)"),
    FLAG("ops", 0, ops, "which operations each device can run"),
    FLAG("version", 0, version, "show the version"),
};
#undef FLAG

static const char usage[] =
    "usage: clgen-devices [-l|-v] [-d SPEC] [--json] [--probe] [--ops]\n\n"
    "Lists the OpenCL devices: how to name each (SPEC), what it is, and whether it can be used. The one marked with * runs\n"
    "when no device is named; CLGEN_DEVICE=SPEC in the environment pins another.\n\n"
    "Exit status: 0; 1 when nothing that was asked for is usable, or CLGEN_DEVICE fits no device (with --json too); 2 for "
    "a\n"
    "wrong command line.\n";

static int report(const char *what) {
  fprintf(stderr, "clgen-devices: %s\n", what);
  return 1;
}

static void write_log(void *user, clgen_log_level level, const char *message) {
  (void)user;
  if (level != CLGEN_LOG_DEBUG) report(message);
}

/* Why nothing of this device can be used, in its first line. */
static void mark_unusable(clgen_device_info *info, const char *why) {
  char *reason = clgen_format("%.*s", (int)strcspn(why, "\n"), why);
  if (!reason) return;
  free(info->reason);
  info->reason = reason;
  info->status = CLGEN_DEVICE_UNUSABLE;
}

/* Fills in `missing`; without an open device nothing can run. */
static int ask_ops(shown_device *d, clgen_device *open) {
  d->missing = calloc(clgen_example_count(), sizeof *d->missing);
  if (!d->missing) return clgen_fail_nomem(clgen_example_count() * sizeof *d->missing);
  for (size_t i = 0; i < clgen_example_count(); i++) {
    clgen_step step;
    clgen_example_get(i, &step);
    if (open && open->backend->supports(open->impl, &step)) continue;
    d->missing[i] = clgen_strdup(open ? clgen_last_error() : d->info.reason);
    if (!d->missing[i]) return CLGEN_E_NOMEM;
  }
  return CLGEN_OK;
}

/* Opens the device for --probe and --ops. One that does not open is unusable, which is no failure of this program. */
static int examine(shown_device *d, const arguments *args) {
  clgen_device_options options = {.log.write = write_log};
  clgen_device *open = NULL;
  if (d->info.status != CLGEN_DEVICE_UNUSABLE && clgen_device_open(&open, d->info.spec, &options) != CLGEN_OK)
    mark_unusable(&d->info, clgen_last_error());
  int code = CLGEN_OK;
  if (open && args->probe) {
    d->probed = clgen_device_probe(open, &d->probe) == CLGEN_OK;
    if (!d->probed)
      mark_unusable(&d->info, clgen_last_error());
    else {
      clgen_device_info_clear(&d->info);
      code = clgen_device_info_copy(&d->info, clgen_device_get_info(open));
    }
  }
  if (code == CLGEN_OK && args->ops) code = ask_ops(d, open);
  clgen_device_close(open);
  return code;
}

static int add_device(shown *s, size_t index, size_t chosen, const arguments *args) {
  shown_device *d = &s->device[s->n];
  int code = clgen_device_info_copy(&d->info, clgen_devices_get(s->list, index));
  if (code != CLGEN_OK) return code;
  s->n++;
  d->chosen = index == chosen;
  /* the host is not tried out unasked: it is what others are compared with */
  bool ask_host = s->one || !args->probe;
  if (args->ops || (args->probe && (ask_host || d->info.type != CLGEN_DEVICE_HOST))) {
    arguments what = *args;
    what.probe = args->probe && (ask_host || d->info.type != CLGEN_DEVICE_HOST);
    code = examine(d, &what);
  }
  return code;
}

static int gather(shown *s, const arguments *args) {
  size_t count = clgen_devices_count(s->list), chosen = count, only = count;
  const char *environment = getenv("CLGEN_DEVICE");
  bool pinned = environment && environment[0];
  s->chosen_by = pinned ? "CLGEN_DEVICE" : "automatic";
  s->one = args->device[0] != 0;
  s->device = calloc(count + 1, sizeof *s->device);
  if (!s->device) return clgen_fail_nomem(count * sizeof *s->device);
  int code = s->one ? clgen_devices_select(s->list, args->device, &only) : CLGEN_OK;
  if (code != CLGEN_OK) return code;
  /* that there is nothing to choose is said at the end; that CLGEN_DEVICE is wrong is said here, and the list shown */
  if (clgen_devices_select(s->list, environment, &chosen) != CLGEN_OK) {
    chosen = count;
    s->wrong_environment = pinned && !s->one;
    if (s->wrong_environment) fprintf(stderr, "clgen-devices: from CLGEN_DEVICE: %s\n", clgen_last_error());
  }
  s->unmeasured = !clgen_devices_are_measured(s->list);
  for (size_t i = 0; i < count && code == CLGEN_OK; i++)
    if (!s->one || i == only) code = add_device(s, i, chosen, args);
  return code;
}

static bool any_probed(const shown *s) {
  for (size_t i = 0; i < s->n; i++)
    if (s->device[i].probed) return true;
  return false;
}

static int print(const shown *s, const arguments *args) {
  if (args->json) return show_json(s, stdout);
  int code = CLGEN_OK;
  if (args->verbose)
    code = show_properties(s, stdout);
  else if (args->list)
    show_list(s, stdout);
  else
    code = show_table(s, stdout);
  if (code == CLGEN_OK && args->probe && any_probed(s)) code = show_probe(s, stdout);
  if (code == CLGEN_OK && args->ops) code = show_ops(s, stdout);
  return code;
}

/* The host counts only when it was asked for. */
static bool any_usable(const shown *s) {
  for (size_t i = 0; i < s->n; i++) {
    const clgen_device_info *d = &s->device[i].info;
    if (d->status != CLGEN_DEVICE_UNUSABLE && (s->one || d->type != CLGEN_DEVICE_HOST)) return true;
  }
  return false;
}

static void shown_free(shown *s) {
  for (size_t i = 0; i < s->n; i++) {
    for (size_t k = 0; s->device[i].missing && k < clgen_example_count(); k++) free(s->device[i].missing[k]);
    free(s->device[i].missing);
    clgen_device_info_clear(&s->device[i].info);
  }
  free(s->device);
}

/* What is to be seen, with a line for each driver that had to be passed over. */
static int find(clgen_device_list **list, const arguments *args) {
  clgen_logger log = {.write = write_log};
  char **lines = NULL;
  size_t n = 0;
  tool_drivers_ready(args->device[0] ? args->device : "any", &log, &lines, &n);
  bool host = strcasecmp(args->device, "host") == 0;
  int code = clgen_devices_find_of(list, host ? "host" : NULL);
  for (size_t i = 0; i < n; i++) {
    if (code == CLGEN_OK) code = clgen_device_list_add_platform(*list, lines[i]);
    free(lines[i]);
  }
  free(lines);
  return code;
}

static int run(const arguments *args) {
  clgen_device_list *list = NULL;
  if (find(&list, args) != CLGEN_OK) return report(clgen_last_error());
  shown s = {.list = list};
  int status = 0, selected = gather(&s, args);
  if (selected != CLGEN_OK) status = report(clgen_last_error());
  if ((selected == CLGEN_OK || args->json) && print(&s, args) != CLGEN_OK) status = report(clgen_last_error());
  if (fflush(stdout) != 0 || ferror(stdout)) status = report("standard output cannot be written");
  if (s.wrong_environment) status = 1;
  if (selected == CLGEN_OK && !any_usable(&s)) {
    status = 1;
    if (s.one)
      fprintf(stderr, "clgen-devices: device %s is unusable: %s\n", s.device[0].info.spec, s.device[0].info.reason);
    else
      fprintf(stderr, "clgen-devices: no usable OpenCL device.\n%s\n", clgen_device_advice());
  }
  shown_free(&s);
  clgen_devices_free(list);
  return status;
}

static int show_help(const char *word) {
  char *help = clgen_options_help(rows, CLGEN_COUNT(rows), usage, word);
  if (!help) {
    report(clgen_last_error());
    return 2;
  }
  printf("%s", help);
  free(help);
  return 0;
}

int main(int argc, char **argv) {
  arguments args;
  const char *help = NULL;
  int n_operands = 0;
  clgen_options_init(rows, CLGEN_COUNT(rows), &args);
  int code = clgen_options_parse(rows, CLGEN_COUNT(rows), &args, argc, argv, NULL, NULL, 0, &n_operands, &help);
  if (code == CLGEN_OK && !help && args.list && args.verbose)
    code = clgen_fail(CLGEN_E_INVALID, "-l and -v exclude each other");
  if (code != CLGEN_OK) {
    fprintf(stderr, "clgen-devices: %s\nTry clgen-devices --help.\n", clgen_last_error());
    return 2;
  }
  if (help) return show_help(help);
  if (args.version) {
    printf("clgen-devices %s\n", CLGEN_VERSION);
    return 0;
  }
  return run(&args);
}
