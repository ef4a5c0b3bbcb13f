#include "image/image_internal.h"

#include "config.h"

#if CLGEN_HAVE_JPEG

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* libjpeg hands callbacks a pointer to its error manager, so that is the first member. */
typedef struct {
  struct jpeg_error_mgr manager;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  struct jpeg_decompress_struct jpeg;
  const void *data;
  size_t size;
  uint64_t max_pixels;
  const char *name;
  clgen_image image;
  uint8_t *row; /* of a CMYK picture */
  int code;
  char why[JMSG_LENGTH_MAX];
} reader;

static void on_error(j_common_ptr jpeg) {
  reader *r = (reader *)(void *)jpeg->err;
  if (!r->why[0]) jpeg->err->format_message(jpeg, r->why);
  longjmp(r->jump, 1);
}

/* libjpeg continues after damaged data and fills in grey. Such images must not get into a training set, so that warning is
 * an error here. Warnings about harmless deviations from the format are ignored. */
static void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_PROGRESSION: return;
    default: on_error(jpeg);
  }
}

static void on_output(j_common_ptr jpeg) { (void)jpeg; }

/* Limits the number of scans. Decoding a scan visits the whole image although the scan may have almost no bytes, so a small
 * file with many scans could take minutes. Encoders write about ten. */
static void on_progress(j_common_ptr jpeg) {
  enum { MOST_SCANS = 64 };
  reader *r = (reader *)(void *)jpeg->err;
  if (r->jpeg.input_scan_number <= MOST_SCANS) return;
  snprintf(r->why, sizeof r->why, "more than %d scans", MOST_SCANS);
  on_error(jpeg);
}

/* A lower bound: one bit for each 8 x 8 block of the component with the highest resolution. */
static int check_header(reader *r) {
  uint64_t width = r->jpeg.image_width, height = r->jpeg.image_height;
  double smallest = r->jpeg.arith_code ? 0 : (double)width * (double)height / 512 - 64;
  return clgen_image_check_header(r->name, width, height, r->max_pixels, smallest, r->size);
}

/* Two copies of the image, since rotation needs a second; and all coefficients, 2 bytes each, if it has several scans. */
static int check_memory(reader *r, int channels) {
  double bytes = 2.0 * channels * r->jpeg.image_width * r->jpeg.image_height;
  for (int i = 0; i < r->jpeg.num_components && jpeg_has_multiple_scans(&r->jpeg); ++i)
    bytes += 2.0 * DCTSIZE2 * r->jpeg.comp_info[i].width_in_blocks * r->jpeg.comp_info[i].height_in_blocks;
  return clgen_check_unpacked(r->name, r->size, bytes);
}

/* Adobe writes CMYK inverted. */
static void cmyk_to_rgb(const uint8_t *from, int width, bool inverted, uint8_t *to) {
  for (int x = 0; x < width; ++x, from += 4, to += 3)
    for (int k = 0; k < 3; ++k) {
      unsigned ink = inverted ? from[k] : 255u - from[k], black = inverted ? from[3] : 255u - from[3];
      to[k] = (uint8_t)((ink * black + 127) / 255);
    }
}

static void read_rows(reader *r) {
  size_t stride = (size_t)r->image.width * (size_t)r->image.channels;
  while (r->jpeg.output_scanline < r->jpeg.output_height) {
    uint8_t *to = r->image.data + (size_t)r->jpeg.output_scanline * stride;
    JSAMPROW row = r->row ? r->row : to;
    if (jpeg_read_scanlines(&r->jpeg, &row, 1) != 1) continue;
    if (r->row) cmyk_to_rgb(r->row, r->image.width, r->jpeg.saw_Adobe_marker, to);
  }
}

/* EXIF data are in the first APP1 segment that begins with their name. */
static int orientation_of(const reader *r) {
  static const char name[6] = "Exif";
  for (const struct jpeg_marker_struct *m = r->jpeg.marker_list; m; m = m->next)
    if (m->marker == JPEG_APP0 + 1 && m->data_length > sizeof name && memcmp(m->data, name, sizeof name) == 0)
      return clgen_exif_orientation(m->data + sizeof name, m->data_length - sizeof name);
  return 1;
}

static int decode(reader *r) {
  if (setjmp(r->jump)) return CLGEN_E_FORMAT;
  jpeg_create_decompress(&r->jpeg);
  r->progress.progress_monitor = on_progress;
  r->jpeg.progress = &r->progress;
  jpeg_mem_src(&r->jpeg, r->data, (unsigned long)r->size);
  jpeg_save_markers(&r->jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&r->jpeg, TRUE);
  if ((r->code = check_header(r)) != 0) return r->code;
  bool grey = r->jpeg.jpeg_color_space == JCS_GRAYSCALE;
  if ((r->code = check_memory(r, grey ? 1 : 3)) != 0) return r->code;
  bool cmyk = r->jpeg.jpeg_color_space == JCS_CMYK || r->jpeg.jpeg_color_space == JCS_YCCK;
  r->jpeg.out_color_space = grey ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
  r->jpeg.dct_method = JDCT_ISLOW; /* the same bytes everywhere */
  jpeg_start_decompress(&r->jpeg);
  int width = (int)r->jpeg.output_width, height = (int)r->jpeg.output_height;
  if ((r->code = clgen_image_create(&r->image, width, height, grey ? 1 : 3)) != 0) return r->code;
  if (cmyk && !(r->row = malloc((size_t)width * 4))) return r->code = clgen_fail_nomem((size_t)width * 4);
  read_rows(r);
  const int orientation = orientation_of(r); /* finishing frees it */
  jpeg_finish_decompress(&r->jpeg);
  return clgen_image_orient(&r->image, orientation);
}

int clgen_image_read_jpeg(clgen_image *out, const void *data, size_t size, uint64_t max_pixels, const char *name) {
  reader *r = calloc(1, sizeof *r);
  if (!r) return clgen_fail_nomem(sizeof *r);
  r->data = data;
  r->size = size;
  r->max_pixels = max_pixels;
  r->name = name;
  r->jpeg.err = jpeg_std_error(&r->manager);
  r->manager.error_exit = on_error;
  r->manager.emit_message = on_message;
  r->manager.output_message = on_output;
  int code = decode(r);
  if (r->why[0]) code = clgen_fail(CLGEN_E_FORMAT, "%s: damaged JPEG file: %s", name, r->why);
  jpeg_destroy_decompress(&r->jpeg);
  free(r->row);
  if (code)
    clgen_image_free(&r->image);
  else
    *out = r->image;
  free(r);
  return code;
}

#else

int clgen_image_read_jpeg(clgen_image *out, const void *data, size_t size, uint64_t max_pixels, const char *name) {
  (void)out, (void)data, (void)size, (void)max_pixels;
  return clgen_fail(CLGEN_E_UNSUPPORTED,
                    "%s: this build cannot read JPEG files; build with -Djpeg=enabled and libjpeg-turbo", name);
}

#endif
