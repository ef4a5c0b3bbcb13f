/* Pictures. */
#include <clgen/image.h>
#include <stdlib.h>
#include <string.h>

#include "data/data_internal.h"
#include "fuzz.h"
#include "image/image_internal.h"

static void picture(const uint8_t *data, size_t size) {
  clgen_image image;
  if (clgen_image_read_memory(&image, data, size, CLGEN_MAX_PIXELS, "input") != CLGEN_OK) return;
  const size_t bytes = (size_t)image.width * (size_t)image.height * (size_t)image.channels;
  fuzz_look_at(image.data, bytes);
  if (bytes < (size_t)1 << 20) { /* and as a dataset takes it */
    clgen_image converted = {0}, small = {0};
    if (!clgen_image_convert(&image, 3, NULL, &converted)) (void)clgen_image_resize(&converted, 8, 8, &small);
    clgen_image_free(&small);
    clgen_image_free(&converted);
  }
  clgen_image_free(&image);
}

void fuzz_png(const uint8_t *data, size_t size) { picture(data, size); }
void fuzz_jpeg(const uint8_t *data, size_t size) { picture(data, size); }

/* The block as it stands behind "Exif\0\0". The copy ends where the block does: what is read beyond is seen. */
void fuzz_exif(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy) return;
  if (size) memcpy(copy, data, size);
  const int orientation = clgen_exif_orientation(copy, size);
  free(copy);
  if (orientation < 1 || orientation > 8) abort();
  clgen_image image;
  if (clgen_image_create(&image, 3, 2, 2)) return;
  if (!clgen_image_orient(&image, orientation)) fuzz_look_at(image.data, 12);
  clgen_image_free(&image);
}
