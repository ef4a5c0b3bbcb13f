/* clgen train */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clgen/train.h>

#include "commands.h"
#include "common.h"
#include "drivers.h"
#include "preview.h"

static const char usage[] =
    "usage: clgen train --data SRC --outdir DIR [OPTION]...\n"
    "       clgen train --resume RUN [--kimg N]\n\n"
    "Trains an image generator. Writes snapshots, sample images and statistics to a new folder,\n"
    "DIR/00000-DATA-CFG. --resume continues a run from its last snapshot, exactly. Ctrl-C, SIGTERM,\n"
    "SIGHUP and a closed pipe write a snapshot and stop; the status is 128 + the signal.\n";

/* The library's rows, and what only the program knows. */
typedef struct {
  clgen_train_options options;
  bool profile, preview;
} record;

static volatile sig_atomic_t stop;    /* the signal that asked for it, or 0 */
static volatile sig_atomic_t started; /* a step was made: there is something to save */

static void say(const char *text) {
  ssize_t written = write(STDERR_FILENO, text, strlen(text));
  (void)written;
}

/* Before the first step nothing is lost, and a kernel that is being compiled cannot be interrupted: the program ends at
 * once, by the signal. */
static void on_signal(int number) {
  if (!started) {
    say("\nstopped before the first step: nothing was trained\n");
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  if (!stop) say("\nstopping: a snapshot is written; once more ends the program at once\n");
  stop = number;
}

/* What the parent had ignored (nohup, a job in the background) stays ignored. A second signal ends the program at once. */
static void catch_signals(void) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t i = 0; i < CLGEN_COUNT(signals); ++i) {
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND | SA_NODEFER;
    if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
  }
  signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write, which stops the run as a signal does */
}

/* 128 + the signal, as a shell has it; a pipe that was closed is a failure of this program. */
static int status_of_stop(void) { return stop && stop != SIGPIPE ? 128 + (int)stop : TOOL_FAILED; }

typedef struct {
  const char *who;
  tool_progress progress;
  bool started;
  tool_device_options device;
} screen;

/* What the run says is its result; warnings are for standard error. */
static void write_log(void *user, clgen_log_level level, const char *message) {
  const screen *s = user;
  if (level == CLGEN_LOG_DEBUG) return;
  if (level == CLGEN_LOG_WARNING) {
    tool_message(s->who, "warning: %s", message);
    return;
  }
  tool_progress_wipe();
  if ((puts(message) < 0 || fflush(stdout) != 0) && errno == EPIPE && !stop) stop = SIGPIPE;
}

static void show_progress(void *user, const clgen_train_progress *p) {
  screen *s = user;
  started = 1;
  if (!s->started) tool_progress_start(&s->progress, "training", "kimg", (double)p->images / 1000, (double)p->total / 1000);
  s->started = true;
  if (s->progress.terminal) tool_progress_update(&s->progress, (double)p->images / 1000, NULL); /* else ticks do */
}

static void show_profile(void *user, clgen_device *device) {
  const screen *s = user;
  const char *set = getenv("CLGEN_PROFILE");
  if (s->device.profile || (set && set[0] && strcmp(set, "0") != 0)) tool_profile_print(stderr, device);
}

static void show_grid(void *user, const clgen_image *grid, int across) {
  (void)user;
  tool_preview_show(grid, across);
}

static int finish(const char *who, int code, const clgen_train_result *result) {
  if (code == CLGEN_OK) {
    if (result->fakes[0]) printf("pictures: %s\n", result->fakes);
    if (result->snapshot[0]) printf("snapshot: %s\n", result->snapshot);
    return TOOL_OK;
  }
  if (code == CLGEN_E_INTERRUPTED) {
    tool_message(who, "%s%s", stop == SIGPIPE ? "standard output was closed: " : "", clgen_last_error());
    return status_of_stop();
  }
  return code == CLGEN_E_INVALID ? tool_usage(who, "%s", clgen_last_error()) : tool_failed(who);
}

static const clgen_option own[] = {
    {"preview", 0, CLGEN_OPTION_FLAG, offsetof(record, preview), "no", 0, 0, NULL, NULL, "Run",
     "show sample images of each snapshot in the terminal"},
    {"profile", 0, CLGEN_OPTION_FLAG, offsetof(record, profile), "no", 0, 0, NULL, NULL, "Run",
     "at the end print the time of each operation (as CLGEN_PROFILE=1)"},
};

int cmd_train(int argc, char **argv) {
  size_t n;
  const clgen_option *library = clgen_train_option_rows(&n);
  clgen_option rows[128];
  bool given[128] = {false};
  if (n + CLGEN_COUNT(own) > CLGEN_COUNT(rows)) return TOOL_FAILED;
  memcpy(rows, library, n * sizeof *rows);
  memcpy(rows + n, own, sizeof own);
  record r;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = n + CLGEN_COUNT(own), .record = &r, .given = given};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  screen s = {.who = argv[0], .device = {.profile = r.profile}};
  const char *profile = getenv("CLGEN_PROFILE");
  clgen_train_calls calls = {.log = {write_log, &s}, .stop = &stop, .progress = show_progress, .user = &s};
  calls.closing = show_profile;
  if (r.preview) calls.drawn = show_grid;
  calls.device.log = tool_logger(argv[0]);
  calls.device.profile = r.profile || (profile && profile[0] && strcmp(profile, "0") != 0);
  tool_drivers_ready(r.options.device, &calls.device.log, NULL, NULL);
  catch_signals();
  clgen_train_result result;
  int code = clgen_train(&r.options, given, &calls, &result);
  tool_progress_wipe();
  return finish(argv[0], code, &result);
}
