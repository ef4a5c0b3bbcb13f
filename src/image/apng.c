/* Animated PNG, which libpng as it is packaged does not write: PNG third edition (W3C 2023), section 11.3.4. */
#include "image/image_internal.h"

#include <string.h>
#include <stdlib.h>
#include <zlib.h>

typedef struct {
  FILE *stream;
  uint32_t sequence; /* of fcTL and fdAT chunks */
} writer;

static void put32(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; ++i) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* length, type, data (two pieces), CRC of type and data. */
static void write_chunk(FILE *f, const char *type, const uint8_t *a, size_t n, const uint8_t *b, size_t m) {
  uint8_t word[4];
  uLong crc = crc32(0, (const Bytef *)type, 4);
  if (n) crc = crc32(crc, a, (uInt)n);
  if (m) crc = crc32(crc, b, (uInt)m);
  put32(word, (uint32_t)(n + m));
  fwrite(word, 1, 4, f);
  fwrite(type, 1, 4, f);
  if (n) fwrite(a, 1, n, f);
  if (m) fwrite(b, 1, m, f);
  put32(word, (uint32_t)crc);
  fwrite(word, 1, 4, f);
}

static void write_head(const writer *w, const clgen_image *first, int64_t n) {
  static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, types[] = {0, 0, 4, 2, 6};
  uint8_t header[13] = {0}, animation[8] = {0};
  put32(header, (uint32_t)first->width);
  put32(header + 4, (uint32_t)first->height);
  header[8] = 8;
  header[9] = types[first->channels];
  put32(animation, (uint32_t)n); /* and 0 repetitions: without end */
  fwrite(signature, 1, sizeof signature, w->stream);
  write_chunk(w->stream, "IHDR", header, sizeof header, NULL, 0);
  write_chunk(w->stream, "acTL", animation, sizeof animation, NULL, 0);
}

/* Rows behind their filter's number (0: none), as zlib packs them; free() it. */
static int pack(const clgen_image *image, uint8_t **out, uLongf *size) {
  size_t row = (size_t)image->width * (size_t)image->channels, n = (row + 1) * (size_t)image->height;
  uint8_t *rows = malloc(n);
  *size = compressBound((uLong)n);
  *out = malloc(*size);
  int code = rows && *out ? CLGEN_OK : clgen_fail_nomem(n);
  for (int y = 0; !code && y < image->height; ++y) {
    rows[(size_t)y * (row + 1)] = 0;
    memcpy(rows + (size_t)y * (row + 1) + 1, image->data + (size_t)y * row, row);
  }
  if (!code && compress2(*out, size, rows, (uLong)n, 6) != Z_OK) code = clgen_fail_nomem(n);
  free(rows);
  return code;
}

static int write_frame(writer *w, const clgen_image *image, int milliseconds) {
  uint8_t control[26] = {0}, number[4], *packed;
  uLongf size;
  put32(control, w->sequence++);
  put32(control + 4, (uint32_t)image->width);
  put32(control + 8, (uint32_t)image->height);
  control[20] = (uint8_t)(milliseconds >> 8), control[21] = (uint8_t)milliseconds;
  control[22] = 1000 >> 8, control[23] = 1000 & 255; /* of a second */
  write_chunk(w->stream, "fcTL", control, sizeof control, NULL, 0);
  int code = pack(image, &packed, &size);
  if (!code && w->sequence == 1) {
    write_chunk(w->stream, "IDAT", packed, size, NULL, 0);
  } else if (!code) {
    put32(number, w->sequence++);
    write_chunk(w->stream, "fdAT", number, sizeof number, packed, size);
  }
  free(packed);
  return code;
}

static int check(const char *path, const clgen_image *frames, int64_t n, int milliseconds) {
  if (n < 1 || n > INT32_MAX / 2 || milliseconds < 1 || milliseconds > 65535)
    return clgen_fail(CLGEN_E_INVALID, "%s: cannot write %lld frames of %d ms", path, (long long)n, milliseconds);
  for (int64_t i = 0; i < n; ++i) {
    const clgen_image *f = frames + i;
    if (!f->data || f->width < 1 || f->height < 1 || f->channels < 1 || f->channels > 4 || f->width != frames->width ||
        f->height != frames->height || f->channels != frames->channels)
      return clgen_fail(CLGEN_E_INVALID, "%s: frame %lld has %d x %d pixels with %d channels, unlike the first frame", path,
                        (long long)i, f->width, f->height, f->channels);
  }
  return CLGEN_OK;
}

int clgen_image_write_apng(const char *path, const clgen_image *frames, int64_t n, int milliseconds) {
  clgen_file_writer *file;
  int code = check(path, frames, n, milliseconds);
  if (!code) code = clgen_file_writer_open(&file, path);
  if (code) return code;
  writer w = {.stream = clgen_file_writer_stream(file)};
  write_head(&w, frames, n);
  for (int64_t i = 0; !code && i < n; ++i) code = write_frame(&w, frames + i, milliseconds);
  write_chunk(w.stream, "IEND", NULL, 0, NULL, 0);
  if (!code) return clgen_file_writer_commit(file);
  clgen_file_writer_abandon(file);
  return code;
}
