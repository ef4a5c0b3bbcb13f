/* Between the files of the tuner. */
#ifndef CLGEN_OPENCL_TUNE_H
#define CLGEN_OPENCL_TUNE_H

#include "backend/opencl/linear.h"

/* Numbers of [-0.5, 0.5] that any two places of a matrix hardly share. */
void clgen_tune_fill(float *x, size_t n);
/* Whether small convolutions and their gradients are right with the candidate that is set. */
bool clgen_tune_convolutions_agree(clgen_ocl *ocl);

#endif
