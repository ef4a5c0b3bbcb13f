/* "Did you mean": the known word that is fewest slips of the finger away. */
#include <string.h>

#include "base/base.h"

enum { LONGEST = 40 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Insertions, deletions, replacements, and swaps of two neighbours (optimal string alignment distance). */
static size_t distance(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  size_t row[3][LONGEST + 1]; /* the last two rows and the one that is being made */
  for (size_t j = 0; j <= m; ++j) row[0][j] = j;
  for (size_t i = 1; i <= n; ++i) {
    size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
    now[0] = i;
    for (size_t j = 1; j <= m; ++j) {
      now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = least(now[j], before[j - 2] + 1);
    }
  }
  return row[n % 3][m];
}

const char *clgen_suggest(const char *word, const char *const *known, size_t n) {
  size_t length = strlen(word), limit = length < 4 ? 1 : length < 8 ? 2 : 3;
  const char *best = NULL;
  if (!length || length > LONGEST) return NULL;
  for (size_t i = 0; i < n; ++i) {
    if (strlen(known[i]) > LONGEST) continue;
    size_t d = distance(word, known[i]);
    /* Somebody who gave the beginning of a word is more likely to mean that word than one of other letters. */
    if (d > limit && length >= 3 && strncmp(word, known[i], length) == 0) d = limit;
    if (d > limit || d >= strlen(known[i])) continue;
    best = known[i];
    limit = d ? d - 1 : 0;
    if (!d) break;
  }
  return best;
}
