/* An OpenCL driver with the faults of real ones, for the tests. FAKE_ICD lists its devices, by commas:
 *   gpu         answers everything, and cannot be opened
 *   integrated  the same, and shares the host's memory
 *   mute        fails every query
 *   terse       fails the queries that something can stand in for
 *   nocompiler, unavailable, old, embedded   answers so
 *   garbage     has names that are no text
 * Or it is one of: "" (no devices), zero (no devices, and no error), broken (its devices cannot be listed). With
 * FAKE_ICD_NAMELESS the platform has no name. */
#include <CL/cl_icd.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct _cl_device_id {
  cl_icd_dispatch *dispatch;
  char kind[16];
};
struct _cl_platform_id {
  cl_icd_dispatch *dispatch;
};

#define MAX_DEVICES 16
static cl_icd_dispatch table;
static struct _cl_platform_id the_platform = {&table};
static struct _cl_device_id devices[MAX_DEVICES];

static cl_int answer(const void *value, size_t size, size_t room, void *out, size_t *needed) {
  if (needed) *needed = size;
  if (!out) return CL_SUCCESS;
  if (room < size) return CL_INVALID_VALUE;
  memcpy(out, value, size);
  return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t room, void *out, size_t *needed) {
  return answer(text, strlen(text) + 1, room, out, needed);
}

static cl_int answer_uint(cl_uint value, size_t room, void *out, size_t *needed) {
  return answer(&value, sizeof value, room, out, needed);
}

static cl_int answer_ulong(cl_ulong value, size_t room, void *out, size_t *needed) {
  return answer(&value, sizeof value, room, out, needed);
}

static cl_int CL_API_CALL platform_info(cl_platform_id platform, cl_platform_info what, size_t room, void *out,
                                        size_t *needed) {
  (void)platform;
  switch (what) {
    case CL_PLATFORM_EXTENSIONS: return answer_text("cl_khr_icd", room, out, needed);
    case CL_PLATFORM_ICD_SUFFIX_KHR: return answer_text("FAKE", room, out, needed);
    case CL_PLATFORM_NAME:
      return getenv("FAKE_ICD_NAMELESS") ? CL_OUT_OF_RESOURCES : answer_text("Fake Platform", room, out, needed);
    case CL_PLATFORM_VENDOR: return answer_text("nobody", room, out, needed);
    case CL_PLATFORM_PROFILE: return answer_text("FULL_PROFILE", room, out, needed);
    case CL_PLATFORM_VERSION: return answer_text("OpenCL 1.2 fake", room, out, needed);
    default: return CL_INVALID_VALUE;
  }
}

/* The kinds in FAKE_ICD, one device each. */
static cl_uint read_devices(const char *list) {
  cl_uint n = 0;
  while (*list && n < MAX_DEVICES) {
    size_t length = strcspn(list, ",");
    devices[n].dispatch = &table;
    memset(devices[n].kind, 0, sizeof devices[n].kind);
    memcpy(devices[n++].kind, list, length < 15 ? length : 15);
    list += length + (list[length] == ',');
  }
  return n;
}

static cl_int CL_API_CALL device_ids(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *out,
                                     cl_uint *n) {
  (void)platform, (void)type;
  const char *list = getenv("FAKE_ICD");
  if (!list) list = "";
  if (strcmp(list, "broken") == 0) return CL_OUT_OF_RESOURCES;
  cl_uint found = strcmp(list, "zero") == 0 ? 0 : read_devices(list);
  if (n) *n = found;
  for (cl_uint i = 0; out && i < room && i < found; i++) out[i] = &devices[i];
  return found > 0 || strcmp(list, "zero") == 0 ? CL_SUCCESS : CL_DEVICE_NOT_FOUND;
}

static int is(cl_device_id device, const char *kind) { return strcmp(device->kind, kind) == 0; }

static cl_int sizes(size_t room, void *out, size_t *needed) {
  const size_t value[3] = {256, 256, 256};
  return answer(value, sizeof value, room, out, needed);
}

static cl_int CL_API_CALL device_info(cl_device_id d, cl_device_info what, size_t room, void *out, size_t *needed) {
  if (is(d, "mute")) return CL_OUT_OF_RESOURCES;
  const size_t group = 256;
  switch (what) {
    case CL_DEVICE_MAX_WORK_GROUP_SIZE: return answer(&group, sizeof group, room, out, needed);
    case CL_DEVICE_GLOBAL_MEM_SIZE: return answer_ulong((cl_ulong)8 << 30, room, out, needed);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: return answer_ulong((cl_ulong)2 << 30, room, out, needed);
    default: break;
  }
  if (is(d, "terse")) return CL_INVALID_VALUE;
  switch (what) {
    case CL_DEVICE_NAME: return answer_text(is(d, "garbage") ? "\xff\xfe \"quoted\"\n\\ \x01" : d->kind, room, out, needed);
    case CL_DEVICE_VENDOR: return answer_text("nobody", room, out, needed);
    case CL_DRIVER_VERSION: return answer_text(is(d, "garbage") ? "\xc3(" : "0.1", room, out, needed);
    case CL_DEVICE_VERSION: return answer_text(is(d, "old") ? "OpenCL 1.1 fake" : "OpenCL 1.2 fake", room, out, needed);
    case CL_DEVICE_OPENCL_C_VERSION: return answer_text("OpenCL C 1.2", room, out, needed);
    case CL_DEVICE_EXTENSIONS: return answer_text("cl_khr_fp16_not cl_khr_fp64", room, out, needed);
    case CL_DEVICE_PROFILE: return answer_text(is(d, "embedded") ? "EMBEDDED_PROFILE" : "FULL_PROFILE", room, out, needed);
    case CL_DEVICE_TYPE: return answer_ulong(CL_DEVICE_TYPE_GPU, room, out, needed);
    case CL_DEVICE_AVAILABLE: return answer_uint(!is(d, "unavailable"), room, out, needed);
    case CL_DEVICE_COMPILER_AVAILABLE: return answer_uint(!is(d, "nocompiler"), room, out, needed);
    case CL_DEVICE_ENDIAN_LITTLE: return answer_uint(CL_TRUE, room, out, needed);
    case CL_DEVICE_HOST_UNIFIED_MEMORY: return answer_uint(is(d, "integrated"), room, out, needed);
    case CL_DEVICE_MAX_COMPUTE_UNITS: return answer_uint(4, room, out, needed);
    case CL_DEVICE_MAX_CLOCK_FREQUENCY: return answer_uint(1000, room, out, needed);
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT: return answer_uint(1, room, out, needed);
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN: return answer_uint(1024, room, out, needed);
    case CL_DEVICE_LOCAL_MEM_SIZE: return answer_ulong(32768, room, out, needed);
    case CL_DEVICE_LOCAL_MEM_TYPE: return answer_uint(CL_LOCAL, room, out, needed);
    case CL_DEVICE_GLOBAL_MEM_CACHE_SIZE: return answer_ulong(65536, room, out, needed);
    case CL_DEVICE_MAX_WORK_ITEM_SIZES: return sizes(room, out, needed);
    case CL_DEVICE_SINGLE_FP_CONFIG: return answer_ulong(CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST, room, out, needed);
    default: return CL_INVALID_VALUE;
  }
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint n, const cl_device_id *of,
                                             void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                                             void *user, cl_int *err) {
  (void)properties, (void)n, (void)of, (void)notify, (void)user;
  if (err) *err = CL_OUT_OF_RESOURCES;
  return NULL;
}

EXPORT cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id *out, cl_uint *n) {
  table.clGetPlatformInfo = platform_info;
  table.clGetDeviceIDs = device_ids;
  table.clGetDeviceInfo = device_info;
  table.clCreateContext = create_context;
  if (n) *n = 1;
  if (out && room > 0) out[0] = &the_platform;
  return CL_SUCCESS;
}

EXPORT cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t room, void *out,
                                            size_t *needed) {
  return platform_info(platform, what, room, out, needed);
}

EXPORT void *CL_API_CALL clGetExtensionFunctionAddress(const char *name) {
  if (strcmp(name, "clIcdGetPlatformIDsKHR") == 0) return (void *)(size_t)clIcdGetPlatformIDsKHR;
  if (strcmp(name, "clGetPlatformInfo") == 0) return (void *)(size_t)clGetPlatformInfo;
  return NULL;
}
