/* What reading and writing safetensors files share. */
#ifndef CLGEN_BASE_SAFETENSORS_INTERNAL_H
#define CLGEN_BASE_SAFETENSORS_INTERNAL_H

#include <clgen/safetensors.h>

#include "base/base.h"

/* The bytes of a tensor; false when a dimension is negative or the product does not fit. */
bool clgen_st_tensor_bytes(clgen_st_dtype dtype, const clgen_shape *shape, uint64_t *bytes);

/* The format's numbers are little-endian. */
bool clgen_big_endian(void);

#endif
