/* For tests that make files: a folder of their own, and datasets in it. Include after cmocka.h. */
#ifndef CLGEN_TESTS_FILES_H
#define CLGEN_TESTS_FILES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <clgen/data.h>
#include <clgen/error.h>
#include <clgen/image.h>

#include "base/base.h"

static char files_root[64];

static inline int files_set_up(void **state) {
  (void)state;
  const char *tmp = getenv("TMPDIR");
  snprintf(files_root, sizeof files_root, "%s/files-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : ".");
  return mkdtemp(files_root) ? 0 : -1;
}

static inline void files_remove(const char *path) {
  struct stat st;
  DIR *dir = lstat(path, &st) == 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
  for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    char *below = clgen_format("%s/%s", path, e->d_name);
    files_remove(below);
    free(below);
  }
  if (dir) closedir(dir);
  remove(path);
}

static inline int files_tear_down(void **state) {
  (void)state;
  files_remove(files_root);
  return 0;
}

/* The path of a name in the folder; the last four results stay valid. */
static inline const char *file_at(const char *name) {
  static char path[4][512];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(path[turn], sizeof path[turn], "%s/%s", files_root, name);
  return path[turn];
}

/* Not clgen_file_write: that one waits for the disk, and thousands of files come this way. The old file is removed first
 * because some file systems also wait when one is written over. */
static inline void write_file(const char *path, const void *data, size_t size) {
  remove(path);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, size, f), size);
  assert_int_equal(fclose(f), 0);
}

/* Writes a file, and the folders that it lies in. */
static inline const char *put_file(const char *name, const void *data, size_t size) {
  char *below = clgen_strdup(file_at(name));
  *strrchr(below, '/') = 0;
  assert_int_equal(clgen_make_folders(below), 0);
  free(below);
  const char *path = file_at(name);
  write_file(path, data, size);
  return path;
}

static inline const char *put_text(const char *name, const char *text) { return put_file(name, text, strlen(text)); }

static inline const char *put_gzip(const char *name, const void *data, size_t size) {
  const char *path = put_file(name, "", 0);
  gzFile f = gzopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(gzwrite(f, data, (unsigned)size), (int)size);
  assert_int_equal(gzclose(f), Z_OK);
  return path;
}

/* A picture of one colour; c channels. */
static inline const char *put_picture(const char *name, int width, int height, int c, const uint8_t *pixel) {
  clgen_image im;
  assert_int_equal(clgen_image_create(&im, width, height, c), 0);
  for (int i = 0; i < width * height * c; ++i) im.data[i] = pixel[i % c];
  put_file(name, "", 0);
  const char *path = file_at(name);
  assert_int_equal(clgen_image_write_png(path, &im), 0);
  clgen_image_free(&im);
  return path;
}

/* ---- Datasets ------------------------------------------------------------------------------------------------------- */

static char files_log[2048]; /* what the last open_dataset or refuse logged */

static inline void files_keep_log(void *user, clgen_log_level level, const char *message) {
  (void)user, (void)level;
  size_t n = strlen(files_log);
  snprintf(files_log + n, sizeof files_log - n, "%s\n", message);
}

static inline int try_dataset(clgen_dataset **out, const char *path, const clgen_dataset_options *options) {
  clgen_dataset_options o = {0};
  if (options) o = *options;
  o.log = (clgen_logger){files_keep_log, NULL};
  files_log[0] = 0;
  return clgen_dataset_open(out, path, &o);
}

static inline clgen_dataset *open_dataset(const char *path, const clgen_dataset_options *options) {
  clgen_dataset *ds;
  if (try_dataset(&ds, path, options)) fail_msg("%s", clgen_last_error());
  return ds;
}

/* Opening fails with that code, and a message that holds `text` and names a file where the path is. */
static inline void refuse(const char *path, const clgen_dataset_options *options, int code, const char *text) {
  clgen_dataset *ds;
  int got = try_dataset(&ds, path, options);
  if (got == 0) fail_msg("%s was opened", path);
  assert_null(ds);
  if (got != code || !strstr(clgen_last_error(), text))
    fail_msg("%s: expected %d and \"%s\", got %d: %s", path, code, text, got, clgen_last_error());
  char *folder = clgen_format("%.*s", (int)(strrchr(path, '/') - path), path);
  if (!strstr(clgen_last_error(), folder)) fail_msg("which file? %s", clgen_last_error());
  free(folder);
}

/* Whatever happens to a file of so many bytes, opening it is an error or a dataset that can be walked. `strictly`: each
 * beginning of the file must be refused. The file is left as it was. */
static inline void damage_file(const char *path, const char *open_as, bool strictly) {
  void *data;
  size_t size;
  char *file = clgen_strdup(path);
  assert_int_equal(clgen_file_read(file, 1 << 24, &data, &size), 0);
  unsigned char *copy = malloc(size);
  size_t step = size / 400 + 1;
  uint64_t sum = 0;
  for (size_t n = 0; n < 2 * size; n += n % size < 96 ? 1 : step) {
    memcpy(copy, data, size);
    if (n >= size) copy[n - size] ^= (unsigned char)(n % 3 == 0 ? 0xff : n % 3 == 1 ? 0x80 : 1);
    write_file(file, copy, n < size ? n : size);
    clgen_dataset *ds;
    if (try_dataset(&ds, open_as, NULL)) continue;
    if (n < size && strictly) fail_msg("%s: the first %zu of %zu bytes were taken for a dataset", file, n, size);
    const clgen_dataset_info *i = clgen_dataset_get_info(ds);
    size_t all = (size_t)i->count * (size_t)i->channels * (size_t)i->height * (size_t)i->width;
    for (size_t k = 0; k < all; ++k) sum += clgen_dataset_image(ds, 0)[k];
    for (int64_t k = 0; k < i->count; ++k) sum += (uint64_t)clgen_dataset_label(ds, k);
    clgen_dataset_close(ds);
  }
  if (sum == 1) print_message("\n"); /* so that reading is not dropped */
  write_file(file, data, size);
  free(copy);
  free(data);
  free(file);
}

#endif
