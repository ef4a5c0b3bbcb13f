/* Products on a device of whose library some are wrong: CLBlast's calls and OpenCL's go through this file (the linker's
 * --wrap). The device is that of tests/as_gpu. */
#include "backend/opencl/product.h"
#include "graphs.h"

#include <clblast_c.h>

CLBlastStatusCode __real_CLBlastSgemmWithTempBuffer(CLBlastLayout layout, CLBlastTranspose ta, CLBlastTranspose tb, size_t m,
                                                    size_t n, size_t k, float alpha, cl_mem a, size_t a_offset, size_t lda,
                                                    cl_mem b, size_t b_offset, size_t ldb, float beta, cl_mem c,
                                                    size_t c_offset, size_t ldc, cl_command_queue *queue, cl_event *event,
                                                    cl_mem temp);
CLBlastStatusCode __wrap_CLBlastSgemmWithTempBuffer(CLBlastLayout layout, CLBlastTranspose ta, CLBlastTranspose tb, size_t m,
                                                    size_t n, size_t k, float alpha, cl_mem a, size_t a_offset, size_t lda,
                                                    cl_mem b, size_t b_offset, size_t ldb, float beta, cl_mem c,
                                                    size_t c_offset, size_t ldc, cl_command_queue *queue, cl_event *event,
                                                    cl_mem temp);
cl_int __real_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,
                                     const size_t *global, const size_t *local, cl_uint n, const cl_event *list,
                                     cl_event *event);
cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,
                                     const size_t *global, const size_t *local, cl_uint n, const cl_event *list,
                                     cl_event *event);
cl_mem __real_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *err);
cl_mem __wrap_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *err);

static size_t wrong_from; /* products of this m n k and more of CLBlast are wrong; 0: none */
static bool launches_nothing;
static cl_int buffers_fail;

CLBlastStatusCode __wrap_CLBlastSgemmWithTempBuffer(CLBlastLayout layout, CLBlastTranspose ta, CLBlastTranspose tb, size_t m,
                                                    size_t n, size_t k, float alpha, cl_mem a, size_t a_offset, size_t lda,
                                                    cl_mem b, size_t b_offset, size_t ldb, float beta, cl_mem c,
                                                    size_t c_offset, size_t ldc, cl_command_queue *queue, cl_event *event,
                                                    cl_mem temp) {
  const bool wrong = wrong_from && m * n * k >= wrong_from;
  return __real_CLBlastSgemmWithTempBuffer(layout, ta, tb, wrong ? m - 1 : m, n, k, alpha, a, a_offset, lda, b, b_offset,
                                           ldb, beta, c, c_offset, ldc, queue, event, temp); /* without the last row */
}

cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,
                                     const size_t *global, const size_t *local, cl_uint n, const cl_event *list,
                                     cl_event *event) {
  if (launches_nothing) return CL_SUCCESS;
  return __real_clEnqueueNDRangeKernel(queue, kernel, dims, offset, global, local, n, list, event);
}

cl_mem __wrap_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *err) {
  if (!buffers_fail) return __real_clCreateBuffer(context, flags, size, host, err);
  *err = buffers_fail;
  return NULL;
}

/* ---- What a device says while it is opened and multiplies ---- */

static char folder[] = "/tmp/clgen-product-XXXXXX";
static int checks, warnings, compilings;

static void count_lines(void *user, clgen_log_level level, const char *message) {
  (void)user;
  checks += strstr(message, "checking CLBlast") != NULL;
  compilings += strstr(message, "compiling CLBlast") != NULL;
  warnings += level == CLGEN_LOG_WARNING && strstr(message, "clgen's own kernels, which are slower") != NULL;
}

static clgen_device *open_counted(void) {
  clgen_device *d;
  const clgen_device_options options = {.log = {count_lines, NULL}, .cache_dir = folder};
  checks = warnings = compilings = 0;
  OK(clgen_device_open(&d, getenv("CLGEN_TEST_DEVICE"), &options));
  return d;
}

static int multiply(clgen_device *d, float out[4]) {
  clgen_graph *g;
  clgen_store *store;
  clgen_program *p = NULL;
  const float in[6] = {1, 2, 3, 4, 5, 6};
  OK(clgen_graph_create(&g));
  OK(clgen_store_create(&store, d));
  clgen_tensor *a = clgen_input(g, "a", CLGEN_F32, clgen_shape_of(2, 2, 3));
  clgen_tensor *b = clgen_input(g, "b", CLGEN_F32, clgen_shape_of(2, 3, 2)), *y = clgen_matmul(a, b, false, false);
  OK(clgen_output(y));
  int code = clgen_compile(&p, g, store);
  if (!code) code = clgen_program_write(p, a, in, sizeof in);
  if (!code) code = clgen_program_write(p, b, in, sizeof in);
  if (!code) code = clgen_program_run(p);
  if (!code) code = clgen_program_read(p, y, out, 4 * sizeof *out);
  clgen_program_free(p);
  clgen_store_free(store);
  clgen_graph_free(g);
  return code;
}

static void is_product(const float got[4]) { assert_true(got[0] == 22 && got[1] == 28 && got[2] == 49 && got[3] == 64); }

static void forget(void) {
  char command[80];
  snprintf(command, sizeof command, "rm -rf %s/tuning", folder);
  assert_int_equal(system(command), 0);
}

/* ---- The tests ---- */

/* Neither kernel of CLBlast is trusted: the check finds what is wrong of large products only. */
static void wrong_products_are_replaced(void **state) {
  (void)state;
  float got[4];
  forget();
  wrong_from = 120000;                      /* beyond the small ones that are checked */
  for (int again = 0; again < 2; ++again) { /* the verdict is kept */
    clgen_device *d = open_counted();
    OK(multiply(d, got));
    is_product(got);
    assert_true(((clgen_ocl *)d->impl)->gemm.plain);
    assert_int_equal(checks, again ? 0 : 1);
    assert_int_equal(warnings, again ? 0 : 1);
    clgen_device_close(d);
  }
  wrong_from = 0;
}

static void right_products_are_used(void **state) {
  (void)state;
  float got[4];
  forget();
  for (int again = 0; again < 2; ++again) {
    clgen_device *d = open_counted();
    OK(multiply(d, got));
    is_product(got);
    assert_false(((clgen_ocl *)d->impl)->gemm.plain);
    assert_int_equal(checks, again ? 0 : 1);
    assert_int_equal(compilings, 1);
    assert_int_equal(warnings, 0);
    clgen_device_close(d);
  }
}

static void a_device_that_cannot_multiply_is_refused(void **state) {
  (void)state;
  float got[4];
  forget();
  wrong_from = 1;
  launches_nothing = true;
  clgen_device *d = open_counted();
  for (int again = 0; again < 2; ++again) {
    assert_int_equal(multiply(d, got), CLGEN_E_UNSUPPORTED);
    assert_non_null(strstr(clgen_last_error(), "its matrix products are wrong"));
  }
  wrong_from = 0;
  launches_nothing = false;
  clgen_device_close(d);
}

static void what_the_driver_says_is_told(void **state) {
  (void)state;
  clgen_device *d = open_counted();
  clgen_buffer *b;
  clgen_ocl *ocl = d->impl;
  buffers_fail = CL_OUT_OF_RESOURCES;
  clgen_cl_notify("the memory\nis full", NULL, 0, ocl->cl);
  assert_int_equal(d->backend->buffer_create(d->impl, 1000, &b), CLGEN_E_NOMEM);
  assert_non_null(strstr(clgen_last_error(), "the driver says \"the memory is full\""));
  assert_int_equal(d->backend->buffer_create(d->impl, 1000, &b), CLGEN_E_NOMEM);
  assert_null(strstr(clgen_last_error(), "the driver says")); /* it was of the other failure */
  buffers_fail = CL_INVALID_CONTEXT;
  assert_int_equal(d->backend->buffer_create(d->impl, 1000, &b), CLGEN_E_DEVICE);
  buffers_fail = 0;
  clgen_device_close(d);
}

/* A loop over all elements by as many as there are work-items must not count beyond int. */
static void domains_end_where_loops_overflow(void **state) {
  (void)state;
  clgen_device *d = open_counted();
  clgen_step s = {.kind = CLGEN_STEP_MAP, .label = "copy", .n_inputs = 1, .n_outputs = 1, .ndim = 1, .n_instrs = 1};
  s.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_LOAD};
  s.in[0].stride[0] = s.out[0].stride[0] = 1;
  s.dim[0] = CLGEN_STEP_MAX_ELEMENTS;
  assert_true(d->backend->supports(d->impl, &s));
  s.dim[0] = INT32_MAX - 1000;
  assert_false(d->backend->supports(d->impl, &s));
  assert_true((int64_t)CLGEN_STEP_MAX_ELEMENTS + CLGEN_STEP_MAX_ITEMS < INT32_MAX);
  clgen_device_close(d);
}

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  char command[80];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(right_products_are_used),
      cmocka_unit_test(wrong_products_are_replaced),
      cmocka_unit_test(a_device_that_cannot_multiply_is_refused),
      cmocka_unit_test(what_the_driver_says_is_told),
      cmocka_unit_test(domains_end_where_loops_overflow),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
