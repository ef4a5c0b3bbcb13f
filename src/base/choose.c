/* A list of names, numbers and ranges: which of n things it chooses. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* The one that is called so, else by its number; -1: neither. Names come first: where classes were left out, "7" is not the
 * eighth. */
static int find_one(const char *text, size_t length, char *const *names, int n) {
  for (int i = 0; names && i < n; ++i)
    if (strlen(names[i]) == length && strncmp(names[i], text, length) == 0) return i;
  if (length < 1 || length > 5 || strspn(text, "0123456789") < length) return -1;
  int v = (int)strtol(text, NULL, 10);
  return v < n ? v : -1;
}

/* A name, a number, or a range of them. */
static bool find_item(const char *item, char *const *names, int n, int *low, int *high) {
  *low = *high = find_one(item, strlen(item), names, n);
  for (const char *dash = item; *low < 0 && (dash = strchr(dash, '-')) != NULL; ++dash) {
    *low = find_one(item, (size_t)(dash - item), names, n);
    *high = find_one(dash + 1, strlen(dash + 1), names, n);
    if (*high < *low) *low = -1;
  }
  return *low >= 0;
}

/* The names that there are, for a message; what does not fit is "...". */
static void list_names(char *out, size_t size, char *const *names, int n) {
  size_t at = 0;
  out[0] = 0;
  for (int i = 0; i < n; ++i) {
    size_t need = strlen(names[i]) + 2;
    if (at + need + 4 > size) {
      snprintf(out + at, size - at, "...");
      return;
    }
    at += (size_t)snprintf(out + at, size - at, "%s%s", names[i], i + 1 < n ? ", " : "");
  }
}

static int refuse(const char *list, const char *item, char *const *names, int n) {
  char known[512];
  if (names)
    list_names(known, sizeof known, names, n);
  else
    snprintf(known, sizeof known, "0 to %d", n - 1);
  return clgen_fail(CLGEN_E_INVALID, "the choice of classes '%s': '%s' is neither a class nor a range of numbers: %s", list,
                    item, known);
}

/* The first item of a list: up to the next comma, unless a name with commas in it stands there. */
static size_t item_length(const char *p, char *const *names, int n) {
  size_t longest = 0;
  for (int i = 0; names && i < n; ++i) {
    const size_t length = strlen(names[i]);
    if (length > longest && strncmp(p, names[i], length) == 0 && (!p[length] || p[length] == ',')) longest = length;
  }
  return longest ? longest : strcspn(p, ",");
}

int clgen_choose(const char *list, char *const *names, int n, int **out, size_t *count) {
  *count = 0;
  *out = malloc(((size_t)n + 1) * sizeof **out);
  bool *taken = calloc((size_t)n + 1, sizeof *taken);
  int code = *out && taken ? CLGEN_OK : clgen_fail_nomem((size_t)n * sizeof **out), low = 0, high = 0;
  for (const char *p = list; !code;) {
    size_t length = item_length(p, names, n);
    char *item = clgen_format("%.*s", (int)length, p);
    code = !item ? CLGEN_E_NOMEM : find_item(item, names, n, &low, &high) ? CLGEN_OK : refuse(list, item, names, n);
    free(item);
    for (int i = low; !code && i <= high; ++i) {
      if (!taken[i]) (*out)[(*count)++] = i;
      taken[i] = true;
    }
    p += length;
    if (!*p++) break;
  }
  free(taken);
  if (code) {
    free(*out);
    *out = NULL;
    *count = 0;
  }
  return code;
}
