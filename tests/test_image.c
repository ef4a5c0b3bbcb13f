/* Pictures: PngSuite to the right pixels, JPEG, damage, round trips, resizing against Pillow, conversion, grids. Golden
 * values: golden/make_images.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <clgen/error.h>
#include <clgen/image.h>
#include <clgen/safetensors.h>

#include "base/base.h"
#include "config.h"
#include "image/image_internal.h"

#define MANY ((uint64_t)1 << 26)

static char folder[] = "./image-XXXXXX";
static char path[160];
static const char *data_folder, *golden_folder;
static clgen_safetensors *golden;

static int set_up(void **state) {
  (void)state;
  data_folder = getenv("CLGEN_TEST_DATA");
  golden_folder = getenv("CLGEN_TEST_GOLDEN");
  if (!data_folder || !golden_folder || !mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/t.png", folder);
  char *name = clgen_format("%s/images.safetensors", golden_folder);
  int code = clgen_safetensors_open(&golden, name);
  free(name);
  return code;
}

static int tear_down(void **state) {
  (void)state;
  clgen_safetensors_close(golden);
  unlink(path);
  return rmdir(folder);
}

static void *slurp(const char *below, const char *name, size_t *size) {
  char *full = clgen_format("%s/%s/%s", data_folder, below, name);
  void *data;
  if (clgen_file_read(full, 1 << 24, &data, size)) fail_msg("%s", clgen_last_error());
  free(full);
  return data;
}

static int read_bytes(const void *data, size_t size, clgen_image *out) {
  /* From a block of exactly that size, so that a sanitizer sees one byte too many. */
  void *copy = calloc(1, size ? size : 1);
  memcpy(copy, data, size);
  int code = clgen_image_read_memory(out, copy, size, MANY, "it");
  free(copy);
  return code;
}

static bool same(const clgen_image *a, const clgen_image *b) {
  return a->width == b->width && a->height == b->height && a->channels == b->channels &&
         memcmp(a->data, b->data, (size_t)a->width * (size_t)a->height * (size_t)a->channels) == 0;
}

/* ---- EXIF ---------------------------------------------------------------------------------------------------------------
 */

/* A TIFF directory of two entries, the second of which is the orientation. */
static size_t make_exif(uint8_t *to, bool big, int orientation) {
  const unsigned values[] = {0x4949, 42, 8, 0, 2, 0x0100, 3, 1, 0, 9, 0, 0x0112, 3, 1, 0, 0, 0, 0, 0};
  const size_t n = CLGEN_COUNT(values);
  for (size_t i = 0; i < n; ++i) {
    unsigned v = i == 0 && big ? 0x4d4d : i == 15 ? (unsigned)orientation : values[i];
    /* numbers of 4 bytes are a pair of 2, the larger half first where the most significant byte is */
    const bool first = i == 2 || i == 7 || i == 13, second = i == 3 || i == 8 || i == 14;
    if (big && (first || second)) v = first ? values[i + 1] : values[i - 1];
    to[2 * i + !big] = (uint8_t)(v >> 8);
    to[2 * i + big] = (uint8_t)v;
  }
  return 2 * n;
}

/* Of the stored picture 1 2 3 / 4 5 6 what is to be shown, by the pictures in the EXIF standard. */
static const uint8_t shown[9][6] = {{0},
                                    {1, 2, 3, 4, 5, 6},
                                    {3, 2, 1, 6, 5, 4},
                                    {6, 5, 4, 3, 2, 1},
                                    {4, 5, 6, 1, 2, 3},
                                    {1, 4, 2, 5, 3, 6},
                                    {4, 1, 5, 2, 6, 3},
                                    {6, 3, 5, 2, 4, 1},
                                    {3, 6, 2, 5, 1, 4}};

static void check_shown(const clgen_image *im, int orientation, int scale) {
  const int width = orientation < 5 ? 3 : 2, height = orientation < 5 ? 2 : 3;
  assert_true(im->width == width * scale && im->height == height * scale && im->channels == 1);
  for (int i = 0; i < 6; ++i) {
    const int y = i / width * scale + scale / 2, x = i % width * scale + scale / 2;
    const int got = im->data[y * im->width + x], right = 30 * shown[orientation][i];
    if (abs(got - right) > 3) fail_msg("orientation %d, place %d: %d, not %d", orientation, i, got, right);
  }
}

static size_t with_chunk(const uint8_t *png, size_t size, const uint8_t *exif, size_t n, uint8_t *out) {
  enum { AFTER_IHDR = 8 + 25 };
  memcpy(out, png, AFTER_IHDR);
  uint8_t *to = out + AFTER_IHDR;
  for (int k = 0; k < 4; ++k) to[k] = (uint8_t)(n >> (24 - 8 * k));
  memcpy(to + 4, "eXIf", 4);
  memcpy(to + 8, exif, n);
  const unsigned long crc = crc32(0, to + 4, (uInt)(n + 4));
  for (int k = 0; k < 4; ++k) to[8 + n + (size_t)k] = (uint8_t)(crc >> (24 - 8 * k));
  memcpy(to + 12 + n, png + AFTER_IHDR, size - AFTER_IHDR);
  return size + 12 + n;
}

static void exif_of_png(void **state) {
  (void)state;
  clgen_image im;
  assert_int_equal(clgen_image_create(&im, 3, 2, 1), 0);
  for (int i = 0; i < 6; ++i) im.data[i] = (uint8_t)(30 * (i + 1));
  assert_int_equal(clgen_image_write_png(path, &im), 0);
  clgen_image_free(&im);
  void *png;
  size_t size;
  assert_int_equal(clgen_file_read(path, 1 << 16, &png, &size), 0);
  uint8_t exif[64], turned[512];
  for (int k = 0; k < 20; ++k) {
    const int orientation = k / 2; /* 0 and 9 mean nothing */
    const size_t n = with_chunk(png, size, exif, make_exif(exif, k % 2, orientation), turned);
    if (read_bytes(turned, n, &im)) fail_msg("%s", clgen_last_error());
    check_shown(&im, orientation % 9 ? orientation : 1, 1);
    clgen_image_free(&im);
  }
  unlink(path);
  free(png);
}

static void exif_damage(void **state) {
  (void)state;
  uint8_t exif[64];
  const size_t size = make_exif(exif, false, 6);
  assert_int_equal(clgen_exif_orientation(exif, size), 6);
  for (size_t n = 0; n < 8 + 2 + 12 + 12; ++n) {
    uint8_t *copy = malloc(n ? n : 1); /* of that size, for the sanitizer */
    memcpy(copy, exif, n);
    assert_int_equal(clgen_exif_orientation(copy, n), 1);
    free(copy);
  }
  for (size_t i = 0; i < size; ++i)
    for (int bit = 0; bit < 8; ++bit) {
      exif[i] ^= (uint8_t)(1 << bit);
      const int got = clgen_exif_orientation(exif, size);
      assert_true(got >= 1 && got <= 8);
      exif[i] ^= (uint8_t)(1 << bit);
    }
}

#if CLGEN_HAVE_JPEG
static void exif_of_jpeg(void **state) {
  (void)state;
  size_t size;
  uint8_t *jpeg = slurp("jpeg", "rgb.jpg", &size), exif[64], *turned = malloc(size + 128);
  clgen_image right, im;
  assert_int_equal(read_bytes(jpeg, size, &right), 0);
  for (int k = 2; k < 18; ++k) {
    const size_t n = make_exif(exif, k % 2, k / 2), at = 2 + 2 + 2 + 6;
    memcpy(turned, "\xff\xd8\xff\xe1\0\0Exif\0", at);
    turned[5] = (uint8_t)(2 + 6 + n);
    memcpy(turned + at, exif, n);
    memcpy(turned + at + n, jpeg + 2, size - 2);
    if (read_bytes(turned, at + n + size - 2, &im)) fail_msg("%s", clgen_last_error());
    clgen_image expected = right;
    expected.data = malloc((size_t)(right.width * right.height * right.channels));
    memcpy(expected.data, right.data, (size_t)(right.width * right.height * right.channels));
    assert_int_equal(clgen_image_orient(&expected, k / 2), 0); /* whose meaning the PNG test holds */
    assert_true(same(&im, &expected));
    clgen_image_free(&expected);
    clgen_image_free(&im);
  }
  clgen_image_free(&right);
  free(turned);
  free(jpeg);
}
#endif

/* ---- PNG ------------------------------------------------------------------------------------------------------------ */

static void pngsuite_valid(void **state) {
  (void)state;
  char *list = clgen_format("%s/pngsuite.txt", golden_folder), line[200], name[64];
  FILE *f = fopen(list, "r");
  assert_non_null(f);
  int count = 0;
  for (int w, h, c; fgets(line, sizeof line, f); ++count) {
    unsigned crc;
    assert_int_equal(sscanf(line, "%63s %d %d %d %x", name, &w, &h, &c, &crc), 5);
    char *full = clgen_format("%s/pngsuite/%s", data_folder, name);
    clgen_image im, rgba;
    if (clgen_image_read(&im, full, MANY)) fail_msg("%s", clgen_last_error());
    if (im.width != w || im.height != h || im.channels != c)
      fail_msg("%s: %d x %d, %d channels; right is %d x %d, %d", name, im.width, im.height, im.channels, w, h, c);
    assert_int_equal(clgen_image_convert(&im, 4, NULL, &rgba), 0);
    if (crc32(0, rgba.data, (uInt)(w * h * 4)) != crc) fail_msg("%s: wrong pixels", name);
    clgen_image_free(&im);
    clgen_image_free(&rgba);
    free(full);
  }
  fclose(f);
  free(list);
  assert_int_equal(count, 161);
}

static void pngsuite_corrupt(void **state) {
  (void)state;
  char *below = clgen_format("%s/pngsuite", data_folder);
  DIR *dir = opendir(below);
  assert_non_null(dir);
  int count = 0;
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] != 'x') continue;
    ++count;
    char *full = clgen_format("%s/%s", below, e->d_name);
    clgen_image im;
    if (clgen_image_read(&im, full, MANY) != CLGEN_E_FORMAT) fail_msg("%s was read", e->d_name);
    assert_non_null(strstr(clgen_last_error(), e->d_name));
    assert_null(im.data);
    free(full);
  }
  closedir(dir);
  free(below);
  assert_int_equal(count, 14);
}

/* Each beginning of a file is an error, and a changed byte at least not a crash. */
static void damage(const char *below, const char *name) {
  size_t size;
  unsigned char *data = slurp(below, name, &size);
  clgen_image im, right;
  assert_int_equal(read_bytes(data, size, &right), 0);
  for (size_t n = 0; n < size; n += n < 80 ? 1 : 7)
    if (read_bytes(data, n, &im) != CLGEN_E_FORMAT) fail_msg("%s: the first %zu of %zu bytes were read", name, n, size);
  for (size_t i = 0; i < size; i += i < 80 ? 1 : 5)
    for (int bit = 0; bit < 8; bit += 3) {
      data[i] ^= (unsigned char)(1 << bit);
      if (read_bytes(data, size, &im) == 0) {
        assert_in_range(im.channels, 1, 4);
        clgen_image_free(&im);
      }
      data[i] ^= (unsigned char)(1 << bit);
    }
  clgen_image_free(&right);
  free(data);
}

static void png_damage(void **state) {
  (void)state;
  damage("pngsuite", "basi6a16.png");
  damage("pngsuite", "basn3p04.png");
  damage("pngsuite", "tbbn2c16.png");
  damage("pngsuite", "s09i3p02.png");
}

static unsigned char *put32(unsigned char *p, uint32_t v) {
  for (int i = 0; i < 4; ++i) *p++ = (unsigned char)(v >> (24 - 8 * i));
  return p;
}

static unsigned char *put_chunk(unsigned char *p, const char *kind, const void *data, uint32_t n) {
  p = put32(p, n);
  memcpy(p, kind, 4);
  memcpy(p + 4, data, n);
  return put32(p + 4 + n, (uint32_t)crc32(0, p, n + 4));
}

/* A well formed beginning that promises width x height RGBA pixels, with next to nothing after it. */
static size_t huge_png(unsigned char *to, uint32_t width, uint32_t height) {
  unsigned char head[13] = {0}, *p = to;
  put32(put32(head, width), height);
  head[8] = 8;
  head[9] = 6;
  memcpy(p, "\x89PNG\r\n\x1a\n", 8);
  p = put_chunk(p + 8, "IHDR", head, 13);
  p = put_chunk(p, "IDAT", "x\234c\0\0\0\1\0\1", 9);
  return (size_t)(put_chunk(p, "IEND", "", 0) - to);
}

static void huge_headers(void **state) {
  (void)state;
  unsigned char png[200];
  clgen_image im;
  size_t n = huge_png(png, 100000, 100000);
  assert_int_equal(read_bytes(png, n, &im), CLGEN_E_FORMAT);
  assert_non_null(strstr(clgen_last_error(), "100000 x 100000"));
  assert_int_equal(clgen_image_read_memory(&im, png, n, UINT64_MAX, "it"), CLGEN_E_FORMAT); /* however much is allowed */
  assert_non_null(strstr(clgen_last_error(), "cannot hold"));
  n = huge_png(png, 0x7fffffff, 0x7fffffff);
  assert_int_equal(clgen_image_read_memory(&im, png, n, UINT64_MAX, "it"), CLGEN_E_FORMAT);
  n = huge_png(png, 0, 5);
  assert_int_equal(read_bytes(png, n, &im), CLGEN_E_FORMAT);
  n = huge_png(png, 4, 4); /* only its few bytes of data are missing */
  assert_int_equal(read_bytes(png, n, &im), CLGEN_E_FORMAT);
  assert_null(strstr(clgen_last_error(), "cannot hold"));
}

static void other_kinds(void **state) {
  (void)state;
  clgen_image im;
  assert_int_equal(read_bytes("", 0, &im), CLGEN_E_FORMAT);
  assert_int_equal(read_bytes("x", 1, &im), CLGEN_E_FORMAT);
  assert_int_equal(read_bytes("GIF89a..........", 16, &im), CLGEN_E_UNSUPPORTED);
  assert_non_null(strstr(clgen_last_error(), "GIF"));
  assert_int_equal(read_bytes("RIFF....WEBPVP8 ", 16, &im), CLGEN_E_UNSUPPORTED);
  assert_int_equal(clgen_image_read(&im, path, MANY), CLGEN_E_NOTFOUND);
}

/* ---- JPEG ------------------------------------------------------------------------------------------------------------- */

static const clgen_st_tensor *find(const char *kind, const char *name) {
  char text[64];
  snprintf(text, sizeof text, "%s.%s", kind, name);
  return clgen_safetensors_find(golden, text);
}

/* The greatest difference from a golden picture. */
static int distance(const clgen_image *im, const clgen_st_tensor *right) {
  assert_int_equal(right->shape.dim[0], im->height);
  assert_int_equal(right->shape.dim[1], im->width);
  assert_int_equal(right->shape.dim[2], im->channels);
  int worst = 0;
  const uint8_t *r = right->data;
  for (int i = 0; i < im->width * im->height * im->channels; ++i)
    if (abs(im->data[i] - r[i]) > worst) worst = abs(im->data[i] - r[i]);
  return worst;
}

static void jpeg_pixels(void **state) {
  (void)state;
  static const char *const names[] = {"rgb", "rgb420", "progressive", "grey", "cmyk"};
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i) {
    size_t size;
    char name[32];
    snprintf(name, sizeof name, "%s.jpg", names[i]);
    void *data = slurp("jpeg", name, &size);
    clgen_image im;
    int code = read_bytes(data, size, &im);
    free(data);
    if (!CLGEN_HAVE_JPEG) {
      assert_int_equal(code, CLGEN_E_UNSUPPORTED);
      continue;
    }
    if (code) fail_msg("%s", clgen_last_error());
    int worst = distance(&im, find("jpeg", names[i]));
    if (worst > 2) fail_msg("%s: off by %d", name, worst);
    clgen_image_free(&im);
  }
}

static void jpeg_damage(void **state) {
  (void)state;
  if (!CLGEN_HAVE_JPEG) skip();
  damage("jpeg", "rgb420.jpg");
  damage("jpeg", "progressive.jpg");
  damage("jpeg", "grey.jpg");
  damage("jpeg", "cmyk.jpg");
}

static void jpeg_huge_header(void **state) {
  (void)state;
  if (!CLGEN_HAVE_JPEG) skip();
  size_t size, at = 0;
  unsigned char *data = slurp("jpeg", "rgb.jpg", &size);
  for (size_t i = 0; i + 9 < size && !at; ++i)
    if (data[i] == 0xff && data[i + 1] == 0xc0) at = i + 5; /* the start of frame: length, depth, height, width */
  assert_true(at > 0);
  memset(data + at, 0xfe, 4);
  clgen_image im;
  assert_int_equal(read_bytes(data, size, &im), CLGEN_E_FORMAT);
  assert_non_null(strstr(clgen_last_error(), "more than"));
  assert_int_equal(clgen_image_read_memory(&im, data, size, UINT64_MAX, "it"), CLGEN_E_FORMAT);
  assert_non_null(strstr(clgen_last_error(), "cannot hold"));
  free(data);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------------- */

static clgen_image noise(int width, int height, int channels) {
  clgen_image im;
  assert_int_equal(clgen_image_create(&im, width, height, channels), 0);
  uint32_t x = 12345;
  for (int i = 0; i < width * height * channels; ++i) im.data[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
  return im;
}

static void round_trip(void **state) {
  (void)state;
  for (int c = 1; c <= 4; ++c) {
    clgen_image im = noise(33, 17, c), back;
    void *first, *second;
    size_t n, m;
    assert_int_equal(clgen_image_write_png(path, &im), 0);
    assert_int_equal(clgen_image_read(&back, path, MANY), 0);
    assert_true(same(&im, &back));
    assert_int_equal(clgen_file_read(path, 1 << 20, &first, &n), 0);
    assert_int_equal(clgen_image_write_png(path, &back), 0);
    assert_int_equal(clgen_file_read(path, 1 << 20, &second, &m), 0);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    clgen_image_free(&back);
    assert_int_equal(clgen_image_read(&back, path, 33 * 17 - 1), CLGEN_E_FORMAT); /* one pixel too many */
    clgen_image_free(&im);
    free(first);
    free(second);
  }
}

/* Palettes and what has alpha only for form keep the fewest channels; RGB says what it wants to be. */
static void fewest_channels(void **state) {
  (void)state;
  static const int right[5] = {0, 1, 1, 3, 4};
  clgen_image im, back;
  for (int c = 1; c <= 4; ++c) {
    clgen_image_create(&im, 5, 3, c);
    memset(im.data, 255, (size_t)(15 * c));
    assert_int_equal(clgen_image_write_png(path, &im), 0);
    assert_int_equal(clgen_image_read(&back, path, MANY), 0);
    assert_int_equal(back.channels, right[c]);
    clgen_image_free(&im);
    clgen_image_free(&back);
  }
  const unsigned char head[13] = {0, 0, 0, 2, 0, 0, 0, 1, 8, 3}, palette[6] = {9, 9, 9, 200, 200, 200}, row[3] = {0, 1, 0};
  unsigned char file[200] = "\x89PNG\r\n\x1a\n", packed[64], *p = put_chunk(file + 8, "IHDR", head, 13);
  uLongf n = sizeof packed;
  assert_int_equal(compress(packed, &n, row, 3), Z_OK);
  p = put_chunk(put_chunk(p, "PLTE", palette, 6), "IDAT", packed, (uint32_t)n);
  p = put_chunk(p, "IEND", "", 0);
  assert_int_equal(read_bytes(file, (size_t)(p - file), &im), 0);
  assert_true(im.channels == 1 && im.width == 2 && im.data[0] == 200 && im.data[1] == 9);
  clgen_image_free(&im);
}

static void write_refuses(void **state) {
  (void)state;
  clgen_image im = noise(2, 2, 1), none = {0};
  assert_int_equal(clgen_image_write_png("./no/such/folder/a.png", &im), CLGEN_E_IO);
  assert_int_equal(clgen_image_write_png(path, &none), CLGEN_E_INVALID);
  clgen_image_free(&im);
  assert_int_equal(clgen_image_create(&im, 0, 2, 1), CLGEN_E_INVALID);
  assert_int_equal(clgen_image_create(&im, 2, 2, 5), CLGEN_E_INVALID);
}

/* ---- Resizing, converting, cutting ------------------------------------------------------------------------------------ */

static clgen_image of_tensor(const clgen_st_tensor *t) {
  clgen_image im;
  assert_int_equal(clgen_image_create(&im, (int)t->shape.dim[1], (int)t->shape.dim[0], (int)t->shape.dim[2]), 0);
  memcpy(im.data, t->data, (size_t)im.width * (size_t)im.height * (size_t)im.channels);
  return im;
}

static void resize_like_pillow(void **state) {
  (void)state;
  int cases = 0;
  for (char name[16];; ++cases) {
    snprintf(name, sizeof name, "%d.in", cases);
    const clgen_st_tensor *in = find("resize", name);
    if (!in) break;
    snprintf(name, sizeof name, "%d.out", cases);
    const clgen_st_tensor *right = find("resize", name);
    clgen_image im = of_tensor(in), out;
    assert_int_equal(clgen_image_resize(&im, (int)right->shape.dim[1], (int)right->shape.dim[0], &out), 0);
    int worst = distance(&out, right);
    if (worst > 1) fail_msg("case %d: off by %d", cases, worst);
    clgen_image_free(&im);
    clgen_image_free(&out);
  }
  assert_int_equal(cases, 9);
}

/* A pattern finer than the new grid becomes its mean; a plain picture stays plain; hidden colours do not come out. */
static void resize_properties(void **state) {
  (void)state;
  clgen_image im, out;
  clgen_image_create(&im, 64, 64, 1);
  for (int i = 0; i < 64 * 64; ++i) im.data[i] = (i + i / 64) % 2 ? 255 : 0;
  assert_int_equal(clgen_image_resize(&im, 16, 16, &out), 0);
  for (int i = 0; i < 256; ++i) assert_in_range(out.data[i], 125, 130);
  clgen_image_free(&im);
  clgen_image_free(&out);
  clgen_image_create(&im, 8, 8, 4);
  for (int i = 0; i < 64; ++i) { /* opaque red beside transparent green */
    im.data[4 * i + (i % 8 < 4 ? 0 : 1)] = 200;
    im.data[4 * i + 3] = i % 8 < 4 ? 255 : 0;
  }
  assert_int_equal(clgen_image_resize(&im, 3, 3, &out), 0);
  for (int i = 0; i < 9; ++i) assert_int_equal(out.data[4 * i + 1], 0);
  assert_int_equal(out.data[0], 200);
  clgen_image_free(&im);
  clgen_image_free(&out);
}

static void convert(void **state) {
  (void)state;
  const unsigned char ground[3] = {10, 100, 250};
  clgen_image rgba, out;
  clgen_image_create(&rgba, 3, 1, 4);
  const uint8_t pixels[12] = {255, 0, 0, 255, 0, 0, 0, 0, 200, 100, 50, 128};
  memcpy(rgba.data, pixels, 12);
  assert_int_equal(clgen_image_convert(&rgba, 3, ground, &out), 0);
  const uint8_t rgb[9] = {255, 0, 0, 10, 100, 250, 105, 100, 150}; /* 200 * 128/255 + 10 * 127/255 = 105.4 */
  assert_memory_equal(out.data, rgb, 9);
  clgen_image_free(&out);
  assert_int_equal(clgen_image_convert(&rgba, 3, NULL, &out), 0);
  assert_int_equal(out.data[3] + out.data[4] + out.data[5], 0); /* on black */
  clgen_image_free(&out);
  assert_int_equal(clgen_image_convert(&rgba, 1, ground, &out), 0);
  const uint8_t grey[3] = {76, 90, 107}; /* 0.299 R + 0.587 G + 0.114 B */
  assert_memory_equal(out.data, grey, 3);
  clgen_image_free(&rgba);
  rgba = out;
  assert_int_equal(clgen_image_convert(&rgba, 4, NULL, &out), 0);
  const uint8_t back[8] = {76, 76, 76, 255, 90, 90, 90, 255};
  assert_memory_equal(out.data, back, 8);
  clgen_image_free(&out);
  assert_int_equal(clgen_image_convert(&rgba, 0, NULL, &out), CLGEN_E_INVALID);
  clgen_image_free(&rgba);
}

static void colours(void **state) {
  (void)state;
  static const char *const bad[] = {"", "#", "12345", "1234567", "0x1234", "12 456", "#12345g"};
  unsigned char rgb[3];
  assert_int_equal(clgen_colour_parse(rgb, "ff8001"), 0);
  assert_true(rgb[0] == 255 && rgb[1] == 128 && rgb[2] == 1);
  assert_int_equal(clgen_colour_parse(rgb, "#00fF0A"), 0);
  assert_true(rgb[0] == 0 && rgb[1] == 255 && rgb[2] == 10);
  for (size_t i = 0; i < CLGEN_COUNT(bad); ++i) assert_int_equal(clgen_colour_parse(rgb, bad[i]), CLGEN_E_INVALID);
}

static void crop(void **state) {
  (void)state;
  clgen_image im = noise(9, 7, 3), out;
  assert_int_equal(clgen_image_crop(&im, 2, 1, 4, 5, &out), 0);
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 4 * 3; ++x) assert_int_equal(out.data[y * 12 + x], im.data[((y + 1) * 9 + 2) * 3 + x]);
  clgen_image_free(&out);
  assert_int_equal(clgen_image_crop(&im, 6, 0, 4, 7, &out), CLGEN_E_INVALID);
  assert_int_equal(clgen_image_crop(&im, -1, 0, 4, 7, &out), CLGEN_E_INVALID);
  assert_int_equal(clgen_image_crop(&im, 0, 0, 0, 7, &out), CLGEN_E_INVALID);
  clgen_image_free(&im);
}

static void grid(void **state) {
  (void)state;
  uint8_t planar[5 * 3 * 2 * 4]; /* 5 images of 3 channels, 2 rows, 4 columns */
  for (size_t i = 0; i < sizeof planar; ++i) planar[i] = (uint8_t)(i + 1);
  clgen_image im;
  assert_int_equal(clgen_image_grid(&im, planar, 5, 3, 2, 4, 2), 0);
  assert_int_equal(im.width, 8);
  assert_int_equal(im.height, 6);
  assert_int_equal(im.channels, 3);
  for (int y = 0; y < 6; ++y)
    for (int x = 0; x < 8; ++x)
      for (int k = 0; k < 3; ++k) {
        int n = y / 2 * 2 + x / 4, right = n < 5 ? planar[((n * 3 + k) * 2 + y % 2) * 4 + x % 4] : 0;
        assert_int_equal(im.data[(y * 8 + x) * 3 + k], right);
      }
  clgen_image_free(&im);
  assert_int_equal(clgen_image_grid(&im, planar, 3, 1, 2, 4, 10), 0); /* no empty columns */
  assert_int_equal(im.width, 12);
  assert_int_equal(im.height, 2);
  clgen_image_free(&im);
  assert_int_equal(clgen_image_grid(&im, planar, 0, 1, 2, 4, 1), CLGEN_E_INVALID);
  assert_int_equal(clgen_image_grid(&im, planar, INT64_MAX / 2, 1, 2, 4, 1), CLGEN_E_INVALID);
}

static uint32_t word(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* Frame by frame out of the chunks; what a reader that knows only PNG sees is the first. */
static void animation(void **state) {
  (void)state;
  enum { W = 5, H = 3, N = 4 };
  uint8_t pixels[N][H * W * 3], rows[H * (W * 3 + 1)];
  clgen_image frames[N], first;
  for (int i = 0; i < N; ++i) {
    for (int k = 0; k < H * W * 3; ++k) pixels[i][k] = (uint8_t)(31 * i + 7 * k);
    frames[i] = (clgen_image){.width = W, .height = H, .channels = 3, .data = pixels[i]};
  }
  assert_int_equal(clgen_image_write_apng(path, frames, N, 1500), 0);
  assert_int_equal(clgen_image_read(&first, path, 1000), 0);
  assert_memory_equal(first.data, pixels[0], H * W * 3);
  clgen_image_free(&first);

  void *data;
  size_t size;
  assert_int_equal(clgen_file_read(path, 100000, &data, &size), 0);
  const uint8_t *p = (uint8_t *)data + 8, *end = (uint8_t *)data + size;
  uint32_t sequence = 0;
  int shown = 0;
  while (p < end) {
    uint32_t n = word(p), fd = memcmp(p + 4, "fdAT", 4) == 0;
    assert_int_equal(word(p + 8 + n), crc32(0, p + 4, n + 4));
    if (memcmp(p + 4, "acTL", 4) == 0) assert_int_equal(word(p + 8), N);
    if (memcmp(p + 4, "fcTL", 4) == 0) {
      assert_int_equal(word(p + 8), sequence++);
      assert_int_equal(p[8 + 20] << 8 | p[8 + 21], 1500);
    }
    if (fd) assert_int_equal(word(p + 8), sequence++);
    if (fd || memcmp(p + 4, "IDAT", 4) == 0) {
      uLongf length = sizeof rows;
      assert_int_equal(uncompress(rows, &length, p + 8 + 4 * fd, n - 4 * fd), Z_OK);
      for (int y = 0; y < H; ++y) assert_memory_equal(rows + y * (W * 3 + 1) + 1, pixels[shown] + y * W * 3, W * 3);
      ++shown;
    }
    p += n + 12;
  }
  assert_int_equal(shown, N);
  free(data);

  frames[2].width = W - 1;
  assert_int_equal(clgen_image_write_apng(path, frames, N, 60), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "frame 2"));
  assert_int_equal(clgen_image_write_apng(path, frames, 0, 60), CLGEN_E_INVALID);
  assert_int_equal(clgen_image_write_apng(path, frames, 1, 0), CLGEN_E_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(pngsuite_valid),
    cmocka_unit_test(pngsuite_corrupt),
    cmocka_unit_test(png_damage),
    cmocka_unit_test(exif_of_png),
    cmocka_unit_test(exif_damage),
#if CLGEN_HAVE_JPEG
    cmocka_unit_test(exif_of_jpeg),
#endif
    cmocka_unit_test(huge_headers),
    cmocka_unit_test(other_kinds),
    cmocka_unit_test(jpeg_pixels),
    cmocka_unit_test(jpeg_damage),
    cmocka_unit_test(jpeg_huge_header),
    cmocka_unit_test(round_trip),
    cmocka_unit_test(write_refuses),
    cmocka_unit_test(resize_like_pillow),
    cmocka_unit_test(resize_properties),
    cmocka_unit_test(convert),
    cmocka_unit_test(crop),
    cmocka_unit_test(grid),
    cmocka_unit_test(fewest_channels),
    cmocka_unit_test(animation),
    cmocka_unit_test(colours),
  };
  return cmocka_run_group_tests_name("image", tests, set_up, tear_down);
}
