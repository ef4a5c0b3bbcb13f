/* Small things that every room needs: errors, memory, paths, whole files. */
#ifndef CLGEN_BASE_H
#define CLGEN_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <clgen/device.h>
#include <clgen/error.h>

#if defined(__GNUC__)
#define CLGEN_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define CLGEN_PRINTF(a, b)
#endif

#define CLGEN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Sets the calling thread's message and returns code, so that `return clgen_fail(CLGEN_E_IO, "%s: %s", ...)` reads well. */
int clgen_fail(int code, const char *format, ...) CLGEN_PRINTF(2, 3);
/* Puts "prefix: " before the message that is there; returns code. */
int clgen_fail_prefix(int code, const char *format, ...) CLGEN_PRINTF(2, 3);
int clgen_fail_nomem(size_t bytes);
/* The code that belongs to the thread's message, for callers of functions that return NULL; CLGEN_E_INVALID without one. */
int clgen_last_code(void);
/* Begins something whose first error is to be reported: no older one is taken for it. */
void clgen_forget_error(void);

void clgen_log_write(const clgen_logger *log, clgen_log_level level, const char *format, ...) CLGEN_PRINTF(3, 4);

/* As their namesakes of C, with a decimal point whatever locale the program that uses the library has set. The library
 * formats and reads fractions with these alone (tests/numbers.sh); clgen_fail, clgen_log_write and clgen_format do, too. */
int clgen_snprintf(char *buf, size_t size, const char *format, ...) CLGEN_PRINTF(3, 4);
int clgen_vsnprintf(char *buf, size_t size, const char *format, va_list args) CLGEN_PRINTF(3, 0);
int clgen_fprintf(FILE *f, const char *format, ...) CLGEN_PRINTF(2, 3);
double clgen_strtod(const char *text, char **end);
/* Whether two words are equal, or their first n bytes, where A to Z equal a to z in every locale (not in Turkish, of
 * strcasecmp). */
bool clgen_same_word(const char *a, const char *b);
bool clgen_same_letters(const char *a, const char *b, size_t n);

/* A fresh string, NULL when memory is short. */
char *clgen_format(const char *format, ...) CLGEN_PRINTF(1, 2);
char *clgen_strdup(const char *s);
/* For "did you mean": the known word that is most like `word`, or NULL when none is. */
const char *clgen_suggest(const char *word, const char *const *known, size_t n);

/* The whole file, at most max_bytes, with a terminating zero after it; free(*data). CLGEN_E_FORMAT for a Git LFS pointer. */
int clgen_file_read(const char *path, size_t max_bytes, void **data, size_t *size);

/* What reading a file takes is bounded by more than the format's own factor of compression, where the file is small: of
 * under 1 MiB, at most 192 MiB, so that with what a reader holds besides it stays below 256. `bytes` is what it would take
 * with all copies. CLGEN_E_FORMAT, and a message that begins with `name`. */
int clgen_check_unpacked(const char *name, uint64_t file_bytes, double bytes);

/* Whether a file's bytes are a Git LFS pointer, which stands in a checkout for a large file that was not fetched; and the
 * error that says so. */
bool clgen_is_lfs_pointer(const void *data, size_t size);
int clgen_fail_lfs_pointer(const char *path);
/* For readers that do not read the whole file: that error where the file is one, and CLGEN_OK where it cannot be opened. */
int clgen_check_lfs_pointer(const char *path);

/* A file that appears whole or not at all: written to a temporary name beside `path`, flushed, synced, renamed. */
typedef struct clgen_file_writer clgen_file_writer;
int clgen_file_writer_open(clgen_file_writer **out, const char *path);
FILE *clgen_file_writer_stream(clgen_file_writer *w);
int clgen_file_writer_commit(clgen_file_writer *w); /* frees w whatever happens; on failure the old file is untouched */
void clgen_file_writer_abandon(clgen_file_writer *w);
/* The three in one. */
int clgen_file_write(const char *path, const void *data, size_t size);

/* mkdir -p. An existing folder is success. */
int clgen_make_folders(const char *path);
/* Where caches lie without more being said; NULL when neither XDG_CACHE_HOME nor HOME names a place. free() it. */
char *clgen_cache_dir(void);
/* Seconds on a clock that never goes back. */
double clgen_seconds(void);

uint64_t clgen_hash64(const void *data, size_t size, uint64_t seed); /* FNV-1a */

/* Numbers below n by a list of names, numbers and ranges with commas, "animals,0-4", in its order, without repetitions;
 * free(*out). names may be NULL, and is looked into first. CLGEN_E_INVALID says what there is. */
int clgen_choose(const char *list, char *const *names, int n, int **out, size_t *count);

/* Philox4x32-10: out = the four words for this counter and key. */
void clgen_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
/* Element `index` of clgen_random_uniform and clgen_random_normal (clgen/graph.h): the same bits as every device draws. */
float clgen_uniform_at(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index);
float clgen_normal_at(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index);
/* Elements 0 .. n-1. */
void clgen_uniforms_fill(uint64_t seed, uint32_t stream, uint32_t counter, int64_t n, float *out);
void clgen_normals_fill(uint64_t seed, uint32_t stream, uint32_t counter, int64_t n, float *out);

/* Who draws from which stream of a seed. */
enum {
  CLGEN_STREAM_INIT = 1,
  CLGEN_STREAM_NOISE,
  CLGEN_STREAM_LATENT,
  CLGEN_STREAM_METRIC,
  CLGEN_STREAM_SHUFFLE,
  CLGEN_STREAM_SUBSET,
  CLGEN_STREAM_BETWEEN, /* where gp and dragan look between images */
  CLGEN_STREAM_AROUND,  /* dragan's disturbance of images */
  CLGEN_STREAM_SHIFT,   /* bcr's transformations */
  CLGEN_STREAM_FISHER,  /* latents of the images that Fisher information is of */
  CLGEN_STREAM_MIX,     /* other latents of images with two styles, and where the second begins */
  CLGEN_STREAM_MIX_AT,
  CLGEN_STREAM_CLASS, /* the classes of a step's fakes */
  CLGEN_STREAM_CLASS_OF_SEED,
  CLGEN_STREAM_HOLD_OUT,       /* which images are held out */
  CLGEN_STREAM_PATH,           /* directions in images, along which pl measures */
  CLGEN_STREAM_AUGMENT = 1024, /* this and the numbers behind it: three for each place where D sees images */
  CLGEN_STREAM_LAYER = 4096    /* noise of a generator's layers: this and the numbers behind it */
};

#endif
