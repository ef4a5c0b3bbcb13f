/* OpenCL's error codes as messages. */
#include "device/opencl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

typedef struct {
  cl_int code;
  const char *name;
} error_row;

#define ROW(name) \
  { name, #name }
static const error_row error_rows[] = {
    ROW(CL_SUCCESS),
    ROW(CL_DEVICE_NOT_FOUND),
    ROW(CL_DEVICE_NOT_AVAILABLE),
    ROW(CL_COMPILER_NOT_AVAILABLE),
    ROW(CL_MEM_OBJECT_ALLOCATION_FAILURE),
    ROW(CL_OUT_OF_RESOURCES),
    ROW(CL_OUT_OF_HOST_MEMORY),
    ROW(CL_PROFILING_INFO_NOT_AVAILABLE),
    ROW(CL_MEM_COPY_OVERLAP),
    ROW(CL_IMAGE_FORMAT_MISMATCH),
    ROW(CL_IMAGE_FORMAT_NOT_SUPPORTED),
    ROW(CL_BUILD_PROGRAM_FAILURE),
    ROW(CL_MAP_FAILURE),
    ROW(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    ROW(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
    ROW(CL_COMPILE_PROGRAM_FAILURE),
    ROW(CL_LINKER_NOT_AVAILABLE),
    ROW(CL_LINK_PROGRAM_FAILURE),
    ROW(CL_DEVICE_PARTITION_FAILED),
    ROW(CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
    ROW(CL_INVALID_VALUE),
    ROW(CL_INVALID_DEVICE_TYPE),
    ROW(CL_INVALID_PLATFORM),
    ROW(CL_INVALID_DEVICE),
    ROW(CL_INVALID_CONTEXT),
    ROW(CL_INVALID_QUEUE_PROPERTIES),
    ROW(CL_INVALID_COMMAND_QUEUE),
    ROW(CL_INVALID_HOST_PTR),
    ROW(CL_INVALID_MEM_OBJECT),
    ROW(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR),
    ROW(CL_INVALID_IMAGE_SIZE),
    ROW(CL_INVALID_SAMPLER),
    ROW(CL_INVALID_BINARY),
    ROW(CL_INVALID_BUILD_OPTIONS),
    ROW(CL_INVALID_PROGRAM),
    ROW(CL_INVALID_PROGRAM_EXECUTABLE),
    ROW(CL_INVALID_KERNEL_NAME),
    ROW(CL_INVALID_KERNEL_DEFINITION),
    ROW(CL_INVALID_KERNEL),
    ROW(CL_INVALID_ARG_INDEX),
    ROW(CL_INVALID_ARG_VALUE),
    ROW(CL_INVALID_ARG_SIZE),
    ROW(CL_INVALID_KERNEL_ARGS),
    ROW(CL_INVALID_WORK_DIMENSION),
    ROW(CL_INVALID_WORK_GROUP_SIZE),
    ROW(CL_INVALID_WORK_ITEM_SIZE),
    ROW(CL_INVALID_GLOBAL_OFFSET),
    ROW(CL_INVALID_EVENT_WAIT_LIST),
    ROW(CL_INVALID_EVENT),
    ROW(CL_INVALID_OPERATION),
    ROW(CL_INVALID_GL_OBJECT),
    ROW(CL_INVALID_BUFFER_SIZE),
    ROW(CL_INVALID_MIP_LEVEL),
    ROW(CL_INVALID_GLOBAL_WORK_SIZE),
    ROW(CL_INVALID_PROPERTY),
    ROW(CL_INVALID_COMPILER_OPTIONS),
    ROW(CL_INVALID_LINKER_OPTIONS),
    ROW(CL_INVALID_DEVICE_PARTITION_COUNT),
    {-1001, "CL_PLATFORM_NOT_FOUND_KHR"}, /* the ICD loader found no entry; in cl_ext.h only with some headers */
};
#undef ROW

const char *clgen_cl_error_name(cl_int err) {
  for (size_t i = 0; i < CLGEN_COUNT(error_rows); i++)
    if (error_rows[i].code == err) return error_rows[i].name;
  return "unknown OpenCL error";
}

static bool is_memory(cl_int err) { return err == CL_MEM_OBJECT_ALLOCATION_FAILURE || err == CL_OUT_OF_HOST_MEMORY; }

int clgen_cl_fail(cl_int err, const char *format, ...) {
  char what[1024];
  va_list args;
  va_start(args, format);
  clgen_vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return clgen_fail(is_memory(err) ? CLGEN_E_NOMEM : CLGEN_E_DEVICE, "%s: %s (%d)", what, clgen_cl_error_name(err),
                    (int)err);
}

void CL_CALLBACK clgen_cl_notify(const char *text, const void *data, size_t bytes, void *user) {
  (void)data, (void)bytes;
  clgen_cl *cl = user;
  if (!text || !text[0]) return;
  pthread_mutex_lock(&cl->lock); /* a driver calls from any thread */
  snprintf(cl->said, sizeof cl->said, "%s", text);
  for (char *c = cl->said; *c; ++c)
    if ((unsigned char)*c < ' ' || (unsigned char)*c > '~') *c = ' ';
  pthread_mutex_unlock(&cl->lock);
}

int clgen_cl_fail_on(clgen_cl *cl, cl_int err, bool allocates, const char *format, ...) {
  char what[1024], said[sizeof cl->said];
  va_list args;
  va_start(args, format);
  clgen_vsnprintf(what, sizeof what, format, args);
  va_end(args);
  pthread_mutex_lock(&cl->lock);
  memcpy(said, cl->said, sizeof said);
  cl->said[0] = 0; /* it belongs to this failure */
  pthread_mutex_unlock(&cl->lock);
  const bool memory = is_memory(err) || (allocates && (err == CL_OUT_OF_RESOURCES || err == CL_INVALID_BUFFER_SIZE));
  return clgen_fail(memory ? CLGEN_E_NOMEM : CLGEN_E_DEVICE, "%s: %s: %s (%d)%s%s%s", cl->info.name, what,
                    clgen_cl_error_name(err), (int)err, said[0] ? "; the driver says \"" : "", said, said[0] ? "\"" : "");
}
