/* Products of matrices that no tile computes. */
#ifndef CLGEN_OPENCL_PRODUCT_H
#define CLGEN_OPENCL_PRODUCT_H

#include "backend/opencl/linear.h"
#include "backend/opencl/tune.h"

/* Whether CLBlast's products are right on this device is found out once and kept in the tuning store; where they are wrong,
 * ocl->gemm.plain says that cl/product.cl takes their place. CLGEN_E_UNSUPPORTED with the reason where that is wrong too.
 * Does nothing where the device was opened with no_tune. */
int clgen_ocl_product_ready(clgen_ocl *ocl);
/* One product by cl/product.cl. */
int clgen_ocl_product_add(clgen_plan *plan, size_t step, const clgen_ocl_gemm *g);
/* Has CLBlast compile its kernels now rather than in the first step: it keeps them only for as long as the process runs. */
int clgen_ocl_product_warm(clgen_ocl *ocl);
/* A plan of products whose operands have memory. */
int clgen_ocl_plan_products(clgen_ocl *ocl, const clgen_ocl_gemm *g, size_t n, clgen_plan **out);

#endif
