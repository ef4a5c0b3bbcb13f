/* From pictures of any kind to the bytes of a dataset: cut to a square, composed, resized, planes one after another. */
#include "data/data_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int clgen_array_check(const clgen_array *a, const char *path) {
  if (a->count < 1) return clgen_fail(CLGEN_E_FORMAT, "%s: contains no images", path);
  if (a->height < 1 || a->width < 1 || a->height > CLGEN_MAX_SIDE || a->width > CLGEN_MAX_SIDE ||
      (uint64_t)a->height * (uint64_t)a->width > CLGEN_MAX_PIXELS)
    return clgen_fail(CLGEN_E_FORMAT, "%s: the header gives images of %d x %d pixels", path, a->width, a->height);
  return CLGEN_OK;
}

void clgen_array_free(clgen_array *a) {
  free(a->bytes);
  free(a->labels);
  memset(a, 0, sizeof *a);
}

int64_t *clgen_fill_order(const clgen_dataset *ds, int64_t count) {
  int64_t *order = malloc((size_t)count * sizeof *order);
  if (order)
    clgen_shuffle(order, count, ds->options.seed, CLGEN_STREAM_SUBSET, 0);
  else
    clgen_fail_nomem((size_t)count * sizeof *order);
  return order;
}

/* ---- Room ----------------------------------------------------------------------------------------------------------- */

static size_t image_bytes(const clgen_dataset *ds) {
  return (size_t)ds->info.channels * (size_t)ds->info.height * (size_t)ds->info.width;
}

/* A kernel that overcommits would rather end the process later than refuse now. */
static int check_memory(const clgen_dataset *ds, double bytes) {
#ifdef _SC_PHYS_PAGES
  double pages = (double)sysconf(_SC_PHYS_PAGES), page = (double)sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0 && bytes > pages * page)
    return clgen_fail(
        CLGEN_E_NOMEM,
        "%s: %lld images of %d x %d with %d channels need %.1f GB, but this machine has %.1f GB: use a smaller "
        "resolution or a subset",
        ds->path, (long long)ds->room, ds->info.width, ds->info.height, ds->info.channels, bytes / 1e9, pages * page / 1e9);
#endif
  return bytes > (double)(SIZE_MAX / 2) ? clgen_fail_nomem(SIZE_MAX) : CLGEN_OK;
}

static int make_room(clgen_dataset *ds) {
  int code = check_memory(ds, (double)image_bytes(ds) * (double)ds->room);
  if (code) return code;
  size_t bytes = image_bytes(ds) * (size_t)ds->room;
  uint8_t *pixels = realloc(ds->pixels, bytes);
  if (!pixels) return clgen_fail_nomem(bytes);
  ds->pixels = pixels;
  return CLGEN_OK;
}

int clgen_fill_begin(clgen_dataset *ds, int64_t most) {
  int64_t subset = ds->options.subset;
  ds->room = subset > 0 && subset < most ? subset : most;
  ds->labels = malloc((size_t)ds->room * sizeof *ds->labels);
  return ds->labels ? CLGEN_OK : clgen_fail_nomem((size_t)ds->room * sizeof *ds->labels);
}

/* ---- One picture ---------------------------------------------------------------------------------------------------- */

/* The number of channels: the option, else grey or RGB, whichever the image needs once alpha is composed. */
static int wanted_channels(const clgen_dataset_options *o, const clgen_image *im) {
  if (o->channels) return o->channels;
  bool grey_ground = o->background[0] == o->background[1] && o->background[1] == o->background[2];
  return im->channels == 1 || (im->channels == 2 && grey_ground) ? 1 : 3;
}

static int replace(clgen_image *im, int code, clgen_image *by) {
  if (code) return code;
  clgen_image_free(im);
  *im = *by;
  return CLGEN_OK;
}

/* Center-crops to a square, so that resizing keeps the proportions. */
static int fit(const clgen_dataset_options *o, clgen_image *im, int channels) {
  clgen_image next;
  int side = im->width < im->height ? im->width : im->height, code = CLGEN_OK;
  if (o->resolution && im->width != im->height)
    code = replace(im, clgen_image_crop(im, (im->width - side) / 2, (im->height - side) / 2, side, side, &next), &next);
  if (!code && channels != im->channels) code = replace(im, clgen_image_convert(im, channels, o->background, &next), &next);
  if (!code && o->resolution && im->width != o->resolution)
    code = replace(im, clgen_image_resize(im, o->resolution, o->resolution, &next), &next);
  return code;
}

/* Called at the first RGB image after grey ones: copies each grey plane to three. In place, from the last image on. */
static int grey_to_rgb(clgen_dataset *ds) {
  size_t plane = image_bytes(ds);
  ds->info.channels = 3;
  int code = make_room(ds);
  for (int64_t i = ds->info.count; !code && i-- > 0;)
    for (size_t k = 3; k-- > 0;) memmove(ds->pixels + ((size_t)i * 3 + k) * plane, ds->pixels + (size_t)i * plane, plane);
  return code;
}

static void to_planes(const clgen_image *im, uint8_t *to) {
  size_t c = (size_t)im->channels, n = (size_t)im->height * (size_t)im->width;
  for (size_t k = 0; k < c; ++k)
    for (size_t i = 0; i < n; ++i) *to++ = im->data[i * c + k];
}

static int check_size(const clgen_dataset *ds, const clgen_image *im, const char *name) {
  if (im->width == ds->info.width && im->height == ds->info.height) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID,
                    "%s: the images have different sizes (%s has %d x %d pixels, those before it %d x %d): choose a "
                    "resolution to resize all of them to (--res N)",
                    ds->path, name, im->width, im->height, ds->info.width, ds->info.height);
}

static void note_size(clgen_dataset_info *info, const clgen_image *im) {
  bool first = info->min_width == 0;
  if (first || im->width < info->min_width) info->min_width = im->width;
  if (first || im->height < info->min_height) info->min_height = im->height;
  if (im->width > info->max_width) info->max_width = im->width;
  if (im->height > info->max_height) info->max_height = im->height;
}

static bool is_one_colour(const clgen_image *im) {
  const size_t c = (size_t)im->channels, n = (size_t)im->height * (size_t)im->width;
  for (size_t i = 1; i < n; ++i)
    if (memcmp(im->data, im->data + i * c, c) != 0) return false;
  return true;
}

int clgen_fill_image(clgen_dataset *ds, clgen_image *im, int label, const char *name) {
  clgen_dataset_info *info = &ds->info;
  int channels = wanted_channels(&ds->options, im), code = CLGEN_OK;
  int from_width = im->width, from_height = im->height;
  const bool had_alpha = im->channels % 2 == 0;
  if (info->count && info->channels > channels) channels = info->channels;
  code = fit(&ds->options, im, channels);
  if (code) return code;
  if (info->count == 0) {
    info->channels = channels;
    info->width = im->width;
    info->height = im->height;
    code = make_room(ds);
  } else {
    code = check_size(ds, im, name);
    if (!code && channels > info->channels) code = grey_to_rgb(ds);
  }
  if (code) return code;
  note_size(info, &(clgen_image){from_width, from_height, 0, NULL});
  info->blank += had_alpha && is_one_colour(im);
  to_planes(im, ds->pixels + (size_t)info->count * image_bytes(ds));
  ds->labels[info->count++] = label;
  return CLGEN_OK;
}

int clgen_fill_pass_over(clgen_dataset *ds, int code) {
  if (code == CLGEN_E_NOMEM || code == CLGEN_E_INVALID) return code;
  if (ds->options.strict) return clgen_fail_prefix(code, "%s", ds->path);
  char *why = clgen_strdup(clgen_last_error());
  char **passed = realloc(ds->passed, ((size_t)ds->info.passed_over + 1) * sizeof *passed);
  if (!why || !passed) {
    free(why);
    if (passed) ds->passed = passed;
    return CLGEN_E_NOMEM;
  }
  ds->passed = passed;
  ds->passed[ds->info.passed_over++] = why;
  return CLGEN_OK;
}

/* ---- The end -------------------------------------------------------------------------------------------------------- */

static int name_classes(clgen_dataset *ds) {
  if (ds->classes) return CLGEN_OK;
  ds->classes = calloc((size_t)ds->info.classes, sizeof *ds->classes);
  if (!ds->classes) return clgen_fail_nomem((size_t)ds->info.classes * sizeof *ds->classes);
  for (int i = 0; i < ds->info.classes; ++i)
    if (!(ds->classes[i] = clgen_format("%d", i))) return CLGEN_E_NOMEM;
  return CLGEN_OK;
}

/* Values of another range than 0..255, such as 0..16 or segmentation labels, give almost black images. */
static void warn_of_dark(const clgen_dataset *ds) {
  const size_t n = (size_t)ds->info.count * image_bytes(ds);
  int top = 0;
  for (size_t i = 0; i < n && top <= 32; ++i)
    if (ds->pixels[i] > top) top = ds->pixels[i];
  if (top <= 32)
    clgen_log_write(&ds->options.log, CLGEN_LOG_WARNING,
                    "%s: all images are almost black: the largest pixel value is %d of 255. If the values have another "
                    "range, scale them to 0..255",
                    ds->path, top);
}

int clgen_fill_end(clgen_dataset *ds) {
  clgen_dataset_info *info = &ds->info;
  if (info->count < ds->options.subset)
    return clgen_fail(CLGEN_E_INVALID, "%s: a subset of %lld images was requested, but there are %lld", ds->path,
                      (long long)ds->options.subset, (long long)info->count);
  if (info->count < ds->room) {
    uint8_t *less = realloc(ds->pixels, image_bytes(ds) * (size_t)info->count);
    if (less) ds->pixels = less;
    ds->room = info->count;
  }
  if (info->count && info->blank < info->count) warn_of_dark(ds);
  if (info->blank)
    clgen_log_write(
        &ds->options.log, CLGEN_LOG_WARNING,
        "%s: %lld of %lld images show nothing: their opaque pixels have the colour of the background, %02x%02x%02x; "
        "choose another with --background",
        ds->path, (long long)info->blank, (long long)info->count, ds->options.background[0], ds->options.background[1],
        ds->options.background[2]);
  int top = -1;
  for (int64_t i = 0; ds->labels && i < info->count; ++i)
    if (ds->labels[i] > top) top = ds->labels[i];
  info->has_labels = top >= 0;
  if (!info->has_labels) {
    for (int i = 0; ds->classes && i < info->classes; ++i) free(ds->classes[i]);
    free(ds->classes);
    ds->classes = NULL;
    info->classes = 0;
    return CLGEN_OK;
  }
  if (info->classes <= top) info->classes = top + 1; /* more where names of classes were given */
  int code = name_classes(ds);
  return code ? code : clgen_classes_renumber(ds);
}

/* ---- Arrays --------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The images of the chosen classes. */
static int choose_classes(clgen_dataset *ds, const clgen_array *a, int64_t **out, int64_t *n) {
  int top = -1;
  for (int64_t i = 0; a->labels && i < a->count; ++i)
    if (a->labels[i] > top) top = a->labels[i];
  int code = clgen_classes_choose(ds, ds->classes, ds->classes ? ds->info.classes : top + 1);
  *out = NULL;
  *n = a->count;
  if (code || !ds->keep) return code;
  *out = malloc((size_t)a->count * sizeof **out);
  if (!*out) return clgen_fail_nomem((size_t)a->count * sizeof **out);
  *n = 0;
  for (int64_t i = 0; i < a->count; ++i)
    if (clgen_classes_keep(ds, a->labels[i])) (*out)[(*n)++] = i;
  return *n ? CLGEN_OK : clgen_classes_none_left(ds);
}

/* Which images are kept, in their old order. */
static int choose(clgen_dataset *ds, const clgen_array *a, int64_t **out, int64_t *n) {
  int64_t subset = ds->options.subset, *classes, *order;
  int code = choose_classes(ds, a, &classes, n);
  *out = classes;
  if (code || subset <= 0 || subset >= *n) return code;
  order = clgen_fill_order(ds, *n);
  if (!order) return CLGEN_E_NOMEM;
  *n = subset;
  for (int64_t i = 0; classes && i < subset; ++i) order[i] = classes[order[i]];
  free(classes);
  qsort(order, (size_t)subset, sizeof *order, compare);
  *out = order;
  return CLGEN_OK;
}

static int load(const clgen_array *a, int64_t i, clgen_image *out) {
  int code = clgen_image_create(out, a->width, a->height, a->channels);
  if (code) return code;
  size_t c = (size_t)a->channels, n = (size_t)a->height * (size_t)a->width;
  const uint8_t *from = a->bytes + (size_t)i * n * c;
  if (a->interleaved)
    memcpy(out->data, from, n * c);
  else
    for (size_t k = 0; k < c; ++k)
      for (size_t p = 0; p < n; ++p) out->data[p * c + k] = *from++;
  return CLGEN_OK;
}

static int convert_all(clgen_dataset *ds, clgen_array *a, const int64_t *chosen, int64_t n) {
  int code = clgen_fill_begin(ds, n);
  for (int64_t i = 0; !code && i < n; ++i) {
    int64_t from = chosen ? chosen[i] : i;
    clgen_image im;
    code = load(a, from, &im);
    if (!code) code = clgen_fill_image(ds, &im, a->labels ? a->labels[from] : -1, "an image");
    clgen_image_free(&im);
  }
  return code;
}

/* Without conversion: the dataset takes over the array's memory. */
static void adopt(clgen_dataset *ds, clgen_array *a, const int64_t *chosen, int64_t n) {
  clgen_dataset_info *info = &ds->info;
  info->channels = a->channels;
  info->height = info->min_height = info->max_height = a->height;
  info->width = info->min_width = info->max_width = a->width;
  info->count = n;
  size_t bytes = image_bytes(ds);
  for (int64_t i = 0; chosen && i < n; ++i) {
    memmove(a->bytes + (size_t)i * bytes, a->bytes + (size_t)chosen[i] * bytes, bytes);
    if (a->labels) a->labels[i] = a->labels[chosen[i]];
  }
  ds->pixels = a->bytes;
  ds->labels = a->labels;
  ds->room = chosen ? a->count : n;
  a->bytes = NULL;
  a->labels = NULL;
}

/* An array with values 0 and 1 only is black and white: scaled to 0 and 255. */
static void stretch_binary(clgen_dataset *ds, clgen_array *a) {
  const size_t n = (size_t)a->count * (size_t)a->channels * (size_t)a->height * (size_t)a->width;
  bool any = false;
  for (size_t i = 0; i < n; ++i) {
    if (a->bytes[i] > 1) return;
    any = any || a->bytes[i];
  }
  if (!any) return;
  for (size_t i = 0; i < n; ++i) a->bytes[i] = a->bytes[i] ? 255 : 0;
  clgen_log_write(&ds->options.log, CLGEN_LOG_INFO, "%s: all values are 0 or 1: read as black and white, 0 and 255",
                  ds->path);
}

int clgen_fill_from_array(clgen_dataset *ds, clgen_array *a) {
  stretch_binary(ds, a);
  int64_t *chosen, n;
  int code = choose(ds, a, &chosen, &n);
  int side = ds->options.resolution, channels = ds->options.channels;
  bool as_is = (!side || (side == a->width && side == a->height)) &&
               (channels ? channels == a->channels : a->channels % 2) && (!a->interleaved || a->channels == 1);
  if (!code && as_is)
    adopt(ds, a, chosen, n);
  else if (!code)
    code = convert_all(ds, a, chosen, n);
  free(chosen);
  clgen_array_free(a);
  return code ? code : clgen_fill_end(ds);
}
