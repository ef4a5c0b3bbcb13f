/* PNG through libpng, from memory. libpng reports errors by longjmp; everything that lives across it is in one struct. */
#include "image/image_internal.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const unsigned char *data;
  size_t size, at;
  const char *name;
  uint64_t max_pixels;
  png_structp png;
  png_infop info;
  png_bytep *rows;
  clgen_image image;
  bool may_reduce;
  int code;
  char why[160];
} reader;

static void on_error(png_structp png, png_const_charp text) {
  reader *r = png_get_error_ptr(png);
  snprintf(r->why, sizeof r->why, "%s", text);
  r->code = CLGEN_E_FORMAT;
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t n) {
  reader *r = png_get_io_ptr(png);
  if (n > r->size - r->at) png_error(png, "the file is truncated");
  memcpy(to, r->data + r->at, n);
  r->at += n;
}

/* A lower bound: deflate expands one byte to at most 1032. Interlacing does not make the rows shorter in sum. */
static int check_header(reader *r) {
  uint32_t width = png_get_image_width(r->png, r->info), height = png_get_image_height(r->png, r->info);
  double bits = (double)png_get_bit_depth(r->png, r->info) * png_get_channels(r->png, r->info);
  return clgen_image_check_header(r->name, width, height, r->max_pixels, width * bits / 8 * height / 1032 - 64, r->size);
}

/* Chunks that do not affect the pixels are skipped: libpng would decompress and keep their contents, up to 8 MB each, so a
 * small file could use up the memory. */
static void ignore_chunks(reader *r) {
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
  static const png_byte names[] = "iCCP\0zTXt\0iTXt\0tEXt\0sPLT\0hIST\0pCAL\0sCAL";
  png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, names, (int)(sizeof names / 5));
#endif
}

static void ask_for_8_bits(reader *r) {
  int type = png_get_color_type(r->png, r->info), depth = png_get_bit_depth(r->png, r->info);
  r->may_reduce = type != PNG_COLOR_TYPE_RGB && type != PNG_COLOR_TYPE_RGB_ALPHA;
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(r->png);
  if (type == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(r->png);
  if (png_get_valid(r->png, r->info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(r->png);
  if (depth == 16) png_set_scale_16(r->png);
  png_set_interlace_handling(r->png);
  png_read_update_info(r->png, r->info);
}

/* Two copies of the image, since rotation needs a second; a pointer to each row; and libpng's row buffers, up to 8 bytes
 * per pixel. */
static int check_memory(const reader *r, int width, int height, int channels) {
  const double row = (double)width * channels;
  return clgen_check_unpacked(r->name, r->size, 2 * row * height + (double)height * sizeof *r->rows + 3.0 * 8 * width);
}

static int orientation_of(const reader *r) {
  png_uint_32 size = 0;
  png_bytep exif = NULL;
#ifdef PNG_eXIf_SUPPORTED
  if (png_get_eXIf_1(r->png, r->info, &size, &exif) != PNG_INFO_eXIf) return 1;
#endif
  return exif ? clgen_exif_orientation(exif, size) : 1;
}

/* Whether all chunks end within the file. libpng allocates a chunk's length, up to 2 GiB, before it reads the data. */
static bool chunks_fit(const reader *r) {
  for (size_t at = 8; r->size - at >= 12;) {
    const uint32_t n = png_get_uint_32(r->data + at);
    if (n > r->size - at - 12) return false;
    if (memcmp(r->data + at + 4, "IEND", 4) == 0) break;
    at += 12 + (size_t)n;
  }
  return true;
}

static int decode(reader *r) {
  if (setjmp(png_jmpbuf(r->png))) return r->code;
  png_set_user_limits(r->png, 0x7fffffff, 0x7fffffff); /* clgen_image_check_header has a clearer message */
  png_set_read_fn(r->png, r, on_read);
  ignore_chunks(r);
  if (!chunks_fit(r)) png_error(r->png, "the file is truncated");
  png_read_info(r->png, r->info);
  if ((r->code = check_header(r)) != 0) return r->code;
  ask_for_8_bits(r);
  int width = (int)png_get_image_width(r->png, r->info), height = (int)png_get_image_height(r->png, r->info);
  const int channels = png_get_channels(r->png, r->info);
  if ((r->code = check_memory(r, width, height, channels)) != 0) return r->code;
  if ((r->code = clgen_image_create(&r->image, width, height, channels)) != 0) return r->code;
  size_t stride = (size_t)width * (size_t)r->image.channels;
  if (png_get_rowbytes(r->png, r->info) != stride) png_error(r->png, "unexpected row size");
  r->rows = malloc((size_t)height * sizeof *r->rows);
  if (!r->rows) return r->code = clgen_fail_nomem((size_t)height * sizeof *r->rows);
  for (int y = 0; y < height; ++y) r->rows[y] = r->image.data + (size_t)y * stride;
  png_read_image(r->png, r->rows);
  png_read_end(r->png, r->info);
  return clgen_image_orient(&r->image, orientation_of(r));
}

int clgen_image_read_png(clgen_image *out, const void *data, size_t size, uint64_t max_pixels, const char *name) {
  reader r = {.data = data, .size = size, .name = name, .max_pixels = max_pixels};
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
  r.info = r.png ? png_create_info_struct(r.png) : NULL;
  int code = r.info ? decode(&r) : clgen_fail_nomem(0);
  png_destroy_read_struct(&r.png, &r.info, NULL);
  free(r.rows);
  if (r.why[0]) code = clgen_fail(CLGEN_E_FORMAT, "%s: damaged PNG file: %s", name, r.why);
  if (code) {
    clgen_image_free(&r.image);
    return code;
  }
  if (r.may_reduce) clgen_image_reduce(&r.image);
  *out = r.image;
  return CLGEN_OK;
}
