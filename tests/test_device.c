/* Choosing a device, and probing one. Finding and opening OpenCL's is in test_opencl_device.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"
#include "device/list.h"
#include "device/probe.h"

/* ---- Lists ------------------------------------------------------------------------------------------------------ */

typedef struct {
  const char *spec, *name, *platform;
  clgen_device_type type;
  unsigned units;
  clgen_device_status status;
} entry;

static void add(clgen_device_list *list, const entry *e) {
  clgen_device_info info = {.type = e->type, .compute_units = e->units, .clock_mhz = 1000, .status = e->status};
  snprintf(info.spec, sizeof info.spec, "%s", e->spec);
  snprintf(info.backend, sizeof info.backend, "opencl");
  info.name = clgen_strdup(e->name);
  info.platform = clgen_strdup(e->platform);
  if (e->status != CLGEN_DEVICE_OK) info.reason = clgen_strdup("of the weather");
  assert_int_equal(clgen_device_list_add(list, &info), CLGEN_OK);
}

static clgen_device_list *list_of(const entry *entries, size_t n) {
  clgen_device_list *list = NULL;
  assert_int_equal(clgen_device_list_create(&list), CLGEN_OK);
  for (size_t i = 0; i < n; i++) add(list, &entries[i]);
  return list;
}
#define LIST(...) list_of((const entry[]){__VA_ARGS__}, sizeof((const entry[]){__VA_ARGS__}) / sizeof(entry))

#define OK CLGEN_DEVICE_OK
#define BAD CLGEN_DEVICE_UNUSABLE
#define HOST \
  { "host", "reference in plain C", "host", CLGEN_DEVICE_HOST, 1, OK }

static clgen_device_list *workstation(void) {
  return LIST(HOST, {"0:0", "AMD EPYC pthread", "Portable Computing Language", CLGEN_DEVICE_CPU, 8, OK},
              {"1:0", "Arc 370M", "Intel(R) OpenCL Graphics", CLGEN_DEVICE_GPU_INTEGRATED, 90, OK},
              {"2:0", "Radeon Pro W6400", "rusticl", CLGEN_DEVICE_GPU_DISCRETE, 12, OK},
              {"2:1", "Radeon Pro W6800", "rusticl", CLGEN_DEVICE_GPU_DISCRETE, 60, OK},
              {"3:0", "FPGA board", "Vendor SDK", CLGEN_DEVICE_ACCELERATOR, 1, OK},
              {"2:10", "Radeon broken", "rusticl", CLGEN_DEVICE_GPU_DISCRETE, 99, BAD});
}

static const char *selected(const clgen_device_list *list, const char *spec) {
  size_t index = 999;
  if (clgen_devices_select(list, spec, &index) != CLGEN_OK) fail_msg("'%s': %s", spec ? spec : "NULL", clgen_last_error());
  return clgen_devices_get(list, index)->spec;
}

static void refused(const clgen_device_list *list, const char *spec, const char *const *words) {
  size_t index;
  assert_int_equal(clgen_devices_select(list, spec, &index), CLGEN_E_NOTFOUND);
  for (; *words; words++)
    if (!strstr(clgen_last_error(), *words)) fail_msg("'%s' is not in: %s", *words, clgen_last_error());
}
#define REFUSED(list, spec, ...) refused(list, spec, (const char *const[]){__VA_ARGS__, NULL})

static void test_list(void **state) {
  (void)state;
  clgen_device_list *list = workstation();
  assert_int_equal(clgen_devices_count(list), 7);
  assert_string_equal(clgen_devices_get(list, 6)->spec, "host"); /* the last, though it came first */
  assert_string_equal(clgen_devices_get(list, 0)->spec, "0:0");
  assert_null(clgen_devices_get(list, 7));
  const clgen_device_info *d = clgen_devices_get(list, 0);
  const char *const strings[] = {d->name,      d->vendor,     d->platform, d->platform_version, d->driver, d->version,
                                 d->c_version, d->extensions, d->reason};
  for (size_t i = 0; i < CLGEN_COUNT(strings); i++) assert_non_null(strings[i]);
  assert_string_equal(clgen_devices_platform_line(list, 0), "");
  assert_int_equal(clgen_device_list_add_platform(list, "rusticl: no devices"), CLGEN_OK);
  assert_int_equal(clgen_devices_platform_count(list), 1);
  assert_string_equal(clgen_devices_platform_line(list, 0), "rusticl: no devices");
  clgen_devices_free(list);
  clgen_devices_free(NULL);
}

static void test_select(void **state) {
  (void)state;
  static const char *const pairs[][2] = {{"0:0", "0:0"},        {"2:1", "2:1"},      {"2:10", "2:10"},
                                         {"host", "host"},      {"HOST", "host"},    {"gpu", "2:1"},
                                         {"gpu:0", "2:1"},      {"gpu:1", "2:0"},    {"GPU:2", "1:0"},
                                         {"cpu", "0:0"},        {"cpu:0", "0:0"},    {"accel", "3:0"},
                                         {"Accel:0", "3:0"},    {"arc", "1:0"},      {"W6400", "2:0"},
                                         {"epyc", "0:0"},       {"portable", "0:0"}, {"Radeon Pro W6800", "2:1"},
                                         {"vendor sdk", "3:0"}, {"intel(r)", "1:0"}, {"RADEON BROKEN", "2:10"}};
  clgen_device_list *list = workstation();
  for (size_t i = 0; i < CLGEN_COUNT(pairs); i++) assert_string_equal(selected(list, pairs[i][0]), pairs[i][1]);
  clgen_devices_free(list);
}

static void test_refused(void **state) {
  (void)state;
  clgen_device_list *list = workstation();
  REFUSED(list, "radeon pro", "ambiguous", "2:0", "W6400", "2:1", "W6800");
  REFUSED(list, "geforce", "geforce", "not found", "0:0", "Arc 370M", "host", "unusable: of the weather");
  REFUSED(list, "5:0", "not found", "0:0");
  REFUSED(list, "2:2", "not found", "2:0");
  REFUSED(list, "gpu:4", "not found", "2:0");
  REFUSED(list, "cpu:1", "not found", "0:0");
  REFUSED(list, "gpu:x", "not found");
  REFUSED(list, "accel:99999999999999999999", "not found");
  REFUSED(list, "reference", "not found"); /* the host only by its own name */
  assert_null(strstr(clgen_last_error(), "OCL_ICD_VENDORS"));
  clgen_devices_free(list);
}

/* A name that fits several devices, of which one can be used, means that one; a whole name beats a piece. */
static void test_names(void **state) {
  (void)state;
  clgen_device_list *list =
      LIST({"0:0", "Twin", "A", CLGEN_DEVICE_CPU, 8, BAD}, {"1:0", "Twin", "B", CLGEN_DEVICE_CPU, 8, OK},
           {"2:0", "Twin II", "C", CLGEN_DEVICE_CPU, 8, OK}, HOST);
  assert_string_equal(selected(list, "twin"), "1:0");
  assert_string_equal(selected(list, "twin i"), "2:0");
  REFUSED(list, "win", "ambiguous", "1:0", "2:0");
  clgen_devices_free(list);
}

static void test_automatic(void **state) {
  (void)state;
  /* from the worst to the best: each addition takes over */
  static const entry order[] = {{"5:0", "other", "p", CLGEN_DEVICE_OTHER, 100, OK},
                                {"4:0", "cpu", "p", CLGEN_DEVICE_CPU, 64, CLGEN_DEVICE_LIMITED},
                                {"4:1", "cpu", "p", CLGEN_DEVICE_CPU, 4, OK},
                                {"4:2", "cpu", "p", CLGEN_DEVICE_CPU, 8, OK},
                                {"3:0", "accel", "p", CLGEN_DEVICE_ACCELERATOR, 1, OK},
                                {"2:0", "igpu", "p", CLGEN_DEVICE_GPU_INTEGRATED, 96, CLGEN_DEVICE_LIMITED},
                                {"2:1", "igpu", "p", CLGEN_DEVICE_GPU_INTEGRATED, 24, OK},
                                {"1:0", "gpu", "p", CLGEN_DEVICE_GPU_DISCRETE, 2, OK}};
  const entry host = HOST;
  for (size_t n = 1; n <= CLGEN_COUNT(order); n++)
    for (int backwards = 0; backwards < 2; backwards++) {
      clgen_device_list *list = list_of(&host, 1);
      add(list, &(entry){"0:0", "gpu", "p", CLGEN_DEVICE_GPU_DISCRETE, 100, BAD}); /* passed over */
      for (size_t i = 0; i < n; i++) add(list, &order[backwards ? n - 1 - i : i]);
      assert_string_equal(selected(list, NULL), order[n - 1].spec);
      assert_string_equal(selected(list, ""), order[n - 1].spec);
      clgen_devices_free(list);
    }
}

static void test_nothing(void **state) {
  (void)state;
  clgen_device_list *list = LIST(HOST);
  REFUSED(list, NULL, "no usable OpenCL device", "pocl-opencl-icd", "OCL_ICD_VENDORS", "--device host");
  REFUSED(list, "gpu", "not found", "pocl-opencl-icd", "OCL_ICD_VENDORS");
  assert_string_equal(selected(list, "host"), "host");
  clgen_devices_free(list);
  list = LIST({"0:0", "old card", "p", CLGEN_DEVICE_GPU_DISCRETE, 100, BAD}, HOST);
  REFUSED(list, NULL, "no usable OpenCL device", "old card", "unusable: of the weather", "OCL_ICD_VENDORS");
  assert_string_equal(selected(list, "gpu"), "0:0"); /* opening it says why it cannot be used */
  clgen_devices_free(list);
}

/* Vectors in kernels are for CPUs. VideoCore and Mali have local memory that is ordinary memory, too. */
static void test_cpu_like(void **state) {
  (void)state;
  static const struct {
    clgen_device_info info;
    bool cpu_like;
  } rows[] = {
      {{.type = CLGEN_DEVICE_CPU, .vector_width = 8}, true},
      {{.type = CLGEN_DEVICE_CPU, .vector_width = 4}, true},
      {{.type = CLGEN_DEVICE_CPU, .vector_width = 16, .local_is_dedicated = true}, true},
      {{.type = CLGEN_DEVICE_CPU, .vector_width = 1}, false}, /* llvmpipe */
      {{.type = CLGEN_DEVICE_CPU, .vector_width = 0}, false},
      {{.type = CLGEN_DEVICE_GPU_INTEGRATED, .vector_width = 16, .unified_memory = true}, false}, /* VideoCore */
      {{.type = CLGEN_DEVICE_GPU_INTEGRATED, .vector_width = 4, .unified_memory = true}, false},  /* Mali */
      {{.type = CLGEN_DEVICE_GPU_DISCRETE, .vector_width = 4}, false},
      {{.type = CLGEN_DEVICE_ACCELERATOR, .vector_width = 16}, false},
      {{.type = CLGEN_DEVICE_OTHER, .vector_width = 16}, false},
  };
  for (size_t i = 0; i < CLGEN_COUNT(rows); i++)
    if (clgen_device_is_cpu_like(&rows[i].info) != rows[i].cpu_like) fail_msg("row %zu", i);
}

/* Two cards, the first of them under two drivers, of which the second offers more. */
static void test_same_device(void **state) {
  (void)state;
  clgen_device_list *list = LIST({"0:0", "card", "old", CLGEN_DEVICE_GPU_DISCRETE, 10, CLGEN_DEVICE_LIMITED},
                                 {"1:0", "card", "new", CLGEN_DEVICE_GPU_DISCRETE, 10, OK},
                                 {"1:1", "small card", "new", CLGEN_DEVICE_GPU_DISCRETE, 5, OK},
                                 {"2:0", "cpu", "p", CLGEN_DEVICE_CPU, 5, OK}, HOST);
  static const char *const pci[] = {"0000:65:00.0", "0000:65:00.0", "0001:03:00.0", "", ""};
  for (size_t i = 0; i < CLGEN_COUNT(pci); i++) snprintf(clgen_devices_change(list, i)->pci, 16, "%s", pci[i]);
  snprintf(clgen_devices_change(list, 2)->uuid, 40, "%s", "30313233-3435-3637-3839-616263646566");
  clgen_devices_mark_same(list);
  assert_string_equal(clgen_devices_get(list, 0)->same_as, "1:0");
  for (size_t i = 1; i < 5; i++) assert_string_equal(clgen_devices_get(list, i)->same_as, "");
  size_t order[5], total, n = clgen_devices_rank(list, order, &total);
  static const size_t expected[] = {1, 2, 3, 0};
  assert_int_equal(n, 3);
  assert_int_equal(total, 4);
  assert_memory_equal(order, expected, sizeof expected);
  static const char *const pairs[][2] = {{NULL, "1:0"},
                                         {"gpu:1", "1:1"},
                                         {"0:0", "0:0"},
                                         {"65:00.0", "1:0"},
                                         {"0000:65:00.0", "1:0"},
                                         {"0001:03:00.0", "1:1"},
                                         {"30313233-3435-3637-3839-616263646566", "1:1"}};
  for (size_t i = 0; i < CLGEN_COUNT(pairs); i++) assert_string_equal(selected(list, pairs[i][0]), pairs[i][1]);
  REFUSED(list, "03:00.0", "not found"); /* in another domain */
  REFUSED(list, "gpu:2", "not found");
  clgen_devices_free(list);
}

static void test_sort_by_speed(void **state) {
  (void)state;
  size_t order[] = {4, 7, 1, 0, 2};
  double speed[] = {10, 20, -1, 10, 300};
  clgen_devices_sort(order, speed, 5);
  assert_memory_equal(order, ((size_t[]){2, 7, 4, 0, 1}), sizeof order);
  assert_true(speed[0] == 300 && speed[1] == 20 && speed[2] == 10 && speed[3] == 10 && speed[4] == -1);
}

/* ---- Opening ---------------------------------------------------------------------------------------------------- */

typedef struct {
  int n;
  char text[4096];
} journal;

static void keep(void *user, clgen_log_level level, const char *message) {
  journal *j = user;
  if (level == CLGEN_LOG_DEBUG) return;
  size_t at = strlen(j->text);
  snprintf(j->text + at, sizeof j->text - at, "%s\n", message);
  j->n++;
}

static void test_open_host(void **state) {
  (void)state;
  journal j = {0};
  clgen_device_options options = {.log = {keep, &j}};
  clgen_device *d = NULL;
  assert_int_equal(clgen_device_open(&d, "host", &options), CLGEN_OK);
  assert_string_equal(clgen_device_get_info(d)->spec, "host");
  assert_non_null(strstr(j.text, "slow"));
  assert_int_equal(clgen_device_finish(d), CLGEN_OK);
  assert_int_equal(clgen_device_profile_count(d), 0);
  clgen_profile_row row;
  assert_int_equal(clgen_device_profile_get(d, 0, &row), CLGEN_E_NOTFOUND);
  clgen_device_profile_reset(d);
  clgen_device_close(d);
  clgen_device_close(NULL);
  assert_int_equal(clgen_device_open(&d, "no such device", NULL), CLGEN_E_NOTFOUND);
  assert_null(d);
}

static void test_environment(void **state) {
  (void)state;
  clgen_device *d = NULL;
  assert_int_equal(setenv("CLGEN_DEVICE", "host", 1), 0);
  assert_int_equal(clgen_device_open(&d, NULL, NULL), CLGEN_OK);
  assert_string_equal(clgen_device_get_info(d)->spec, "host");
  clgen_device_close(d);
  assert_int_equal(setenv("CLGEN_DEVICE", "no such device", 1), 0);
  assert_int_equal(clgen_device_open(&d, NULL, NULL), CLGEN_E_NOTFOUND);
  assert_non_null(strstr(clgen_last_error(), "CLGEN_DEVICE"));
  assert_int_equal(clgen_device_open(&d, "host", NULL), CLGEN_OK); /* what is said outright counts for more */
  clgen_device_close(d);
  assert_int_equal(unsetenv("CLGEN_DEVICE"), 0);
}

/* The automatic choice is never the host, and says how to pin itself; without a device, what to do. */
static void test_open_automatic(void **state) {
  (void)state;
  journal j = {0};
  clgen_device_options options = {.log = {keep, &j}, .no_cache = true, .no_tune = true};
  clgen_device *d = NULL;
  unsetenv("CLGEN_DEVICE");
  int code = clgen_device_open(&d, NULL, &options);
  if (code == CLGEN_OK) {
    const clgen_device_info *info = clgen_device_get_info(d);
    assert_int_not_equal(info->type, CLGEN_DEVICE_HOST);
    char pin[64];
    snprintf(pin, sizeof pin, "CLGEN_DEVICE=%s", info->pci[0] ? info->pci : info->uuid[0] ? info->uuid : info->spec);
    char *said = strstr(j.text, pin);
    assert_non_null(said);
    assert_null(strstr(said + 1, pin)); /* once */
    j = (journal){0};
    char spec[32];
    snprintf(spec, sizeof spec, "%s", info->spec);
    clgen_device_close(d);
    assert_int_equal(clgen_device_open(&d, spec, &options), CLGEN_OK);
    assert_null(strstr(j.text, "CLGEN_DEVICE")); /* not of a device that was named */
    clgen_device_close(d);
  } else {
    assert_int_equal(code, CLGEN_E_NOTFOUND);
    assert_non_null(strstr(clgen_last_error(), "OCL_ICD_VENDORS"));
  }
}

/* ---- Probing ---------------------------------------------------------------------------------------------------- */

/* The host with faults. */
static const clgen_backend *host;
static unsigned faulty_kinds; /* a bit mask */
static int faulty_op;         /* of maps */

static bool is_faulty(const clgen_step *s) {
  if (s->kind == CLGEN_STEP_MAP) return faulty_op >= 0 && s->instr[s->n_instrs - 1].op == (clgen_ew_op)faulty_op;
  return faulty_kinds >> s->kind & 1;
}

static bool refuse(void *impl, const clgen_step *s) {
  if (!is_faulty(s)) return host->supports(impl, s);
  clgen_fail(CLGEN_E_UNSUPPORTED, "this test refuses it\nand says more");
  return false;
}

/* A plan that computes rightly and then spoils the results of the faulty steps. */
typedef struct {
  clgen_plan *plan;
  clgen_buffer **spoilt;
  size_t n;
} wrong_plan;

static int wrong_create(void *impl, const clgen_step *steps, size_t n, clgen_plan **out) {
  wrong_plan *w = calloc(1, sizeof *w);
  assert_non_null(w);
  w->spoilt = calloc(n, sizeof *w->spoilt);
  assert_non_null(w->spoilt);
  for (size_t i = 0; i < n; i++)
    if (is_faulty(&steps[i])) w->spoilt[w->n++] = steps[i].out[0].buffer;
  *out = (clgen_plan *)w;
  return host->plan_create(impl, steps, n, &w->plan);
}
static void wrong_free(void *impl, clgen_plan *plan) {
  wrong_plan *w = (wrong_plan *)plan;
  host->plan_free(impl, w->plan);
  free(w->spoilt);
  free(w);
}
static int wrong_run(void *impl, clgen_plan *plan) {
  wrong_plan *w = (wrong_plan *)plan;
  int code = host->plan_run(impl, w->plan);
  for (size_t i = 0; i < w->n && code == CLGEN_OK; i++) {
    float first;
    host->buffer_read(impl, w->spoilt[i], 0, sizeof first, &first);
    first += 0.01f;
    code = host->buffer_write(impl, w->spoilt[i], 0, sizeof first, &first);
  }
  return code;
}

static int refuse_build(void *impl, const clgen_step *steps, size_t n, clgen_plan **out) {
  (void)impl, (void)steps, (void)n, (void)out;
  return clgen_fail(CLGEN_E_DEVICE, "the compiler is on strike");
}

typedef struct {
  clgen_device device;
  clgen_backend backend;
  clgen_device_probe_result result;
  int code;
} trial;

static void probe_with(trial *t, unsigned kinds, int op, void (*break_it)(clgen_backend *)) {
  size_t n;
  const clgen_backend *const *backends = clgen_backends(&n);
  host = NULL;
  for (size_t i = 0; i < n; i++)
    if (strcmp(backends[i]->name, "host") == 0) host = backends[i];
  assert_non_null(host);
  faulty_kinds = kinds;
  faulty_op = op;
  t->backend = *host;
  break_it(&t->backend);
  t->device = (clgen_device){.backend = &t->backend};
  clgen_device_list *list = LIST({"7:0", "trial", "p", CLGEN_DEVICE_CPU, 1, OK});
  assert_int_equal(clgen_device_info_copy(&t->device.info, clgen_devices_get(list, 0)), CLGEN_OK);
  t->device.info.max_alloc_bytes = 1 << 20; /* little to copy: the reference is slow */
  clgen_devices_free(list);
  t->code = clgen_device_probe(&t->device, &t->result);
}

static void end_trial(trial *t) { clgen_device_info_clear(&t->device.info); }

static void no_fault(clgen_backend *b) { (void)b; }
static void fault_refuses(clgen_backend *b) { b->supports = refuse; }
static void fault_wrong(clgen_backend *b) {
  b->plan_create = wrong_create;
  b->plan_free = wrong_free;
  b->plan_run = wrong_run;
}
static void fault_builds(clgen_backend *b) { b->plan_create = refuse_build; }

static void test_probe_good(void **state) {
  (void)state;
  trial t;
  probe_with(&t, 0, -1, no_fault);
  assert_int_equal(t.code, CLGEN_OK);
  assert_int_equal(t.device.info.status, CLGEN_DEVICE_OK);
  assert_string_equal(t.device.info.reason, "");
  assert_true(t.result.gemm_max_error == 0 && t.result.conv_max_error == 0); /* the host is compared with itself */
  assert_true(t.result.gemm_gflops > 0 && t.result.copy_gb_per_s > 0 && t.result.launch_us > 0 && t.result.compile_s >= 0);
  end_trial(&t);
}

static void test_probe_wrong(void **state) {
  (void)state;
  trial t;
  probe_with(&t, 1u << CLGEN_STEP_MATMUL, CLGEN_EW_SOFTPLUS, fault_wrong);
  assert_int_equal(t.code, CLGEN_OK);
  assert_int_equal(t.device.info.status, CLGEN_DEVICE_LIMITED);
  const char *first = "matmul: wrong results (error ", *second = "; softplus: wrong results (error ";
  assert_int_equal(strncmp(t.device.info.reason, first, strlen(first)), 0);
  char *rest = strstr(t.device.info.reason, second);
  assert_non_null(rest);
  assert_null(strchr(rest + 1, ';')); /* and nothing else */
  assert_true(t.result.gemm_max_error > 1e-4 && t.result.gemm_max_error < 1);
  assert_true(t.result.conv_max_error == 0);
  end_trial(&t);
  static const clgen_step_kind kinds[] = {CLGEN_STEP_REDUCE, CLGEN_STEP_CONV2D, CLGEN_STEP_CONV2D_INPUT_GRAD,
                                          CLGEN_STEP_CONV2D_WEIGHT_GRAD};
  unsigned mask = 0;
  for (size_t i = 0; i < CLGEN_COUNT(kinds); i++) mask |= 1u << kinds[i];
  probe_with(&t, mask, CLGEN_EW_RANDOM_NORMAL, fault_wrong);
  assert_true(t.result.gemm_max_error == 0 && t.result.conv_max_error > 1e-4);
  assert_non_null(strstr(t.device.info.reason, "random_normal: wrong results"));
  for (size_t i = 0; i < CLGEN_COUNT(kinds); i++) {
    char expected[64];
    snprintf(expected, sizeof expected, "%s: wrong results", clgen_step_kind_name(kinds[i]));
    if (!strstr(t.device.info.reason, expected)) fail_msg("'%s' is not in '%s'", expected, t.device.info.reason);
  }
  end_trial(&t);
  probe_with(&t, 1u << CLGEN_STEP_AFFINE_SAMPLE | 1u << CLGEN_STEP_AFFINE_SAMPLE_GRAD, -1, fault_wrong);
  assert_non_null(strstr(t.device.info.reason, "affine_sample: wrong results"));
  assert_non_null(strstr(t.device.info.reason, "affine_sample_grad: wrong results"));
  end_trial(&t);
}

static void test_probe_unsupported(void **state) {
  (void)state;
  trial t;
  probe_with(&t, 0, CLGEN_EW_POW, fault_refuses);
  assert_int_equal(t.code, CLGEN_OK);
  assert_int_equal(t.device.info.status, CLGEN_DEVICE_LIMITED);
  assert_string_equal(t.device.info.reason, "pow: this test refuses it");
  end_trial(&t);
  probe_with(&t, 1u << CLGEN_STEP_MATMUL, -1, fault_refuses);
  assert_int_equal(t.device.info.status, CLGEN_DEVICE_LIMITED);
  assert_true(t.result.gemm_max_error > 1e30 && t.result.gemm_gflops == 0);
  end_trial(&t);
}

static void test_probe_no_compiler(void **state) {
  (void)state;
  trial t;
  probe_with(&t, 0, -1, fault_builds);
  assert_int_equal(t.code, CLGEN_E_DEVICE);
  assert_non_null(strstr(clgen_last_error(), "7:0"));
  assert_non_null(strstr(clgen_last_error(), "on strike"));
  end_trial(&t);
}

/* Every operation has an example, and the reference runs it. */
static void test_examples(void **state) {
  (void)state;
  clgen_device *d = NULL;
  assert_int_equal(clgen_device_open(&d, "host", NULL), CLGEN_OK);
  unsigned kinds = 0;
  for (size_t i = 0; i < clgen_example_count(); i++) {
    clgen_step s;
    clgen_example_get(i, &s);
    kinds |= 1u << s.kind;
    assert_string_equal(clgen_example_name(i), s.label);
    if (!d->backend->supports(d->impl, &s)) fail_msg("%s: %s", s.label, clgen_last_error());
    if (i < CLGEN_EW_COUNT) assert_int_equal(s.instr[s.n_instrs - 1].op, i);
  }
  assert_int_equal(kinds, (1u << CLGEN_STEP_KINDS) - 1);
  clgen_device_close(d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_list),
      cmocka_unit_test(test_select),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_automatic),
      cmocka_unit_test(test_nothing),
      cmocka_unit_test(test_cpu_like),
      cmocka_unit_test(test_same_device),
      cmocka_unit_test(test_sort_by_speed),
      cmocka_unit_test(test_open_host),
      cmocka_unit_test(test_environment),
      cmocka_unit_test(test_open_automatic),
      cmocka_unit_test(test_probe_good),
      cmocka_unit_test(test_probe_wrong),
      cmocka_unit_test(test_probe_unsupported),
      cmocka_unit_test(test_probe_no_compiler),
      cmocka_unit_test(test_examples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
