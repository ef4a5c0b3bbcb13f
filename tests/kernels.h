/* For tests that compute on the tested device: CLGEN_TEST_KERNELS says which kernels an OpenCL device gets, those of "cpu"s
 * (vectors of four, one work-item in a group) or those of "gpu"s, whatever it is. */
#ifndef TESTS_KERNELS_H
#define TESTS_KERNELS_H

#include "graphs.h"

#include "config.h"

#if CLGEN_HAVE_OPENCL
#include "backend/opencl/ocl.h"
#include "device/list.h"
#endif

static inline void take_kernels(clgen_device *d) {
#if CLGEN_HAVE_OPENCL
  const char *kind = getenv("CLGEN_TEST_KERNELS");
  if (!kind || strcmp(clgen_device_get_info(d)->backend, "opencl") != 0) return;
  clgen_ocl *ocl = d->impl;
  ocl->wide = strcmp(kind, "cpu") == 0;
  ocl->width = ocl->wide ? 4 : 1;
  ocl->local = ocl->wide ? 1 : 64;
#else
  (void)d;
#endif
}

#endif
