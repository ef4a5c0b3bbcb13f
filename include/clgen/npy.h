/* NumPy's NPY files: one array of numbers. */
#ifndef CLGEN_NPY_H
#define CLGEN_NPY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CLGEN_NPY_BOOL,
  CLGEN_NPY_U8,
  CLGEN_NPY_I8,
  CLGEN_NPY_U16,
  CLGEN_NPY_I16,
  CLGEN_NPY_U32,
  CLGEN_NPY_I32,
  CLGEN_NPY_U64,
  CLGEN_NPY_I64,
  CLGEN_NPY_F32,
  CLGEN_NPY_F64,
  CLGEN_NPY_F16
} clgen_npy_type;
#define CLGEN_NPY_MAX_RANK 8

/* Elements in C order and in this machine's byte order, whatever the file had. */
typedef struct {
  clgen_npy_type type;
  int rank; /* 0: a single number */
  int64_t shape[CLGEN_NPY_MAX_RANK];
  int64_t count; /* the product of the shape */
  void *data;    /* from malloc */
} clgen_npy;

size_t clgen_npy_type_size(clgen_npy_type type);      /* bytes of an element */
const char *clgen_npy_type_name(clgen_npy_type type); /* NumPy's: "uint8", "float32", ... */

/* Reads format 1.0, 2.0 or 3.0, C or Fortran order, either byte order. Nothing is allocated on the word of the header: the
 * file has to hold exactly the bytes that it promises. CLGEN_E_NOTFOUND, CLGEN_E_IO, CLGEN_E_FORMAT, CLGEN_E_NOMEM;
 * CLGEN_E_UNSUPPORTED for other kinds of element (complex, text, records, objects). */
int clgen_npy_read(clgen_npy *out, const char *path);
/* The same from bytes; `name` is for messages. */
int clgen_npy_read_memory(clgen_npy *out, const void *data, size_t size, const char *name);
/* What a caller that wants real numbers needs: elements become float32 (float64 and integers are rounded to it; float16 is
 * exact). */
int clgen_npy_to_f32(clgen_npy *array);
/* What a failed read leaves is empty, and may be freed or not. */
void clgen_npy_free(clgen_npy *array);

/* Writes format 1.0 in C order. The file appears whole or not at all; the same array gives the same bytes. */
int clgen_npy_write(const char *path, clgen_npy_type type, int rank, const int64_t *shape, const void *data);
/* "(3, 4)", as NumPy shows a shape. */
void clgen_npy_shape_text(int rank, const int64_t *shape, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
