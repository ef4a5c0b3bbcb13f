#define _XOPEN_SOURCE 700 /* realpath */
/* A run from its options to its end. */
#include "train/train_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

static void write_log(void *user, clgen_log_level level, const char *message) {
  const clgen_run *r = user;
  if (r->dir.log && level != CLGEN_LOG_DEBUG) {
    fprintf(r->dir.log, "%s\n", message);
    fflush(r->dir.log);
  }
  if (r->calls->log.write) r->calls->log.write(r->calls->log.user, level, message);
}

static int write_options(const clgen_run *r) {
  char path[CLGEN_PATH_TEXT];
  char *json = clgen_train_options_saved(&r->options);
  clgen_run_dir_file(&r->dir, "training_options.json", -1, "", path);
  int code = json ? clgen_file_write(path, json, strlen(json)) : CLGEN_E_INVALID;
  free(json);
  return code;
}

/* Data are found again from another folder. */
static void make_absolute(clgen_train_options *o) {
  char *full = realpath(o->data, NULL);
  if (full && strlen(full) < sizeof o->data) memcpy(o->data, full, strlen(full) + 1);
  free(full);
}

static int begin_new(clgen_run *r) {
  const clgen_train_options *o = &r->options;
  char path[CLGEN_PATH_TEXT];
  int code = clgen_run_dir_create(&r->dir, o->outdir, clgen_dataset_get_info(r->data)->name, o->cfg, o->desc);
  if (!code) code = clgen_run_dir_lock(&r->dir);
  if (code) return code;
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "run:      %s (clgen %s)", r->dir.path, CLGEN_VERSION);
  clgen_run_say_plan(r);
  make_absolute(&r->options);
  code = write_options(r);
  if (!code) code = clgen_run_write_reals(r);
  if (!code) code = clgen_model_init(r->model, r->store, (uint64_t)o->seed);
  if (!code) code = clgen_trainer_prepare(r->trainer);
  if (!code) code = clgen_run_init_begin(r);
  if (!code) code = clgen_run_adapt_begin(r);
  clgen_run_dir_file(&r->dir, "fakes_init.png", -1, "", path);
  return code ? code : clgen_run_write_fakes(r, path);
}

/* Whether a snapshot is of the step that the run is at: an older one of the same thousand of images has the same name. */
static bool is_of_this_step(const clgen_run *r, const char *path) {
  clgen_safetensors *st = NULL;
  char step[32];
  snprintf(step, sizeof step, "%llu", (unsigned long long)r->step);
  const char *has = clgen_safetensors_open(&st, path) ? NULL : clgen_safetensors_meta(st, "clgen.step");
  const bool same = has && strcmp(has, step) == 0;
  clgen_safetensors_close(st);
  return same;
}

/* Writes what a killed process did not get to after it had written the training state. The snapshot is written last. */
static int complete_snapshot(clgen_run *r) {
  char snapshot[CLGEN_PATH_TEXT], fakes[CLGEN_PATH_TEXT];
  clgen_run_dir_file(&r->dir, CLGEN_SNAPSHOT_PREFIX, clgen_run_kimg(r), CLGEN_SAFETENSORS, snapshot);
  clgen_run_dir_file(&r->dir, "fakes", clgen_run_kimg(r), ".png", fakes);
  if (!is_of_this_step(r, snapshot) || (r->generator && access(fakes, F_OK) != 0)) return clgen_run_save(r);
  snprintf(r->result->snapshot, sizeof r->result->snapshot, "%s", snapshot);
  if (r->generator) snprintf(r->result->fakes, sizeof r->result->fakes, "%s", fakes);
  return CLGEN_OK;
}

/* A state that cannot be read: the one before it is named, where it is there. Keeps the error's code. */
static int offer_older(const clgen_run *r, int code) {
  long numbers[64], older = -1;
  const int n = clgen_run_dir_numbers(&r->dir, CLGEN_STATE_PREFIX, CLGEN_SAFETENSORS, numbers, 64);
  char path[CLGEN_PATH_TEXT], *why = clgen_strdup(clgen_last_error());
  for (int i = 0; i < n; ++i) {
    clgen_run_dir_file(&r->dir, CLGEN_STATE_PREFIX, numbers[i], CLGEN_SAFETENSORS, path);
    if (strcmp(path, r->state_path) == 0) break;
    older = numbers[i];
  }
  if (why && older >= 0) {
    clgen_run_dir_file(&r->dir, CLGEN_SNAPSHOT_PREFIX, older, CLGEN_SAFETENSORS, path);
    clgen_fail(code, "%s; to resume from the state before it: clgen train --resume %s", why, path);
  }
  free(why);
  return code;
}

static int go_on(clgen_run *r) {
  int64_t stats_lines = -1;
  int code = clgen_run_dir_lock(&r->dir);
  /* So that states come in the order of a new run, which is that of the files. */
  if (!code) code = clgen_model_init(r->model, r->store, (uint64_t)r->options.seed);
  if (!code) code = clgen_trainer_prepare(r->trainer);
  if (!code) {
    code = clgen_run_load_state(r, r->state_path, &stats_lines);
    if (code == CLGEN_E_FORMAT) code = offer_older(r, code);
  }
  if (!code) code = clgen_run_adapt_resume(r);
  if (!code && r->step < r->total_steps) code = clgen_run_trim_stats(r, stats_lines);
  if (code) return code;
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "run:      %s resumes from %.3f kimg (clgen %s)", r->dir.path,
                  (double)(r->step * (uint64_t)r->options.batch) / 1000, CLGEN_VERSION);
  clgen_run_say_plan(r);
  if (r->step >= r->total_steps)
    clgen_log_write(&r->log, CLGEN_LOG_WARNING, "the run is complete (%lld kimg); a larger --kimg continues it",
                    (long long)r->options.kimg);
  make_absolute(&r->options);
  if (r->step < r->total_steps) code = write_options(r); /* else nothing is trained by them */
  if (!code) code = complete_snapshot(r);
  return code ? code : clgen_run_metrics_missing(r);
}

static int train(clgen_run *r, const bool *given) {
  int code = clgen_run_open(r, given);
  if (code) return code;
  if (r->options.dry_run) {
    clgen_run_say_plan(r);
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "dry run:  nothing is written");
    return CLGEN_OK;
  }
  code = r->resumed ? go_on(r) : begin_new(r);
  snprintf(r->result->run_dir, sizeof r->result->run_dir, "%s", r->dir.path);
  if (!code) code = clgen_run_loop(r);
  return code;
}

int clgen_train(const clgen_train_options *options, const bool *given, const clgen_train_calls *calls,
                clgen_train_result *result) {
  clgen_train_result unused;
  clgen_run *r = calloc(1, sizeof *r);
  if (!r) return clgen_fail_nomem(sizeof *r);
  r->options = *options;
  r->calls = calls;
  r->result = result ? result : &unused;
  memset(r->result, 0, sizeof *r->result);
  r->log = (clgen_logger){write_log, r};
  int code = train(r, given);
  if (code && r->dir.log) fprintf(r->dir.log, "%s\n", clgen_last_error());
  clgen_run_close(r);
  free(r);
  return code;
}
