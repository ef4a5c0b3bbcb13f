/* The table of functions of the OpenCL backend. */
#include "backend/opencl/backend_opencl.h"

#include <stdlib.h>

#include "backend/opencl/ocl.h"
#include "device/list.h"

/* Work-items of a group, on devices that run them side by side. */
#define USUAL_GROUP 128

static void choose_style(clgen_ocl *ocl) {
  const clgen_device_info *info = &ocl->cl->info;
  ocl->units = info->compute_units ? info->compute_units : 1;
  ocl->wide = clgen_device_is_cpu_like(info);
  ocl->width = !ocl->wide ? 1 : info->vector_width >= 16 ? 16 : info->vector_width >= 8 ? 8 : 4;
  ocl->local = ocl->wide ? 1 : USUAL_GROUP;
  while (info->max_work_group && ocl->local > info->max_work_group) ocl->local /= 2;
  cl_device_fp_config single = 0;
  clGetDeviceInfo(ocl->cl->device, CL_DEVICE_SINGLE_FP_CONFIG, sizeof single, &single, NULL);
  ocl->fused = single & CL_FP_FMA;
}

static void ocl_close(void *impl) {
  clgen_ocl *ocl = impl;
  if (!ocl) return;
  if (ocl->cl) clFinish(ocl->cl->queue);
  clgen_ocl_stages_free(ocl);
  if (ocl->scratch.mem) clReleaseMemObject(ocl->scratch.mem);
  if (ocl->gemm_temp.mem) clReleaseMemObject(ocl->gemm_temp.mem);
  clgen_ocl_gemm_close(ocl);
  clgen_cl_close(ocl->cl);
  free(ocl->row);
  free(ocl);
}

static int ocl_open(void **impl, const clgen_device_info *info, const clgen_device_options *options) {
  *impl = NULL;
  clgen_ocl *ocl = calloc(1, sizeof *ocl);
  if (!ocl) return clgen_fail_nomem(sizeof *ocl);
  int code = clgen_cl_open(&ocl->cl, info, options);
  if (code) {
    free(ocl);
    return code;
  }
  choose_style(ocl);
  *impl = ocl;
  return CLGEN_OK;
}

int clgen_ocl_finish(void *impl) {
  clgen_ocl *ocl = impl;
  return clgen_cl_finish(ocl->cl);
}

static bool ocl_supports(void *impl, const clgen_step *s) {
  if (clgen_ocl_check(s) != CLGEN_OK) return false;
  return s->kind == CLGEN_STEP_MAP || s->kind == CLGEN_STEP_REDUCE || clgen_ocl_linear_supports(impl, s);
}

static void ocl_library(char *text, size_t size) {
  char version[CLGEN_OCL_VERSION_TEXT];
  clgen_ocl_clblast_version(version);
  snprintf(text, size, "CLBlast %s", version);
}

const clgen_backend clgen_backend_opencl = {
    .name = "opencl",
    .find = clgen_cl_find,
    .open = ocl_open,
    .close = ocl_close,
    .finish = clgen_ocl_finish,
    .supports = ocl_supports,
    .buffer_create = clgen_ocl_buffer_create,
    .buffer_free = clgen_ocl_buffer_free,
    .buffer_write = clgen_ocl_buffer_write,
    .buffer_read = clgen_ocl_buffer_read,
    .needs = clgen_ocl_needs,
    .plan_create = clgen_ocl_plan_create,
    .plan_free = clgen_ocl_plan_free,
    .plan_run = clgen_ocl_plan_run,
    .recall = clgen_cl_recall,
    .keep = clgen_cl_keep,
    .library = ocl_library,
    .profile_count = clgen_ocl_profile_count,
    .profile_get = clgen_ocl_profile_get,
    .profile_reset = clgen_ocl_profile_reset,
};
