/* Opening an OpenCL device: context, queue, and where its caches lie. */
#include "device/opencl.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* The ids behind "P:D". Numbering is the loader's order, which is also clinfo's. */
static int find_ids(clgen_cl *cl, const char *spec) {
  unsigned p = 0, d = 0;
  if (sscanf(spec, "%u:%u", &p, &d) != 2) return clgen_fail(CLGEN_E_INVALID, "'%s' is not PLATFORM:DEVICE", spec);
  cl_uint n_platforms = 0, n_devices = 0;
  cl_int err = clGetPlatformIDs(0, NULL, &n_platforms);
  if (err != CL_SUCCESS) return clgen_cl_fail(err, "looking for OpenCL platforms");
  if (p >= n_platforms)
    return clgen_fail(CLGEN_E_NOTFOUND, "device %s: there are only %u OpenCL platforms", spec, n_platforms);
  cl_platform_id *platforms = calloc(n_platforms, sizeof *platforms);
  if (!platforms) return clgen_fail_nomem(n_platforms * sizeof *platforms);
  err = clGetPlatformIDs(n_platforms, platforms, NULL);
  cl->platform = platforms[p];
  free(platforms);
  if (err != CL_SUCCESS) return clgen_cl_fail(err, "listing the OpenCL platforms");
  err = clGetDeviceIDs(cl->platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n_devices);
  if (err != CL_SUCCESS) return clgen_cl_fail(err, "device %s: looking for the platform's devices", spec);
  if (d >= n_devices) return clgen_fail(CLGEN_E_NOTFOUND, "device %s: its platform has only %u devices", spec, n_devices);
  cl_device_id *devices = calloc(n_devices, sizeof *devices);
  if (!devices) return clgen_fail_nomem(n_devices * sizeof *devices);
  err = clGetDeviceIDs(cl->platform, CL_DEVICE_TYPE_ALL, n_devices, devices, NULL);
  cl->device = devices[d];
  free(devices);
  return err == CL_SUCCESS ? CLGEN_OK : clgen_cl_fail(err, "device %s: listing the platform's devices", spec);
}

/* Whatever may change what a compiled program or a tuning result is worth. */
static char *make_fingerprint(const clgen_device_info *info) {
  return clgen_format("%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%u", info->platform, info->platform_version, info->name, info->vendor,
                      info->driver, info->version, info->c_version, info->extensions, info->compute_units);
}

int clgen_cl_locate_cache(clgen_cl *cl) {
  cl->fingerprint = make_fingerprint(&cl->info);
  if (!cl->fingerprint) return CLGEN_E_NOMEM;
  if (!cl->options.no_cache) cl->cache_dir = cl->options.cache_dir ? clgen_strdup(cl->options.cache_dir) : clgen_cache_dir();
  cl->options.cache_dir = cl->cache_dir; /* the caller's string need not live on */
  return CLGEN_OK;
}

void clgen_cl_leave_cache(clgen_cl *cl) {
  free(cl->cache_dir);
  free(cl->fingerprint);
}

static void cl_free(clgen_cl *cl) {
  clgen_cl_forget_programs(cl);
  if (cl->queue) clReleaseCommandQueue(cl->queue);
  if (cl->context) clReleaseContext(cl->context);
  clgen_cl_leave_cache(cl);
  pthread_mutex_destroy(&cl->lock);
  free(cl);
}

static int open_queue(clgen_cl *cl) {
  const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)cl->platform, 0};
  cl_int err = CL_SUCCESS;
  cl->context = clCreateContext(properties, 1, &cl->device, clgen_cl_notify, cl, &err);
  if (err != CL_SUCCESS || !cl->context) return clgen_cl_fail_on(cl, err, false, "creating a context");
  cl->queue = clCreateCommandQueue(cl->context, cl->device, cl->options.profile ? CL_QUEUE_PROFILING_ENABLE : 0, &err);
  if (err != CL_SUCCESS || !cl->queue) return clgen_cl_fail_on(cl, err, false, "creating a command queue");
  return CLGEN_OK;
}

/* PoCL keeps what it compiles for the work-group sizes that are launched. Whoever asks it for a program's binary makes it
 * compile every kernel once more, for groups of any size, which takes as long again (docs/drivers.md). */
static bool driver_keeps_programs(const clgen_device_info *info) {
  return strcmp(info->platform, "Portable Computing Language") == 0;
}

int clgen_cl_open(clgen_cl **out, const clgen_device_info *info, const clgen_device_options *options) {
  *out = NULL;
  clgen_cl *cl = calloc(1, sizeof *cl);
  if (!cl) return clgen_fail_nomem(sizeof *cl);
  pthread_mutex_init(&cl->lock, NULL);
  cl->info = *info;
  if (options) cl->options = *options;
  cl->keeps_programs = driver_keeps_programs(info);
  int code = clgen_cl_locate_cache(cl);
  if (code == CLGEN_OK) code = find_ids(cl, info->spec);
  if (code == CLGEN_OK) code = open_queue(cl);
  if (code != CLGEN_OK) {
    cl_free(cl); /* without waiting: whatever that says would hide why */
    return code;
  }
  *out = cl;
  return CLGEN_OK;
}

/* An OpenCL error code. */
static cl_int wait_for_all(clgen_cl *cl) {
  cl_event marker = NULL;
  cl_int err = clEnqueueMarkerWithWaitList(cl->queue, 0, NULL, &marker);
  if (err == CL_SUCCESS) err = clFinish(cl->queue); /* the marker is yet to be flushed, and comes after all the rest */
  if (marker) clReleaseEvent(marker);
  return err;
}

int clgen_cl_finish(clgen_cl *cl) {
  cl_int err = wait_for_all(cl);
  return err == CL_SUCCESS ? CLGEN_OK : clgen_cl_fail_on(cl, err, false, "waiting for the device");
}

void clgen_cl_wait(clgen_cl *cl) { wait_for_all(cl); }

void clgen_cl_close(clgen_cl *cl) {
  if (!cl) return;
  if (cl->queue) clgen_cl_wait(cl);
  cl_free(cl);
}
