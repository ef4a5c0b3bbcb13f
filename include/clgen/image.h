/* Images in memory and as files. */
#ifndef CLGEN_IMAGE_H
#define CLGEN_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 8 bits a sample, interleaved: pixel (y, x) is at data + (y * width + x) * channels. channels: 1 grey, 2 grey+alpha, 3 RGB,
 * 4 RGBA. Alpha is not premultiplied. */
typedef struct {
  int width, height, channels;
  uint8_t *data; /* from malloc */
} clgen_image;

/* All zero (black, and transparent where there is alpha). CLGEN_E_INVALID for a size or channel count that makes no sense.
 */
int clgen_image_create(clgen_image *out, int width, int height, int channels);
void clgen_image_free(clgen_image *image);

/* Read a PNG of any colour type, depth and interlacing (16 bits are scaled to 8, palettes and tRNS expanded, gAMA ignored),
 * or a JPEG (CMYK becomes RGB). The picture is turned as its EXIF orientation says. Palette and grey-scale pictures keep the
 * fewest channels that hold them. At most max_pixels pixels: the header is checked against that, and against the size of the
 * file, before anything is allocated. A damaged or truncated file fails with CLGEN_E_FORMAT; a JPEG in a build without JPEG,
 * and other kinds of picture, with CLGEN_E_UNSUPPORTED. */
int clgen_image_read(clgen_image *out, const char *path, uint64_t max_pixels);
int clgen_image_read_memory(clgen_image *out, const void *data, size_t size, uint64_t max_pixels, const char *name);
/* What kind of picture a file is by its first bytes (16 are enough): "PNG", "JPEG", or the name of one that is not read,
 * such as "WebP" or "HEIC"; NULL for none that is known. Kinds that begin with two bytes only, which a text may have too,
 * are not among them: BMP, PPM. */
const char *clgen_image_kind(const void *head, size_t size);
/* The file appears whole or not at all. The same pixels give the same bytes. */
int clgen_image_write_png(const char *path, const clgen_image *image);

/* The same for an animated PNG that repeats for ever: n frames of one size and number of channels, each shown for so long
 * (1 .. 65535 milliseconds). Programs that know nothing of animation show the first. */
int clgen_image_write_apng(const char *path, const clgen_image *frames, int64_t n, int milliseconds);

/* Lays n planar (channels,height,width) byte images in a grid of `columns`; unused cells are black. */
int clgen_image_grid(clgen_image *out, const uint8_t *planar, int64_t n, int channels, int height, int width, int columns);

/* A rectangle of an image. */
int clgen_image_crop(const clgen_image *in, int x, int y, int width, int height, clgen_image *out);
/* Bicubic (a = -0.5), its support widened by the factor of reduction, so that nothing aliases. Colours are weighted by
 * alpha. */
int clgen_image_resize(const clgen_image *in, int width, int height, clgen_image *out);
/* To 1 .. 4 channels: alpha that goes is composed on `background` (RGB; NULL is black), alpha that comes is opaque, colour
 * becomes grey by ITU-R BT.601 luma. */
int clgen_image_convert(const clgen_image *in, int channels, const unsigned char background[3], clgen_image *out);
/* A colour from "RRGGBB" or "#RRGGBB", hexadecimal, or "black" or "white"; CLGEN_E_INVALID. */
int clgen_colour_parse(unsigned char rgb[3], const char *text);

#ifdef __cplusplus
}
#endif
#endif
