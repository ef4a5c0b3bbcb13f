/* An OpenCL driver for the tests: PoCL, whose CPU says of itself that it is a discrete GPU (its type, memory of its own,
 * real local memory, vectors of one number, many compute units). So the code for GPUs runs, and its results are real. PoCL's
 * objects are handed out as they are; only the tables of functions of its platform and devices are replaced by copies in
 * which three functions are this file's. AS_GPU_DRIVER names PoCL's library where it has another name than usual. AS_GPU_GIB
 * is the memory that the device says to have, 8 by default, and AS_GPU_ALLOC_GIB the largest allocation. */
#include <CL/cl_icd.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* What every object of a driver begins with. */
struct _cl_device_id {
  cl_icd_dispatch *dispatch;
};
struct _cl_platform_id {
  cl_icd_dispatch *dispatch;
};

static cl_icd_dispatch pocl, table;
static void *(CL_API_CALL *pocl_function)(const char *);

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

static cl_ulong gibibytes(const char *name, cl_ulong otherwise) {
  const char *text = getenv(name);
  return (text ? strtoull(text, NULL, 10) : otherwise) << 30;
}

static cl_int CL_API_CALL device_info(cl_device_id d, cl_device_info what, size_t room, void *out, size_t *needed) {
  switch (what) {
    case CL_DEVICE_NAME: return answer_text("PoCL as a GPU", room, out, needed);
    case CL_DEVICE_TYPE: return answer_ulong(CL_DEVICE_TYPE_GPU, room, out, needed);
    case CL_DEVICE_HOST_UNIFIED_MEMORY: return answer_uint(CL_FALSE, room, out, needed);
    case CL_DEVICE_LOCAL_MEM_TYPE: return answer_uint(CL_LOCAL, room, out, needed);
    case CL_DEVICE_LOCAL_MEM_SIZE: return answer_ulong(48 << 10, room, out, needed);
    case CL_DEVICE_MAX_COMPUTE_UNITS: return answer_uint(64, room, out, needed);
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT:
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT: return answer_uint(1, room, out, needed);
    case CL_DEVICE_GLOBAL_MEM_SIZE: return answer_ulong(gibibytes("AS_GPU_GIB", 8), room, out, needed);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: return answer_ulong(gibibytes("AS_GPU_ALLOC_GIB", 4), room, out, needed);
    default: return pocl.clGetDeviceInfo(d, what, room, out, needed);
  }
}

static cl_int CL_API_CALL platform_info(cl_platform_id p, cl_platform_info what, size_t room, void *out, size_t *needed) {
  switch (what) {
    case CL_PLATFORM_NAME: return answer_text("PoCL as a GPU", room, out, needed);
    case CL_PLATFORM_ICD_SUFFIX_KHR: return answer_text("ASGPU", room, out, needed);
    default: return pocl.clGetPlatformInfo(p, what, room, out, needed);
  }
}

/* Of whatever type is asked for: PoCL would not list a CPU among the GPUs. */
static cl_int CL_API_CALL device_ids(cl_platform_id p, cl_device_type type, cl_uint room, cl_device_id *out, cl_uint *n) {
  if (!(type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_DEFAULT))) return CL_DEVICE_NOT_FOUND;
  cl_uint found = 0;
  cl_int err = pocl.clGetDeviceIDs(p, CL_DEVICE_TYPE_CPU, room, out, &found);
  for (cl_uint i = 0; err == CL_SUCCESS && out && i < room && i < found; i++) out[i]->dispatch = &table;
  if (n) *n = found;
  return err;
}

static void *load(void) {
  const char *named = getenv("AS_GPU_DRIVER"), *const usual[] = {"libpocl.so.2", "libpocl.so.3", "libpocl.so"};
  void *library = named ? dlopen(named, RTLD_NOW | RTLD_LOCAL) : NULL;
  for (size_t i = 0; !library && i < sizeof usual / sizeof *usual; i++) library = dlopen(usual[i], RTLD_NOW | RTLD_LOCAL);
  return library;
}

EXPORT cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id *out, cl_uint *n) {
  static cl_platform_id platform;
  if (!platform) {
    void *library = load();
    if (!library) return CL_PLATFORM_NOT_FOUND_KHR;
    *(void **)&pocl_function = dlsym(library, "clGetExtensionFunctionAddress");
    clIcdGetPlatformIDsKHR_fn platforms =
        pocl_function ? (clIcdGetPlatformIDsKHR_fn)(size_t)pocl_function("clIcdGetPlatformIDsKHR") : NULL;
    cl_int err = platforms ? platforms(1, &platform, NULL) : CL_PLATFORM_NOT_FOUND_KHR;
    if (err != CL_SUCCESS) return err;
    pocl = table = *platform->dispatch;
    table.clGetDeviceInfo = device_info;
    table.clGetPlatformInfo = platform_info;
    table.clGetDeviceIDs = device_ids;
    platform->dispatch = &table;
  }
  if (n) *n = 1;
  if (out && room > 0) out[0] = platform;
  return CL_SUCCESS;
}

EXPORT cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id p, cl_platform_info what, size_t room, void *out,
                                            size_t *needed) {
  return platform_info(p, what, room, out, needed);
}

EXPORT void *CL_API_CALL clGetExtensionFunctionAddress(const char *name) {
  if (strcmp(name, "clIcdGetPlatformIDsKHR") == 0) return (void *)(size_t)clIcdGetPlatformIDsKHR;
  if (strcmp(name, "clGetPlatformInfo") == 0) return (void *)(size_t)clGetPlatformInfo;
  return pocl_function ? pocl_function(name) : NULL;
}
