/* The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes, little-endian. */
#ifndef CLGEN_SAFETENSORS_H
#define CLGEN_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include <clgen/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { CLGEN_ST_F32, CLGEN_ST_F64, CLGEN_ST_F16, CLGEN_ST_BF16, CLGEN_ST_I64, CLGEN_ST_I32, CLGEN_ST_U32, CLGEN_ST_U8,
               CLGEN_ST_I8, CLGEN_ST_I16, CLGEN_ST_U16, CLGEN_ST_U64, CLGEN_ST_BOOL } clgen_st_dtype;
size_t clgen_st_dtype_size(clgen_st_dtype dtype);
const char *clgen_st_dtype_name(clgen_st_dtype dtype); /* "F32" */

typedef struct {
  const char *name;
  clgen_st_dtype dtype;
  clgen_shape shape;
  const void *data;
} clgen_st_tensor;

typedef struct { const char *key, *value; } clgen_st_meta;

/* Written whole or not at all, in the order given, the data aligned to 64 bytes. The same arguments give the same bytes. */
int clgen_safetensors_write(const char *path, const clgen_st_tensor *tensors, size_t n, const clgen_st_meta *meta, size_t n_meta);

typedef struct clgen_safetensors clgen_safetensors;
/* Opens and checks everything: header length, JSON, dtypes, shapes, offsets inside the file, no overlap. */
int clgen_safetensors_open(clgen_safetensors **out, const char *path);
void clgen_safetensors_close(clgen_safetensors *st);
const char *clgen_safetensors_path(const clgen_safetensors *st);
size_t clgen_safetensors_count(const clgen_safetensors *st);
const clgen_st_tensor *clgen_safetensors_get(const clgen_safetensors *st, size_t index);
const clgen_st_tensor *clgen_safetensors_find(const clgen_safetensors *st, const char *name); /* NULL: none */
const char *clgen_safetensors_meta(const clgen_safetensors *st, const char *key);             /* NULL: none */
/* Copies a tensor as float32 (F64, F16, BF16 and integers are converted) after checking its shape. */
int clgen_safetensors_read_f32(const clgen_safetensors *st, const char *name, const clgen_shape *expected, float *out);

#ifdef __cplusplus
}
#endif
#endif
