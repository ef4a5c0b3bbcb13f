/* Finds the image files of a folder. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/folder.h"

#define MAX_DEPTH 64 /* of subfolders */

bool clgen_folder_is(const char *name) { return name[0] && name[strlen(name) - 1] == '/'; }

bool clgen_folder_is_picture(const char *folder, const char *name) {
  static const char *const kinds[] = {".png",  ".jpg",  ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff",
                                      ".avif", ".heic", ".heif", ".ppm", ".pgm",  ".pbm", ".pnm", ".jxl",  ".jp2", ".tga",
                                      ".psd",  ".exr",  ".hdr",  ".qoi", ".dng",  ".cr2", ".nef", ".arw",  ".svg", ".ico"};
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

bool clgen_folder_is_labels(const char *name) {
  return strcmp(name, "labels.csv") == 0 || strcmp(name, "metadata.csv") == 0 || strcmp(name, "dataset.json") == 0;
}

void clgen_folder_warn_of_tables(const clgen_dataset *ds, const char *path, const clgen_names *entries, bool splits) {
  static const char *const endings[] = {".csv", ".tsv", ".jsonl"};
  for (size_t i = 0; i < entries->n; ++i) {
    const char *name = entries->at[i], *dot = strrchr(name, '.');
    bool table = clgen_same_letters(name, "labels.", 7);
    for (size_t k = 0; dot && k < CLGEN_COUNT(endings); ++k) table = table || clgen_same_word(dot, endings[k]);
    if (splits && !clgen_folder_is(name) && (table || clgen_folder_is_labels(name)))
      clgen_log_write(&ds->options.log, CLGEN_LOG_WARNING,
                      "%s: %s is not read, since it lies beside the folders of splits; put a labels.csv into each of them",
                      path, name);
    else if (!splits && table && !clgen_folder_is(name) && !clgen_folder_is_labels(name))
      clgen_log_write(&ds->options.log, CLGEN_LOG_WARNING,
                      "%s: %s is not read; labels are read from labels.csv, metadata.csv or dataset.json", path, name);
  }
}

/* ---- Subfolders ---------------------------------------------------------------------------------------------------------
 */

bool clgen_folder_loops(const char *path, const clgen_folder_chain *above, clgen_folder_chain *here) {
  struct stat st;
  *here = (clgen_folder_chain){.above = above};
  if (stat(path, &st) != 0) return false; /* which opening it will say */
  here->device = st.st_dev, here->inode = st.st_ino;
  for (; above; above = above->above)
    if (above->device == st.st_dev && above->inode == st.st_ino) return true;
  return false;
}

static int walk(clgen_dataset *ds, const char *root, const char *below, int depth, const clgen_folder_chain *chain,
                clgen_names *out);

static int walk_entry(clgen_dataset *ds, const char *root, const char *below, const char *folder, const char *entry,
                      int depth, const clgen_folder_chain *chain, clgen_names *out) {
  char *name = clgen_format("%s%s", below, entry);
  if (!name) return CLGEN_E_NOMEM;
  if (!clgen_folder_is(entry)) {
    if (clgen_folder_is_picture(folder, entry)) return clgen_names_add(out, name);
    ds->info.other_files += !clgen_folder_is_labels(entry);
    free(name);
    return CLGEN_OK;
  }
  int code = walk(ds, root, name, depth + 1, chain, out);
  free(name);
  return code;
}

static int walk(clgen_dataset *ds, const char *root, const char *below, int depth, const clgen_folder_chain *chain,
                clgen_names *out) {
  char *path = below[0] ? clgen_format("%s/%.*s", root, (int)strlen(below) - 1, below) : clgen_strdup(root);
  clgen_names entries = {0};
  clgen_folder_chain here;
  int code = path ? CLGEN_OK : CLGEN_E_NOMEM;
  if (!code && clgen_folder_loops(path, chain, &here)) {
    code = clgen_fill_pass_over(ds, clgen_fail(CLGEN_E_FORMAT, "%s: a link to a folder above it", below));
    free(path);
    return code;
  }
  if (!code && depth > MAX_DEPTH)
    code = clgen_fail(CLGEN_E_FORMAT, "%s: subfolders are nested more than %d deep", root, MAX_DEPTH);
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
    if (clgen_folder_is_picture(path, entries->at[i]))
      code = clgen_names_add(out, clgen_strdup(entries->at[i]));
    else
      ds->info.other_files += !clgen_folder_is_labels(entries->at[i]);
  }
  return code;
}

static int find_nested(clgen_dataset *ds, const char *path, const clgen_names *entries, clgen_names *out) {
  int code = CLGEN_OK;
  clgen_folder_chain here;
  clgen_folder_loops(path, NULL, &here);
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

/* There are images both in the folder itself and in its subfolders: the dataset is the larger group, the other is reported.
 */
static int choose(clgen_dataset *ds, const char *path, clgen_names *direct, clgen_names *nested) {
  const size_t folders = folders_among(nested);
  if (folders >= 2 && nested->n > direct->n) {
    int code = CLGEN_OK;
    for (size_t i = 0; !code && i < direct->n; ++i)
      code = clgen_fill_pass_over(ds, clgen_fail(CLGEN_E_FORMAT, "%s: left out: the dataset is the %zu subfolders beside it",
                                                 direct->at[i], folders));
    clgen_names_free(direct);
    return code;
  }
  clgen_log_write(&ds->options.log, CLGEN_LOG_WARNING,
                  "%s: %zu images directly in this folder are read; %zu images in its subfolders are left out", path,
                  direct->n, nested->n);
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
                      "%s: found no dataset: no PNG or JPEG files, no IDX files (train-images-..., t10k-images-...), "
                      "no CIFAR-10 files (data_batch_*.bin)%s%s",
                      path, ds->info.passed_over ? "; left out: " : "", ds->info.passed_over ? ds->passed[0] : "");
  clgen_names_sort(out);
  return code;
}
