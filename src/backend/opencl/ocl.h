/* Between the files of the OpenCL backend. */
#ifndef CLGEN_OCL_H
#define CLGEN_OCL_H

#include "backend/backend.h"
#include "backend/opencl/text.h"
#include "device/opencl.h"

struct clgen_buffer {
  cl_mem mem;
  size_t bytes;
  uint64_t version; /* how often it was written: by a write, or by the run of a plan */
};

/* A write copies the caller's data here first, so that it need not wait for the device. */
#define CLGEN_OCL_STAGES 8
typedef struct {
  void *data;
  size_t room;
  cl_mem pinned; /* whose memory it is; NULL: malloc's */
  cl_event busy; /* NULL: free */
} clgen_ocl_stage;

/* How products of matrices are computed: the outcome of tuning. */
typedef struct {
  int candidate;   /* an index into the list of tune.c */
  bool is_checked; /* CLBlast's products were compared with their definition here, ... */
  bool plain;      /* ... and are wrong: cl/product.cl takes their place */
} clgen_ocl_gemm_setting;

/* Working memory that plans share. */
typedef struct {
  size_t wanted, bytes; /* the most that was asked for; what `mem` has */
  cl_mem mem;
} clgen_ocl_shared;

/* An open device. */
typedef struct {
  clgen_cl *cl;
  /* The device is like a CPU (clgen_device_is_cpu_like, decided by capabilities): kernels have few work-items, each of which
   * loops over contiguous memory with vector (SIMD) operations. On other devices, as GPUs, kernels have many work-items that
   * access neighbouring elements. */
  bool wide;
  int width;    /* floats in a vector of a kernel: 1 unless wide */
  size_t units; /* compute units */
  bool fused;   /* a fused multiply-add is an operation of the device's */
  size_t local; /* work-items in a group: 1 when wide */
  clgen_ocl_stage stage[CLGEN_OCL_STAGES];
  int next_stage;
  clgen_ocl_shared scratch, gemm_temp;
  bool gemm_ready; /* the setting below is applied */
  clgen_ocl_gemm_setting gemm;
  bool clblast_keeps;     /* CLBlast has built programs for the context and holds them */
  clgen_profile_row *row; /* the profile */
  size_t n_rows, room_rows;
} clgen_ocl;

/* ---- Plans ---------------------------------------------------------------------------------------------------- */

enum { CLGEN_OCL_MAX_MEMS = CLGEN_STEP_MAX_INPUTS + CLGEN_STEP_MAX_OUTPUTS };

/* Where an item finds memory: a step's buffer, or working memory that is allocated once the whole plan is known. */
typedef enum { CLGEN_OCL_MEM_BUFFER, CLGEN_OCL_MEM_SCRATCH, CLGEN_OCL_MEM_GEMM, CLGEN_OCL_MEM_CACHE } clgen_ocl_mem_kind;
typedef struct {
  clgen_ocl_mem_kind kind;
  cl_mem mem;
} clgen_ocl_mem;

/* out (m,n) = op(a) (m,k) x op(b) (k,n), row-major; offsets and leading dimensions in elements. `add`: to what is there. */
typedef struct {
  size_t m, n, k;
  bool ta, tb, add;
  clgen_ocl_mem a, b, out;
  size_t a_offset, b_offset, out_offset, lda, ldb, ldo;
} clgen_ocl_gemm;

/* Kernels of cl/ that other launches may call as they do generated ones, beside these ones' numbers. */
enum { CLGEN_OCL_CALL_NONE = -1, CLGEN_OCL_CALL_PACK = -2, CLGEN_OCL_CALL_WINOGRAD = -3 };

/* One launch. Every kernel takes (words, index of its first word, its memory objects in order). */
typedef struct {
  size_t step;
  int steps; /* so many from `step` on have their work counted with this launch; 0: an earlier one of the step has it */
  bool is_gemm;
  clgen_ocl_gemm gemm;
  const char *name; /* of a kernel in cl/, or NULL for the generated kernel number `generated` */
  int generated;
  int packs; /* a launch that packs matrices: 1 + which operand of its steps they are; else 0 */
  int n_mems;
  clgen_ocl_mem mem[CLGEN_OCL_MAX_MEMS];
  size_t first_word;
  const clgen_operand *cached; /* only launched when this operand was written since: cache.c; NULL: always */
  uint64_t cached_version;
  size_t global, local; /* local 0: the driver's choice */
  cl_kernel kernel;
} clgen_ocl_launch;

/* A generated kernel: its parameters and its body, in which ITEM and ITEMS are a work-item's number and how many there are.
 */
typedef struct {
  clgen_text text;
  int n_mems;
} clgen_ocl_body;

struct clgen_plan {
  const clgen_step *step;
  size_t n_steps;
  clgen_ocl_launch *item;
  size_t n_items, room_items;
  int64_t *word; /* the kernels' numbers: sizes, strides, parameters */
  size_t n_words, room_words;
  clgen_ocl_body *body; /* distinct generated kernels */
  size_t n_bodies, room_bodies;
  bool uses_conv;    /* kernels of cl/conv.cl are wanted: clgen_ocl_linear_source */
  bool uses_product; /* the kernel of cl/product.cl is wanted */
  bool uses_sample;  /* kernels of cl/sample.cl are wanted */
  bool uses_tiles;   /* kernels of cl/tiles.cl are wanted */
  bool failed;       /* out of memory while it was built */
  size_t scratch_bytes, gemm_bytes, cache_bytes;
  cl_mem scratch, gemm_temp, cache, words;
  cl_program program;
  cl_event in_flight[2]; /* the ends of the last two runs */
  int next_flight;
};

/* Adds an item for a step and gives it back, with its first word already set; NULL when memory is short. */
clgen_ocl_launch *clgen_ocl_launch_add(clgen_plan *plan, size_t step);
/* Adds a number for the item added last; returns its place among that item's words. */
int clgen_ocl_argument(clgen_plan *plan, int64_t value);
int clgen_ocl_argument_float(clgen_plan *plan, float value);
/* Adds `text` (taken over) to the generated kernels, or finds its equal; returns its number. */
int clgen_ocl_body_add(clgen_plan *plan, clgen_text *text, int n_mems);
/* Makes calls of items with generated kernels, and one of several, unless each is to be measured alone (join.c). */
int clgen_ocl_join(clgen_plan *plan, bool each_alone);
/* The kernel that makes these calls. */
void clgen_ocl_calls_source(const clgen_plan *plan, clgen_text *t);
/* ---- Packed weights that are kept from run to run (cache.c) ---- */

/* Whether the plan keeps the packed form of operand `which` of a step, of which `columns` columns are made. */
bool clgen_ocl_caches(const clgen_plan *plan, const clgen_step *s, int which, int64_t columns);
/* Room for so many floats in the plan's cache; returns where it begins, in floats. */
int64_t clgen_ocl_cache_take(clgen_plan *plan, int64_t floats);
/* Whether the cached result of a launch is out of date; after the launch, that it is not. */
bool clgen_ocl_cache_is_stale(const clgen_ocl_launch *item);
void clgen_ocl_cache_filled(clgen_ocl_launch *item);
/* Counts the buffers that a run of the plan writes as written. */
void clgen_ocl_cache_count_writes(const clgen_plan *plan);

/* The step's working memory must have at least this size. */
void clgen_ocl_want_scratch(clgen_plan *plan, size_t bytes);

static inline clgen_ocl_mem clgen_ocl_mem_of(const clgen_operand *o) {
  return (clgen_ocl_mem){CLGEN_OCL_MEM_BUFFER, o->buffer ? o->buffer->mem : NULL};
}
static inline clgen_ocl_mem clgen_ocl_scratch_mem(void) { return (clgen_ocl_mem){CLGEN_OCL_MEM_SCRATCH, NULL}; }
static inline clgen_ocl_mem clgen_ocl_cache_mem(void) { return (clgen_ocl_mem){CLGEN_OCL_MEM_CACHE, NULL}; }

int clgen_ocl_plan_create(void *impl, const clgen_step *steps, size_t n, clgen_plan **out);
void clgen_ocl_plan_free(void *impl, clgen_plan *plan);
int clgen_ocl_plan_run(void *impl, clgen_plan *plan);
int clgen_ocl_needs(void *impl, const clgen_step *steps, size_t n, clgen_plan_needs *out);

/* Each turns one step into items. Without buffers bound they only say what scratch memory the step needs. */
int clgen_ocl_add_map(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index);
int clgen_ocl_add_reduce(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index);
/* n matrix products that may run at once. */
int clgen_ocl_add_matmuls(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index, size_t n);
int clgen_ocl_add_conv(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index);
int clgen_ocl_add_sample(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index);

/* Appends the OpenCL sources that the items of matrix products, convolutions and sampling need (nothing if there are none).
 */
void clgen_ocl_linear_source(const clgen_ocl *ocl, const clgen_plan *plan, clgen_text *source);
/* Whether a kernel of cl/ is launched. */
bool clgen_ocl_launches(const clgen_plan *plan, const char *kernel);
/* Has CLBlast let go of what it built. It keeps programs, and by them contexts, for the whole process and until its end,
 * when the driver's own variables may be gone already (Oclgrind corrupts the heap then). It forgets those of other open
 * devices, too: they are built anew when next a product is computed there. */
void clgen_ocl_gemm_close(clgen_ocl *ocl);

/* Runs one product (an item with is_gemm); a, b, out and temp are the memory that its clgen_ocl_mem became, temp the plan's
 * gemm_temp (NULL when gemm_bytes is 0). `event` may be NULL. */
int clgen_ocl_gemm_enqueue(clgen_ocl *ocl, const clgen_ocl_gemm *g, cl_mem a, cl_mem b, cl_mem out, cl_mem temp,
                           cl_event *event);
/* The version of CLBlast that is used, "1.5.3". */
enum { CLGEN_OCL_VERSION_TEXT = 32 };
void clgen_ocl_clblast_version(char out[CLGEN_OCL_VERSION_TEXT]);
/* Whether a matrix product, a convolution or sampling can run on this device; if not, the message says why. */
bool clgen_ocl_linear_supports(clgen_ocl *ocl, const clgen_step *s);

/* Whether a step is well formed and its sizes fit the kernels' 32-bit indices; else says why. */
int clgen_ocl_check(const clgen_step *s);
/* Whether its operands' elements lie inside their buffers. */
int clgen_ocl_check_bound(const clgen_step *s);
int clgen_ocl_finish(void *impl);

/* ---- Buffers -------------------------------------------------------------------------------------------------- */

int clgen_ocl_buffer_create(void *impl, size_t bytes, clgen_buffer **out);
void clgen_ocl_buffer_free(void *impl, clgen_buffer *buffer);
int clgen_ocl_buffer_write(void *impl, clgen_buffer *buffer, size_t offset, size_t bytes, const void *data);
int clgen_ocl_buffer_read(void *impl, clgen_buffer *buffer, size_t offset, size_t bytes, void *data);
void clgen_ocl_stages_free(clgen_ocl *ocl);

/* ---- Profile -------------------------------------------------------------------------------------------------- */

/* One launch of a step, with the work of `n` steps from it on. */
int clgen_ocl_profile_add(clgen_ocl *ocl, const clgen_step *s, int n, cl_event event);
size_t clgen_ocl_profile_count(void *impl);
int clgen_ocl_profile_get(void *impl, size_t index, clgen_profile_row *row);
void clgen_ocl_profile_reset(void *impl);

#endif
