/* Every backend there is: a new one is a folder, and here a declaration and a line. */
#include "backend/backend.h"

#include "config.h"

#if CLGEN_HAVE_OPENCL
extern const clgen_backend clgen_backend_opencl;
#endif
extern const clgen_backend clgen_backend_host;

static const clgen_backend *const backends[] = {
#if CLGEN_HAVE_OPENCL
    &clgen_backend_opencl,
#endif
    &clgen_backend_host,
};

const clgen_backend *const *clgen_backends(size_t *count) {
  *count = sizeof backends / sizeof backends[0];
  return backends;
}
