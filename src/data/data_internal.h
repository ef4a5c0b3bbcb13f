/* Shared by the files of src/data. Readers decode images and labels; fill.c makes the dataset from them. */
#ifndef CLGEN_DATA_INTERNAL_H
#define CLGEN_DATA_INTERNAL_H

#include <stdbool.h>

#include <clgen/data.h>
#include <clgen/image.h>

#include "base/base.h"

#define CLGEN_MAX_PIXELS ((uint64_t)1 << 27) /* of one picture */
#define CLGEN_MAX_SIDE 65536
#define CLGEN_MAX_CLASSES 65536

struct clgen_dataset {
  clgen_dataset_info info;
  clgen_dataset_options options;
  char *path, *name;
  bool test; /* read the split test, not train */
  uint8_t *pixels;
  int64_t room; /* capacity of pixels, in images */
  int *labels;  /* NULL: none */
  bool *keep;   /* by class as it was found; NULL: all */
  int n_keep;
  char **classes;
  char **passed;
};

/* ---- Lists of names (names.c) --------------------------------------------------------------------------------------- */

typedef struct {
  char **at;
  size_t n, room;
} clgen_names;

int clgen_names_add(clgen_names *list, char *name); /* takes over name, which may be NULL: then it fails */
void clgen_names_sort(clgen_names *list);           /* bytewise */
bool clgen_names_have(const clgen_names *sorted, const char *name);
void clgen_names_free(clgen_names *list);
/* The entries of a folder, sorted, without hidden ones and those of the system (__MACOSX, @eaDir). Folders end with /. */
int clgen_names_of_folder(const char *path, clgen_names *out);

/* ---- A choice of classes (classes.c) ---------------------------------------------------------------------------------
 */

/* Parses options.classes, if given, for the n classes of the source. names NULL: each name is its number. */
int clgen_classes_choose(clgen_dataset *ds, char *const *names, int n);
bool clgen_classes_keep(const clgen_dataset *ds, int label);
int clgen_classes_none_left(const clgen_dataset *ds); /* the error */
/* Numbers the kept classes 0 .. n-1 and changes the labels accordingly. */
int clgen_classes_renumber(clgen_dataset *ds);

/* ---- From images to a dataset (fill.c) ------------------------------------------------------------------------------ */

/* Decoded arrays. fill.c owns and frees both, also on failure. */
typedef struct {
  uint8_t *bytes;
  int *labels; /* NULL: none; 0 .. CLGEN_MAX_CLASSES - 1 */
  int64_t count;
  int channels, height, width;
  bool interleaved; /* else planes one after another */
} clgen_array;
int clgen_fill_from_array(clgen_dataset *ds, clgen_array *array);
void clgen_array_free(clgen_array *array);
/* Checks the shape before anything is read: CLGEN_E_FORMAT. */
int clgen_array_check(const clgen_array *array, const char *path);

/* Room for so many images at most; nothing of it is touched before images come. */
int clgen_fill_begin(clgen_dataset *ds, int64_t most);
/* Appends a picture (as the options want it) and its class (-1: none). `in` is changed. */
int clgen_fill_image(clgen_dataset *ds, clgen_image *in, int label, const char *name);
/* "name: why" with why the last error; or that error, when the options are strict or it is not the file's fault. */
int clgen_fill_pass_over(clgen_dataset *ds, int code);
int clgen_fill_end(clgen_dataset *ds);
/* The places 0 .. count-1 in an order by the options' seed; NULL: no memory. */
int64_t *clgen_fill_order(const clgen_dataset *ds, int64_t count);

/* order = a permutation of 0 .. count-1, a function of the other arguments (sampler.c). */
void clgen_shuffle(int64_t *order, int64_t count, uint64_t seed, uint32_t stream, uint64_t epoch);

/* ---- Readers -------------------------------------------------------------------------------------------------------- */

int clgen_open_idx_file(clgen_dataset *ds, const char *path);
int clgen_open_cifar_file(clgen_dataset *ds, const char *path);
int clgen_open_npy(clgen_dataset *ds, const char *path);
int clgen_open_npz(clgen_dataset *ds, const char *path);
/* A folder, and what is in it. The first two set *taken when the folder is of their kind. */
int clgen_open_idx_folder(clgen_dataset *ds, const clgen_names *files, bool *taken);
int clgen_open_cifar_folder(clgen_dataset *ds, const clgen_names *files, bool *taken);
int clgen_open_image_folder(clgen_dataset *ds, const char *path);

/* "dir/images.x" to "dir/labels.x": the name with the last `from` after the last slash replaced by `to`; NULL without error
 * when there is none. */
int clgen_replace_in_name(const char *path, const char *from, const char *to, char **out);
bool clgen_file_exists(const char *path);

/* ---- Classes of image files (labels.c) ------------------------------------------------------------------------------ */

typedef struct {
  char *file, *name; /* file: as clgen_path_key makes it; name: of the class, as text */
  int split;         /* CLGEN_SPLIT_* */
  bool found;        /* a file asked for it */
} clgen_file_class;
enum { CLGEN_SPLIT_ANY, CLGEN_SPLIT_TRAIN, CLGEN_SPLIT_TEST };
typedef struct {
  const char *source;   /* "labels.csv", "metadata.csv", "dataset.json"; NULL: there is none */
  clgen_file_class *at; /* sorted by file */
  size_t n, room;
  char **classes; /* of whoever takes it */
  int count;
  bool numbers; /* classes are numbers, those of `first` and up */
  int first;
  bool nested; /* a file lies in a subfolder */
} clgen_labels;
/* How paths are compared: with / for \, without . and empty parts, and, in a build with utf8proc, accents composed (Unicode
 * NFC): macOS stores names decomposed. NULL when memory is short; free() it. */
char *clgen_path_key(const char *path);
/* CLGEN_SPLIT_TRAIN for "train", "Training", ..., CLGEN_SPLIT_TEST for "test", "val", "validation", "dev", ...; else
 * CLGEN_SPLIT_ANY. *rank: the lower, the more it is meant where there are several for the same. May be NULL. */
int clgen_split_of_name(const char *name, size_t length, int *rank);
/* Rows of labels.csv or metadata.csv, as labels (labels_csv.c). `files`: what lies beside it. */
int clgen_labels_read_csv(clgen_labels *l, const char *path, const clgen_names *files);
int clgen_labels_read(clgen_labels *labels, const char *folder, const clgen_names *files);
int clgen_labels_add(clgen_labels *labels, char *file, char *name); /* takes over both */
/* Sorts, refuses contradictions, numbers the classes. */
int clgen_labels_end(clgen_labels *labels);
/* The class of a file, by its name with or without its extension; notes that it was found. NULL: none. */
const clgen_file_class *clgen_labels_find(clgen_labels *labels, const char *file);
int clgen_labels_class(const clgen_labels *labels, const char *name);
void clgen_labels_free(clgen_labels *labels);

#endif
