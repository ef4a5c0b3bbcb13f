#include "image/image_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any photograph. */
#define MAX_FILE_BYTES ((size_t)1 << 30)

int clgen_image_create(clgen_image *out, int width, int height, int channels) {
  memset(out, 0, sizeof *out);
  if (width < 1 || height < 1 || channels < 1 || channels > 4)
    return clgen_fail(CLGEN_E_INVALID,
                      "an image of %d x %d pixels with %d channels: sizes must be positive, channels 1 to 4", width, height,
                      channels);
  uint64_t bytes = (uint64_t)width * (uint64_t)height;
  if (bytes > SIZE_MAX / 8)
    return clgen_fail(CLGEN_E_NOMEM, "an image of %d x %d pixels does not fit in memory", width, height);
  bytes *= (uint64_t)channels;
  out->data = calloc(1, (size_t)bytes);
  if (!out->data) return clgen_fail_nomem((size_t)bytes);
  out->width = width;
  out->height = height;
  out->channels = channels;
  return CLGEN_OK;
}

void clgen_image_free(clgen_image *image) {
  if (!image) return;
  free(image->data);
  memset(image, 0, sizeof *image);
}

int clgen_image_check_header(const char *name, uint64_t width, uint64_t height, uint64_t max_pixels, double smallest,
                             size_t size) {
  if (width < 1 || height < 1 || width > INT_MAX || height > INT_MAX)
    return clgen_fail(CLGEN_E_FORMAT, "%s: the header gives a size of %llu x %llu pixels", name, (unsigned long long)width,
                      (unsigned long long)height);
  if (width * height > max_pixels)
    return clgen_fail(CLGEN_E_FORMAT, "%s: the header gives a size of %llu x %llu pixels, more than the %llu pixels allowed",
                      name, (unsigned long long)width, (unsigned long long)height, (unsigned long long)max_pixels);
  if (smallest > (double)size)
    return clgen_fail(CLGEN_E_FORMAT,
                      "%s: the header gives a size of %llu x %llu pixels, which %zu bytes cannot hold: truncated or damaged",
                      name, (unsigned long long)width, (unsigned long long)height, size);
  return CLGEN_OK;
}

void clgen_image_reduce(clgen_image *image) {
  size_t pixels = (size_t)image->width * (size_t)image->height;
  int c = image->channels;
  bool opaque = true, grey = true;
  for (size_t i = 0; i < pixels && (opaque || grey); ++i) {
    const uint8_t *p = image->data + i * (size_t)c;
    if (c % 2 == 0 && p[c - 1] != 255) opaque = false;
    if (c >= 3 && (p[0] != p[1] || p[1] != p[2])) grey = false;
  }
  bool keep_alpha = c % 2 == 0 && !opaque;
  int to = (grey ? 1 : 3) + (keep_alpha ? 1 : 0);
  if (to == c) return;
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t *from = image->data + i * (size_t)c;
    uint8_t pixel[4] = {from[0], 0, 0, 0};
    if (!grey) memcpy(pixel, from, 3);
    if (keep_alpha) pixel[to - 1] = from[c - 1];
    memcpy(image->data + i * (size_t)to, pixel, (size_t)to);
  }
  image->channels = to;
  uint8_t *less = realloc(image->data, pixels * (size_t)to);
  if (less) image->data = less;
}

typedef struct {
  const char *kind;
  size_t at;
  const char *bytes;
  size_t n;
} signature;
#define SIGNATURE(kind, at, bytes) \
  { kind, at, bytes, sizeof(bytes) - 1 }

static const signature certain[] = {
    SIGNATURE("PNG", 0, "\x89PNG\r\n\x1a\n"),
    SIGNATURE("JPEG", 0, "\xff\xd8\xff"),
    SIGNATURE("GIF", 0, "GIF8"),
    SIGNATURE("WebP", 8, "WEBP"),
    SIGNATURE("AVIF", 4, "ftypavi"),
    SIGNATURE("HEIC", 4, "ftyphei"),
    SIGNATURE("HEIC", 4, "ftyphev"),
    SIGNATURE("HEIF", 4, "ftypmif1"),
    SIGNATURE("HEIF", 4, "ftypmsf1"),
    SIGNATURE("TIFF", 0, "II*\0"),
    SIGNATURE("TIFF", 0, "MM\0*"),
    SIGNATURE("TIFF", 0, "II+\0"),
    SIGNATURE("TIFF", 0, "MM\0+"),
    SIGNATURE("JPEG XL", 0, "\0\0\0\x0cJXL "),
    SIGNATURE("JPEG 2000", 0, "\0\0\0\x0cjP  "),
    SIGNATURE("JPEG 2000", 0, "\xff\x4f\xff\x51"),
    SIGNATURE("PSD", 0, "8BPS"),
    SIGNATURE("OpenEXR", 0, "\x76\x2f\x31\x01"),
    SIGNATURE("QOI", 0, "qoif"),
    SIGNATURE("Radiance HDR", 0, "#?RADIANCE"),
    SIGNATURE("icon", 0, "\0\0\1\0"),
    SIGNATURE("SVG", 0, "<svg"),
};
static const signature short_ones[] = {
    SIGNATURE("BMP", 0, "BM"),
    SIGNATURE("JPEG XL", 0, "\xff\x0a"),
    SIGNATURE("SVG", 0, "<?xm"),
};

static const char *kind_among(const signature *rows, size_t n, const void *head, size_t size) {
  for (size_t i = 0; i < n; ++i)
    if (size >= rows[i].at + rows[i].n && memcmp((const char *)head + rows[i].at, rows[i].bytes, rows[i].n) == 0)
      return rows[i].kind;
  return NULL;
}

/* Signatures of two letters also match text, so the fields after them are checked, too. */
static const char *kind_by_fields(const void *head, size_t size) {
  static const char *const pnm[] = {"PBM", "PGM", "PPM", "PBM", "PGM", "PPM"};
  const unsigned char *p = head;
  if (size >= 10 && memcmp(p, "BM", 2) == 0 && memcmp(p + 6, "\0\0\0\0", 4) == 0) return "BMP";
  if (size < 4 || p[0] != 'P' || !p[2] || !strchr(" \t\r\n", p[2]) || !((p[3] >= '0' && p[3] <= '9') || p[3] == '#'))
    return NULL;
  return p[1] >= '1' && p[1] <= '6' ? pnm[p[1] - '1'] : p[1] == 'F' || p[1] == 'f' ? "PFM" : NULL;
}

const char *clgen_image_kind(const void *head, size_t size) {
  const char *kind = kind_among(certain, CLGEN_COUNT(certain), head, size);
  return kind ? kind : kind_by_fields(head, size);
}

int clgen_image_read_memory(clgen_image *out, const void *data, size_t size, uint64_t max_pixels, const char *name) {
  const unsigned char *p = data;
  const char *kind = clgen_image_kind(data, size);
  memset(out, 0, sizeof *out);
  if (size == 0) return clgen_fail(CLGEN_E_FORMAT, "%s: the file is empty", name);
  if (kind && strcmp(kind, "PNG") == 0) return clgen_image_read_png(out, data, size, max_pixels, name);
  if (kind && strcmp(kind, "JPEG") == 0) return clgen_image_read_jpeg(out, data, size, max_pixels, name);
  if (!kind) kind = kind_among(short_ones, CLGEN_COUNT(short_ones), data, size);
  if (kind) return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: a %s image; only PNG and JPEG are read", name, kind);
  if (size >= 2 && p[0] == '<' && memchr("!hH", p[1], 3))
    return clgen_fail(CLGEN_E_FORMAT, "%s: a web page (HTML), not an image: did the download fail?", name);
  if (clgen_is_lfs_pointer(data, size)) return clgen_fail_lfs_pointer(name);
  if (size >= 4 && memcmp(p, "\x89PNG", 4) == 0)
    return clgen_fail(CLGEN_E_FORMAT, "%s: damaged PNG signature (line ends converted?)", name);
  return clgen_fail(CLGEN_E_FORMAT, "%s: neither a PNG nor a JPEG file (it begins with %02x %02x %02x %02x)", name, p[0],
                    size > 1 ? p[1] : 0, size > 2 ? p[2] : 0, size > 3 ? p[3] : 0);
}

int clgen_image_read(clgen_image *out, const char *path, uint64_t max_pixels) {
  void *data;
  size_t size;
  memset(out, 0, sizeof *out);
  int code = clgen_file_read(path, MAX_FILE_BYTES, &data, &size);
  if (code) return code;
  code = clgen_image_read_memory(out, data, size, max_pixels, path);
  free(data);
  return code;
}

int clgen_image_crop(const clgen_image *in, int x, int y, int width, int height, clgen_image *out) {
  memset(out, 0, sizeof *out);
  if (x < 0 || y < 0 || width < 1 || height < 1 || width > in->width - x || height > in->height - y)
    return clgen_fail(CLGEN_E_INVALID, "cannot crop %d x %d pixels at (%d, %d) from %d x %d", width, height, x, y, in->width,
                      in->height);
  int code = clgen_image_create(out, width, height, in->channels);
  if (code) return code;
  size_t c = (size_t)in->channels, row = (size_t)width * c;
  for (int r = 0; r < height; ++r)
    memcpy(out->data + (size_t)r * row, in->data + ((size_t)(y + r) * (size_t)in->width + (size_t)x) * c, row);
  return CLGEN_OK;
}

int clgen_image_grid(clgen_image *out, const uint8_t *planar, int64_t n, int channels, int height, int width, int columns) {
  memset(out, 0, sizeof *out);
  if (n < 1 || columns < 1 || channels < 1 || channels > 4 || height < 1 || width < 1)
    return clgen_fail(CLGEN_E_INVALID, "invalid grid: %lld images (%d x %d x %d) in %d columns", (long long)n, channels,
                      height, width, columns);
  if (columns > n) columns = (int)n;
  int64_t rows = (n + columns - 1) / columns;
  if (rows > INT_MAX / height || columns > INT_MAX / width)
    return clgen_fail(CLGEN_E_INVALID, "a grid of %lld images of %d x %d is too large for one image file", (long long)n,
                      height, width);
  int code = clgen_image_create(out, columns * width, (int)rows * height, channels);
  if (code) return code;
  size_t plane = (size_t)height * (size_t)width, c = (size_t)channels;
  for (int64_t i = 0; i < n; ++i) {
    const uint8_t *image = planar + (size_t)i * plane * c;
    for (int y = 0; y < height; ++y) {
      size_t row = (size_t)(i / columns) * (size_t)height + (size_t)y;
      uint8_t *to = out->data + (row * (size_t)out->width + (size_t)(i % columns) * (size_t)width) * c;
      const uint8_t *from = image + (size_t)y * (size_t)width;
      for (int x = 0; x < width; ++x)
        for (size_t k = 0; k < c; ++k) *to++ = from[k * plane + (size_t)x];
    }
  }
  return CLGEN_OK;
}
