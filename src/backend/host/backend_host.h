/* The host backend: every step as plain loops in C, with double accumulators. It is the oracle of the tests. */
#ifndef CLGEN_BACKEND_HOST_H
#define CLGEN_BACKEND_HOST_H

#include "backend/backend.h"

extern const clgen_backend clgen_backend_host;

#endif
