/* The splits of a dataset by the names that people give them: train, Validation, test_set, train2017, images-val. */
#include <string.h>

#include "data/data_internal.h"

static const struct {
  const char *name;
  int split;
} words[] = {
    {"train", CLGEN_SPLIT_TRAIN},     {"training", CLGEN_SPLIT_TRAIN}, {"trn", CLGEN_SPLIT_TRAIN},
    {"test", CLGEN_SPLIT_TEST},       {"testing", CLGEN_SPLIT_TEST},   {"tst", CLGEN_SPLIT_TEST},
    {"val", CLGEN_SPLIT_TEST},        {"valid", CLGEN_SPLIT_TEST},     {"validation", CLGEN_SPLIT_TEST},
    {"validating", CLGEN_SPLIT_TEST}, {"dev", CLGEN_SPLIT_TEST},       {"eval", CLGEN_SPLIT_TEST},
    {"evaluation", CLGEN_SPLIT_TEST}, {"holdout", CLGEN_SPLIT_TEST},   {"trainset", CLGEN_SPLIT_TRAIN},
    {"testset", CLGEN_SPLIT_TEST},    {"valset", CLGEN_SPLIT_TEST},
};
/* What may stand beside one of them. */
static const char *const others[] = {"set", "data",     "dataset", "images", "image", "imgs",
                                     "img", "pictures", "photos",  "split",  "folder"};

static bool is_word(const char *word, const char *text, size_t length) {
  return strlen(word) == length && clgen_same_letters(word, text, length);
}

static int find_word(const char *text, size_t length) {
  for (size_t i = 0; i < CLGEN_COUNT(words); ++i)
    if (is_word(words[i].name, text, length)) return (int)i;
  return -1;
}

static bool is_other(const char *text, size_t length) {
  for (size_t i = 0; i < CLGEN_COUNT(others); ++i)
    if (is_word(others[i], text, length)) return true;
  return false;
}

static bool between(char c) { return strchr("-_. 0123456789", c) != NULL; }

int clgen_split_of_name(const char *name, size_t length, int *rank) {
  int found = -1;
  for (size_t at = 0, n = 0; at < length; at += n ? n : 1) {
    for (n = 0; at + n < length && !between(name[at + n]);) ++n;
    if (!n || is_other(name + at, n)) continue;
    const int word = find_word(name + at, n);
    if (word < 0 || found >= 0) return CLGEN_SPLIT_ANY;
    found = word;
  }
  if (found < 0) return CLGEN_SPLIT_ANY;
  if (rank) *rank = found;
  return words[found].split;
}
