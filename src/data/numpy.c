/* NumPy arrays of images. (N,H,W) is grey; (N,H,W,C) has its channels last, (N,C,H,W) first, C being 1 to 4: last where
 * both fit. uint8 is taken as it is; bool becomes 0 and 255; other integers must lie in 0..255. Floats must all lie in
 * 0..1, which becomes 0..255, or all be whole numbers in 0..255. Anything else is an error: a wrong guess of the range would
 * spoil a training run silently. */
#include "data/data_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/npy_internal.h"
#include "data/zip.h"

static bool is_channels(int64_t n) { return n >= 1 && n <= 4; }

static int shape_of(const clgen_npy *a, const char *name, clgen_array *out) {
  const int64_t *s = a->shape;
  int64_t channels = 1, height = 0, width = 0;
  char shape[200];
  clgen_npy_shape_text(a->rank, a->shape, shape, sizeof shape);
  if (a->rank == 3 && (s[2] == 3 || s[2] == 4) && s[1] >= 8)
    return clgen_fail(CLGEN_E_FORMAT, "%s: an array of shape %s is one image (H,W,C); a dataset has N images (N,H,W,C)",
                      name, shape);
  if (a->rank == 3) {
    height = s[1];
    width = s[2];
  } else if (a->rank == 4 && is_channels(s[3])) {
    channels = s[3];
    height = s[1];
    width = s[2];
  } else if (a->rank == 4 && is_channels(s[1])) {
    channels = s[1];
    height = s[2];
    width = s[3];
  } else {
    return clgen_fail(
        CLGEN_E_FORMAT,
        "%s: an array of shape %s is not images; expected (N,H,W), (N,H,W,C) or (N,C,H,W) with 1 to 4 channels", name,
        shape);
  }
  *out = (clgen_array){.count = s[0], .channels = (int)channels, .interleaved = a->rank == 3 || is_channels(s[3])};
  out->height = (int)(height <= CLGEN_MAX_SIDE ? height : CLGEN_MAX_SIDE + 1);
  out->width = (int)(width <= CLGEN_MAX_SIDE ? width : CLGEN_MAX_SIDE + 1);
  return clgen_array_check(out, name);
}

/* The factor: 255 for bool and 0..1, 1 for 0..255, 0 for any other range, with *bad a value outside. */
static double scale_of(const clgen_npy *a, double *bad) {
  if (a->type == CLGEN_NPY_BOOL) return 255;
  bool real = a->type == CLGEN_NPY_F16 || a->type == CLGEN_NPY_F32 || a->type == CLGEN_NPY_F64, unit = real, whole = true;
  for (int64_t i = 0; i < a->count && (unit || whole); ++i) {
    double v = clgen_npy_at(a, i);
    if (unit && !(v >= 0 && v <= 1)) unit = false;
    if (whole && !(v >= 0 && v <= 255 && v == floor(v))) whole = false;
    if (!unit && !whole) *bad = v;
  }
  return unit ? 255 : whole ? 1 : 0;
}

static int bytes_of(clgen_npy *a, const char *name, uint8_t **out) {
  double bad = 0, scale = a->type == CLGEN_NPY_U8 ? 1 : scale_of(a, &bad);
  if (scale == 0)
    return clgen_fail(
        CLGEN_E_FORMAT,
        "%s: an array of %s with the value %g; expected uint8, or only values in 0..1, or only whole numbers in 0..255",
        name, clgen_npy_type_name(a->type), bad);
  if (a->type == CLGEN_NPY_U8) {
    *out = a->data;
    a->data = NULL;
    return CLGEN_OK;
  }
  uint8_t *to = malloc((size_t)a->count);
  if (!to) return clgen_fail_nomem((size_t)a->count);
  for (int64_t i = 0; i < a->count; ++i) to[i] = (uint8_t)(clgen_npy_at(a, i) * scale + 0.5);
  *out = to;
  return CLGEN_OK;
}

/* Takes over a. */
static int images_from(clgen_npy *a, const char *name, clgen_array *out) {
  int code = shape_of(a, name, out);
  if (!code) code = bytes_of(a, name, &out->bytes);
  clgen_npy_free(a);
  return code;
}

/* Takes over a. (N) or (N,1) of whole numbers. */
static int labels_from(clgen_npy *a, const char *name, const char *images, clgen_array *out) {
  int code = CLGEN_OK;
  if (a->rank != 1 && !(a->rank == 2 && a->shape[1] == 1)) {
    char shape[200];
    clgen_npy_shape_text(a->rank, a->shape, shape, sizeof shape);
    code = clgen_fail(CLGEN_E_FORMAT, "%s: labels have shape %s; expected (N) or (N,1) with one class number per image",
                      name, shape);
  } else if (a->count != out->count) {
    code = clgen_fail(CLGEN_E_FORMAT, "%s: %lld labels, but %s has %lld images", name, (long long)a->count, images,
                      (long long)out->count);
  } else if (!(out->labels = malloc((size_t)a->count * sizeof *out->labels))) {
    code = clgen_fail_nomem((size_t)a->count * sizeof *out->labels);
  }
  for (int64_t i = 0; !code && i < a->count; ++i) {
    double v = clgen_npy_at(a, i);
    if (v >= 0 && v < CLGEN_MAX_CLASSES && v == floor(v))
      out->labels[i] = (int)v;
    else
      code = clgen_fail(CLGEN_E_FORMAT, "%s: the label %g of image %lld is not a whole number in 0..%d", name, v,
                        (long long)i, CLGEN_MAX_CLASSES - 1);
  }
  clgen_npy_free(a);
  return code;
}

static int finish(clgen_dataset *ds, int code, clgen_array *images) {
  if (!code) return clgen_fill_from_array(ds, images);
  clgen_array_free(images);
  return code;
}

/* ---- NPY -------------------------------------------------------------------------------------------------------------- */

/* "images.npy": "labels.npy"; "faces.npy": "faces_labels.npy" or "faces-labels.npy". */
static int find_labels(const char *path, char **out) {
  static const char *const ways[][2] = {{"images", "labels"}, {".npy", "_labels.npy"}, {".npy", "-labels.npy"}};
  for (size_t i = 0; i < CLGEN_COUNT(ways); ++i) {
    int code = clgen_replace_in_name(path, ways[i][0], ways[i][1], out);
    if (code || (*out && clgen_file_exists(*out))) return code;
    free(*out);
    *out = NULL;
  }
  return CLGEN_OK;
}

int clgen_open_npy(clgen_dataset *ds, const char *path) {
  clgen_npy a;
  clgen_array images = {0};
  char *labels = NULL;
  ds->info.format = "NPY";
  int code = clgen_npy_read(&a, path);
  if (!code) code = images_from(&a, path, &images);
  if (!code) code = find_labels(path, &labels);
  if (!code && labels) {
    code = clgen_npy_read(&a, labels);
    if (!code) code = labels_from(&a, labels, path, &images);
  }
  free(labels);
  return finish(ds, code, &images);
}

/* ---- NPZ: a ZIP archive of NPY files ------------------------------------------------------------------------------------
 */

typedef struct {
  const char *images[9], *labels[9];
} keys;
static const keys train_keys = {{"x_train", "train_images", "train_x"}, {"y_train", "train_labels", "train_y"}};
static const keys test_keys = {{"x_test", "test_images", "test_x"}, {"y_test", "test_labels", "test_y"}};
static const keys val_keys = {{"x_val", "val_images", "val_x", "x_valid"}, {"y_val", "val_labels", "val_y", "y_valid"}};
static const keys any_keys = {{"images", "x", "image", "imgs", "data", "samples", "arr_0"},
                              {"labels", "y", "label", "targets", "target", "classes", "arr_1"}};

#define NONE SIZE_MAX

static size_t find_member(const clgen_zip *zip, const char *const *names) {
  for (; *names; ++names)
    for (size_t i = 0; i < clgen_zip_count(zip); ++i) {
      const char *name = clgen_zip_name(zip, i);
      size_t n = strlen(*names);
      if (clgen_same_letters(name, *names, n) && (strcmp(name + n, ".npy") == 0 || name[n] == 0)) return i;
    }
  return NONE;
}

static int no_images(const clgen_zip *zip, const char *path) {
  char found[400] = "";
  for (size_t i = 0, n = 0; i < clgen_zip_count(zip) && n + 1 < sizeof found; ++i, n = strlen(found))
    snprintf(found + n, sizeof found - n, "%s%s", i ? ", " : "", clgen_zip_name(zip, i));
  return clgen_fail(
      CLGEN_E_FORMAT,
      "%s: no array of images, which is called images, x, data, arr_0, x_train, train_images, x_test or test_images; the "
      "archive has %s. If these are image files, unpack the archive and give the folder",
      path, found[0] ? found : "nothing");
}

static int choose(clgen_dataset *ds, const clgen_zip *zip, size_t *images, size_t *labels) {
  static const keys *const orders[2][4] = {{&train_keys, &any_keys, &test_keys, &val_keys},
                                           {&test_keys, &val_keys, &any_keys, &train_keys}};
  const keys *const *order = orders[ds->test];
  for (size_t k = 0; k < CLGEN_COUNT(orders[0]); ++k) {
    *images = find_member(zip, order[k]->images);
    if (*images == NONE) continue;
    *labels = find_member(zip, order[k]->labels);
    if (k >= 2)
      clgen_log_write(&ds->options.log, CLGEN_LOG_INFO, "%s: its array %s is used for training and for testing", ds->path,
                      clgen_zip_name(zip, *images));
    return CLGEN_OK;
  }
  *images = 0;
  *labels = NONE;
  return clgen_zip_count(zip) == 1 ? CLGEN_OK : no_images(zip, ds->path);
}

static int read_member(clgen_zip *zip, size_t i, const char *path, clgen_npy *out, char **name) {
  void *data;
  size_t size;
  *name = clgen_format("%s: %s", path, clgen_zip_name(zip, i));
  if (!*name) return CLGEN_E_NOMEM;
  int code = clgen_zip_read(zip, i, &data, &size);
  return code ? code : clgen_npy_adopt(out, data, size, *name);
}

int clgen_open_npz(clgen_dataset *ds, const char *path) {
  clgen_zip *zip;
  clgen_npy a;
  clgen_array images = {0};
  size_t at, labels_at;
  char *name = NULL, *labels_name = NULL;
  ds->info.format = "NPZ";
  int code = clgen_zip_open(&zip, path);
  if (code) return code;
  code = choose(ds, zip, &at, &labels_at);
  if (!code) code = read_member(zip, at, path, &a, &name);
  if (!code) code = images_from(&a, name, &images);
  if (!code && labels_at != NONE) {
    code = read_member(zip, labels_at, path, &a, &labels_name);
    if (!code) code = labels_from(&a, labels_name, name, &images);
  }
  free(name);
  free(labels_name);
  clgen_zip_close(zip);
  return finish(ds, code, &images);
}
