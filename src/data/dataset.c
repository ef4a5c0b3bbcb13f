#define _XOPEN_SOURCE 700 /* realpath */
#include "data/data_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "data/npy_internal.h"

#define MAX_RESOLUTION 8192

static int check_options(clgen_dataset *ds) {
  const clgen_dataset_options *o = &ds->options;
  if (o->resolution < 0 || o->resolution > MAX_RESOLUTION)
    return clgen_fail(CLGEN_E_INVALID, "resolution %d is out of range: 1 to %d, or 0 for the size of the images",
                      o->resolution, MAX_RESOLUTION);
  if (o->channels < 0 || o->channels > 4)
    return clgen_fail(CLGEN_E_INVALID, "%d channels is out of range: 1 to 4, or 0 for those of the images", o->channels);
  if (o->subset < 0)
    return clgen_fail(CLGEN_E_INVALID, "a subset of %lld images: it must not be negative", (long long)o->subset);
  ds->test = o->split && strcmp(o->split, "test") == 0;
  if (o->split && !ds->test && strcmp(o->split, "train") != 0)
    return clgen_fail(CLGEN_E_INVALID, "unknown split '%s': expected train or test", o->split);
  return CLGEN_OK;
}

/* "/data/faces.npz": "faces"; "digits.idx.gz": "digits"; ".": the folder's name. */
static char *short_name(const char *path) {
  const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
  char *full = strspn(last, ".") == strlen(last) ? realpath(path, NULL) : NULL;
  if (full) {
    slash = strrchr(full, '/');
    last = slash[1] ? slash + 1 : "data";
  }
  char *name = clgen_strdup(last);
  free(full);
  struct stat st;
  if (!name || (stat(path, &st) == 0 && S_ISDIR(st.st_mode))) return name;
  static const char *const endings[] = {".gz", ".npy", ".npz", ".bin", ".idx"};
  for (size_t i = 0; i < CLGEN_COUNT(endings); ++i) {
    size_t n = strlen(name), m = strlen(endings[i]);
    if (n > m && strcmp(name + n - m, endings[i]) == 0) name[n - m] = 0;
  }
  return name;
}

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n >= m && strcmp(s + n - m, end) == 0;
}

/* What people have besides and which is not read, NULL: unknown. */
static const char *kind_of_others(const char *name, const void *head, size_t size) {
  static const char *const tars[] = {".tar", ".tar.gz", ".tgz"};
  for (size_t i = 0; i < CLGEN_COUNT(tars); ++i)
    if (ends_with(name, tars[i])) return "a TAR archive: unpack it and give the folder";
  if (ends_with(name, ".csv")) return "a CSV table";
  if (size >= 4 && memcmp(head, "PAR1", 4) == 0) return "a Parquet table";
  if (size >= 4 && memcmp(head, "\x89HDF", 4) == 0) return "an HDF5 file";
  if (size >= 2 && memcmp(head, "\x80", 1) == 0 && ((const char *)head)[1] <= 5) return "a Python pickle";
  return NULL;
}

static int open_file(clgen_dataset *ds) {
  unsigned char head[8];
  gzFile f = gzopen(ds->path, "rb");
  if (!f) return clgen_fail(CLGEN_E_IO, "%s: %s", ds->path, errno ? strerror(errno) : "cannot be opened");
  int n = gzread(f, head, sizeof head);
  bool packed = !gzdirect(f);
  gzclose(f);
  size_t size = n > 0 ? (size_t)n : 0;
  const char *slash = strrchr(ds->path, '/'), *base = slash ? slash + 1 : ds->path;
  if (ends_with(base, ".npy") || (!packed && clgen_npy_is(head, size))) return clgen_open_npy(ds, ds->path);
  if (ends_with(base, ".npz") || (!packed && size >= 4 && memcmp(head, "PK", 2) == 0 && head[2] < 7))
    return clgen_open_npz(ds, ds->path);
  if (ends_with(base, ".bin")) return clgen_open_cifar_file(ds, ds->path);
  if (strstr(base, "idx") || strstr(base, "ubyte") || (size >= 4 && !head[0] && !head[1]))
    return clgen_open_idx_file(ds, ds->path);
  int code = clgen_check_lfs_pointer(ds->path);
  if (code) return code;
  if (size == 0) return clgen_fail(CLGEN_E_FORMAT, "%s: %s", ds->path, n < 0 ? "damaged gzip file" : "the file is empty");
  if (size >= 4 && (memcmp(head, "\x89PNG", 4) == 0 || memcmp(head, "\xff\xd8\xff", 3) == 0))
    return clgen_fail(CLGEN_E_FORMAT, "%s: a single image; give the folder that contains it", ds->path);
  const char *kind = kind_of_others(base, head, size);
  if (kind)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: %s; folders of images, IDX, NPY, NPZ and CIFAR-10's binary are read",
                      ds->path, kind);
  return clgen_fail(CLGEN_E_FORMAT,
                    "%s: neither IDX, NPY, NPZ nor CIFAR-10's binary (*.bin): it begins with %02x %02x %02x %02x", ds->path,
                    head[0], size > 1 ? head[1] : 0, size > 2 ? head[2] : 0, size > 3 ? head[3] : 0);
}

static int open_folder(clgen_dataset *ds) {
  clgen_names files;
  bool taken = false;
  int code = clgen_names_of_folder(ds->path, &files);
  if (code) return code;
  code = clgen_open_idx_folder(ds, &files, &taken);
  if (!code && !taken) code = clgen_open_cifar_folder(ds, &files, &taken);
  clgen_names_free(&files);
  return code || taken ? code : clgen_open_image_folder(ds, ds->path);
}

static int open_any(clgen_dataset *ds, const char *path) {
  struct stat st;
  int code = check_options(ds);
  if (code) return code;
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') --n;
  ds->path = clgen_format("%.*s", (int)n, path);
  ds->name = ds->path ? short_name(ds->path) : NULL;
  if (!ds->path || !ds->name) return CLGEN_E_NOMEM;
  if (stat(path, &st) != 0)
    return clgen_fail(errno == ENOENT || errno == ENOTDIR ? CLGEN_E_NOTFOUND : CLGEN_E_IO, "%s: %s", path, strerror(errno));
  if (S_ISDIR(st.st_mode)) return open_folder(ds);
  if (S_ISREG(st.st_mode)) return open_file(ds);
  return clgen_fail(CLGEN_E_FORMAT, "%s: neither a file nor a folder", path);
}

int clgen_dataset_open(clgen_dataset **out, const char *path, const clgen_dataset_options *options) {
  *out = NULL;
  clgen_dataset *ds = calloc(1, sizeof *ds);
  if (!ds) return clgen_fail_nomem(sizeof *ds);
  if (options) ds->options = *options;
  int code = open_any(ds, path);
  if (code) {
    clgen_dataset_close(ds);
    return code;
  }
  ds->info.path = ds->path;
  ds->info.name = ds->name;
  ds->options.split = ds->options.classes = NULL; /* the caller's */
  *out = ds;
  return CLGEN_OK;
}

void clgen_dataset_close(clgen_dataset *ds) {
  if (!ds) return;
  for (int64_t i = 0; i < ds->info.passed_over; ++i) free(ds->passed[i]);
  for (int i = 0; ds->classes && i < ds->info.classes; ++i) free(ds->classes[i]);
  free(ds->passed);
  free(ds->classes);
  free(ds->labels);
  free(ds->keep);
  free(ds->pixels);
  free(ds->path);
  free(ds->name);
  free(ds);
}

const clgen_dataset_info *clgen_dataset_get_info(const clgen_dataset *ds) { return &ds->info; }

const uint8_t *clgen_dataset_image(const clgen_dataset *ds, int64_t i) {
  return ds->pixels + (size_t)i * (size_t)ds->info.channels * (size_t)ds->info.height * (size_t)ds->info.width;
}

int clgen_dataset_label(const clgen_dataset *ds, int64_t i) { return ds->info.has_labels ? ds->labels[i] : -1; }

const char *clgen_dataset_class_name(const clgen_dataset *ds, int label) {
  return label >= 0 && label < ds->info.classes ? ds->classes[label] : "";
}

const char *clgen_dataset_passed_over(const clgen_dataset *ds, int64_t index) { return ds->passed[index]; }
