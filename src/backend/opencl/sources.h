/* The OpenCL sources in cl/, which the build turns into strings. */
#ifndef CLGEN_OPENCL_SOURCES_H
#define CLGEN_OPENCL_SOURCES_H

extern const char clgen_cl_vectors[], clgen_cl_philox[], clgen_cl_transcendental[], clgen_cl_elementwise[];
extern const char clgen_cl_random[], clgen_cl_stretch[], clgen_cl_conv[], clgen_cl_product[];
extern const char clgen_cl_sample[], clgen_cl_tiles[], clgen_cl_tiles_conv[], clgen_cl_tiles_product[],
    clgen_cl_tiles_weight[], clgen_cl_tiles_winograd[];

#endif
