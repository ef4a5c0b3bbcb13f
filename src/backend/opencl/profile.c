/* The profile: launches and time by the label of their steps. */
#include <stdlib.h>
#include <string.h>

#include "backend/opencl/ocl.h"

static clgen_profile_row *row_of(clgen_ocl *ocl, const char *name) {
  for (size_t i = 0; i < ocl->n_rows; ++i)
    if (strcmp(ocl->row[i].name, name) == 0) return &ocl->row[i];
  if (ocl->n_rows == ocl->room_rows) {
    size_t room = ocl->room_rows ? 2 * ocl->room_rows : 32;
    clgen_profile_row *row = realloc(ocl->row, room * sizeof *row);
    if (!row) return NULL;
    ocl->row = row;
    ocl->room_rows = room;
  }
  ocl->row[ocl->n_rows] = (clgen_profile_row){.name = name};
  return &ocl->row[ocl->n_rows++];
}

int clgen_ocl_profile_add(clgen_ocl *ocl, const clgen_step *s, int n, cl_event event) {
  cl_ulong start = 0, end = 0;
  cl_int err = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
  if (err == CL_SUCCESS) err = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
  if (err != CL_SUCCESS) return clgen_cl_fail(err, "%s: timing %s", ocl->cl->info.name, s->label);
  clgen_profile_row *row = row_of(ocl, s->label ? s->label : clgen_step_kind_name(s->kind));
  if (!row) return clgen_fail_nomem(sizeof *row);
  ++row->launches;
  if (end > start) row->seconds += (double)(end - start) * 1e-9;
  for (int i = 0; i < n; ++i) row->flops += s[i].flops, row->bytes += s[i].bytes;
  return CLGEN_OK;
}

size_t clgen_ocl_profile_count(void *impl) { return ((clgen_ocl *)impl)->n_rows; }

static int longer_first(const void *a, const void *b) {
  const clgen_profile_row *x = a, *y = b;
  return x->seconds != y->seconds ? (x->seconds < y->seconds ? 1 : -1) : strcmp(x->name, y->name);
}

int clgen_ocl_profile_get(void *impl, size_t index, clgen_profile_row *row) {
  clgen_ocl *ocl = impl;
  if (index >= ocl->n_rows) return clgen_fail(CLGEN_E_NOTFOUND, "profile row %zu of %zu", index, ocl->n_rows);
  qsort(ocl->row, ocl->n_rows, sizeof *ocl->row, longer_first);
  *row = ocl->row[index];
  return CLGEN_OK;
}

void clgen_ocl_profile_reset(void *impl) { ((clgen_ocl *)impl)->n_rows = 0; }
