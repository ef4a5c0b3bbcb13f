/* Buffers. A write copies the caller's data to one of a few stages and enqueues, so that neither the caller's memory nor the
 * device's progress matters; a read waits. */
#include <stdlib.h>
#include <string.h>

#include "backend/opencl/ocl.h"

/* Longer writes wait for the device rather than keep so much host memory. */
#define LONGEST_STAGED ((size_t)16 << 20)

int clgen_ocl_buffer_create(void *impl, size_t bytes, clgen_buffer **out) {
  clgen_ocl *ocl = impl;
  *out = NULL;
  size_t room = bytes ? (bytes + 3) / 4 * 4 : 4;
  clgen_buffer *b = calloc(1, sizeof *b);
  if (!b) return clgen_fail_nomem(sizeof *b);
  cl_int err = CL_SUCCESS;
  const cl_uint zero = 0;
  b->bytes = bytes;
  b->version = 1;
  b->mem = clCreateBuffer(ocl->cl->context, CL_MEM_READ_WRITE, room, NULL, &err);
  if (err == CL_SUCCESS) err = clEnqueueFillBuffer(ocl->cl->queue, b->mem, &zero, sizeof zero, 0, room, 0, NULL, NULL);
  if (err != CL_SUCCESS) {
    clgen_ocl_buffer_free(ocl, b);
    return clgen_cl_fail_on(ocl->cl, err, true, "a buffer of %zu bytes", bytes);
  }
  *out = b;
  return CLGEN_OK;
}

void clgen_ocl_buffer_free(void *impl, clgen_buffer *b) {
  clgen_ocl *ocl = impl;
  if (!b) return;
  if (b->mem) {
    clgen_cl_wait(ocl->cl);
    clReleaseMemObject(b->mem);
  }
  free(b);
}

static int check_range(const clgen_ocl *ocl, const clgen_buffer *b, size_t offset, size_t bytes) {
  if (offset <= b->bytes && bytes <= b->bytes - offset) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "%s: bytes %zu to %zu are outside of a buffer of %zu bytes", ocl->cl->info.name, offset,
                    offset + bytes, b->bytes);
}

static void empty_stage(clgen_ocl *ocl, clgen_ocl_stage *stage) {
  if (stage->pinned) {
    clEnqueueUnmapMemObject(ocl->cl->queue, stage->pinned, stage->data, 0, NULL, NULL);
    clReleaseMemObject(stage->pinned);
  } else {
    free(stage->data);
  }
  stage->pinned = NULL;
  stage->data = NULL;
  stage->room = 0;
}

/* Where the device is not the CPU itself, memory that its driver gave and can send from without a copy of its own; any
 * memory where it gives none. */
static int make_stage(clgen_ocl *ocl, clgen_ocl_stage *stage, size_t bytes) {
  empty_stage(ocl, stage);
  cl_int err = CL_SUCCESS;
  if (!ocl->wide)
    stage->pinned = clCreateBuffer(ocl->cl->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, NULL, &err);
  if (stage->pinned)
    stage->data = clEnqueueMapBuffer(ocl->cl->queue, stage->pinned, CL_TRUE, CL_MAP_WRITE, 0, bytes, 0, NULL, NULL, &err);
  if (stage->pinned && (err != CL_SUCCESS || !stage->data)) {
    clReleaseMemObject(stage->pinned);
    stage->pinned = NULL;
    stage->data = NULL;
  }
  if (!stage->data) stage->data = malloc(bytes);
  if (!stage->data) return clgen_fail_nomem(bytes);
  stage->room = bytes;
  return CLGEN_OK;
}

/* The next stage, free and with room, holding a copy of data. */
static int fill_stage(clgen_ocl *ocl, size_t bytes, const void *data, clgen_ocl_stage **out) {
  clgen_ocl_stage *stage = &ocl->stage[ocl->next_stage];
  ocl->next_stage = (ocl->next_stage + 1) % CLGEN_OCL_STAGES;
  if (stage->busy) {
    cl_int err = clWaitForEvents(1, &stage->busy);
    clReleaseEvent(stage->busy);
    stage->busy = NULL;
    if (err != CL_SUCCESS) return clgen_cl_fail_on(ocl->cl, err, false, "waiting for an earlier write");
  }
  if (stage->room < bytes) {
    int code = make_stage(ocl, stage, bytes);
    if (code) return code;
  }
  memcpy(stage->data, data, bytes);
  *out = stage;
  return CLGEN_OK;
}

int clgen_ocl_buffer_write(void *impl, clgen_buffer *b, size_t offset, size_t bytes, const void *data) {
  clgen_ocl *ocl = impl;
  int code = check_range(ocl, b, offset, bytes);
  if (code || bytes == 0) return code;
  clgen_ocl_stage *stage = NULL;
  ++b->version;
  bool wait = bytes > LONGEST_STAGED;
  if (!wait && (code = fill_stage(ocl, bytes, data, &stage)) != CLGEN_OK) return code;
  cl_int err = clEnqueueWriteBuffer(ocl->cl->queue, b->mem, wait, offset, bytes, wait ? data : stage->data, 0, NULL,
                                    wait ? NULL : &stage->busy);
  if (err == CL_SUCCESS) err = clFlush(ocl->cl->queue);
  return err == CL_SUCCESS ? CLGEN_OK : clgen_cl_fail_on(ocl->cl, err, true, "writing %zu bytes", bytes);
}

int clgen_ocl_buffer_read(void *impl, clgen_buffer *b, size_t offset, size_t bytes, void *data) {
  clgen_ocl *ocl = impl;
  int code = check_range(ocl, b, offset, bytes);
  if (code || bytes == 0) return code;
  cl_int err = clEnqueueReadBuffer(ocl->cl->queue, b->mem, CL_TRUE, offset, bytes, data, 0, NULL, NULL);
  return err == CL_SUCCESS ? CLGEN_OK : clgen_cl_fail_on(ocl->cl, err, false, "reading %zu bytes", bytes);
}

void clgen_ocl_stages_free(clgen_ocl *ocl) {
  for (int i = 0; i < CLGEN_OCL_STAGES; ++i) {
    if (ocl->stage[i].busy) clReleaseEvent(ocl->stage[i].busy);
    empty_stage(ocl, &ocl->stage[i]);
  }
}
