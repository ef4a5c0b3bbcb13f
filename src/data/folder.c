/* A folder of PNG and JPEG files.
 * - Images that lie directly in it are the dataset; when there are none, or more of them lie in two or more subfolders,
 * those of all subfolders at any depth are. Images that are left out are counted. The order is bytewise by path.
 * - Classes come from dataset.json, labels.csv or metadata.csv in it; else from the names of two or more subfolders.
 * - Subfolders such as train and test are splits, not classes (splits.c). */
#include <stdlib.h>
#include <string.h>

#include "data/folder.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)

/* The split of cat/train/1.png, CLGEN_SPLIT_ANY for cat/1.png. */
static int split_below_class(const char *file) {
  const char *name = strchr(file, '/') + 1, *end = strchr(name, '/');
  return end ? clgen_split_of_name(name, (size_t)(end - name), NULL) : CLGEN_SPLIT_ANY;
}

/* Splits within each class: where there are both. */
static void splits_in_classes(clgen_labels *l) {
  bool there[3] = {false, false, false};
  for (size_t i = 0; i < l->n; ++i) there[split_below_class(l->at[i].file)] = true;
  for (size_t i = 0; i < l->n && there[CLGEN_SPLIT_TRAIN] && there[CLGEN_SPLIT_TEST]; ++i)
    l->at[i].split = split_below_class(l->at[i].file);
}

/* Without a file of labels, the first folder of each path is its class, if there are two or more. */
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
  if (!code && several) splits_in_classes(labels);
  return code ? code : clgen_labels_end(labels);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *path;
  clgen_names files;
  int *label;            /* by file */
  int64_t *kept, n_kept; /* those of the chosen classes, in order */
  clgen_labels labels;
  int64_t unlabelled;
  bool splits; /* its path is of one split, or its labels say which image is of which */
} folder;

/* A folder "train" without a folder "test" beside it may be a class (of vehicles) or a split. */
static void warn_of_splits(const clgen_dataset *ds, const folder *f) {
  for (int i = 0; i < f->labels.count; ++i)
    if (clgen_split_of_name(f->labels.classes[i], strlen(f->labels.classes[i]), NULL) != CLGEN_SPLIT_ANY) {
      clgen_log_write(&ds->options.log, CLGEN_LOG_WARNING,
                      "%s: '%s' is read as a class, like every subfolder; if it is a split, give its own path", f->path,
                      f->labels.classes[i]);
      return;
    }
}

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

/* Labels with paths relative to another folder match no file: an error, since all images would be without a class. */
static int check_any_found(folder *f) {
  bool any = !f->labels.n;
  for (size_t i = 0; i < f->files.n && !any; ++i) any = clgen_labels_find(&f->labels, f->files.at[i]) != NULL;
  return any ? CLGEN_OK
             : clgen_fail(CLGEN_E_FORMAT,
                          "%s: none of the %zu files that %s names is there: it names '%s' where the folder has '%s'",
                          f->path, f->labels.n, f->labels.source, f->labels.at[0].file, f->files.at[0]);
}

/* Sets the class of each file (-1: none) and keeps the files of the chosen classes and, where labels have splits, split. */
static int choose_files(clgen_dataset *ds, folder *f) {
  const int other = ds->test ? CLGEN_SPLIT_TRAIN : CLGEN_SPLIT_TEST;
  int code = clgen_classes_choose(ds, f->labels.classes, f->labels.count);
  f->kept = code ? NULL : malloc(f->files.n * sizeof *f->kept);
  f->label = code ? NULL : malloc(f->files.n * sizeof *f->label);
  if (!f->kept || !f->label) return code ? code : clgen_fail_nomem(f->files.n * sizeof *f->kept);
  for (size_t i = 0; i < f->files.n; ++i) {
    const clgen_file_class *c = clgen_labels_find(&f->labels, f->files.at[i]);
    f->label[i] = c ? clgen_labels_class(&f->labels, c->name) : -1;
    if (c && c->split != CLGEN_SPLIT_ANY) f->splits = true;
    if (c && c->split == other) continue;
    if (!ds->keep || clgen_classes_keep(ds, f->label[i])) f->kept[f->n_kept++] = (int64_t)i;
  }
  if (!f->n_kept && !ds->keep)
    return clgen_fail(CLGEN_E_FORMAT, "%s: %s has no image for the split %s", f->path, f->labels.source,
                      ds->test ? "test" : "train");
  return f->n_kept ? CLGEN_OK : clgen_classes_none_left(ds);
}

/* Adds one file to the dataset, or passes it over. */
static int take(clgen_dataset *ds, folder *f, int64_t i) {
  const char *file = f->files.at[i];
  clgen_image im;
  int code = read_picture(f->path, file, &im);
  if (code) return clgen_fill_pass_over(ds, code);
  if (f->labels.n && f->label[i] < 0) ++f->unlabelled;
  code = clgen_fill_image(ds, &im, f->label[i], file);
  clgen_image_free(&im);
  return code;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Reads a random subset in the order of the files. An unreadable file is replaced by the next of the random order. */
static int take_all(clgen_dataset *ds, folder *f) {
  int64_t n = f->n_kept, *order = NULL;
  int code = clgen_fill_begin(ds, n);
  if (!code && ds->room < n) {
    order = clgen_fill_order(ds, n);
    if (!order) return CLGEN_E_NOMEM;
    qsort(order, (size_t)ds->room, sizeof *order, compare);
  }
  int64_t wanted = ds->room;
  for (int64_t i = 0; !code && i < n && ds->info.count < wanted; ++i) code = take(ds, f, f->kept[order ? order[i] : i]);
  free(order);
  return code;
}

/* Reports files that the labels name and that do not exist. */
static int check_listed(clgen_dataset *ds, const folder *f) {
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < f->labels.n; ++i)
    if (!f->labels.at[i].found)
      code = clgen_fill_pass_over(
          ds, clgen_fail(CLGEN_E_NOTFOUND, "%s: named in %s, but not there", f->labels.at[i].file, f->labels.source));
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

static int open_pictures(clgen_dataset *ds, const char *path, const clgen_names *entries, bool splits) {
  folder f = {.path = path, .splits = splits};
  int code = clgen_labels_read(&f.labels, path, entries);
  if (!code) code = clgen_folder_find(ds, path, entries, &f.labels, &f.files);
  const bool by_folders = !f.labels.source;
  if (!code) code = classes_from_folders(&f.files, &f.labels);
  if (!code && by_folders) warn_of_splits(ds, &f);
  if (by_folders) clgen_folder_warn_of_tables(ds, path, entries, false);
  if (!code) code = check_any_found(&f);
  if (!code) code = choose_files(ds, &f);
  if (!code && ds->test && !f.splits)
    clgen_log_write(&ds->options.log, CLGEN_LOG_INFO,
                    "%s: there are no folders train and test; all images are used for training and for testing", ds->path);
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
  free(f.label);
  return code;
}

int clgen_open_image_folder(clgen_dataset *ds, const char *path) {
  clgen_names entries = {0};
  bool splits;
  ds->info.format = "image folder";
  char *below = clgen_strdup(path);
  int code = below ? clgen_names_of_folder(path, &entries) : CLGEN_E_NOMEM;
  if (!code) code = clgen_folder_descend(ds, &below, &entries, &splits);
  if (!code) code = open_pictures(ds, below, &entries, splits);
  clgen_names_free(&entries);
  free(below);
  return code;
}
