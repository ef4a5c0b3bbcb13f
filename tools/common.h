/* What the commands share: messages, options, devices, seeds, progress, JSON. */
#ifndef CLGEN_TOOLS_COMMON_H
#define CLGEN_TOOLS_COMMON_H

#include "columns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <clgen/device.h>
#include <clgen/error.h>
#include <clgen/options.h>

#include "base/base.h"

/* Exit status. */
enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };
#define TOOL_GO_ON (-1) /* tool_parse: nothing to exit for */

/* ---- Messages, on standard error ------------------------------------------------------------------------------------ */

/* "clgen train: ..." A progress line that is on the screen is wiped first. */
void tool_message(const char *who, const char *format, ...) CLGEN_PRINTF(2, 3);
/* The library's last error; returns TOOL_FAILED. */
int tool_failed(const char *who);
/* What is wrong with the command line, and where to read on; returns TOOL_USAGE. */
int tool_usage(const char *who, const char *format, ...) CLGEN_PRINTF(2, 3);
/* A logger whose lines go the same way; `who` must outlive it. */
clgen_logger tool_logger(const char *who);

/* ---- Options --------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *usage; /* the beginning of --help: "usage: clgen ...", and what it does */
  const clgen_option *rows;
  size_t n_rows;
  void *record;
  bool *given;           /* n_rows of them, or NULL */
  const char **operands; /* NULL: none are taken */
  int max_operands, n_operands;
} tool_options;

/* Sets the record to the defaults and parses over it. TOOL_GO_ON, or the exit status after --help or a mistake. */
int tool_parse(tool_options *o, int argc, char **argv);

/* Rows for what every command that computes takes: put a tool_device_options into the record as `member`. */
typedef struct {
  char spec[CLGEN_OPTION_TEXT];
  bool profile;
} tool_device_options;
/* clang-format off */
#define TOOL_DEVICE_ROWS(record, member)                                                                               \
  {"device", 0, CLGEN_OPTION_STRING, offsetof(record, member.spec), "", 0, 0, NULL, "SPEC", "Device",                   \
   "P:D, PCI address or UUID, gpu, cpu, accel (each also :N), host, or part of a name; default: CLGEN_DEVICE, else "   \
   "the fastest"},                                                                                                     \
  {"profile", 0, CLGEN_OPTION_FLAG, offsetof(record, member.profile), "no", 0, 0, NULL, NULL, "Device",                 \
   "at the end print the time of each operation (as CLGEN_PROFILE=1)"}
/* clang-format on */

/* ---- Commands of parts ------------------------------------------------------------------------------------------------ */

typedef struct {
  const char *name;
  int (*run)(int argc, char **argv); /* argv[0] is "clgen bench gemm" */
  const char *summary;
} tool_part;
/* Runs the part that argv[1] names, or prints the list of them; `what` the command does is a sentence for --help. */
int tool_run_part(const char *what, const tool_part *parts, size_t n, int argc, char **argv);

/* ---- Devices --------------------------------------------------------------------------------------------------------- */

/* Opens the device; what the library has to say about it goes to standard error. A negative code on failure. */
int tool_device_open(clgen_device **out, const char *who, const tool_device_options *o);
/* Prints the profile if it was asked for, and closes. NULL is nothing. */
void tool_device_close(clgen_device *device, const tool_device_options *o);
/* Operation, launches, time, GFLOP/s, GB/s, share. */
void tool_profile_print(FILE *f, const clgen_device *device);

/* ---- JSON, on standard output ------------------------------------------------------------------------------------------
 */

/* {"device": name, "spec": "0:0", "backend", "type", "platform", "driver", "device_version", "version": of clgen}: every
 * --json of a command that computes begins so. NULL when memory is short. */
json_t *tool_device_json(const clgen_device *device);
/* A JSON string; what is not UTF-8, as names of files and drivers may be, with '?' for every byte that is not ASCII. */
json_t *tool_text_json(const char *text);
/* Prints and frees it. An exit status; NULL is a failure. */
int tool_json_print(const char *who, json_t *object);

/* ---- Numbers and words -------------------------------------------------------------------------------------------------
 */

/* "0-63", "1,5,9-12": in that order, repetitions kept; free(*seeds). CLGEN_E_INVALID with what is wrong. */
int tool_parse_seeds(const char *text, uint64_t **seeds, size_t *n);
/* Each into buf (32 bytes hold every one), which is returned: "1.25 MiB", "1h 02m", "12,345,678". */
const char *tool_bytes_text(double bytes, char *buf, size_t size);
const char *tool_time_text(double seconds, char *buf, size_t size);
const char *tool_count_text(int64_t count, char *buf, size_t size);

/* ---- Progress, on standard error ---------------------------------------------------------------------------------------
 */

/* On a terminal one line that is rewritten; elsewhere a plain line now and then. */
typedef struct {
  const char *what, *unit; /* "generating", "images" */
  double total, first;     /* in units; `first` were done before (a resumed run) */
  double began, shown_at, rate, last_time, last_done;
  bool terminal;
} tool_progress;
void tool_progress_start(tool_progress *p, const char *what, const char *unit, double first, double total);
/* `more` is shown behind the rate ("loss 0.61"); NULL is nothing. Cheap: call it as often as you like. */
void tool_progress_update(tool_progress *p, double done, const char *more);
void tool_progress_end(tool_progress *p);
/* Wipes the line so that something else can be printed. */
void tool_progress_wipe(void);

#endif
