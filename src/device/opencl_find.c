/* Finding OpenCL devices. One table row for each property; a query that fails leaves its value empty. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "device/opencl.h"

/* Everything asked of a device. */
typedef struct {
  clgen_device_info info;
  char *profile;
  cl_device_type type;
  cl_bool available, compiler, little_endian, unified_memory;
  cl_uint align_bits;
  cl_device_local_mem_type local_type;
  cl_device_fp_config single_config, double_config;
} answers;

typedef enum { TEXT, FIXED, SIZES } property_form;
typedef struct {
  cl_device_info what;
  const char *name;
  property_form form;
  bool needed;         /* without it no memory and no launch can be planned */
  size_t offset, size; /* in answers */
} property;

#define TEXT_OF(what, member) \
  { what, #what, TEXT, false, offsetof(answers, member), sizeof(char *) }
#define VALUE_OF(what, member, type) \
  { what, #what, FIXED, false, offsetof(answers, member), sizeof(type) }
#define NEEDED(what, member, type) \
  { what, #what, FIXED, true, offsetof(answers, member), sizeof(type) }
static const property properties[] = {
    TEXT_OF(CL_DEVICE_NAME, info.name),
    TEXT_OF(CL_DEVICE_VENDOR, info.vendor),
    TEXT_OF(CL_DRIVER_VERSION, info.driver),
    TEXT_OF(CL_DEVICE_VERSION, info.version),
    TEXT_OF(CL_DEVICE_OPENCL_C_VERSION, info.c_version),
    TEXT_OF(CL_DEVICE_EXTENSIONS, info.extensions),
    TEXT_OF(CL_DEVICE_PROFILE, profile),
    VALUE_OF(CL_DEVICE_TYPE, type, cl_device_type),
    VALUE_OF(CL_DEVICE_AVAILABLE, available, cl_bool),
    VALUE_OF(CL_DEVICE_COMPILER_AVAILABLE, compiler, cl_bool),
    VALUE_OF(CL_DEVICE_ENDIAN_LITTLE, little_endian, cl_bool),
    VALUE_OF(CL_DEVICE_HOST_UNIFIED_MEMORY, unified_memory, cl_bool),
    VALUE_OF(CL_DEVICE_MAX_COMPUTE_UNITS, info.compute_units, cl_uint),
    VALUE_OF(CL_DEVICE_MAX_CLOCK_FREQUENCY, info.clock_mhz, cl_uint),
    VALUE_OF(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, info.vector_width, cl_uint),
    VALUE_OF(CL_DEVICE_MEM_BASE_ADDR_ALIGN, align_bits, cl_uint),
    NEEDED(CL_DEVICE_GLOBAL_MEM_SIZE, info.global_bytes, cl_ulong),
    NEEDED(CL_DEVICE_MAX_MEM_ALLOC_SIZE, info.max_alloc_bytes, cl_ulong),
    VALUE_OF(CL_DEVICE_LOCAL_MEM_SIZE, info.local_bytes, cl_ulong),
    VALUE_OF(CL_DEVICE_LOCAL_MEM_TYPE, local_type, cl_device_local_mem_type),
    VALUE_OF(CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, info.cache_bytes, cl_ulong),
    NEEDED(CL_DEVICE_MAX_WORK_GROUP_SIZE, info.max_work_group, size_t),
    {CL_DEVICE_MAX_WORK_ITEM_SIZES, "CL_DEVICE_MAX_WORK_ITEM_SIZES", SIZES, false, offsetof(answers, info.max_work_item),
     3 * sizeof(size_t)},
    VALUE_OF(CL_DEVICE_SINGLE_FP_CONFIG, single_config, cl_device_fp_config),
    VALUE_OF(CL_DEVICE_DOUBLE_FP_CONFIG, double_config, cl_device_fp_config),
};
_Static_assert(sizeof(cl_uint) == sizeof(unsigned) && sizeof(cl_ulong) == sizeof(uint64_t), "read in place");

#define MAX_TEXT ((size_t)1 << 20)

/* Drivers' strings have ends cut off, blanks around them, and sometimes bytes that are no text. */
static void clean_text(char *s) {
  size_t n = strlen(s), first = strspn(s, " \t\r\n");
  while (n > first && strchr(" \t\r\n", s[n - 1])) n--;
  memmove(s, s + first, n - first);
  s[n - first] = 0;
  for (; *s; s++)
    if ((unsigned char)*s < ' ' || (unsigned char)*s > '~') *s = '?';
}

typedef cl_int (*text_query)(const void *object, cl_uint what, size_t size, void *value, size_t *needed);
static cl_int ask_device(const void *object, cl_uint what, size_t size, void *value, size_t *needed) {
  return clGetDeviceInfo((cl_device_id)object, what, size, value, needed);
}
static cl_int ask_platform(const void *object, cl_uint what, size_t size, void *value, size_t *needed) {
  return clGetPlatformInfo((cl_platform_id)object, what, size, value, needed);
}

/* NULL when the query fails. */
static char *query_text(text_query ask, const void *object, cl_uint what) {
  size_t size = 0;
  if (ask(object, what, 0, NULL, &size) != CL_SUCCESS || size == 0 || size > MAX_TEXT) return NULL;
  char *text = calloc(size + 1, 1);
  if (!text) return NULL;
  if (ask(object, what, size, text, NULL) != CL_SUCCESS) {
    free(text);
    return NULL;
  }
  clean_text(text);
  return text;
}

/* Says whether the device answered. */
static bool query(cl_device_id device, const property *p, answers *a) {
  char *member = (char *)a + p->offset;
  if (p->form == TEXT) {
    char *text = query_text(ask_device, device, p->what);
    memcpy(member, &text, sizeof text);
    return text != NULL;
  }
  union {
    size_t sizes[16];
    cl_ulong number;
  } value;
  memset(&value, 0, sizeof value);
  size_t needed = 0;
  size_t room = p->form == SIZES ? sizeof value : p->size;
  if (clGetDeviceInfo(device, p->what, room, &value, &needed) != CL_SUCCESS || needed < p->size) return false;
  memcpy(member, &value, p->size);
  return true;
}

bool clgen_cl_has_extension(const char *extensions, const char *name) {
  size_t n = strlen(name);
  for (const char *s = extensions; s && (s = strstr(s, name)) != NULL; s += n)
    if ((s == extensions || s[-1] == ' ') && (s[n] == ' ' || s[n] == 0)) return true;
  return false;
}

static clgen_device_type device_type(const answers *a) {
  if (a->type & CL_DEVICE_TYPE_GPU) return a->unified_memory ? CLGEN_DEVICE_GPU_INTEGRATED : CLGEN_DEVICE_GPU_DISCRETE;
  if (a->type & CL_DEVICE_TYPE_ACCELERATOR) return CLGEN_DEVICE_ACCELERATOR;
  return a->type & CL_DEVICE_TYPE_CPU ? CLGEN_DEVICE_CPU : CLGEN_DEVICE_OTHER;
}

/* The number in "OpenCL 1.2 ..." as 102; 0 when there is none. */
static unsigned version_number(const char *text) {
  unsigned major = 0, minor = 0;
  return text && sscanf(text, "OpenCL %u.%u", &major, &minor) == 2 ? 100 * major + minor : 0;
}

/* The questions without an answer: how many, the first, and the first that nothing can stand in for. */
typedef struct {
  size_t n;
  const property *first, *needed;
} silence;

/* Sets the device's status from the answers to its queries, and returns the reason; "" if it is usable. */
static char *set_status(answers *a, const silence *unanswered) {
  const unsigned needs = CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST;
  unsigned version = version_number(a->info.version);
  a->info.status = CLGEN_DEVICE_UNUSABLE;
  if (unanswered->needed)
    return clgen_format("it does not answer %s; %zu of %zu queries fail", unanswered->needed->name, unanswered->n,
                        CLGEN_COUNT(properties));
  if (!a->available) return clgen_strdup("not available");
  if (!a->info.compiler) return clgen_strdup("no compiler");
  if (!a->info.little_endian) return clgen_strdup("not little endian");
  if (version && version < 102) return clgen_format("%.12s, and 1.2 is needed", a->info.version);
  a->info.status = CLGEN_DEVICE_LIMITED;
  if (a->profile && strcmp(a->profile, "EMBEDDED_PROFILE") == 0) return clgen_strdup("embedded profile");
  if (a->info.max_work_group && a->info.max_work_group < 64)
    return clgen_format("work-groups of at most %zu", a->info.max_work_group);
  if ((a->single_config & needs) != needs) return clgen_strdup("no infinity and NaN, or no rounding to nearest");
  if (unanswered->n > 0)
    return clgen_format("%zu of %zu queries fail, %s first", unanswered->n, CLGEN_COUNT(properties),
                        unanswered->first->name);
  a->info.status = CLGEN_DEVICE_OK;
  return clgen_strdup("");
}

static void describe(cl_device_id device, answers *a) {
  /* What holds for a device that does not answer. */
  a->available = a->compiler = a->little_endian = CL_TRUE;
  a->single_config = CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST;
  silence unanswered = {0};
  for (size_t i = 0; i < CLGEN_COUNT(properties); i++) {
    const property *p = &properties[i];
    /* double precision is optional, and asking for it may be an error before OpenCL 1.2 */
    if (query(device, p, a) || p->what == CL_DEVICE_DOUBLE_FP_CONFIG) continue;
    unanswered.n++;
    if (!unanswered.first) unanswered.first = p;
    if (p->needed && !unanswered.needed) unanswered.needed = p;
  }
  clgen_device_info *info = &a->info;
  info->type = device_type(a);
  info->compiler = a->compiler != CL_FALSE;
  info->little_endian = a->little_endian != CL_FALSE;
  info->unified_memory = a->unified_memory != CL_FALSE;
  info->base_align_bytes = a->align_bits / 8;
  info->local_is_dedicated = a->local_type == CL_LOCAL;
  info->fp16 = clgen_cl_has_extension(info->extensions, "cl_khr_fp16");
  info->fp64 = a->double_config != 0 || clgen_cl_has_extension(info->extensions, "cl_khr_fp64");
  info->reason = set_status(a, &unanswered);
  clgen_cl_identify(device, info);
}

static int add_device(clgen_device_list *list, cl_platform_id platform, cl_device_id device, unsigned p, unsigned d) {
  answers a = {.info = {.backend = "opencl"}};
  snprintf(a.info.spec, sizeof a.info.spec, "%u:%u", p, d);
  describe(device, &a);
  a.info.platform = query_text(ask_platform, platform, CL_PLATFORM_NAME);
  a.info.platform_version = query_text(ask_platform, platform, CL_PLATFORM_VERSION);
  free(a.profile);
  return clgen_device_list_add(list, &a.info);
}

static int add_platform_line(clgen_device_list *list, cl_platform_id platform, cl_uint n, cl_int err) {
  char *name = query_text(ask_platform, platform, CL_PLATFORM_NAME);
  char *version = query_text(ask_platform, platform, CL_PLATFORM_VERSION);
  const char *called = name && name[0] ? name : "a platform without a name", *of = version ? version : "";
  char *line;
  if (err != CL_SUCCESS && err != CL_DEVICE_NOT_FOUND)
    line = clgen_format("%s: its devices cannot be listed: %s (%d)", called, clgen_cl_error_name(err), (int)err);
  else if (n == 0)
    line = clgen_format("%s: no devices (%s)", called, of);
  else
    line = clgen_format("%s: %u device%s (%s)", called, n, n == 1 ? "" : "s", of);
  int code = line ? clgen_device_list_add_platform(list, line) : CLGEN_E_NOMEM;
  free(line);
  free(name);
  free(version);
  return code;
}

static int add_platform(clgen_device_list *list, cl_platform_id platform, unsigned p) {
  cl_uint n = 0;
  cl_int err = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n);
  if (err != CL_SUCCESS) n = 0;
  cl_device_id *devices = calloc((size_t)n + 1, sizeof *devices);
  if (!devices) return clgen_fail_nomem(((size_t)n + 1) * sizeof *devices);
  if (n > 0 && (err = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, devices, NULL)) != CL_SUCCESS) n = 0;
  int code = add_platform_line(list, platform, n, err);
  for (unsigned d = 0; d < n && code == CLGEN_OK; d++) code = add_device(list, platform, devices[d], p, d);
  free(devices);
  return code;
}

int clgen_cl_find(clgen_device_list *list) {
  cl_uint n = 0;
  if (clGetPlatformIDs(0, NULL, &n) != CL_SUCCESS || n == 0) return CLGEN_OK; /* no loader entry: nothing to list */
  cl_platform_id *platforms = calloc(n, sizeof *platforms);
  if (!platforms) return clgen_fail_nomem(n * sizeof *platforms);
  int code = CLGEN_OK;
  if (clGetPlatformIDs(n, platforms, NULL) != CL_SUCCESS) n = 0;
  for (unsigned p = 0; p < n && code == CLGEN_OK; p++) code = add_platform(list, platforms[p], p);
  free(platforms);
  return code;
}
