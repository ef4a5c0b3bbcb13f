/* The OpenCL sources in cl/, which the build turns into strings. */
#ifndef CLGEN_OPENCL_SOURCES_H
#define CLGEN_OPENCL_SOURCES_H

extern const char clgen_cl_philox[], clgen_cl_elementwise[], clgen_cl_stretch[], clgen_cl_conv[], clgen_cl_sample[],
    clgen_cl_tiles[];

#endif
