#include "image/image_internal.h"

#include <stdlib.h>
#include <string.h>

static uint8_t luma(const uint8_t *rgb) {
  return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

static uint8_t blend(unsigned over, unsigned under, unsigned alpha) {
  return (uint8_t)((over * alpha + under * (255 - alpha) + 127) / 255);
}

/* One pixel as grey (if it is and stays so) or RGB, then alpha. */
static void convert_pixel(const uint8_t *from, int c, const unsigned char *background, uint8_t *to, int d) {
  uint8_t rgb[3], alpha = c % 2 == 0 ? from[c - 1] : 255;
  for (int k = 0; k < 3; ++k) rgb[k] = from[c >= 3 ? k : 0];
  if (d % 2 == 1 && alpha != 255)
    for (int k = 0; k < 3; ++k) rgb[k] = blend(rgb[k], background[k], alpha);
  if (d >= 3)
    memcpy(to, rgb, 3);
  else
    to[0] = rgb[0] == rgb[1] && rgb[1] == rgb[2] ? rgb[0] : luma(rgb);
  if (d % 2 == 0) to[d - 1] = alpha;
}

int clgen_image_convert(const clgen_image *in, int channels, const unsigned char background[3], clgen_image *out) {
  static const unsigned char black[3] = {0, 0, 0};
  int code = clgen_image_create(out, in->width, in->height, channels);
  if (code) return code;
  size_t pixels = (size_t)in->width * (size_t)in->height, c = (size_t)in->channels, d = (size_t)channels;
  if (c == d)
    memcpy(out->data, in->data, pixels * c);
  else
    for (size_t i = 0; i < pixels; ++i)
      convert_pixel(in->data + i * c, in->channels, background ? background : black, out->data + i * d, channels);
  return CLGEN_OK;
}

int clgen_colour_parse(unsigned char rgb[3], const char *text) {
  const char *digits = strcmp(text, "white") == 0   ? "ffffff"
                       : strcmp(text, "black") == 0 ? "000000"
                                                    : text + (text[0] == '#');
  if (strlen(digits) != 6 || strspn(digits, "0123456789abcdefABCDEF") != 6)
    return clgen_fail(CLGEN_E_INVALID, "'%s' is not a colour: six hexadecimal digits RRGGBB, black or white", text);
  unsigned long value = strtoul(digits, NULL, 16);
  for (int k = 0; k < 3; ++k) rgb[k] = (unsigned char)(value >> (16 - 8 * k));
  return CLGEN_OK;
}
