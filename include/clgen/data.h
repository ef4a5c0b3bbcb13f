/* Datasets: images of one size as bytes in memory, whatever file they came from. */
#ifndef CLGEN_DATA_H
#define CLGEN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clgen/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int resolution;              /* resize to this square, antialiased; 0 keeps the size (which must then be one) */
  int channels;                /* 1 grey, 2 grey+alpha, 3 RGB, 4 RGBA; 0: 1 if every image is grey, else 3 */
  const char *split;           /* "train" (NULL too) or "test" */
  bool strict;                 /* a file that cannot be read is an error, not something to pass over */
  int64_t subset;              /* keep this many images, chosen by seed; 0 keeps all */
  uint64_t seed;
  unsigned char background[3]; /* alpha is composed on this colour (unless alpha is asked for) */
  clgen_logger log;
} clgen_dataset_options;

typedef struct {
  const char *path, *format; /* format: "IDX", "CIFAR-10", "image folder", "NPY", "NPZ" */
  const char *name;          /* short, for the run directory: the last part of the path, without extension */
  int64_t count;
  int channels, height, width;
  bool has_labels;
  int classes;               /* 0 without labels */
  int64_t passed_over;       /* files that were not taken */
} clgen_dataset_info;

typedef struct clgen_dataset clgen_dataset;

/* SRC is an IDX file (gzip or not) or a folder of them, CIFAR-10 binary file or folder, a folder of PNG and JPEG files, an NPY
 * or an NPZ file. `options` may be NULL. Fails with CLGEN_E_NOTFOUND, CLGEN_E_FORMAT, CLGEN_E_IO, CLGEN_E_NOMEM, and a message
 * that names the file. */
int clgen_dataset_open(clgen_dataset **out, const char *path, const clgen_dataset_options *options);
void clgen_dataset_close(clgen_dataset *ds);
const clgen_dataset_info *clgen_dataset_get_info(const clgen_dataset *ds);
/* Image i: channels x height x width bytes, planes one after another. */
const uint8_t *clgen_dataset_image(const clgen_dataset *ds, int64_t i);
/* Its class, 0 .. classes-1, or -1. */
int clgen_dataset_label(const clgen_dataset *ds, int64_t i);
const char *clgen_dataset_class_name(const clgen_dataset *ds, int label);
/* "file: why", for index 0 .. passed_over-1. */
const char *clgen_dataset_passed_over(const clgen_dataset *ds, int64_t index);

/* The position'th image of an endless sequence of shuffled epochs: a function of (seed, position) alone, so that a cursor is
 * one number and a resumed run goes on exactly. Each epoch holds every image once. */
typedef struct clgen_sampler clgen_sampler;
int clgen_sampler_create(clgen_sampler **out, int64_t count, uint64_t seed);
void clgen_sampler_free(clgen_sampler *s);
int64_t clgen_sampler_index(clgen_sampler *s, uint64_t position);

#ifdef __cplusplus
}
#endif
#endif
