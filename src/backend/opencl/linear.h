/* Between the files of matrix products and convolutions. */
#ifndef CLGEN_OPENCL_LINEAR_H
#define CLGEN_OPENCL_LINEAR_H

#include "backend/opencl/ocl.h"

/* Finds the device's setting, measuring once if it has none yet. The first thing that happens with products. */
int clgen_ocl_gemm_ready(clgen_ocl *ocl);
/* One product as an item of the plan, with the temporary memory that CLBlast wants for it; the first `reserved` floats of
 * the scratch memory are the caller's. */
int clgen_ocl_gemm_add(clgen_ocl *ocl, clgen_plan *plan, size_t step, const clgen_ocl_gemm *g, int64_t reserved);
int clgen_ocl_gemm_temp(clgen_ocl *ocl, const clgen_ocl_gemm *g, size_t *bytes);
/* Work-items over `total` elements; adds the words per_item (0: every so many-th element) and total. */
void clgen_ocl_spread(const clgen_ocl *ocl, clgen_plan *plan, clgen_ocl_launch *item, int64_t total);
/* The most working memory that a convolution may ask for, if it can do with less. */
size_t clgen_ocl_scratch_limit(const clgen_ocl *ocl);

/* ---- Tiles: our own kernels (cl/tiles.cl) --------------------------------------------------------------------------- */

typedef struct {
  int rows, vectors, width; /* a tile has rows x (vectors width) sums; width is 4, 8 or 16 */
} clgen_tile;

enum { CLGEN_TILES_MAX_PHASES = 16 };

/* The tile of the device's setting; NULL where CLBlast does everything. */
const clgen_tile *clgen_tile_of(const clgen_ocl *ocl);
/* Whether the kernels of tiles do this step on this device. */
bool clgen_tiles_take(const clgen_ocl *ocl, const clgen_step *s);
int clgen_tiles_conv2d(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index);
int clgen_tiles_input_grad(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index);
int clgen_tiles_weight_grad(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index);
/* The same of a convolution or an input gradient with fewer multiplications, where the step's shape allows. */
bool clgen_tiles_winograd_takes(const clgen_step *s);
int clgen_tiles_winograd(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index);
/* Products that do not touch what another of them writes, as one launch. Its working memory begins behind `reserved`
 * floats. */
int clgen_tiles_products(clgen_ocl *ocl, clgen_plan *plan, size_t step, const clgen_ocl_gemm *g, int n, int64_t reserved);

/* ---- Tuning --------------------------------------------------------------------------------------------------------- */

/* A way to compute products. CLBlast's kernels could be given other parameters too (CLBlastOverrideParameters), but only
 * for the whole process and without a way back to its own choice, were that the best; so it is used as it is. */
typedef struct {
  const char *name;
  clgen_tile tile; /* rows 0: CLBlast */
} clgen_gemm_candidate;

const clgen_gemm_candidate *clgen_gemm_candidates(size_t *n); /* the first is CLBlast */

/* What the tuner asks about a candidate. */
typedef struct {
  void *user;
  bool (*is_right)(void *user, size_t candidate);
  bool (*seconds)(void *user, size_t candidate, int size, double *best); /* one of CLGEN_GEMM_SIZES products */
  bool (*is_enough)(void *user, double total); /* with this time over all sizes no other need be tried */
} clgen_gemm_trial;
enum { CLGEN_GEMM_SIZES = 3 };

/* The candidate of the n with the smallest time over all sizes, or the first that is right and enough. CLBlast, number 0, is
 * tried last and loses only to what is clearly faster; what is wrong, fails, or is far behind at the first, small
 * size is passed over. total[k] is the time, 0 where it wasn't measured. */
size_t clgen_gemm_choose(const clgen_gemm_trial *trial, size_t n, double *total);

#endif
