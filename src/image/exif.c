/* The orientation that EXIF metadata give a picture (tag 0x0112 of its first directory), and its application. */
#include "image/image_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const uint8_t *data;
  size_t size;
  bool big; /* endian */
} tiff;

static uint32_t number(const tiff *t, size_t at, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= (uint32_t)t->data[at + i] << 8 * (t->big ? bytes - 1 - i : i);
  return value;
}

int clgen_exif_orientation(const void *data, size_t size) {
  enum { HEADER = 8, ENTRY = 12, TAG = 0x0112, SHORT = 3 };
  tiff t = {data, size, size > 0 && ((const uint8_t *)data)[0] == 'M'};
  if (size < HEADER || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0)) return 1;
  const size_t directory = number(&t, 4, 4);
  if (directory > size - 2 || directory < HEADER) return 1;
  const size_t count = number(&t, directory, 2);
  for (size_t i = 0, at = directory + 2; i < count && at + ENTRY <= size; ++i, at += ENTRY) {
    if (number(&t, at, 2) != TAG) continue;
    if (number(&t, at + 2, 2) != SHORT || number(&t, at + 4, 4) != 1) return 1;
    const uint32_t value = number(&t, at + 8, 2);
    return value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}

int clgen_image_orient(clgen_image *image, int orientation) {
  if (orientation < 2 || orientation > 8) return CLGEN_OK;
  const bool swap = orientation >= 5; /* rows become columns */
  const int width = swap ? image->height : image->width, height = swap ? image->width : image->height;
  /* From which end of the stored rows and columns the shown picture is read. */
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  clgen_image out;
  int code = clgen_image_create(&out, width, height, image->channels);
  if (code) return code;
  const size_t c = (size_t)image->channels;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      int column = swap ? y : x, row = swap ? x : y;
      if (from_right) column = image->width - 1 - column;
      if (from_bottom) row = image->height - 1 - row;
      memcpy(out.data + ((size_t)y * (size_t)width + (size_t)x) * c,
             image->data + ((size_t)row * (size_t)image->width + (size_t)column) * c, c);
    }
  clgen_image_free(image);
  *image = out;
  return CLGEN_OK;
}
