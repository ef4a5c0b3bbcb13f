/* Every backend there is: a new one is a folder, and here a declaration and a line. */
#include "backend/backend.h"

#include "src/backends.h"

#if CLGEN_HAVE_BACKEND_OPENCL
extern const clgen_backend clgen_backend_opencl;
#endif
#if CLGEN_HAVE_BACKEND_HOST
extern const clgen_backend clgen_backend_host;
#endif

static const clgen_backend *const backends[] = {
#if CLGEN_HAVE_BACKEND_OPENCL
    &clgen_backend_opencl,
#endif
#if CLGEN_HAVE_BACKEND_HOST
    &clgen_backend_host, /* last, and so last in every list of devices */
#endif
    NULL,
};

const clgen_backend *const *clgen_backends(size_t *count) {
  *count = sizeof backends / sizeof backends[0] - 1;
  return backends;
}
