/* The backend for every OpenCL device. */
#ifndef CLGEN_BACKEND_OPENCL_H
#define CLGEN_BACKEND_OPENCL_H

#include "backend/backend.h"

extern const clgen_backend clgen_backend_opencl;

#endif
