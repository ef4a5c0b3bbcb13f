/* NPY between the files of this room. */
#ifndef CLGEN_DATA_NPY_INTERNAL_H
#define CLGEN_DATA_NPY_INTERNAL_H

#include <stdbool.h>

#include <clgen/npy.h>

typedef struct {
  clgen_npy_type type;
  bool fortran, swap; /* swap: the file's byte order is not this machine's */
  int rank;
  int64_t shape[CLGEN_NPY_MAX_RANK], count;
  size_t begin; /* where the elements begin */
} clgen_npy_header;

bool clgen_npy_is(const void *data, size_t size);
int clgen_npy_parse(clgen_npy_header *h, const void *data, size_t size, const char *name);
/* Takes over `data` (from malloc), also when it fails. */
int clgen_npy_adopt(clgen_npy *out, void *data, size_t size, const char *name);
double clgen_npy_at(const clgen_npy *a, int64_t i);

#endif
