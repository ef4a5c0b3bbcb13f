/* Small files that would unpack to gigabytes or take minutes: each is refused, with little memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include <clgen/graph.h>

#include "config.h"
#include "files.h"
#include "train/report.h"

enum { MIB = 1 << 20, MOST_PIXELS = 1 << 27 };

typedef struct {
  uint8_t *at;
  size_t n, room;
} bytes;

static void add(bytes *b, const void *data, size_t n) {
  if (b->n + n > b->room) {
    b->room = 2 * (b->n + n);
    b->at = realloc(b->at, b->room);
    assert_non_null(b->at);
  }
  if (n) memcpy(b->at + b->n, data, n);
  b->n += n;
}
static void add_be32(bytes *b, uint32_t v) {
  const uint8_t four[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
  add(b, four, 4);
}
static void add_le(bytes *b, uint64_t v, int n) {
  for (int i = 0; i < n; ++i) add(b, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}

/* n bytes of one value, packed. windowBits as zlib's deflateInit2 takes them. */
static void add_packed(bytes *b, int value, uint64_t n, int bits) {
  uint8_t same[65536], out[65536];
  z_stream z = {0};
  memset(same, value, sizeof same);
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (!z.avail_in) {
      z.next_in = same;
      z.avail_in = (uInt)(n < sizeof same ? n : sizeof same);
      n -= z.avail_in;
    }
    z.next_out = out;
    z.avail_out = sizeof out;
    status = deflate(&z, n ? Z_NO_FLUSH : Z_FINISH);
    assert_true(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR);
    add(b, out, sizeof out - z.avail_out);
  }
  deflateEnd(&z);
}

static void add_chunk(bytes *b, const char *kind, const bytes *data) {
  const size_t from = b->n + 4;
  add_be32(b, (uint32_t)data->n);
  add(b, kind, 4);
  add(b, data->at, data->n);
  add_be32(b, (uint32_t)crc32(0, b->at + from, (uInt)(b->n - from)));
}

/* Black, of any size; `more` is a chunk that comes so many times before the pixels. */
static bytes png(uint32_t width, uint32_t height, int depth, int colour, const char *more, const bytes *content, int times) {
  static const int samples[] = {1, 0, 3, 1, 2, 0, 4};
  bytes b = {0}, head = {0}, pixels = {0};
  add(&b, "\x89PNG\r\n\x1a\n", 8);
  add_be32(&head, width);
  add_be32(&head, height);
  add(&head, (uint8_t[]){(uint8_t)depth, (uint8_t)colour, 0, 0, 0}, 5);
  add_chunk(&b, "IHDR", &head);
  if (colour == 3) add_chunk(&b, "PLTE", &(bytes){(uint8_t[]){1, 2, 3}, 3, 3});
  for (int i = 0; i < times; ++i) add_chunk(&b, more, content);
  add_packed(&pixels, 0, height * (((uint64_t)width * (unsigned)(samples[colour] * depth) + 7) / 8 + 1), 15);
  add_chunk(&b, "IDAT", &pixels);
  add_chunk(&b, "IEND", &(bytes){0});
  free(head.at);
  free(pixels.at);
  return b;
}

static bytes file_of(const char *name) {
  void *data;
  size_t size;
  bytes b = {0};
  char *path = clgen_format("%s/%s", getenv("CLGEN_TEST_DATA"), name);
  assert_int_equal(clgen_file_read(path, MIB, &data, &size), 0);
  add(&b, data, size);
  free(data);
  free(path);
  return b;
}

static void expect_picture(bytes *b, int code, const char *message) {
  clgen_image im;
  assert_true(b->n < MIB);
  const int got = clgen_image_read_memory(&im, b->at, b->n, MOST_PIXELS, "bomb");
  if (got != code || (code && !strstr(clgen_last_error(), message)))
    fail_msg("expected %d and \"%s\", got %d: %s", code, message, got, clgen_last_error());
  clgen_image_free(&im);
  free(b->at);
}

static void png_dimensions(void **state) {
  (void)state;
  bytes wide = png(1, 60000000, 1, 0, NULL, NULL, 0), rgb = png(8000, 8000, 8, 2, NULL, NULL, 0),
        palette = png(11000, 11000, 1, 3, NULL, NULL, 0), line = png(100000000, 1, 1, 0, NULL, NULL, 0),
        fine = png(4000, 4000, 8, 2, NULL, NULL, 0);
  expect_picture(&wide, CLGEN_E_FORMAT, "bomb: reading it would take");
  expect_picture(&rgb, CLGEN_E_FORMAT, "bomb: reading it would take");
  expect_picture(&palette, CLGEN_E_FORMAT, "bomb: reading it would take");
  expect_picture(&line, CLGEN_E_FORMAT, "bomb: reading it would take");
  expect_picture(&fine, 0, "");
}

/* Texts and profiles are not unpacked at all. */
static void png_chunks(void **state) {
  (void)state;
  static const char *const kinds[] = {"zTXt", "iTXt", "iCCP"};
  static const size_t prefix[] = {3, 6, 3};
  for (size_t k = 0; k < CLGEN_COUNT(kinds); ++k) {
    bytes text = {0};
    add(&text, k == 1 ? "a\0\1\0\0\0" : "a\0\0", prefix[k]);
    add_packed(&text, 'b', 7900000, 15);
    bytes b = png(2, 2, 8, 2, kinds[k], &text, 100);
    free(text.at);
    expect_picture(&b, 0, "");
  }
}

/* The same last scan again and again; and a size that nothing else of the file bears out. */
static void jpeg(void **state) {
  (void)state;
  if (!CLGEN_HAVE_JPEG) skip();
  bytes b = file_of("jpeg/progressive.jpg"), large = {0}, scans = {0};
  size_t frame = 0, scan = 0;
  for (size_t i = 0; i + 9 < b.n; ++i) {
    if (b.at[i] == 0xff && b.at[i + 1] == 0xc2) frame = i;
    if (b.at[i] == 0xff && b.at[i + 1] == 0xda) scan = i;
  }
  assert_true(frame && scan);
  add(&large, b.at, b.n);
  memcpy(large.at + frame + 5, "\x17\x70\x27\x10", 4);    /* 6000 x 10000 */
  for (size_t n = 0; n < 200000; ++n) add(&large, "", 1); /* so that the size is possible */
  expect_picture(&large, CLGEN_E_FORMAT, "bomb: reading it would take");
  add(&scans, b.at, scan);
  for (int i = 0; i < 200; ++i) add(&scans, b.at + scan, b.n - 2 - scan);
  add(&scans, "\xff\xd9", 2);
  free(b.at);
  expect_picture(&scans, CLGEN_E_FORMAT, "bomb: damaged JPEG file: more than 64 scans");
}

/* ---- Arrays ---- */

static void idx(void **state) {
  (void)state;
  const size_t count = 130000;
  uint8_t *plain = calloc(1, 16 + count * 784);
  assert_non_null(plain);
  memcpy(plain, (uint8_t[]){0, 0, 8, 3, 0, 1, 0xfb, 0xd0, 0, 0, 0, 28, 0, 0, 0, 28}, 16);
  const char *path = put_gzip("big/a-idx3-ubyte.gz", plain, 16 + count * 784);
  free(plain);
  refuse(path, NULL, CLGEN_E_FORMAT, "reading it would take");
}

/* Images of one pixel: their labels take more than they do. */
static void idx_labels(void **state) {
  (void)state;
  const size_t count = 30000000;
  uint8_t *plain = calloc(1, 16 + count);
  assert_non_null(plain);
  memcpy(plain, (uint8_t[]){0, 0, 8, 3, 1, 0xc9, 0xc3, 0x80, 0, 0, 0, 1, 0, 0, 0, 1}, 16);
  const char *path = put_gzip("dots/a-idx3-ubyte.gz", plain, 16 + count);
  free(plain);
  refuse(path, NULL, CLGEN_E_FORMAT, "reading it would take");
}

static void npz(void **state) {
  (void)state;
  bytes npy = {0}, packed = {0}, zip = {0};
  const uint64_t count = 400000000;
  char text[119], head[128];
  snprintf(text, sizeof text, "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 1000, 1000), }",
           (int)(count / 1000000));
  snprintf(head, sizeof head, "%-117s\n", text);
  add(&npy, "\x93NUMPY\1\0\x76\0", 10);
  add(&npy, head, 118);
  /* Stored blocks of deflate would be as large: the header in one, then a stream of zeros behind it. */
  add(&packed, (uint8_t[]){0, 128, 0, 127, 255}, 5);
  add(&packed, npy.at, 128);
  add_packed(&packed, 0, count, -15);
  const uint64_t size = count + 128;
  add_le(&zip, 0x04034b50, 4);
  add_le(&zip, 8 << 16 | 20, 6);
  add_le(&zip, 0, 8);
  add_le(&zip, packed.n, 4);
  add_le(&zip, size, 4);
  add_le(&zip, 5, 4);
  add(&zip, "x.npy", 5);
  add(&zip, packed.at, packed.n);
  const size_t directory = zip.n;
  add_le(&zip, 0x02014b50, 4);
  add_le(&zip, (uint64_t)20 << 16 | 20, 4);
  add_le(&zip, 8 << 16, 4);
  add_le(&zip, 0, 8);
  add_le(&zip, packed.n, 4);
  add_le(&zip, size, 4);
  add_le(&zip, 5, 4);
  add_le(&zip, 0, 8);
  add_le(&zip, 0, 6);
  add(&zip, "x.npy", 5);
  const size_t length = zip.n - directory;
  add_le(&zip, 0x06054b50, 4);
  add_le(&zip, 0, 4);
  add_le(&zip, 1 << 16 | 1, 4);
  add_le(&zip, length, 4);
  add_le(&zip, directory, 4);
  add_le(&zip, 0, 2);
  assert_true(zip.n < MIB);
  refuse(put_file("bomb/a.npz", zip.at, zip.n), NULL, CLGEN_E_FORMAT, "reading it would take");
  free(npy.at);
  free(packed.at);
  free(zip.at);
}

/* A description of a network may join its layers so often that their elements cannot be counted. */
static void joined(void **state) {
  (void)state;
  enum { TIMES = 64 };
  clgen_graph *g;
  clgen_tensor *same[TIMES], *t;
  assert_int_equal(clgen_graph_create(&g), 0);
  t = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(2, 1, 4));
  for (int64_t n = 4; n < (int64_t)1 << 48; n *= TIMES) {
    assert_non_null(t);
    assert_int_equal(clgen_tensor_dim(t, 1), n);
    for (int i = 0; i < TIMES; ++i) same[i] = t;
    t = clgen_concat(TIMES, same, 1);
  }
  assert_null(t);
  assert_non_null(strstr(clgen_last_error(), "more elements together than can be counted"));
  assert_null(clgen_constant(g, 0, clgen_shape_of(4, 1 << 20, 1 << 20, 1 << 20, 1 << 20)));
  assert_non_null(strstr(clgen_last_error(), "more elements than can be counted"));
  clgen_graph_free(g);
}

/* ---- Text ---- */

static void nesting(void **state) {
  (void)state;
  bytes b = {0};
  clgen_dataset *ds;
  add(&b, "{\"labels\":", 10);
  for (int i = 0; i < 1000000; ++i) add(&b, "[", 1);
  put_file("nested/dataset.json", b.at, b.n);
  put_picture("nested/a.png", 2, 2, 1, (uint8_t[]){7});
  assert_int_equal(try_dataset(&ds, file_at("nested"), NULL), CLGEN_E_FORMAT);
  free(b.at);
}

/* Half lines in which a line could begin at thousands of places, each with most of a megabyte behind it. */
static void half_lines(void **state) {
  (void)state;
  bytes b = {0};
  clgen_history h;
  for (int i = 0; i < 2000; ++i) add(&b, "{\"kimg\":", 8);
  add(&b, "[", 1);
  for (int i = 0; i < 450000; ++i) add(&b, "0,", 2);
  add(&b, "\n{\"tick\": 1, \"ki{\"kimg\": 2}\n", 28);
  const char *path = put_file("half/stats.jsonl", b.at, b.n);
  free(b.at);
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  assert_int_equal(clgen_history_read(&h, path), 0);
  getrusage(RUSAGE_SELF, &after);
  assert_true(after.ru_utime.tv_sec - before.ru_utime.tv_sec < 10); /* was 60: the promise, not a speed */
  assert_int_equal(h.n, 1);
  clgen_history_free(&h);
}

#if defined(__has_feature) /* clang's way to tell of AddressSanitizer */
#define CLANG_ADDRESS __has_feature(address_sanitizer)
#else
#define CLANG_ADDRESS 0
#endif

/* The most that all of it took until now. */
static void memory(void **state) {
  (void)state;
#if defined(__SANITIZE_ADDRESS__) || CLANG_ADDRESS
  skip();
#endif
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  assert_true(usage.ru_maxrss < 256 * 1024);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(png_dimensions),
      cmocka_unit_test(png_chunks),

      cmocka_unit_test(jpeg),
      cmocka_unit_test(npz),
      cmocka_unit_test(nesting),
      cmocka_unit_test(half_lines),
      cmocka_unit_test(joined),
      cmocka_unit_test(memory), /* before what makes a large file itself */
      cmocka_unit_test(idx),
      cmocka_unit_test(idx_labels),
  };
  return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
