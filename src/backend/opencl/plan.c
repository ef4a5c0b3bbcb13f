/* Plans: steps become launches, all generated kernels and those of cl/ become one program, and a run only enqueues. */
#include <stdlib.h>
#include <string.h>

#include "backend/opencl/ocl.h"
#include "backend/opencl/product.h"
#include "backend/opencl/sources.h"

/* ---- Putting together ------------------------------------------------------------------------------------------ */

/* Room for one more in an array that grows by doubling; NULL when memory is short, with the array as it was. */
static void *grown(void *array, size_t n, size_t *room, size_t size) {
  if (n < *room) return array;
  size_t more = *room ? 2 * *room : 64;
  void *bigger = realloc(array, more * size);
  if (bigger) *room = more;
  return bigger;
}

clgen_ocl_launch *clgen_ocl_launch_add(clgen_plan *plan, size_t step) {
  clgen_ocl_launch *item = grown(plan->item, plan->n_items, &plan->room_items, sizeof *item);
  if (!item) {
    plan->failed = true;
    return NULL;
  }
  plan->item = item;
  item += plan->n_items++;
  const bool first = plan->n_items == 1 || item[-1].step != step; /* of a step's launches */
  *item = (clgen_ocl_launch){.step = step, .steps = first, .generated = CLGEN_OCL_CALL_NONE, .first_word = plan->n_words};
  return item;
}

int clgen_ocl_argument(clgen_plan *plan, int64_t value) {
  int64_t *word = grown(plan->word, plan->n_words, &plan->room_words, sizeof *word);
  if (!word) {
    plan->failed = true;
    return 0;
  }
  plan->word = word;
  word[plan->n_words++] = value;
  return (int)(plan->n_words - 1 - plan->item[plan->n_items - 1].first_word);
}

int clgen_ocl_argument_float(clgen_plan *plan, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return clgen_ocl_argument(plan, (int64_t)bits);
}

int clgen_ocl_body_add(clgen_plan *plan, clgen_text *text, int n_mems) {
  plan->failed |= text->failed || !text->s;
  for (size_t i = 0; i < plan->n_bodies && !plan->failed; ++i) {
    if (strcmp(plan->body[i].text.s, text->s) != 0) continue;
    clgen_text_free(text);
    return (int)i;
  }
  clgen_ocl_body *bodies = plan->failed ? NULL : grown(plan->body, plan->n_bodies, &plan->room_bodies, sizeof *bodies);
  if (!bodies) {
    plan->failed = true;
    clgen_text_free(text);
    return 0;
  }
  plan->body = bodies;
  bodies[plan->n_bodies] = (clgen_ocl_body){*text, n_mems};
  *text = (clgen_text){0};
  return (int)plan->n_bodies++;
}

void clgen_ocl_want_scratch(clgen_plan *plan, size_t bytes) {
  if (bytes > plan->scratch_bytes) plan->scratch_bytes = bytes;
}

/* The items of step `index` of n, and of those after it that run together with it; *index becomes that of the next one. */
static int add_steps(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *steps, size_t n, size_t *at) {
  const size_t index = *at, count = clgen_step_together(&steps[index], n - index);
  const clgen_step *s = &steps[index];
  *at += count;
  switch (s->kind) {
    case CLGEN_STEP_MAP: return clgen_ocl_add_map(ocl, plan, s, index);
    case CLGEN_STEP_REDUCE: return clgen_ocl_add_reduce(ocl, plan, s, index);
    case CLGEN_STEP_MATMUL: return clgen_ocl_add_matmuls(ocl, plan, s, index, count);
    case CLGEN_STEP_CONV2D:
    case CLGEN_STEP_CONV2D_INPUT_GRAD:
    case CLGEN_STEP_CONV2D_WEIGHT_GRAD: return clgen_ocl_add_conv(ocl, plan, s, index);
    case CLGEN_STEP_AFFINE_SAMPLE:
    case CLGEN_STEP_AFFINE_SAMPLE_GRAD: return clgen_ocl_add_sample(ocl, plan, s, index);
    case CLGEN_STEP_KINDS: break;
  }
  return clgen_fail(CLGEN_E_UNSUPPORTED, "unknown step %d", (int)s->kind);
}

static void want(clgen_ocl_shared *shared, size_t bytes) {
  if (bytes > shared->wanted) shared->wanted = bytes;
}

static void free_items(clgen_plan *plan) {
  for (size_t i = 0; i < plan->n_bodies; ++i) clgen_text_free(&plan->body[i].text);
  free(plan->body);
  free(plan->word);
  free(plan->item);
}

/* The profile is of each step by itself. */
static int join(clgen_ocl *ocl, clgen_plan *plan) {
  return ocl->wide ? clgen_ocl_join(plan, ocl->cl->options.profile) : CLGEN_OK;
}

int clgen_ocl_needs(void *impl, const clgen_step *steps, size_t n, clgen_plan_needs *out) {
  clgen_ocl *ocl = impl;
  clgen_plan plan = {.step = steps, .n_steps = n};
  int code = CLGEN_OK;
  for (size_t i = 0; i < n && !code;) code = add_steps(ocl, &plan, steps, n, &i);
  if (!code && plan.failed) code = clgen_fail_nomem(n * sizeof *steps);
  if (!code) code = join(ocl, &plan);
  if (!code) want(&ocl->scratch, plan.scratch_bytes);
  if (!code) want(&ocl->gemm_temp, plan.gemm_bytes);
  *out = (clgen_plan_needs){.scratch_bytes = plan.scratch_bytes + plan.gemm_bytes, .cache_bytes = plan.cache_bytes};
  for (size_t i = 0; i < plan.n_items; ++i) out->launches += !plan.item[i].cached;
  free_items(&plan);
  return code;
}

/* ---- The program ------------------------------------------------------------------------------------------------- */

/* CLGEN_MAD: a multiply-add that need not be rounded once. */
static const char prelude[] = "#pragma OPENCL FP_CONTRACT OFF\n", fused[] = "#define CLGEN_MAD(a, b, c) fma(a, b, c)\n",
                  apart[] = "#define CLGEN_MAD(a, b, c) ((a) * (b) + (c))\n";

static bool mentions(const clgen_plan *plan, const char *what) {
  for (size_t i = 0; i < plan->n_bodies; ++i)
    if (strstr(plan->body[i].text.s, what)) return true;
  return false;
}

/* The operations once for each vector width that some kernel uses. */
static void add_elementwise(const clgen_plan *plan, clgen_text *t) {
  static const char *const type[][2] = {
      {"VEC", "float"},       {"VINT", "int"},       {"VUINT", "uint"},       {"VULONG", "ulong"},
      {"AS_VEC", "as_float"}, {"AS_VINT", "as_int"}, {"AS_VUINT", "as_uint"}, {"CONVERT_VEC", "convert_float"}};
  static const struct {
    int width;
    const char *used, *n; /* of elements, in the names of types */
  } row[] = {{1, "_1(", ""}, {4, "_4(", "4"}, {8, "_8(", "8"}, {16, "_16(", "16"}};
  bool random = mentions(plan, "ew_random_") || mentions(plan, "ew_quad_");
  for (size_t i = 0; i < CLGEN_COUNT(row); ++i) {
    if (!mentions(plan, row[i].used)) continue;
    clgen_text_add(t, "#define VW %d\n#define EW(name) name##_%d\n", row[i].width, row[i].width);
    for (size_t k = 0; k < CLGEN_COUNT(type); ++k) clgen_text_add(t, "#define %s %s%s\n", type[k][0], type[k][1], row[i].n);
    clgen_text_add(t, "%s\n%s\n", clgen_cl_transcendental, clgen_cl_elementwise);
    if (random) clgen_text_add(t, "%s\n%s\n", clgen_cl_philox, clgen_cl_random);
    clgen_text_add(t, "#undef VW\n#undef EW\n#undef LOW\n#undef HIGH\n");
    for (size_t k = 0; k < CLGEN_COUNT(type); ++k) clgen_text_add(t, "#undef %s\n", type[k][0]);
  }
}

/* ITEM and ITEMS are a work-item's number and how many there are. */
static void add_bodies(const clgen_ocl *ocl, const clgen_plan *plan, clgen_text *t) {
  if (!ocl->wide) clgen_text_add(t, "#define ITEM ((int)get_global_id(0))\n#define ITEMS ((int)get_global_size(0))\n");
  for (size_t i = 0; i < plan->n_bodies; ++i)
    if (ocl->wide)
      clgen_text_add(t, "static __attribute__((noinline)) void f%d(const int ITEM, const int ITEMS, %s", (int)i,
                     plan->body[i].text.s + 1);
    else
      clgen_text_add(t, "__kernel void k%d%s", (int)i, plan->body[i].text.s);
  if (ocl->wide) clgen_ocl_calls_source(plan, t);
}

static int build(clgen_ocl *ocl, clgen_plan *plan) {
  clgen_text source = {0};
  clgen_text_add(&source, "%s%s%s", prelude, ocl->fused ? fused : apart, clgen_cl_vectors);
  clgen_ocl_linear_source(ocl, plan, &source);
  if (plan->n_bodies) {
    add_elementwise(plan, &source);
    add_bodies(ocl, plan, &source);
  }
  int code = source.failed ? clgen_fail_nomem(source.n) : clgen_cl_build(ocl->cl, source.s, "-cl-std=CL1.2", &plan->program);
  clgen_text_free(&source);
  return code;
}

/* ---- Memory and arguments ---------------------------------------------------------------------------------------- */

static int allocate(clgen_ocl *ocl, cl_mem_flags flags, size_t bytes, void *data, cl_mem *out) {
  if (bytes == 0) return CLGEN_OK;
  cl_int err = CL_SUCCESS;
  *out = clCreateBuffer(ocl->cl->context, flags | (data ? CL_MEM_COPY_HOST_PTR : 0), bytes, data, &err);
  /* Drivers of GPUs find memory at the first use: that is to fail here, and not in the first step. */
  const cl_uint zero = 0;
  if (err == CL_SUCCESS && !data && !ocl->wide && bytes >= sizeof zero)
    err = clEnqueueFillBuffer(ocl->cl->queue, *out, &zero, sizeof zero, 0, sizeof zero, 0, NULL, NULL);
  if (err == CL_SUCCESS && !data && !ocl->wide) err = clFinish(ocl->cl->queue);
  if (err != CL_SUCCESS && *out) {
    clReleaseMemObject(*out);
    *out = NULL;
  }
  return err == CL_SUCCESS ? CLGEN_OK : clgen_cl_fail_on(ocl->cl, err, true, "%zu bytes of working memory", bytes);
}

static void release_memory(cl_mem mem) {
  if (mem) clReleaseMemObject(mem);
}

/* A plan that needs more than there is makes it anew; those before it keep what they are bound to. */
static int take(clgen_ocl *ocl, clgen_ocl_shared *shared, size_t bytes, cl_mem *out) {
  want(shared, bytes);
  if (bytes > shared->bytes) {
    cl_mem larger = NULL;
    int code = allocate(ocl, CL_MEM_READ_WRITE, shared->wanted, NULL, &larger);
    if (code) return code;
    release_memory(shared->mem);
    shared->mem = larger;
    shared->bytes = shared->wanted;
  }
  if (bytes) clRetainMemObject(*out = shared->mem);
  return CLGEN_OK;
}

static cl_mem memory(const clgen_plan *plan, const clgen_ocl_mem *mem) {
  switch (mem->kind) {
    case CLGEN_OCL_MEM_BUFFER: return mem->mem;
    case CLGEN_OCL_MEM_SCRATCH: return plan->scratch;
    case CLGEN_OCL_MEM_GEMM: return plan->gemm_temp;
    case CLGEN_OCL_MEM_CACHE: return plan->cache;
  }
  return NULL;
}

static int bind_item(clgen_plan *plan, clgen_ocl_launch *item) {
  char generated[24];
  const char *name = item->name;
  if (!name) {
    snprintf(generated, sizeof generated, "k%d", item->generated);
    name = generated;
  }
  cl_int err = CL_SUCCESS;
  item->kernel = clCreateKernel(plan->program, name, &err);
  if (err != CL_SUCCESS) return clgen_cl_fail(err, "creating the kernel %s", name);
  cl_int first = (cl_int)item->first_word;
  err = clSetKernelArg(item->kernel, 0, sizeof plan->words, &plan->words);
  if (err == CL_SUCCESS) err = clSetKernelArg(item->kernel, 1, sizeof first, &first);
  for (int k = 0; k < item->n_mems && err == CL_SUCCESS; ++k) {
    cl_mem mem = memory(plan, &item->mem[k]);
    err = clSetKernelArg(item->kernel, (cl_uint)k + 2, sizeof mem, &mem);
  }
  return err == CL_SUCCESS ? CLGEN_OK : clgen_cl_fail(err, "binding the arguments of the kernel %s", name);
}

static int finish_plan(clgen_ocl *ocl, clgen_plan *plan) {
  bool kernels = false, products = false;
  if (plan->failed) return clgen_fail_nomem(plan->n_steps * sizeof *plan->step);
  if (plan->n_words > INT32_MAX)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "too many kernel arguments in one program: %zu words", plan->n_words);
  for (size_t i = 0; i < plan->n_items; ++i) *(plan->item[i].is_gemm ? &products : &kernels) = true;
  int code = take(ocl, &ocl->scratch, plan->scratch_bytes, &plan->scratch);
  if (!code) code = take(ocl, &ocl->gemm_temp, plan->gemm_bytes, &plan->gemm_temp);
  if (!code) code = allocate(ocl, CL_MEM_READ_WRITE, plan->cache_bytes, NULL, &plan->cache);
  if (!code && products) code = clgen_ocl_product_warm(ocl);
  if (!code) code = join(ocl, plan);
  if (code || !kernels) return code;
  if (!plan->n_words) { /* a buffer cannot be empty */
    plan->word = calloc(1, sizeof *plan->word);
    if (!plan->word) return clgen_fail_nomem(sizeof *plan->word);
    plan->n_words = 1;
  }
  code = allocate(ocl, CL_MEM_READ_ONLY, plan->n_words * sizeof *plan->word, plan->word, &plan->words);
  if (!code) code = build(ocl, plan);
  for (size_t i = 0; i < plan->n_items && !code; ++i)
    if (!plan->item[i].is_gemm) code = bind_item(plan, &plan->item[i]);
  return code;
}

static int copy_steps(clgen_plan *plan, const clgen_step *steps, size_t n) {
  clgen_step *copy = malloc((n + 1) * sizeof *steps);
  if (!copy) return clgen_fail_nomem(n * sizeof *steps);
  if (n) memcpy(copy, steps, n * sizeof *steps);
  plan->step = copy;
  plan->n_steps = n;
  return CLGEN_OK;
}

int clgen_ocl_plan_products(clgen_ocl *ocl, const clgen_ocl_gemm *g, size_t n, clgen_plan **out) {
  static const clgen_step step = {.kind = CLGEN_STEP_MATMUL, .label = "matmul"};
  *out = NULL;
  clgen_plan *plan = calloc(1, sizeof *plan);
  if (!plan) return clgen_fail_nomem(sizeof *plan);
  int code = copy_steps(plan, &step, 1);
  for (size_t i = 0; i < n && !code; ++i) code = clgen_ocl_gemm_add(ocl, plan, 0, &g[i], 0);
  if (!code) code = finish_plan(ocl, plan);
  if (code)
    clgen_ocl_plan_free(ocl, plan);
  else
    *out = plan;
  return code;
}

int clgen_ocl_plan_create(void *impl, const clgen_step *steps, size_t n, clgen_plan **out) {
  clgen_ocl *ocl = impl;
  *out = NULL;
  clgen_plan *plan = calloc(1, sizeof *plan);
  if (!plan) return clgen_fail_nomem(sizeof *plan);
  int code = copy_steps(plan, steps, n);
  for (size_t i = 0; i < n && !code; ++i) {
    code = clgen_ocl_check(&plan->step[i]);
    if (!code) code = clgen_ocl_check_bound(&plan->step[i]);
  }
  for (size_t i = 0; i < n && !code;) code = add_steps(ocl, plan, plan->step, n, &i);
  if (!code) code = finish_plan(ocl, plan);
  if (code) {
    clgen_ocl_plan_free(ocl, plan);
    return code;
  }
  *out = plan;
  return CLGEN_OK;
}

void clgen_ocl_plan_free(void *impl, clgen_plan *plan) {
  if (!plan) return;
  clgen_ocl *ocl = impl;
  clgen_cl_wait(ocl->cl); /* not every driver keeps what a command in the queue needs */
  for (int i = 0; i < 2; ++i)
    if (plan->in_flight[i]) clReleaseEvent(plan->in_flight[i]);
  for (size_t i = 0; i < plan->n_items; ++i)
    if (plan->item[i].kernel) clReleaseKernel(plan->item[i].kernel);
  if (plan->program) clReleaseProgram(plan->program);
  release_memory(plan->scratch);
  release_memory(plan->gemm_temp);
  release_memory(plan->cache);
  release_memory(plan->words);
  free_items(plan);
  free((void *)plan->step);
  free(plan);
}

/* ---- Running ------------------------------------------------------------------------------------------------------ */

static int enqueue(clgen_ocl *ocl, clgen_plan *plan, clgen_ocl_launch *item, cl_event *event) {
  if (!clgen_ocl_cache_is_stale(item)) return CLGEN_OK;
  if (item->is_gemm) {
    const clgen_ocl_gemm *g = &item->gemm;
    return clgen_ocl_gemm_enqueue(ocl, g, memory(plan, &g->a), memory(plan, &g->b), memory(plan, &g->out), plan->gemm_temp,
                                  event);
  }
  cl_int err = clEnqueueNDRangeKernel(ocl->cl->queue, item->kernel, 1, NULL, &item->global,
                                      item->local ? &item->local : NULL, 0, NULL, event);
  if (err != CL_SUCCESS) return clgen_cl_fail_on(ocl->cl, err, true, "launching %s", plan->step[item->step].label);
  clgen_ocl_cache_filled(item);
  return CLGEN_OK;
}

static int run_profiled(clgen_ocl *ocl, clgen_plan *plan) {
  cl_event *event = calloc(plan->n_items + 1, sizeof *event);
  if (!event) return clgen_fail_nomem(plan->n_items * sizeof *event);
  int code = CLGEN_OK;
  for (size_t i = 0; i < plan->n_items && !code; ++i) code = enqueue(ocl, plan, &plan->item[i], &event[i]);
  if (!code) code = clgen_ocl_finish(ocl);
  for (size_t i = 0; i < plan->n_items; ++i) {
    if (!event[i]) continue;
    const clgen_ocl_launch *item = &plan->item[i];
    if (!code) code = clgen_ocl_profile_add(ocl, &plan->step[item->step], item->steps, event[i]);
    clReleaseEvent(event[i]);
  }
  free(event);
  return code;
}

/* Waits for the run before the last one, so that no more than two are in flight. */
static int throttle(clgen_ocl *ocl, clgen_plan *plan) {
  cl_event *oldest = &plan->in_flight[plan->next_flight];
  if (!*oldest) return CLGEN_OK;
  cl_int err = clWaitForEvents(1, oldest);
  clReleaseEvent(*oldest);
  *oldest = NULL;
  return err == CL_SUCCESS ? CLGEN_OK : clgen_cl_fail_on(ocl->cl, err, false, "waiting for an earlier run");
}

int clgen_ocl_plan_run(void *impl, clgen_plan *plan) {
  clgen_ocl *ocl = impl;
  clgen_ocl_cache_count_writes(plan);
  if (ocl->cl->options.profile) return run_profiled(ocl, plan);
  int code = throttle(ocl, plan);
  for (size_t i = 0; i < plan->n_items && !code; ++i) code = enqueue(ocl, plan, &plan->item[i], NULL);
  if (code || plan->n_items == 0) return code;
  cl_int err = clEnqueueMarkerWithWaitList(ocl->cl->queue, 0, NULL, &plan->in_flight[plan->next_flight]);
  if (err != CL_SUCCESS) return clgen_cl_fail_on(ocl->cl, err, false, "marking the end of a run");
  plan->next_flight = !plan->next_flight;
  err = clFlush(ocl->cl->queue);
  return err == CL_SUCCESS ? CLGEN_OK : clgen_cl_fail(err, "%s: starting a run", ocl->cl->info.name);
}
