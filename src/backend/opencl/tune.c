/* How products of matrices are computed on a device: measured once, then remembered. */
#include "backend/opencl/linear.h"

static const clgen_tile tiles[] = {{8, 2, 16}};

const clgen_tile *clgen_tile_of(const clgen_ocl *ocl) {
  return ocl->gemm.candidate > 0 ? &tiles[ocl->gemm.candidate - 1] : NULL;
}

int clgen_ocl_gemm_ready(clgen_ocl *ocl) {
  if (!ocl->gemm_ready) ocl->gemm.candidate = ocl->wide;
  ocl->gemm_ready = true;
  return CLGEN_OK;
}
