/* Images in memory and as files. */
#ifndef CLGEN_IMAGE_H
#define CLGEN_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 8 bits a sample, interleaved: pixel (y, x) is at data + (y * width + x) * channels. channels: 1 grey, 2 grey+alpha, 3 RGB,
 * 4 RGBA. */
typedef struct {
  int width, height, channels;
  uint8_t *data; /* from malloc */
} clgen_image;

void clgen_image_free(clgen_image *image);

/* Read a PNG of any colour type, depth and interlacing (16 bits are scaled to 8, palettes and tRNS expanded), or a JPEG.
 * Palette and grey-scale pictures keep the fewest channels that hold them. At most max_pixels pixels. */
int clgen_image_read(clgen_image *out, const char *path, uint64_t max_pixels);
int clgen_image_read_memory(clgen_image *out, const void *data, size_t size, uint64_t max_pixels, const char *name);
/* The file appears whole or not at all. */
int clgen_image_write_png(const char *path, const clgen_image *image);

/* Lays n planar (channels,height,width) byte images in a grid of `columns`; unused cells are black. */
int clgen_image_grid(clgen_image *out, const uint8_t *planar, int64_t n, int channels, int height, int width, int columns);

#ifdef __cplusplus
}
#endif
#endif
