/* A run's state as a file, and the lines of stats.jsonl that belong to it: a run that is resumed has the same lines as one
 * that was never stopped, apart from what a clock tells. */
#include "train/train_internal.h"

#include <stdlib.h>
#include <string.h>

#define STATS "stats.jsonl"
#define MAX_STATS_BYTES ((size_t)1 << 30)

int clgen_run_save_state(clgen_run *r, const char *path) {
  clgen_state_identity id = {.course = r->course, .data = r->fingerprint, .stats_lines = r->stats_lines};
  clgen_trainer_get_counts(r->trainer, id.counts);
  return clgen_training_state_save(r->store, path, r->step, &id);
}

int clgen_run_load_state(clgen_run *r, const char *path, int64_t *stats_lines) {
  clgen_state_identity id = {.course = r->course, .data = r->fingerprint};
  int code = clgen_training_state_load(r->store, path, &r->step, &id);
  if (!code) clgen_trainer_set_counts(r->trainer, id.counts);
  if (stats_lines) *stats_lines = id.stats_lines;
  return code;
}

int clgen_run_add_stats(clgen_run *r, const char *line) {
  int code = clgen_run_dir_append(&r->dir, STATS, line);
  if (!code) ++r->stats_lines;
  return code;
}

/* The end of the first `lines` lines, or of the last whole one; counts them. */
static size_t end_of_lines(const char *text, size_t size, int64_t lines, int64_t *found) {
  size_t end = 0;
  *found = 0;
  for (const char *p = text, *stop; (lines < 0 || *found < lines) && p < text + size; p = stop + 1) {
    stop = memchr(p, '\n', (size_t)(text + size - p));
    if (!stop) break;
    end = (size_t)(stop + 1 - text);
    ++*found;
  }
  return end;
}

int clgen_run_trim_stats(clgen_run *r, int64_t lines) {
  char path[CLGEN_PATH_TEXT];
  void *text;
  size_t size;
  clgen_run_dir_file(&r->dir, STATS, -1, "", path);
  r->stats_lines = 0;
  int code = clgen_file_read(path, MAX_STATS_BYTES, &text, &size);
  if (code) return code == CLGEN_E_NOTFOUND ? CLGEN_OK : code;
  const size_t end = end_of_lines(text, size, lines, &r->stats_lines);
  if (end < size) code = clgen_file_write(path, text, end);
  free(text);
  return code;
}
