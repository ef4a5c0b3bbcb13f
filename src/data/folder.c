/* A folder of PNG and JPEG files.
 * - Images that lie directly in it are the dataset, and its subfolders are left alone; when there are none, the images of
 *   all subfolders at any depth are. Order is bytewise by path.
 * - Classes come from dataset.json or labels.csv in it; else from the names of two or more subfolders.
 * - Subfolders train and test (or val) are splits, not classes. */
#include "data/data_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_DEPTH 32 /* of subfolders; links can make circles */
#define MAX_FILE_BYTES ((size_t)1 << 30)

static bool is_folder(const char *name) { return name[0] && name[strlen(name) - 1] == '/'; }

/* Other kinds of picture are listed too, so that they are passed over with a reason rather than without a word. */
static bool is_picture(const char *name) {
  static const char *const kinds[] = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif"};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < CLGEN_COUNT(kinds); ++i)
    if (strcasecmp(dot, kinds[i]) == 0) return true;
  return false;
}

static int walk(const char *root, const char *below, int depth, clgen_names *out) {
  char *path = clgen_format("%s/%s", root, below);
  clgen_names entries = {0};
  if (depth > MAX_DEPTH) {
    free(path);
    return clgen_fail(CLGEN_E_FORMAT, "%s: subfolders more than %d deep", root, MAX_DEPTH);
  }
  int code = path ? clgen_names_of_folder(path, &entries) : CLGEN_E_NOMEM;
  free(path);
  for (size_t i = 0; !code && i < entries.n; ++i) {
    const char *entry = entries.at[i];
    if (!is_folder(entry) && !is_picture(entry)) continue;
    char *name = clgen_format("%s%s", below, entry);
    if (!name) {
      code = CLGEN_E_NOMEM;
    } else if (is_folder(entry)) {
      code = walk(root, name, depth + 1, out);
      free(name);
    } else {
      code = clgen_names_add(out, name);
    }
  }
  clgen_names_free(&entries);
  return code;
}

/* The pictures of a folder as the head of this file says. */
static int find_pictures(clgen_dataset *ds, const char *path, const clgen_names *entries, const clgen_labels *labels,
                         clgen_names *out) {
  int code = CLGEN_OK;
  size_t folders = 0;
  for (size_t i = 0; !code && i < entries->n; ++i) {
    folders += is_folder(entries->at[i]);
    if (!labels->nested && !is_folder(entries->at[i]) && is_picture(entries->at[i]))
      code = clgen_names_add(out, clgen_strdup(entries->at[i]));
  }
  if (out->n && folders)
    clgen_log_write(&ds->options.log, CLGEN_LOG_INFO,
                    "%s: images lie directly in it, so its %zu subfolder(s) are left alone", path, folders);
  if (!code && out->n == 0) code = walk(path, "", 0, out);
  if (!code && out->n == 0)
    code = clgen_fail(CLGEN_E_FORMAT,
                      "%s: no dataset here: neither PNG or JPEG files, nor IDX files (train-images-..., t10k-images-...), "
                      "nor CIFAR-10's (data_batch_*.bin)",
                      path);
  clgen_names_sort(out);
  return code;
}

/* Where nothing else says the classes, the first folder of each path does, when there are two. */
static int classes_from_folders(const clgen_names *files, clgen_labels *labels) {
  const char *first = files->n ? strchr(files->at[0], '/') : NULL;
  bool several = false;
  if (labels->source || !first) return CLGEN_OK;
  size_t n = (size_t)(first - files->at[0]) + 1;
  for (size_t i = 1; i < files->n && !several; ++i) several = strncmp(files->at[0], files->at[i], n) != 0;
  int code = CLGEN_OK;
  for (size_t i = 0; several && !code && i < files->n; ++i)
    code = clgen_labels_add(labels, clgen_strdup(files->at[i]),
                            clgen_format("%.*s", (int)strcspn(files->at[i], "/"), files->at[i]));
  labels->source = "the subfolders";
  return code ? code : clgen_labels_end(labels);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *path;
  clgen_names files;
  int64_t *kept, n_kept; /* those of the chosen classes, in order */
  clgen_labels labels;
  int64_t unlabelled;
} folder;

static int read_picture(const char *folder_path, const char *file, clgen_image *out) {
  void *data;
  size_t size;
  memset(out, 0, sizeof *out);
  char *path = clgen_format("%s/%s", folder_path, file);
  if (!path) return CLGEN_E_NOMEM;
  int code = clgen_file_read(path, MAX_FILE_BYTES, &data, &size);
  free(path);
  if (code) return code;
  code = clgen_image_read_memory(out, data, size, CLGEN_MAX_PIXELS, file);
  free(data);
  return code;
}

static int label_of(const folder *f, const char *file) {
  const clgen_file_class *c = clgen_labels_find(&f->labels, file);
  return c ? clgen_labels_class(&f->labels, c->name) : -1;
}

static int choose_files(clgen_dataset *ds, folder *f) {
  int code = clgen_classes_choose(ds, f->labels.classes, f->labels.count);
  f->kept = code ? NULL : malloc(f->files.n * sizeof *f->kept);
  if (!f->kept) return code ? code : clgen_fail_nomem(f->files.n * sizeof *f->kept);
  for (size_t i = 0; i < f->files.n; ++i)
    if (!ds->keep || clgen_classes_keep(ds, label_of(f, f->files.at[i]))) f->kept[f->n_kept++] = (int64_t)i;
  return f->n_kept ? CLGEN_OK : clgen_classes_none_left(ds);
}

/* One file, taken or passed over. */
static int take(clgen_dataset *ds, folder *f, const char *file) {
  clgen_image im;
  int code = read_picture(f->path, file, &im);
  if (code) return clgen_fill_pass_over(ds, code);
  if (f->labels.n && !clgen_labels_find(&f->labels, file)) ++f->unlabelled;
  code = clgen_fill_image(ds, &im, label_of(f, file), file);
  clgen_image_free(&im);
  return code;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* A subset in the order of the files; for one that cannot be read the next in the drawn order comes at the end. */
static int take_all(clgen_dataset *ds, folder *f) {
  int64_t n = f->n_kept, *order = NULL;
  int code = clgen_fill_begin(ds, n);
  if (!code && ds->room < n) {
    order = clgen_fill_order(ds, n);
    if (!order) return CLGEN_E_NOMEM;
    qsort(order, (size_t)ds->room, sizeof *order, compare);
  }
  int64_t wanted = ds->room;
  for (int64_t i = 0; !code && i < n && ds->info.count < wanted; ++i)
    code = take(ds, f, f->files.at[f->kept[order ? order[i] : i]]);
  free(order);
  return code;
}

/* What labels.csv names and nobody finds. */
static int check_listed(clgen_dataset *ds, const folder *f) {
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < f->labels.n; ++i)
    if (!clgen_names_have(&f->files, f->labels.at[i].file))
      code = clgen_fill_pass_over(
          ds, clgen_fail(CLGEN_E_NOTFOUND, "%s: named in %s, and not there", f->labels.at[i].file, f->labels.source));
  return code;
}

static int check_result(clgen_dataset *ds, const folder *f) {
  if (ds->info.count == 0)
    return clgen_fail(CLGEN_E_FORMAT, "%s: none of %zu files can be read; the first: %s", f->path, f->files.n,
                      ds->info.passed_over ? ds->passed[0] : "");
  if (f->unlabelled && ds->options.strict)
    return clgen_fail(CLGEN_E_FORMAT, "%s: %lld images have no class in %s", f->path, (long long)f->unlabelled,
                      f->labels.source);
  if (f->unlabelled)
    clgen_log_write(&ds->options.log, CLGEN_LOG_WARNING, "%s: %lld of %lld images have no class in %s", f->path,
                    (long long)f->unlabelled, (long long)ds->info.count, f->labels.source);
  ds->classes = f->labels.classes;
  ds->info.classes = f->labels.count;
  return CLGEN_OK;
}

static int open_pictures(clgen_dataset *ds, const char *path, const clgen_names *entries) {
  folder f = {.path = path};
  int code = clgen_labels_read(&f.labels, path, entries);
  if (!code) code = find_pictures(ds, path, entries, &f.labels, &f.files);
  if (!code) code = classes_from_folders(&f.files, &f.labels);
  if (!code) code = choose_files(ds, &f);
  if (!code) code = take_all(ds, &f);
  if (!code) code = check_listed(ds, &f);
  if (!code) code = check_result(ds, &f);
  if (!code) {
    f.labels.classes = NULL; /* the dataset's now */
    f.labels.count = 0;
    code = clgen_fill_end(ds);
  }
  clgen_labels_free(&f.labels);
  clgen_names_free(&f.files);
  free(f.kept);
  return code;
}

/* train beside test or val: which one; NULL: no splits here. */
static const char *split_of(const clgen_dataset *ds, const clgen_names *entries) {
  for (size_t i = 0; i < entries->n; ++i)
    if (!is_folder(entries->at[i]) && is_picture(entries->at[i])) return NULL;
  const char *test = clgen_names_have(entries, "test/") ? "test" : clgen_names_have(entries, "val/") ? "val" : NULL;
  if (!test || !clgen_names_have(entries, "train/")) return NULL;
  return ds->test ? test : "train";
}

int clgen_open_image_folder(clgen_dataset *ds, const char *path) {
  clgen_names entries;
  ds->info.format = "image folder";
  int code = clgen_names_of_folder(path, &entries);
  if (code) return code;
  const char *split = split_of(ds, &entries);
  if (split) {
    char *below = clgen_format("%s/%s", path, split);
    clgen_names_free(&entries);
    code = below ? clgen_names_of_folder(below, &entries) : CLGEN_E_NOMEM;
    if (!code) code = open_pictures(ds, below, &entries);
    free(below);
  } else {
    if (ds->test)
      clgen_log_write(&ds->options.log, CLGEN_LOG_INFO,
                      "%s: it has no folders train and test; all of it serves both for training and for testing", path);
    code = open_pictures(ds, path, &entries);
  }
  clgen_names_free(&entries);
  return code;
}
