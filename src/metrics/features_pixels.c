/* Sets of images, and the one path by which their pixels come to what looks at them. */
#include <clgen/features.h>
#include <clgen/image.h>
#include <string.h>

#include "base/base.h"

clgen_images clgen_images_of(const clgen_dataset *ds) {
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  return (clgen_images){clgen_dataset_image(ds, 0), i->count, i->channels, i->height, i->width};
}

int clgen_classes_of_images(const clgen_model *m, const clgen_dataset *ds, int64_t first, int64_t n, int *classes) {
  for (int64_t i = 0; i < n; ++i) {
    const char *name = clgen_dataset_class_name(ds, clgen_dataset_label(ds, first + i));
    classes[i] = clgen_model_find_class(m, name);
    if (classes[i] < 0)
      return clgen_fail(CLGEN_E_INVALID, "%s: image %lld has class '%s', which the network does not have",
                        clgen_dataset_get_info(ds)->path, (long long)(first + i), name);
  }
  return CLGEN_OK;
}

static void to_planes(const clgen_image *in, uint8_t *out) {
  size_t area = (size_t)in->width * (size_t)in->height, channels = (size_t)in->channels;
  for (size_t c = 0; c < channels; ++c)
    for (size_t p = 0; p < area; ++p) out[c * area + p] = in->data[p * channels + c];
}

int clgen_images_fit(const clgen_images *images, int64_t index, int to_channels, int height, int width, uint8_t *out) {
  size_t area = (size_t)images->height * (size_t)images->width, channels = (size_t)images->channels;
  const uint8_t *in = images->pixels + (size_t)index * area * channels;
  bool same_size = images->height == height && images->width == width;
  if (same_size && images->channels == to_channels) {
    memcpy(out, in, area * channels);
    return CLGEN_OK;
  }
  clgen_image whole = {0}, converted = {0}, resized = {0};
  int code = clgen_image_create(&whole, images->width, images->height, images->channels);
  for (size_t c = 0; !code && c < channels; ++c)
    for (size_t p = 0; p < area; ++p) whole.data[p * channels + c] = in[c * area + p];
  if (!code) code = clgen_image_convert(&whole, to_channels, NULL, &converted);
  if (!code && !same_size) code = clgen_image_resize(&converted, width, height, &resized);
  if (!code) to_planes(same_size ? &converted : &resized, out);
  clgen_image_free(&whole);
  clgen_image_free(&converted);
  clgen_image_free(&resized);
  return code;
}
