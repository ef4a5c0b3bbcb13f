/* The table of functions of the host backend. A run happens in the call that asks for it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/host/backend_host.h"
#include "backend/host/host.h"
#include "base/base.h"
#include "config.h"

struct clgen_plan {
  clgen_step *steps;
  size_t n;
  double *sums; /* enough for the step that needs most */
};

static uint64_t memory_bytes(void) {
#ifdef _SC_PHYS_PAGES
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  if (pages > 0 && size > 0) return (uint64_t)pages * (uint64_t)size;
#endif
  return SIZE_MAX / 2;
}

static bool little_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}

static int host_find(clgen_device_list *list) {
  clgen_device_info info = {.spec = "host",
                            .backend = "host",
                            .type = CLGEN_DEVICE_HOST,
                            .compute_units = 1,
                            .max_work_group = 1,
                            .max_work_item = {1, 1, 1},
                            .base_align_bytes = sizeof(double),
                            .vector_width = 1,
                            .fp64 = true,
                            .unified_memory = true,
                            .compiler = true,
                            .little_endian = little_endian(),
                            .status = CLGEN_DEVICE_OK};
  info.global_bytes = info.max_alloc_bytes = memory_bytes();
  info.name = clgen_strdup("reference in plain C");
  info.platform = clgen_strdup("host");
  info.driver = clgen_strdup("clgen " CLGEN_VERSION);
  info.version = clgen_strdup("C11");
  return clgen_device_list_add(list, &info);
}

static int host_open(void **impl, const clgen_device_info *info, const clgen_device_options *options) {
  (void)info, (void)options;
  *impl = NULL; /* there is nothing to hold */
  return 0;
}

static void host_close(void *impl) { (void)impl; }

static int host_finish(void *impl) {
  (void)impl;
  return 0;
}

static bool host_supports(void *impl, const clgen_step *step) {
  (void)impl;
  return clgen_host_check(step, false) == 0;
}

static int host_buffer_create(void *impl, size_t bytes, clgen_buffer **out) {
  (void)impl;
  clgen_buffer *b = malloc(sizeof *b);
  unsigned char *data = calloc(bytes ? bytes : 1, 1);
  if (!b || !data) {
    free(b);
    free(data);
    return clgen_fail_nomem(bytes);
  }
  *b = (clgen_buffer){bytes, data};
  *out = b;
  return 0;
}

static void host_buffer_free(void *impl, clgen_buffer *b) {
  (void)impl;
  if (!b) return;
  free(b->data);
  free(b);
}

static int check_range(const clgen_buffer *b, size_t offset, size_t bytes) {
  if (offset <= b->bytes && bytes <= b->bytes - offset) return 0;
  return clgen_fail(CLGEN_E_INVALID, "host: bytes %zu to %zu are outside of a buffer of %zu bytes", offset, offset + bytes,
                    b->bytes);
}

static int host_buffer_write(void *impl, clgen_buffer *b, size_t offset, size_t bytes, const void *data) {
  (void)impl;
  int err = check_range(b, offset, bytes);
  if (!err && bytes) memcpy(b->data + offset, data, bytes);
  return err;
}

static int host_buffer_read(void *impl, clgen_buffer *b, size_t offset, size_t bytes, void *data) {
  (void)impl;
  int err = check_range(b, offset, bytes);
  if (!err && bytes) memcpy(data, b->data + offset, bytes);
  return err;
}

static size_t most_sums(const clgen_step *steps, size_t n) {
  size_t sums = 1;
  for (size_t k = 0; k < n; ++k) {
    size_t need = clgen_host_sums(&steps[k]);
    if (need > sums) sums = need;
  }
  return sums;
}

static int host_needs(void *impl, const clgen_step *steps, size_t n, clgen_plan_needs *out) {
  (void)impl;
  *out = (clgen_plan_needs){.scratch_bytes = most_sums(steps, n) * sizeof(double), .launches = n};
  return CLGEN_OK;
}

static void host_plan_free(void *impl, clgen_plan *plan) {
  (void)impl;
  if (!plan) return;
  free(plan->steps);
  free(plan->sums);
  free(plan);
}

static int host_plan_create(void *impl, const clgen_step *steps, size_t n, clgen_plan **out) {
  for (size_t k = 0; k < n; ++k) {
    int err = clgen_host_check(&steps[k], true);
    if (err) return err;
  }
  size_t sums = most_sums(steps, n);
  clgen_plan *plan = calloc(1, sizeof *plan);
  if (!plan) return clgen_fail_nomem(sizeof *plan);
  plan->n = n;
  plan->steps = malloc((n ? n : 1) * sizeof *steps);
  plan->sums = malloc(sums * sizeof *plan->sums);
  if (!plan->steps || !plan->sums) {
    host_plan_free(impl, plan);
    return clgen_fail_nomem(n * sizeof *steps + sums * sizeof(double));
  }
  if (n) memcpy(plan->steps, steps, n * sizeof *steps);
  *out = plan;
  return 0;
}

static int host_plan_run(void *impl, clgen_plan *plan) {
  (void)impl;
  for (size_t k = 0; k < plan->n; ++k) {
    const clgen_step *s = &plan->steps[k];
    switch (s->kind) {
      case CLGEN_STEP_MAP: clgen_host_map(s); break;
      case CLGEN_STEP_REDUCE: clgen_host_reduce(s); break;
      case CLGEN_STEP_MATMUL: clgen_host_matmul(s, plan->sums); break;
      case CLGEN_STEP_CONV2D: clgen_host_conv2d(s, plan->sums); break;
      case CLGEN_STEP_CONV2D_INPUT_GRAD: clgen_host_conv2d_input_grad(s, plan->sums); break;
      case CLGEN_STEP_CONV2D_WEIGHT_GRAD: clgen_host_conv2d_weight_grad(s); break;
      case CLGEN_STEP_AFFINE_SAMPLE: clgen_host_affine_sample(s); break;
      case CLGEN_STEP_AFFINE_SAMPLE_GRAD: clgen_host_affine_sample_grad(s, plan->sums); break;
      case CLGEN_STEP_KINDS: break;
    }
  }
  return 0;
}

const clgen_backend clgen_backend_host = {
    .name = "host",
    .find = host_find,
    .open = host_open,
    .close = host_close,
    .finish = host_finish,
    .supports = host_supports,
    .buffer_create = host_buffer_create,
    .buffer_free = host_buffer_free,
    .buffer_write = host_buffer_write,
    .buffer_read = host_buffer_read,
    .needs = host_needs,
    .plan_create = host_plan_create,
    .plan_free = host_plan_free,
    .plan_run = host_plan_run,
};
