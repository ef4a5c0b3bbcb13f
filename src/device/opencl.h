/* An open OpenCL device, for the OpenCL backend. With src/backend/opencl the only place that sees OpenCL's types. */
#ifndef CLGEN_DEVICE_OPENCL_H
#define CLGEN_DEVICE_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <pthread.h>

#include <clgen/device.h>

#include "base/base.h"

enum { CLGEN_CL_RECENT = 16 };

/* A program that was built, by its key. */
typedef struct {
  uint64_t key[2];
  cl_program program; /* NULL: none */
} clgen_cl_program;

typedef struct {
  cl_platform_id platform;
  cl_device_id device;
  cl_context context;
  cl_command_queue queue; /* in order; with profiling events when options->profile */
  clgen_device_info info; /* strings borrowed from the clgen_device that owns this */
  clgen_device_options options;
  char *cache_dir;                          /* where programs and tuning results are kept; NULL: nowhere */
  bool keeps_programs;                      /* the driver has a cache of compiled programs: no binaries are taken from it */
  clgen_cl_program recent[CLGEN_CL_RECENT]; /* with keeps_programs: the last that were built, the latest first */
  pthread_mutex_t lock;                     /* of `said` */
  char said[256];                           /* what the driver last said of an error (clgen_cl_notify), "": nothing */
  char *fingerprint;                        /* platform, device, driver and versions: part of every cache key */
} clgen_cl;

/* Adds every platform and device of the ICD loader to the list; without any it succeeds. Only asks, creates nothing. */
int clgen_cl_find(clgen_device_list *list);
int clgen_cl_open(clgen_cl **out, const clgen_device_info *info, const clgen_device_options *options);
void clgen_cl_close(clgen_cl *cl);
/* Waits for everything enqueued, also on drivers whose clFinish does not wait for what clFlush has sent off
 * (docs/drivers.md). */
int clgen_cl_finish(clgen_cl *cl);
/* The same before something is freed: whatever comes of it, the thread's message stays what it was. */
void clgen_cl_wait(clgen_cl *cl);

/* Sets the message "what: CL_OUT_OF_RESOURCES (-5)" and returns CLGEN_E_DEVICE (CLGEN_E_NOMEM for allocation failures). */
int clgen_cl_fail(cl_int err, const char *format, ...) CLGEN_PRINTF(2, 3);
/* The same of an open device: its name comes first, and what its driver said of the error last. Where the call allocates or
 * launches, CL_OUT_OF_RESOURCES is CLGEN_E_NOMEM: so NVIDIA's and Intel's drivers say that there is no memory left. */
int clgen_cl_fail_on(clgen_cl *cl, cl_int err, bool allocates, const char *format, ...) CLGEN_PRINTF(4, 5);
/* A context's callback, whose user is the clgen_cl. */
void CL_CALLBACK clgen_cl_notify(const char *text, const void *data, size_t bytes, void *user);
const char *clgen_cl_error_name(cl_int err);

/* Builds OpenCL C for the device, from the program cache when it can. A failed build gives the compiler's log. */
int clgen_cl_build(clgen_cl *cl, const char *source, const char *build_options, cl_program *out);
void clgen_cl_forget_programs(clgen_cl *cl); /* before the context is released */

/* The tuning store: short texts by key, one file a device and driver. get gives NULL (and no error) when there is none. */
char *clgen_tuning_get(clgen_cl *cl, const char *key); /* free() it */
int clgen_tuning_put(clgen_cl *cl, const char *key, const char *value);

/* The same of a device that is not open; options may be NULL. */
char *clgen_cl_recall(const clgen_device_info *info, const clgen_device_options *options, const char *key);
int clgen_cl_keep(const clgen_device_info *info, const clgen_device_options *options, const char *key, const char *value);

/* Sets cache_dir and fingerprint from info and options, which are there; frees both. */
int clgen_cl_locate_cache(clgen_cl *cl);
void clgen_cl_leave_cache(clgen_cl *cl);

bool clgen_cl_has_extension(const char *extensions, const char *name);
/* Fills in pci and uuid, as far as the device's extensions tell them. */
void clgen_cl_identify(cl_device_id device, clgen_device_info *info);

#endif
