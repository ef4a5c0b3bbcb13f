/* Shared by the files of src/image. */
#ifndef CLGEN_IMAGE_INTERNAL_H
#define CLGEN_IMAGE_INTERNAL_H

#include <stdbool.h>

#include <clgen/image.h>

#include "base/base.h"

int clgen_image_read_png(clgen_image *out, const void *data, size_t size, uint64_t max_pixels, const char *name);
int clgen_image_read_jpeg(clgen_image *out, const void *data, size_t size, uint64_t max_pixels, const char *name);

/* The orientation, 1 .. 8, in a block of EXIF data, which is a small TIFF file; 1 (as stored) where it has none or is
 * damaged. CIPA DC-008 (EXIF 2.32), 4.6.4. */
int clgen_exif_orientation(const void *tiff, size_t size);
/* Rotates and flips the stored image to the one to be shown. */
int clgen_image_orient(clgen_image *image, int orientation);

/* CLGEN_E_FORMAT when the header gives more than max_pixels, or an image that needs more than the `size` bytes of the file.
 * `smallest`: the fewest bytes in which the format can store such an image. */
int clgen_image_check_header(const char *name, uint64_t width, uint64_t height, uint64_t max_pixels, double smallest,
                             size_t size);

/* Removes the alpha channel if all pixels are opaque, and converts RGB to grey if all pixels are grey. In place. */
void clgen_image_reduce(clgen_image *image);

#endif
