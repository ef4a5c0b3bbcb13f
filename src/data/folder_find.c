/* Which files of a folder are its pictures. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/folder.h"

#define MAX_DEPTH 64 /* of subfolders */

bool clgen_folder_is(const char *name) { return name[0] && name[strlen(name) - 1] == '/'; }

/* By its ending, kinds that are not read among them, so that they are passed over with a reason; else by its first bytes. */
static bool is_picture(const char *folder, const char *name) {
  static const char *const kinds[] = {".png",  ".jpg",  ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff",
                                      ".avif", ".heic", ".heif", ".ppm", ".pgm",  ".pbm", ".pnm", ".jxl",  ".jp2", ".tga",
                                      ".psd",  ".exr",  ".hdr",  ".qoi", ".dng",  ".cr2", ".nef", ".arw"};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < CLGEN_COUNT(kinds); ++i)
    if (clgen_same_word(dot, kinds[i])) return true;
  char *path = clgen_format("%s/%s", folder, name);
  struct stat st;
  FILE *f = path && stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
  free(path);
  if (!f) return false;
  unsigned char head[16];
  const size_t n = fread(head, 1, sizeof head, f);
  fclose(f);
  return clgen_image_kind(head, n) != NULL;
}

static bool is_labels(const char *name) {
  return strcmp(name, "labels.csv") == 0 || strcmp(name, "metadata.csv") == 0 || strcmp(name, "dataset.json") == 0;
}

/* ---- Subfolders ---------------------------------------------------------------------------------------------------------
 */

/* The folders that a walk is in: a link to one of them would never end. */
typedef struct above {
  const struct above *next;
  dev_t device;
  ino_t inode;
} above;

static bool is_loop(const above *chain, const struct stat *st) {
  for (; chain; chain = chain->next)
    if (chain->device == st->st_dev && chain->inode == st->st_ino) return true;
  return false;
}

static int walk(clgen_dataset *ds, const char *root, const char *below, int depth, const above *chain, clgen_names *out);

static int walk_entry(clgen_dataset *ds, const char *root, const char *below, const char *folder, const char *entry,
                      int depth, const above *chain, clgen_names *out) {
  char *name = clgen_format("%s%s", below, entry);
  if (!name) return CLGEN_E_NOMEM;
  if (!clgen_folder_is(entry)) {
    if (is_picture(folder, entry)) return clgen_names_add(out, name);
    ds->info.other_files += !is_labels(entry);
    free(name);
    return CLGEN_OK;
  }
  int code = walk(ds, root, name, depth + 1, chain, out);
  free(name);
  return code;
}

static int walk(clgen_dataset *ds, const char *root, const char *below, int depth, const above *chain, clgen_names *out) {
  char *path = below[0] ? clgen_format("%s/%.*s", root, (int)strlen(below) - 1, below) : clgen_strdup(root);
  clgen_names entries = {0};
  above here = {.next = chain};
  struct stat st;
  int code = path ? CLGEN_OK : CLGEN_E_NOMEM;
  if (!code && stat(path, &st) == 0) {
    if (is_loop(chain, &st)) {
      code = clgen_fill_pass_over(ds, clgen_fail(CLGEN_E_FORMAT, "%s: a link to a folder that it lies in", below));
      free(path);
      return code;
    }
    here.device = st.st_dev, here.inode = st.st_ino;
  }
  if (!code && depth > MAX_DEPTH) code = clgen_fail(CLGEN_E_FORMAT, "%s: subfolders more than %d deep", root, MAX_DEPTH);
  if (!code) code = clgen_names_of_folder(path, &entries);
  if (code == CLGEN_E_IO && depth) { /* a folder that may not be read, among others */
    code = clgen_fill_pass_over(ds, code);
    free(path);
    return code;
  }
  for (size_t i = 0; !code && i < entries.n; ++i) code = walk_entry(ds, root, below, path, entries.at[i], depth, &here, out);
  clgen_names_free(&entries);
  free(path);
  return code;
}

static size_t folders_among(const clgen_names *files) {
  size_t n = 0;
  const char *last = NULL;
  for (size_t i = 0; i < files->n; ++i) {
    const size_t length = strcspn(files->at[i], "/") + 1;
    if (!last || strncmp(last, files->at[i], length) != 0) ++n;
    last = files->at[i];
  }
  return n;
}

/* ---- Which of them ------------------------------------------------------------------------------------------------------
 */

static int find_direct(clgen_dataset *ds, const char *path, const clgen_names *entries, clgen_names *out) {
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < entries->n; ++i) {
    if (clgen_folder_is(entries->at[i])) continue;
    if (is_picture(path, entries->at[i]))
      code = clgen_names_add(out, clgen_strdup(entries->at[i]));
    else
      ds->info.other_files += !is_labels(entries->at[i]);
  }
  return code;
}

static int find_nested(clgen_dataset *ds, const char *path, const clgen_names *entries, clgen_names *out) {
  int code = CLGEN_OK;
  struct stat st;
  above here = {0};
  if (stat(path, &st) == 0) here.device = st.st_dev, here.inode = st.st_ino;
  for (size_t i = 0; !code && i < entries->n; ++i)
    if (clgen_folder_is(entries->at[i])) code = walk(ds, path, entries->at[i], 1, &here, out);
  clgen_names_sort(out);
  return code;
}

static int move_all(clgen_names *from, clgen_names *to) {
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < from->n; ++i) code = clgen_names_add(to, clgen_strdup(from->at[i]));
  return code;
}

/* Pictures lie both beside subfolders and in them: whichever are more are meant, and the others are told of. */
static int choose(clgen_dataset *ds, const char *path, clgen_names *direct, clgen_names *nested) {
  const size_t folders = folders_among(nested);
  if (folders >= 2 && nested->n > direct->n) {
    int code = CLGEN_OK;
    for (size_t i = 0; !code && i < direct->n; ++i)
      code = clgen_fill_pass_over(ds, clgen_fail(CLGEN_E_FORMAT, "%s: lies beside the %zu subfolders that hold the pictures",
                                                 direct->at[i], folders));
    clgen_names_free(direct);
    return code;
  }
  clgen_log_write(&ds->options.log, CLGEN_LOG_WARNING,
                  "%s: %zu pictures lie directly in it; those in its subfolders, %zu, are left out", path, direct->n,
                  nested->n);
  ds->info.left_out += (int64_t)nested->n;
  clgen_names_free(nested);
  return CLGEN_OK;
}

int clgen_folder_find(clgen_dataset *ds, const char *path, const clgen_names *entries, const clgen_labels *labels,
                      clgen_names *out) {
  clgen_names nested = {0};
  int code = find_direct(ds, path, entries, out);
  if (!code) code = find_nested(ds, path, entries, &nested);
  if (!code && out->n && nested.n && !labels->nested) code = choose(ds, path, out, &nested);
  if (!code) code = move_all(&nested, out);
  clgen_names_free(&nested);
  if (!code && out->n == 0)
    code = clgen_fail(CLGEN_E_FORMAT,
                      "%s: no dataset here: neither PNG or JPEG files, nor IDX files (train-images-..., t10k-images-...), "
                      "nor CIFAR-10's (data_batch_*.bin)",
                      path);
  clgen_names_sort(out);
  return code;
}

/* ---- Splits -------------------------------------------------------------------------------------------------------------
 */

/* The subfolder for the split that is wanted, NULL: there are none. *others: how many folders of splits are left out. */
static const char *split_among(const clgen_dataset *ds, const clgen_names *entries, int *others) {
  const char *best[3] = {NULL, NULL, NULL};
  int rank[3] = {0, 0, 0}, n = 0, r = 0;
  for (size_t i = 0; i < entries->n; ++i) {
    const char *name = entries->at[i];
    const int split = clgen_folder_is(name) ? clgen_split_of_name(name, strlen(name) - 1, &r) : CLGEN_SPLIT_ANY;
    if (split == CLGEN_SPLIT_ANY) continue;
    ++n;
    if (!best[split] || r < rank[split]) best[split] = name, rank[split] = r;
  }
  *others = n - 2;
  if (!best[CLGEN_SPLIT_TRAIN] || !best[CLGEN_SPLIT_TEST]) return NULL;
  return best[ds->test ? CLGEN_SPLIT_TEST : CLGEN_SPLIT_TRAIN];
}

/* The only folder of one without anything else but files that are no pictures: as archives unpack. */
static const char *only_folder(const char *path, const clgen_names *entries) {
  const char *only = NULL;
  for (size_t i = 0; i < entries->n; ++i) {
    if (clgen_folder_is(entries->at[i])) {
      if (only) return NULL;
      only = entries->at[i];
    } else if (is_labels(entries->at[i]) || is_picture(path, entries->at[i])) {
      return NULL;
    }
  }
  return only;
}

static bool has_pictures(const char *path, const clgen_names *entries) {
  for (size_t i = 0; i < entries->n; ++i)
    if (!clgen_folder_is(entries->at[i]) && is_picture(path, entries->at[i])) return true;
  return false;
}

static bool has_labels(const clgen_names *entries) {
  for (size_t i = 0; i < entries->n; ++i)
    if (is_labels(entries->at[i])) return true;
  return false;
}

/* What the folder `below` of *path holds becomes *entries. *enough: an only folder is pictures already, which the walk over
 * subfolders finds as well; then nothing changes. */
static int enter(char **path, const char *below, bool only, clgen_names *entries, bool *enough) {
  clgen_names next;
  char *name = clgen_format("%s/%.*s", *path, (int)strlen(below) - 1, below);
  int code = name ? clgen_names_of_folder(name, &next) : CLGEN_E_NOMEM;
  *enough = !code && only && has_pictures(name, &next) && !has_labels(&next);
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
  int code = CLGEN_OK, others = 0;
  *splits = false;
  for (int depth = 0; !code; ++depth) {
    const char *split = has_pictures(*path, entries) || *splits ? NULL : split_among(ds, entries, &others);
    const char *below = split ? split : only_folder(*path, entries);
    bool enough = false;
    if (!below) break;
    if (depth == MAX_DEPTH)
      return clgen_fail(CLGEN_E_FORMAT, "%s: subfolders more than %d deep: a link to a folder that it lies in?", ds->path,
                        MAX_DEPTH);
    if (split && others > 0)
      clgen_log_write(&ds->options.log, CLGEN_LOG_INFO, "%s: of its parts %.*s is read, and %d others are left out", *path,
                      (int)strlen(split) - 1, split, others + 1);
    *splits = *splits || split;
    code = enter(path, below, !split, entries, &enough);
    if (enough) break;
  }
  return code;
}
