/* The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes, little-endian. */
#ifndef CLGEN_SAFETENSORS_H
#define CLGEN_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include <clgen/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CLGEN_ST_F32,
  CLGEN_ST_F64,
  CLGEN_ST_F16,
  CLGEN_ST_BF16,
  CLGEN_ST_I64,
  CLGEN_ST_I32,
  CLGEN_ST_U32,
  CLGEN_ST_U8,
  CLGEN_ST_I8,
  CLGEN_ST_I16,
  CLGEN_ST_U16,
  CLGEN_ST_U64,
  CLGEN_ST_BOOL
} clgen_st_dtype;
size_t clgen_st_dtype_size(clgen_st_dtype dtype);
const char *clgen_st_dtype_name(clgen_st_dtype dtype); /* "F32" */

typedef struct {
  const char *name;
  clgen_st_dtype dtype;
  clgen_shape shape;
  const void *data;
} clgen_st_tensor;

typedef struct {
  const char *key, *value;
} clgen_st_meta;

/* Written whole or not at all; the header lists the tensors in the order given, and the data starts at a multiple of 64
 * bytes with the widest types first, so that each is aligned (the format allows no gaps). The same arguments give the same
 * bytes. `meta` may be NULL when n_meta is 0. Fails with CLGEN_E_INVALID (a name or key twice or not UTF-8, a shape that
 * makes no sense), CLGEN_E_NOMEM, CLGEN_E_IO. */
int clgen_safetensors_write(const char *path, const clgen_st_tensor *tensors, size_t n, const clgen_st_meta *meta,
                            size_t n_meta);

typedef struct clgen_safetensors clgen_safetensors;
/* Reads the whole file and checks everything: header length, JSON, dtypes, shapes, offsets inside the file, no overlap and
 * no gap. Fails with CLGEN_E_NOTFOUND, CLGEN_E_IO, CLGEN_E_NOMEM, or CLGEN_E_FORMAT and a message that names the file and
 * the tensor. The tensors' data need not be aligned for their type when another program wrote the file. */
int clgen_safetensors_open(clgen_safetensors **out, const char *path);
void clgen_safetensors_close(clgen_safetensors *st);
const char *clgen_safetensors_path(const clgen_safetensors *st);
size_t clgen_safetensors_count(const clgen_safetensors *st);
const clgen_st_tensor *clgen_safetensors_get(const clgen_safetensors *st, size_t index);
const clgen_st_tensor *clgen_safetensors_find(const clgen_safetensors *st, const char *name); /* NULL: none */
const char *clgen_safetensors_meta(const clgen_safetensors *st, const char *key);             /* NULL: none */
size_t clgen_safetensors_meta_count(const clgen_safetensors *st);
const clgen_st_meta *clgen_safetensors_meta_get(const clgen_safetensors *st, size_t index); /* in the file's order */
/* Copies a tensor as float32 (F64, F16, BF16 and integers are converted) after checking its shape (`expected` NULL: any).
 * CLGEN_E_NOTFOUND when there is none of that name, CLGEN_E_FORMAT when its shape is another. */
int clgen_safetensors_read_f32(const clgen_safetensors *st, const char *name, const clgen_shape *expected, float *out);

#ifdef __cplusplus
}
#endif
#endif
