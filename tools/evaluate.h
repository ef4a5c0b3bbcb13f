/* What clgen evaluate's two files share. */
#ifndef CLGEN_TOOLS_EVALUATE_H
#define CLGEN_TOOLS_EVALUATE_H

#include <clgen/assess.h>

#include "common.h"

typedef struct {
  char network[CLGEN_OPTION_TEXT], fakes[CLGEN_OPTION_TEXT], data[CLGEN_OPTION_TEXT], split[CLGEN_OPTION_TEXT],
      metrics[CLGEN_OPTION_TEXT], features[CLGEN_OPTION_TEXT], background[CLGEN_OPTION_TEXT], classes[CLGEN_OPTION_TEXT];
  int64_t num, samples, seed, res;
  bool json;
  tool_device_options device;
} evaluate_record;

typedef struct {
  const evaluate_record *r;
  const char *who;
  clgen_device *device;
  clgen_model *model; /* NULL with --fakes */
  clgen_store *store;
  clgen_dataset *fakes; /* NULL with --network */
  clgen_assessor *assessor;
  tool_progress progress;
  bool progressing;
  clgen_score scores[CLGEN_MAX_SCORES];
  int n_scores;
} evaluate_job;

/* On standard output; an exit status. */
int evaluate_print_text(const evaluate_job *j);
int evaluate_print_json(const evaluate_job *j);

#endif
