/* What the two ways of MAP share. */
#ifndef CLGEN_OPENCL_MAP_H
#define CLGEN_OPENCL_MAP_H

#include "backend/opencl/ew_code.h"

/* Stores every output at column j. */
void clgen_map_store(clgen_ew_gen *g, int width);

/* Whether a MAP goes by blocks that are turned, and its kernel's text then; returns the number of work-items. */
bool clgen_map_turns(const clgen_ocl *ocl, const clgen_ew_walk *w);
size_t clgen_map_write_turned(const clgen_ocl *ocl, clgen_ew_gen *g);

#endif
