/* An OpenCL driver with the faults of real ones, for the tests. FAKE_ICD lists its devices, by commas:
 *   gpu         answers everything, and cannot be opened
 *   integrated  the same, and shares the host's memory
 *   mute        fails every query
 *   terse       fails the queries that something can stand in for
 *   nocompiler, unavailable, old, embedded   answers so
 *   garbage     has names that are no text
 *   nobuild     can be opened, and compiles nothing
 *   khr, nv, amd   are one card, each by another extension: PCI address 0001:65:02.1; khr has a UUID, too
 *   noaddress   has these extensions, and addresses of all zeros
 * Or it is one of: "" (no devices), zero (no devices, and no error), broken (its devices cannot be listed), or abort, exit,
 * hang: what it does when its devices are asked for. With FAKE_ICD_NAMELESS the platform has no name. With FAKE_ICD_AT_LOAD
 * it does that of the three when it is loaded. */
#include <CL/cl_icd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Whatever it answers, it has printed a line before. */
static void misbehave(const char *how) {
  if (strcmp(how, "abort") != 0 && strcmp(how, "exit") != 0 && strcmp(how, "hang") != 0) return;
  fprintf(stderr, "fake driver: about to %s\n", how ? how : "");
  if (strcmp(how, "abort") == 0) abort();
  if (strcmp(how, "exit") == 0) exit(0);
  sleep(60);
}

static cl_int CL_API_CALL device_ids(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *out,
                                     cl_uint *n) {
  (void)platform, (void)type;
  const char *list = getenv("FAKE_ICD");
  if (!list) list = "";
  misbehave(list);
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

static const char *extensions_of(cl_device_id d) {
  if (is(d, "khr") || is(d, "noaddress")) return "cl_khr_pci_bus_info cl_khr_device_uuid";
  if (is(d, "nv")) return "cl_nv_device_attribute_query";
  return is(d, "amd") ? "cl_amd_device_attribute_query" : "cl_khr_fp16_not cl_khr_fp64";
}

static cl_int CL_API_CALL device_info(cl_device_id d, cl_device_info what, size_t room, void *out, size_t *needed) {
  if (is(d, "mute")) return CL_OUT_OF_RESOURCES;
  const int no = is(d, "noaddress");
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
    case CL_DEVICE_EXTENSIONS: return answer_text(extensions_of(d), room, out, needed);
    case 0x410f: return answer(no ? (cl_uint[4]){0} : (cl_uint[4]){1, 0x65, 2, 1}, 4 * sizeof(cl_uint), room, out, needed);
    case 0x106a: return answer(no ? "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" : "0123456789abcdef", 16, room, out, needed);
    case 0x4008: return answer_uint(0x65, room, out, needed);
    case 0x4009: return answer_uint(2 << 3 | 1, room, out, needed);
    case 0x400a: return answer_uint(1, room, out, needed);
    case 0x4037: return answer("\1\0\0\0                 \x65\2\1", 24, room, out, needed); /* knows of no domain */
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

/* ---- A device that can be opened: every object is the one below, and nothing is computed ---- */

static struct { cl_icd_dispatch *dispatch; } object = {&table};

static void *give(cl_int *err) {
  if (err) *err = CL_SUCCESS;
  return &object;
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint n, const cl_device_id *of,
                                             void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                                             void *user, cl_int *err) {
  (void)properties, (void)n, (void)notify, (void)user;
  if (is(of[0], "nobuild")) return give(err);
  if (err) *err = CL_OUT_OF_RESOURCES;
  return NULL;
}
static cl_command_queue CL_API_CALL create_queue(cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *err) {
  (void)c, (void)d, (void)p;
  return give(err);
}
static cl_mem CL_API_CALL create_buffer(cl_context c, cl_mem_flags flags, size_t size, void *host, cl_int *err) {
  (void)c, (void)flags, (void)size, (void)host;
  return give(err);
}
static cl_program CL_API_CALL create_program(cl_context c, cl_uint n, const char **text, const size_t *size, cl_int *err) {
  (void)c, (void)n, (void)text, (void)size;
  return give(err);
}
static int build_failed;
static cl_int CL_API_CALL build_program(cl_program p, cl_uint n, const cl_device_id *d, const char *options,
                                        void(CL_CALLBACK *done)(cl_program, void *), void *user) {
  (void)p, (void)n, (void)d, (void)options, (void)done, (void)user;
  build_failed = 1;
  return CL_BUILD_PROGRAM_FAILURE;
}
static cl_int CL_API_CALL build_info(cl_program p, cl_device_id d, cl_program_build_info what, size_t room, void *out,
                                     size_t *needed) {
  (void)p, (void)d, (void)what;
  return answer_text("the fake compiler is on strike", room, out, needed);
}
static cl_int CL_API_CALL fill_buffer(cl_command_queue q, cl_mem m, const void *pattern, size_t size, size_t offset,
                                      size_t n, cl_uint n_wait, const cl_event *wait, cl_event *event) {
  (void)q, (void)m, (void)pattern, (void)size, (void)offset, (void)n, (void)n_wait, (void)wait;
  if (event) *event = give(NULL);
  return CL_SUCCESS;
}
static cl_int CL_API_CALL write_buffer(cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t size,
                                       const void *data, cl_uint n_wait, const cl_event *wait, cl_event *event) {
  (void)q, (void)m, (void)blocking, (void)offset, (void)size, (void)data, (void)n_wait, (void)wait;
  if (event) *event = give(NULL);
  return CL_SUCCESS;
}
/* Nothing can be mapped: a caller has to do without. */
static void *CL_API_CALL map_buffer(cl_command_queue q, cl_mem m, cl_bool blocking, cl_map_flags flags, size_t offset,
                                    size_t size, cl_uint n_wait, const cl_event *wait, cl_event *event, cl_int *err) {
  (void)q, (void)m, (void)blocking, (void)flags, (void)offset, (void)size, (void)n_wait, (void)wait, (void)event;
  if (err) *err = CL_MAP_FAILURE;
  return NULL;
}
static cl_int CL_API_CALL marker(cl_command_queue q, cl_uint n_wait, const cl_event *wait, cl_event *event) {
  (void)q, (void)n_wait, (void)wait;
  if (event) *event = give(NULL);
  return CL_SUCCESS;
}
static cl_int CL_API_CALL event_info(cl_event e, cl_event_info what, size_t room, void *out, size_t *needed) {
  (void)e, (void)what;
  return answer_uint(CL_COMPLETE, room, out, needed);
}
static cl_int CL_API_CALL wait_events(cl_uint n, const cl_event *events) { return (void)n, (void)events, CL_SUCCESS; }
static cl_int CL_API_CALL on_context(cl_context c) { return (void)c, CL_SUCCESS; }
static cl_int CL_API_CALL on_queue(cl_command_queue q) { return (void)q, CL_SUCCESS; }
/* Waiting fails after a failed build: what is said then must not hide that. */
static cl_int CL_API_CALL finish(cl_command_queue q) { return (void)q, build_failed ? CL_OUT_OF_RESOURCES : CL_SUCCESS; }
static cl_int CL_API_CALL on_mem(cl_mem m) { return (void)m, CL_SUCCESS; }
static cl_int CL_API_CALL on_program(cl_program p) { return (void)p, CL_SUCCESS; }
static cl_int CL_API_CALL on_event(cl_event e) { return (void)e, CL_SUCCESS; }

static void fill_table(void) {
  table.clGetPlatformInfo = platform_info;
  table.clGetDeviceIDs = device_ids;
  table.clGetDeviceInfo = device_info;
  table.clCreateContext = create_context;
  table.clRetainContext = table.clReleaseContext = on_context;
  table.clCreateCommandQueue = create_queue;
  table.clReleaseCommandQueue = table.clFlush = on_queue;
  table.clFinish = finish;
  table.clCreateBuffer = create_buffer;
  table.clReleaseMemObject = on_mem;
  table.clEnqueueFillBuffer = fill_buffer;
  table.clEnqueueWriteBuffer = write_buffer;
  table.clEnqueueMapBuffer = map_buffer;
  table.clEnqueueMarkerWithWaitList = marker;
  table.clGetEventInfo = event_info;
  table.clWaitForEvents = wait_events;
  table.clReleaseEvent = on_event;
  table.clCreateProgramWithSource = create_program;
  table.clBuildProgram = build_program;
  table.clGetProgramBuildInfo = build_info;
  table.clReleaseProgram = on_program;
}

EXPORT cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id *out, cl_uint *n) {
  misbehave(getenv("FAKE_ICD_AT_LOAD") ? getenv("FAKE_ICD_AT_LOAD") : "");
  fill_table();
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
