#include "image/image_internal.h"

#include <errno.h>
#include <png.h>
#include <string.h>

typedef struct {
  const clgen_image *image;
  FILE *stream;
  png_structp png;
  png_infop info;
  char why[160];
} writer;

static void on_error(png_structp png, png_const_charp text) {
  writer *w = png_get_error_ptr(png);
  snprintf(w->why, sizeof w->why, "%s", text);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void on_write(png_structp png, png_bytep from, size_t n) {
  writer *w = png_get_io_ptr(png);
  if (fwrite(from, 1, n, w->stream) != n) png_error(png, strerror(errno));
}

static void on_flush(png_structp png) { (void)png; }

/* No time, no text, a fixed level: the same pixels give the same bytes. */
static int encode(writer *w) {
  static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                              PNG_COLOR_TYPE_RGB_ALPHA};
  if (setjmp(png_jmpbuf(w->png))) return CLGEN_E_IO;
  const clgen_image *im = w->image;
  png_set_user_limits(w->png, 0x7fffffff, 0x7fffffff);
  png_set_write_fn(w->png, w, on_write, on_flush);
  png_set_compression_level(w->png, 6);
  png_set_IHDR(w->png, w->info, (png_uint_32)im->width, (png_uint_32)im->height, 8, types[im->channels], PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(w->png, w->info);
  size_t stride = (size_t)im->width * (size_t)im->channels;
  for (int y = 0; y < im->height; ++y) png_write_row(w->png, im->data + (size_t)y * stride);
  png_write_end(w->png, NULL);
  return CLGEN_OK;
}

int clgen_image_write_png(const char *path, const clgen_image *image) {
  if (!image->data || image->width < 1 || image->height < 1 || image->channels < 1 || image->channels > 4)
    return clgen_fail(CLGEN_E_INVALID, "%s: cannot write an image of %d x %d pixels with %d channels", path, image->width,
                      image->height, image->channels);
  clgen_file_writer *file;
  int code = clgen_file_writer_open(&file, path);
  if (code) return code;
  writer w = {.image = image, .stream = clgen_file_writer_stream(file)};
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_error, on_warning);
  w.info = w.png ? png_create_info_struct(w.png) : NULL;
  code = w.info ? encode(&w) : clgen_fail_nomem(0);
  png_destroy_write_struct(&w.png, &w.info);
  if (w.why[0]) code = clgen_fail(CLGEN_E_IO, "%s: cannot be written: %s", path, w.why);
  if (!code) return clgen_file_writer_commit(file);
  clgen_file_writer_abandon(file);
  return code;
}
