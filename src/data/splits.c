/* The parts of a dataset by the names that people give them. */
#include <string.h>

#include "data/data_internal.h"

int clgen_split_of_name(const char *name, size_t length, int *rank) {
  static const struct {
    const char *name;
    int split;
  } row[] = {
      {"train", CLGEN_SPLIT_TRAIN},     {"training", CLGEN_SPLIT_TRAIN}, {"trn", CLGEN_SPLIT_TRAIN},
      {"test", CLGEN_SPLIT_TEST},       {"testing", CLGEN_SPLIT_TEST},   {"tst", CLGEN_SPLIT_TEST},
      {"val", CLGEN_SPLIT_TEST},        {"valid", CLGEN_SPLIT_TEST},     {"validation", CLGEN_SPLIT_TEST},
      {"validating", CLGEN_SPLIT_TEST}, {"dev", CLGEN_SPLIT_TEST},       {"eval", CLGEN_SPLIT_TEST},
      {"evaluation", CLGEN_SPLIT_TEST}, {"holdout", CLGEN_SPLIT_TEST},
  };
  for (size_t i = 0; i < CLGEN_COUNT(row); ++i)
    if (strlen(row[i].name) == length && clgen_same_letters(row[i].name, name, length)) {
      if (rank) *rank = (int)i;
      return row[i].split;
    }
  return CLGEN_SPLIT_ANY;
}
