/* What a run's folder holds as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "train/report.h"
#include "train/train_internal.h"

/* As stats.jsonl and as metric-fid.jsonl, through all that the report draws of them. */
void fuzz_stats(const uint8_t *data, size_t size) {
  static FILE *nowhere;
  if (!nowhere && !(nowhere = fopen("/dev/null", "w"))) abort();
  const char *path = fuzz_file("metric-fid.jsonl", data, size);
  clgen_history h;
  if (clgen_history_read(&h, path)) return;
  const double kimg = h.n ? h.lines[h.n - 1].kimg : 0;
  (void)clgen_report_curves(nowhere, &h, kimg);
  (void)clgen_report_events(nowhere, &h, kimg);
  (void)clgen_report_metrics(nowhere, fuzz_folder(), kimg);
  clgen_history_free(&h);
}

/* training_options.json */
void fuzz_options(const uint8_t *data, size_t size) {
  size_t n;
  const clgen_option *rows = clgen_train_option_rows(&n);
  clgen_train_options *o = malloc(sizeof *o);
  char *text = malloc(size + 1);
  if (!text || !o) abort();
  if (size) memcpy(text, data, size);
  text[size] = 0;
  clgen_options_init(rows, n, o);
  if (clgen_train_options_merge(o, NULL, text, "input") == CLGEN_OK) {
    char *again = clgen_train_options_saved(o);
    free(again);
  }
  clgen_options_init(rows, n, o);
  bool *given = calloc(n, sizeof *given);
  if (given && clgen_train_options_merge(o, given, text, "input") == CLGEN_OK) {
    char *again = clgen_train_options_saved(o);
    if (!again) abort();
    free(again);
  }
  free(given);
  free(text);
  free(o);
}
