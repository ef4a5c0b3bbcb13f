/* Memory: that a plan foretells what is allocated on an OpenCL device, that nothing but launches and writes happens between
 * two reports, and what is said where something does not fit. The linker leads the library's calls through here (--wrap).
 * CLGEN_TEST_SHORT: one of each. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "graphs.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <clgen/model.h>
#include <clgen/train.h>

#include "backend/opencl/ocl.h"

/* ---- The calls ---- */

typedef struct {
  size_t now, peak; /* bytes of buffers */
  int buffers, programs, kernels, reads, finishes, launches, mallocs;
} calls;
static calls seen;

/* What is copied to GPUs lies in the host's memory first, pinned. */
static size_t on_device(cl_mem_flags flags, size_t size) { return flags & CL_MEM_ALLOC_HOST_PTR ? 0 : size; }

cl_mem __real_clCreateBuffer(cl_context, cl_mem_flags, size_t, void *, cl_int *);
cl_mem __wrap_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *err) {
  ++seen.buffers;
  cl_mem mem = __real_clCreateBuffer(context, flags, size, host, err);
  if (mem) seen.now += on_device(flags, size);
  if (seen.now > seen.peak) seen.peak = seen.now;
  return mem;
}

cl_int __real_clReleaseMemObject(cl_mem);
cl_int __wrap_clReleaseMemObject(cl_mem mem) {
  cl_uint references = 0;
  cl_mem_flags flags = 0;
  size_t size = 0;
  clGetMemObjectInfo(mem, CL_MEM_FLAGS, sizeof flags, &flags, NULL);
  clGetMemObjectInfo(mem, CL_MEM_REFERENCE_COUNT, sizeof references, &references, NULL);
  clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof size, &size, NULL);
  if (references == 1) seen.now -= on_device(flags, size);
  return __real_clReleaseMemObject(mem);
}

cl_int __real_clBuildProgram(cl_program, cl_uint, const cl_device_id *, const char *,
                             void(CL_CALLBACK *)(cl_program, void *), void *);
cl_int __wrap_clBuildProgram(cl_program program, cl_uint n, const cl_device_id *devices, const char *options,
                             void(CL_CALLBACK *done)(cl_program, void *), void *user) {
  ++seen.programs;
  return __real_clBuildProgram(program, n, devices, options, done, user);
}

cl_kernel __real_clCreateKernel(cl_program, const char *, cl_int *);
cl_kernel __wrap_clCreateKernel(cl_program program, const char *name, cl_int *err) {
  ++seen.kernels;
  return __real_clCreateKernel(program, name, err);
}

cl_int __real_clEnqueueReadBuffer(cl_command_queue, cl_mem, cl_bool, size_t, size_t, void *, cl_uint, const cl_event *,
                                  cl_event *);
cl_int __wrap_clEnqueueReadBuffer(cl_command_queue queue, cl_mem mem, cl_bool blocking, size_t offset, size_t size,
                                  void *data, cl_uint n, const cl_event *wait, cl_event *event) {
  ++seen.reads;
  return __real_clEnqueueReadBuffer(queue, mem, blocking, offset, size, data, n, wait, event);
}

cl_int __real_clFinish(cl_command_queue);
cl_int __wrap_clFinish(cl_command_queue queue) {
  ++seen.finishes;
  return __real_clFinish(queue);
}

cl_int __real_clEnqueueNDRangeKernel(cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *,
                                     cl_uint, const cl_event *, cl_event *);
cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dim, const size_t *offset,
                                     const size_t *global, const size_t *local, cl_uint n, const cl_event *wait,
                                     cl_event *event) {
  ++seen.launches;
  return __real_clEnqueueNDRangeKernel(queue, kernel, dim, offset, global, local, n, wait, event);
}

void *__real_malloc(size_t);
void *__wrap_malloc(size_t size) {
  ++seen.mallocs;
  return __real_malloc(size);
}
void *__real_calloc(size_t, size_t);
void *__wrap_calloc(size_t n, size_t size) {
  ++seen.mallocs;
  return __real_calloc(n, size);
}
void *__real_realloc(void *, size_t);
void *__wrap_realloc(void *old, size_t size) {
  ++seen.mallocs;
  return __real_realloc(old, size);
}

/* For drivers that compile slowly. */
static bool is_short(void) { return getenv("CLGEN_TEST_SHORT") != NULL; }

static bool is_opencl(clgen_device *device) {
  bool is = strcmp(clgen_device_get_info(device)->backend, "opencl") == 0;
  if (!is) print_message("skipped: the tested device is not one of OpenCL\n");
  return is;
}

/* ---- The plan ---- */

typedef struct {
  double planned; /* MiB, as said */
} plan_log;

static void listen(void *user, clgen_log_level level, const char *message) {
  plan_log *log = user;
  double mib;
  (void)level;
  if (sscanf(message, "memory: %lf MiB at peak", &mib) == 1) log->planned = mib;
}

static void set_defaults(clgen_train_options *o, const char *cfg) {
  size_t n;
  const clgen_option *rows = clgen_train_option_rows(&n);
  const char *device = getenv("CLGEN_TEST_DEVICE");
  clgen_options_init(rows, n, o);
  snprintf(o->data, sizeof o->data, "%s/mnist", getenv("CLGEN_TEST_EXAMPLES"));
  snprintf(o->cfg, sizeof o->cfg, "%s", cfg);
  snprintf(o->device, sizeof o->device, "%s", device ? device : "");
  o->kimg = 1;
}

static void train(const clgen_train_options *o, plan_log *log) {
  clgen_train_calls c = {.log = {listen, log}};
  char folder[] = "/tmp/clgen-test-memory-XXXXXX", command[64];
  clgen_train_options mine = *o;
  if (!mine.dry_run) {
    assert_non_null(mkdtemp(folder));
    snprintf(mine.outdir, sizeof mine.outdir, "%s", folder);
  }
  OK(clgen_train(&mine, NULL, &c, NULL));
  if (mine.dry_run) return;
  snprintf(command, sizeof command, "rm -r %s", folder);
  assert_int_equal(system(command), 0);
}

/* What a dry run says, and what the run then takes. */
static void foretold(clgen_train_options *o) {
  plan_log plan = {0}, run = {0};
  o->dry_run = true;
  seen = (calls){0};
  train(o, &plan);
  assert_true(plan.planned > 1);
  assert_true(seen.buffers < 40);  /* what opening and checking the device takes */
  assert_true(seen.launches <= 1); /* a device that is chosen by itself computes something once when it is opened */
  o->dry_run = false;
  seen = (calls){0};
  train(o, &run);
  double took = (double)seen.peak / 1048576;
  print_message("%s%s%s, %lld of %lld images at a time: %.2f MiB planned, %.2f taken\n", o->cfg,
                o->metrics[0] ? " with " : "", o->metrics, (long long)o->batch_gpu, (long long)o->batch, plan.planned, took);
  assert_true(fabs(took - plan.planned) <= 0.05 * took);
  assert_true(plan.planned == run.planned);
}

static void a_plan_is_right(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  bool here = is_opencl(device);
  clgen_device_close(device);
  if (!here) skip();
  clgen_train_options o;
  set_defaults(&o, "dcgan");
  o.ngf = 16;
  snprintf(o.metrics, sizeof o.metrics, "fid");
  o.metrics_num = 100;
  foretold(&o);
  if (is_short()) return;
  set_defaults(&o, "dcgan");
  o.ngf = 16;
  o.batch = 64;
  o.batch_gpu = 16;
  foretold(&o);
  set_defaults(&o, "vae-mlp");
  snprintf(o.metrics, sizeof o.metrics, "elbo,fid");
  o.metrics_num = 100;
  foretold(&o);
  set_defaults(&o, "classifier");
  foretold(&o);
}

/* ---- Between two reports ---- */

static clgen_trainer_config small_training(clgen_model_config *m, int64_t batch, int64_t at_once) {
  clgen_trainer_config t = {.batch = batch, .batch_gpu = at_once, .lr = 1e-4, .ema_kimg = 1};
  t.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-8};
  OK(clgen_gan_objective_parse(&t.gan, "ns", ""));
  OK(clgen_gan_objective_d_norm(&t.gan, m->arch, &m->d_norm));
  return t;
}

static void nothing_but_launches(clgen_device *device, int64_t at_once) {
  enum { BATCH = 8, WARM = 20, STEPS = 10 };
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
  clgen_model_config m = {.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 4, .ndf = 4, .nz = 3};
  const clgen_trainer_config t = small_training(&m, BATCH, at_once);
  OK(clgen_model_create(&model, &m));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_init(model, store, 3));
  OK(clgen_trainer_create(&trainer, model, store, &t));
  OK(clgen_trainer_prepare(trainer));
  uint8_t images[BATCH * 1024];
  for (size_t i = 0; i < sizeof images; ++i) images[i] = (uint8_t)(i * 31);
  for (uint64_t step = 0; step < WARM; ++step) OK(clgen_trainer_step(trainer, step, images, NULL));
  seen = (calls){0};
  for (uint64_t step = WARM; step < WARM + STEPS; ++step) OK(clgen_trainer_step(trainer, step, images, NULL));
  const calls during = seen;
  const int said = STEPS * (int)clgen_trainer_info(trainer)->launches;
  print_message("%d launches in %d steps, %d foretold\n", during.launches, STEPS, said);
  assert_true(during.launches >= 50 * STEPS);
  if (((clgen_ocl *)device->impl)->wide) { /* products are our own kernels; CLBlast's launches are not seen here */
    /* With micro-batches weights are packed once a step, which is not counted: between two updates they are the same. */
    assert_true(during.launches >= said);
    assert_true(during.launches <= (at_once ? said * 5 / 4 : said));
  }
  assert_int_equal(during.buffers, 0);
  assert_int_equal(during.programs, 0);
  assert_int_equal(during.kernels, 0);
  assert_int_equal(during.reads, 0);
  assert_int_equal(during.finishes, 0);
  assert_int_equal(during.mallocs, 0);
  clgen_trainer_report r;
  OK(clgen_trainer_read(trainer, &r)); /* and the counting counts */
  assert_true(seen.reads > 0);
  clgen_trainer_free(trainer);
  clgen_store_free(store);
  clgen_model_free(model);
}

static void steps_only_launch(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  bool here = is_opencl(device);
  if (here) {
    nothing_but_launches(device, 0);
    if (!is_short()) nothing_but_launches(device, 4);
  }
  clgen_device_close(device);
  if (!here) skip();
}

/* Makes one image, and counts the launches. */
static int make_one(clgen_generator *g, uint8_t pixels[1024]) {
  const float z[3] = {0.5f, -1, 2};
  seen.launches = 0;
  OK(clgen_generator_run(g, 1, z, NULL, pixels));
  return seen.launches;
}

/* What the generator makes that kept its packed weights is what a new one makes. */
static void is_up_to_date(clgen_generator *kept, const clgen_model *model, clgen_store *store, bool packs) {
  uint8_t first[1024], again[1024], expected[1024];
  clgen_generator *fresh;
  const int launches = make_one(kept, first), fewer = make_one(kept, again);
  OK(clgen_generator_create(&fresh, model, store, 1));
  make_one(fresh, expected);
  clgen_generator_free(fresh);
  assert_memory_equal(first, expected, sizeof expected);
  assert_memory_equal(again, expected, sizeof expected);
  if (packs) { /* three layers' weights */
    assert_int_equal(launches, fewer + 3);
    assert_int_equal(fewer, clgen_generator_info(kept)->launches);
  } else {
    assert_int_equal(launches, fewer);
  }
}

/* Weights that are packed for one image are packed anew when they were written, by the host or by another program. */
static void packed_weights_are_kept(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  const bool packs = is_opencl(device) && ((clgen_ocl *)device->impl)->wide;
  clgen_model *model;
  clgen_store *store;
  clgen_generator *kept;
  clgen_trainer *trainer;
  uint8_t images[4 * 1024] = {1, 2, 3}, before[1024], after[1024];
  clgen_model_config m = {.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 8, .ndf = 8, .nz = 3};
  clgen_trainer_config t = small_training(&m, 4, 0);
  t.ema_kimg = 0.001;
  t.lr = 0.1;
  OK(clgen_model_create(&model, &m));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_init(model, store, 3));
  OK(clgen_generator_create(&kept, model, store, 1));
  is_up_to_date(kept, model, store, packs);
  make_one(kept, before);
  OK(clgen_model_init(model, store, 4));
  is_up_to_date(kept, model, store, packs);
  make_one(kept, after);
  assert_memory_not_equal(before, after, sizeof after);
  OK(clgen_trainer_create(&trainer, model, store, &t));
  OK(clgen_trainer_step(trainer, 0, images, NULL));
  is_up_to_date(kept, model, store, packs);
  make_one(kept, before);
  assert_memory_not_equal(before, after, sizeof after);
  clgen_trainer_free(trainer);
  clgen_generator_free(kept);
  clgen_store_free(store);
  clgen_model_free(model);
  clgen_device_close(device);
}

/* Twice the steps between the same ticks: the same number of everything but launches. */
static void a_run_reads_at_ticks_only(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  bool here = is_opencl(device);
  clgen_device_close(device);
  if (!here) skip();
  calls of[3];
  for (int i = 0; i < 3; ++i) { /* the first fills caches */
    clgen_train_options o;
    plan_log log = {0};
    set_defaults(&o, "vae-mlp");
    o.hidden = 8;
    o.batch = 10;
    o.kimg = i == 2 ? 4 : 2;
    o.tick = i == 2 ? 1 : 0.5;
    seen = (calls){0};
    train(&o, &log);
    of[i] = seen;
  }
  assert_true(of[2].launches > of[1].launches * 3 / 2);
  assert_int_equal(of[1].buffers, of[2].buffers);
  assert_int_equal(of[1].programs, of[2].programs);
  assert_int_equal(of[1].kernels, of[2].kernels);
  assert_int_equal(of[1].reads, of[2].reads);
  assert_int_equal(of[1].finishes, of[2].finishes);
}

/* ---- What does not fit ---- */

static int create_trainer(clgen_device *device, int64_t batch, uint64_t *peak) {
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
  clgen_model_config m = {.arch = CLGEN_ARCH_VAE_CONV, .channels = 1, .height = 16, .width = 16, .ngf = 4, .nz = 3};
  clgen_trainer_config t = {.batch = batch, .lr = 1e-4, .optimizer = {.kind = CLGEN_SGD}};
  OK(clgen_model_create(&model, &m));
  OK(clgen_store_create(&store, device));
  int code = clgen_trainer_create(&trainer, model, store, &t);
  if (!code) *peak = clgen_trainer_info(trainer)->memory.peak_bytes;
  clgen_memory all = clgen_store_memory(store);
  assert_true(code ? all.peak_bytes == 0 : all.peak_bytes == *peak); /* what is refused is not counted */
  clgen_trainer_free(trainer);
  clgen_store_free(store);
  clgen_model_free(model);
  return code;
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  clgen_device *device = open_host();
  uint64_t small = 0, large = 0;
  OK(create_trainer(device, 4, &small));
  OK(create_trainer(device, 400, &large));
  assert_true(small < large);
  uint64_t have = device->info.global_bytes;
  device->info.global_bytes = large - 1;
  OK(create_trainer(device, 4, &small));
  assert_int_equal(create_trainer(device, 400, &large), CLGEN_E_NOMEM);
  assert_non_null(strstr(clgen_last_error(), "GiB too much"));
  device->info.global_bytes = large;
  OK(create_trainer(device, 400, &large));
  device->info.global_bytes = have;
  device->info.max_alloc_bytes = 400 * 4 * 8 * 8 * 4 - 1; /* its largest tensor */
  OK(create_trainer(device, 4, &small));
  assert_int_equal(create_trainer(device, 400, &large), CLGEN_E_NOMEM);
  assert_non_null(strstr(clgen_last_error(), "in each of"));
  device->info.max_alloc_bytes = 400 * 16 * 16 - 1; /* the images */
  assert_int_equal(create_trainer(device, 400, &large), CLGEN_E_NOMEM);
  assert_non_null(strstr(clgen_last_error(), "in each of"));
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_only_launch),
      cmocka_unit_test(packed_weights_are_kept),
      cmocka_unit_test(a_run_reads_at_ticks_only),
      cmocka_unit_test(a_plan_is_right),
      cmocka_unit_test(what_does_not_fit_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
