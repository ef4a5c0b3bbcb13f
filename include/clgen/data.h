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
  int resolution;      /* resize to this square, antialiased; 0 keeps the size (which must then be one) */
  int channels;        /* 1 grey, 2 grey+alpha, 3 RGB, 4 RGBA; 0: 1 if every image is grey, else 3 */
  const char *split;   /* "train" (NULL too) or "test" */
  bool strict;         /* a file that cannot be read is an error, not passed over */
  const char *classes; /* keep images of these only: "0-4,7", numbers and ranges of them, or names; NULL or "": all. Those
                        * that stay keep their names and are numbered from 0 again. CLGEN_E_INVALID for others */
  int64_t subset;      /* keep this many images (of those), chosen by seed; 0 keeps all */
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
  int classes;         /* 0 without labels */
  int64_t passed_over; /* files that could not be read, each with its reason */
  int64_t left_out;    /* images in subfolders, where only the images directly in the folder are read */
  int64_t other_files; /* files of a folder that are not images */
  int64_t blank;       /* images of a single colour once alpha is composed on the background */
  int min_width, min_height, max_width, max_height; /* of the files, before resizing */
} clgen_dataset_info;

typedef struct clgen_dataset clgen_dataset;

/* SRC is one of:
 * - an IDX file, gzip or not, of bytes with 3 axes (N,H,W) or 4 (N,H,W,C). Labels are read from the file beside it whose
 * name has "labels" for "images" (and "idx1" for "idx3"). Or a folder of them: train-images* is the split train,
 * t10k-images* or test-images* the split test.
 * - a CIFAR-10 binary file (*.bin), or a folder of them: data_batch_*.bin is train, test_batch.bin test.
 * - a folder of PNG and JPEG files of any sizes and kinds, whatever they are called. Images that lie directly in it are the
 *   dataset; when there are none, or more lie in two or more subfolders, those of all its subfolders are. Their order is
 *   bytewise by path; hidden files and folders of the system (__MACOSX, @eaDir) are left out. Classes come from dataset.json
 * ({"labels": [["file", class], ...]}, as StyleGAN2-ADA writes it), labels.csv (file,class, or any columns under headings)
 * or metadata.csv (file_name and label, as Hugging Face has it), else from the names of two or more subfolders. Classes that
 * are all numbers are numbered from the least of them on, others in the bytewise order of their names. Subfolders train and
 * test (or training, val, valid, validation, dev, testing, ...; in any case) are the splits, also within each class; a
 * folder whose only content is another stands for that.
 * - an NPY file: (N,H,W), (N,H,W,C) or (N,C,H,W) with C from 1 to 4, the channels last where both fit. uint8 is taken as it
 *   is, bool becomes 0 and 255, other integers must lie in 0..255; floats must all lie in 0..1 (which becomes 0..255) or be
 *   whole numbers in 0..255. Labels: X_labels.npy or X-labels.npy beside X.npy, or "labels" for "images" in the name.
 * - an NPZ file that holds x_train, train_images (split train), x_test, test_images, x_val, val_images (test), or images, x,
 * data, arr_0 (both), with labels y_train, train_labels, y_test, test_labels, y_val, val_labels, labels, y, arr_1; or a
 * single array. Where there is only one split, it is used for both, and the log says so.
 *
 * With a resolution, pictures that are not square are cut to the square in their middle (StyleGAN2-ADA's center-crop), alpha
 * is composed, and the square is resized. Without one, pictures of different sizes are an error (CLGEN_E_INVALID).
 *
 * A file of a folder that cannot be read is passed over with a reason, or, when strict, an error; damage to an IDX,
 * CIFAR-10, NPY or NPZ file always is an error. Sizes in headers are checked against the file's
 * size before memory is allocated. `options` may be NULL. Fails with CLGEN_E_INVALID, CLGEN_E_NOTFOUND, CLGEN_E_FORMAT,
 * CLGEN_E_UNSUPPORTED, CLGEN_E_IO, CLGEN_E_NOMEM, and a message that names the file. */
int clgen_dataset_open(clgen_dataset **out, const char *path, const clgen_dataset_options *options);
void clgen_dataset_close(clgen_dataset *ds);
/* Takes n images, chosen by the options' seed, out of `ds` and makes them a dataset of their own with the same classes; both
 * keep their images' order. CLGEN_E_INVALID unless one is left in each. */
int clgen_dataset_hold_out(clgen_dataset *ds, int64_t n, clgen_dataset **out);
const clgen_dataset_info *clgen_dataset_get_info(const clgen_dataset *ds);
/* Image i: channels x height x width bytes, planes one after another. The next image follows. */
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
