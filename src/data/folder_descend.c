/* Finds the folder of the dataset below the given one: the folder of the chosen split, or the only one with images. */
#include <stdlib.h>
#include <string.h>

#include "data/folder.h"

#define MAX_DEPTH 64 /* of subfolders */

/* ---- Counting -----------------------------------------------------------------------------------------------------------
 */

/* Counts the images in a folder and all its subfolders, but stops at `most`. Folders that cannot be read count as empty;
 * reading the dataset reports them. */
static int count_below(const char *path, int64_t most, int depth, const clgen_folder_chain *above, int64_t *count) {
  clgen_names entries;
  clgen_folder_chain here;
  if (depth > MAX_DEPTH || clgen_folder_loops(path, above, &here)) return CLGEN_OK;
  int code = clgen_names_of_folder(path, &entries);
  if (code) return code == CLGEN_E_NOMEM ? code : CLGEN_OK;
  for (size_t i = 0; i < entries.n && *count < most; ++i)
    *count += !clgen_folder_is(entries.at[i]) && clgen_folder_is_picture(path, entries.at[i]);
  for (size_t i = 0; !code && i < entries.n && *count < most; ++i) {
    if (!clgen_folder_is(entries.at[i])) continue;
    char *below = clgen_format("%s/%.*s", path, (int)strlen(entries.at[i]) - 1, entries.at[i]);
    code = below ? count_below(below, most, depth + 1, &here, count) : CLGEN_E_NOMEM;
    free(below);
  }
  clgen_names_free(&entries);
  return code;
}

static int count_in(const char *path, const char *folder, int64_t most, int64_t *count) {
  clgen_folder_chain here;
  *count = 0;
  clgen_folder_loops(path, NULL, &here);
  char *below = clgen_format("%s/%.*s", path, (int)strlen(folder) - 1, folder);
  int code = below ? count_below(below, most, 1, &here, count) : CLGEN_E_NOMEM;
  free(below);
  return code;
}

static int64_t count_direct(const char *path, const clgen_names *entries) {
  int64_t n = 0;
  for (size_t i = 0; i < entries->n; ++i)
    n += !clgen_folder_is(entries->at[i]) && clgen_folder_is_picture(path, entries->at[i]);
  return n;
}

static bool has_labels(const clgen_names *entries) {
  for (size_t i = 0; i < entries->n; ++i)
    if (clgen_folder_is_labels(entries->at[i])) return true;
  return false;
}

/* ---- Which --------------------------------------------------------------------------------------------------------------
 */

/* The length of the prefix that all folders have in common, up to a "-", "_" or ".": "seg_" of seg_train and seg_test. */
static size_t common_prefix(const clgen_names *entries) {
  const char *first = NULL;
  size_t n = 0;
  for (size_t i = 0; i < entries->n; ++i) {
    const char *name = entries->at[i];
    if (!clgen_folder_is(name)) continue;
    if (!first) first = name, n = strlen(name);
    for (size_t k = 0; k < n; ++k)
      if (name[k] != first[k]) n = k;
  }
  while (n && !strchr("-_.", first[n - 1])) --n;
  return n;
}

/* The folders of the two splits; both NULL unless both exist. */
typedef struct {
  const char *train, *test;
} pair;

static pair splits_among(const clgen_names *entries, size_t skip) {
  const char *best[3] = {NULL, NULL, NULL};
  int rank[3] = {0, 0, 0}, r = 0;
  for (size_t i = 0; i < entries->n; ++i) {
    const char *name = entries->at[i];
    const int split =
        clgen_folder_is(name) ? clgen_split_of_name(name + skip, strlen(name) - 1 - skip, &r) : CLGEN_SPLIT_ANY;
    if (split != CLGEN_SPLIT_ANY && (!best[split] || r < rank[split])) best[split] = name, rank[split] = r;
  }
  const pair none = {NULL, NULL}, both = {best[CLGEN_SPLIT_TRAIN], best[CLGEN_SPLIT_TEST]};
  return both.train && both.test ? both : none;
}

static int say_left_out(clgen_dataset *ds, const char *path, const clgen_names *entries, pair p) {
  const char *taken = ds->test ? p.test : p.train, *first = NULL;
  int64_t n = 0, some;
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < entries->n; ++i) {
    const char *name = entries->at[i];
    if (!clgen_folder_is(name) || name == p.train || name == p.test) continue;
    code = count_in(path, name, 1, &some);
    if (some && !n++) first = name;
  }
  if (n)
    clgen_log_write(&ds->options.log, CLGEN_LOG_WARNING, "%s: %.*s is read; left out: %.*s%s", path, (int)strlen(taken) - 1,
                    taken, (int)strlen(first) - 1, first, n > 1 ? " and other folders" : "");
  return code;
}

/* *out: the folder of the wanted split. Pictures that lie beside the splits are left out where they are fewer. */
static int choose_split(clgen_dataset *ds, const char *path, const clgen_names *entries, const char **out) {
  const int64_t direct = count_direct(path, entries);
  int64_t below = 0;
  pair p = splits_among(entries, 0);
  *out = NULL;
  if (!p.train) p = splits_among(entries, common_prefix(entries));
  if (!p.train) return CLGEN_OK;
  int code = count_in(path, p.train, direct + 1, &below);
  if (code || below <= direct) return code;
  *out = ds->test ? p.test : p.train;
  for (size_t i = 0; !code && direct && i < entries->n; ++i)
    if (!clgen_folder_is(entries->at[i]) && clgen_folder_is_picture(path, entries->at[i]))
      code = clgen_fill_pass_over(ds, clgen_fail(CLGEN_E_FORMAT, "%s: not in the folder of a split", entries->at[i]));
  return code ? code : say_left_out(ds, path, entries, p);
}

/* *out: the only folder with pictures, where none lie beside it: as archives unpack, with notes, annotations and the like.
 */
static int choose_only(const char *path, const clgen_names *entries, const char **out) {
  int code = CLGEN_OK;
  int64_t some;
  *out = NULL;
  if (has_labels(entries) || count_direct(path, entries)) return CLGEN_OK;
  for (size_t i = 0; !code && i < entries->n; ++i) {
    if (!clgen_folder_is(entries->at[i])) continue;
    code = count_in(path, entries->at[i], 1, &some);
    if (some && *out) return *out = NULL, code;
    if (some) *out = entries->at[i];
  }
  return code;
}

/* What the folder `below` of *path holds becomes *entries. *enough: an only folder is pictures already, which the walk over
 * subfolders finds as well; then nothing changes. */
static int enter(char **path, const char *below, bool only, clgen_names *entries, bool *enough) {
  clgen_names next;
  char *name = clgen_format("%s/%.*s", *path, (int)strlen(below) - 1, below);
  int code = name ? clgen_names_of_folder(name, &next) : CLGEN_E_NOMEM;
  *enough = !code && only && count_direct(name, &next) && !has_labels(&next);
  if (code || *enough) {
    if (!code) clgen_names_free(&next);
    free(name);
    return code;
  }
  clgen_names_free(entries);
  free(*path);
  *entries = next;
  *path = name;
  return CLGEN_OK;
}

int clgen_folder_descend(clgen_dataset *ds, char **path, clgen_names *entries, bool *splits) {
  *splits = false;
  for (int depth = 0; depth <= MAX_DEPTH; ++depth) {
    const char *split = NULL, *only = NULL;
    bool enough = false;
    int code = *splits ? CLGEN_OK : choose_split(ds, *path, entries, &split);
    if (!code && !split) code = choose_only(*path, entries, &only);
    if (code || (!split && !only)) return code;
    *splits = *splits || split;
    if (split) clgen_folder_warn_of_tables(ds, *path, entries, true);
    code = enter(path, split ? split : only, !split, entries, &enough);
    if (code || enough) return code;
  }
  return clgen_fail(CLGEN_E_FORMAT,
                    "%s: subfolders are nested more than %d deep: is one of them a link to a folder above it?", ds->path,
                    MAX_DEPTH);
}
