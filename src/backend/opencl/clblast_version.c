/* Which CLBlast computes. It does not say so itself: its file's name does, else what this was compiled with. */
#define _GNU_SOURCE /* dladdr */
#include "backend/opencl/ocl.h"

#include <clblast_c.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(x) #x
#define NUMBER(x) TEXT_OF(x)
#ifdef CLBLAST_VERSION_MAJOR
static const char compiled[] =
    NUMBER(CLBLAST_VERSION_MAJOR) "." NUMBER(CLBLAST_VERSION_MINOR) "." NUMBER(CLBLAST_VERSION_PATCH);
#else
static const char compiled[] = "of unknown version";
#endif

void clgen_ocl_clblast_version(char out[CLGEN_OCL_VERSION_TEXT]) {
  snprintf(out, CLGEN_OCL_VERSION_TEXT, "%s", compiled);
  Dl_info info;
  CLBlastStatusCode (*function)(void) = CLBlastClearCache;
  void *address;
  memcpy(&address, &function, sizeof address);
  char *path = dladdr(address, &info) && info.dli_fname ? realpath(info.dli_fname, NULL) : NULL;
  const char *name = path ? strrchr(path, '/') : NULL, *version = name ? strstr(name, "clblast.so.") : NULL;
  if (version && strchr(version + strlen("clblast.so."), '.')) /* "1" alone says nothing */
    snprintf(out, CLGEN_OCL_VERSION_TEXT, "%s", version + strlen("clblast.so."));
  free(path);
}
