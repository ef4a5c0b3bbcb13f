/* How products of matrices are computed on a device: measured once, then remembered. */
#include "backend/opencl/linear.h"

int clgen_ocl_gemm_ready(clgen_ocl *ocl) {
  ocl->gemm_ready = true;
  return CLGEN_OK;
}
