/* The list of devices: what every backend found. */
#include "device/list.h"

#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/base.h"

struct clgen_device_list {
  clgen_device_info *info;
  size_t n;
  char **platform;
  size_t n_platforms;
};

#define MAX_STRINGS 9
static size_t info_strings(clgen_device_info *info, char **fields[MAX_STRINGS]) {
  char **all[MAX_STRINGS] = {&info->name,   &info->vendor,  &info->platform,  &info->platform_version,
                             &info->driver, &info->version, &info->c_version, &info->extensions,
                             &info->reason};
  memcpy(fields, all, sizeof all);
  return MAX_STRINGS;
}

void clgen_device_info_clear(clgen_device_info *info) {
  char **fields[MAX_STRINGS];
  size_t n = info_strings(info, fields);
  for (size_t i = 0; i < n; i++) {
    free(*fields[i]);
    *fields[i] = NULL;
  }
}

int clgen_device_info_copy(clgen_device_info *to, const clgen_device_info *from) {
  *to = *from;
  char **fields[MAX_STRINGS];
  size_t n = info_strings(to, fields);
  bool whole = true;
  for (size_t i = 0; i < n; i++) {
    *fields[i] = clgen_strdup(*fields[i] ? *fields[i] : "");
    whole = whole && *fields[i];
  }
  if (whole) return CLGEN_OK;
  clgen_device_info_clear(to);
  return CLGEN_E_NOMEM;
}

int clgen_device_list_create(clgen_device_list **out) {
  *out = calloc(1, sizeof **out);
  return *out ? CLGEN_OK : clgen_fail_nomem(sizeof **out);
}

int clgen_device_list_add(clgen_device_list *list, const clgen_device_info *info) {
  clgen_device_info owned = *info, copy;
  int code = clgen_device_info_copy(&copy, info); /* also turns NULL into "" */
  clgen_device_info_clear(&owned);
  if (code != CLGEN_OK) return code;
  clgen_device_info *more = realloc(list->info, (list->n + 1) * sizeof *more);
  if (!more) {
    clgen_device_info_clear(&copy);
    return clgen_fail_nomem((list->n + 1) * sizeof *more);
  }
  list->info = more;
  size_t at = list->n++;
  if (copy.type != CLGEN_DEVICE_HOST) /* the host stays last, whichever backend was asked first */
    for (; at > 0 && more[at - 1].type == CLGEN_DEVICE_HOST; at--) more[at] = more[at - 1];
  more[at] = copy;
  return CLGEN_OK;
}

int clgen_device_list_add_platform(clgen_device_list *list, const char *line) {
  char **more = realloc(list->platform, (list->n_platforms + 1) * sizeof *more);
  if (!more) return clgen_fail_nomem((list->n_platforms + 1) * sizeof *more);
  list->platform = more;
  more[list->n_platforms] = clgen_strdup(line);
  if (!more[list->n_platforms]) return CLGEN_E_NOMEM;
  list->n_platforms++;
  return CLGEN_OK;
}

int clgen_devices_find_of(clgen_device_list **out, const char *backend) {
  clgen_device_list *list = NULL;
  *out = NULL;
  int code = clgen_device_list_create(&list);
  size_t n = 0;
  const clgen_backend *const *backends = clgen_backends(&n);
  for (size_t i = 0; i < n && code == CLGEN_OK; i++)
    if (!backend || strcmp(backends[i]->name, backend) == 0) code = backends[i]->find(list);
  if (code != CLGEN_OK) {
    clgen_devices_free(list);
    return code;
  }
  clgen_devices_mark_same(list);
  *out = list;
  return CLGEN_OK;
}

int clgen_devices_find(clgen_device_list **out) { return clgen_devices_find_of(out, NULL); }

void clgen_devices_free(clgen_device_list *list) {
  if (!list) return;
  for (size_t i = 0; i < list->n; i++) clgen_device_info_clear(&list->info[i]);
  for (size_t i = 0; i < list->n_platforms; i++) free(list->platform[i]);
  free(list->info);
  free(list->platform);
  free(list);
}

size_t clgen_devices_count(const clgen_device_list *list) { return list->n; }

const clgen_device_info *clgen_devices_get(const clgen_device_list *list, size_t index) {
  return index < list->n ? &list->info[index] : NULL;
}

clgen_device_info *clgen_devices_change(clgen_device_list *list, size_t index) { return &list->info[index]; }

size_t clgen_devices_platform_count(const clgen_device_list *list) { return list->n_platforms; }

const char *clgen_devices_platform_line(const clgen_device_list *list, size_t index) {
  return index < list->n_platforms ? list->platform[index] : "";
}

bool clgen_device_is_cpu_like(const clgen_device_info *info) {
  return info->type == CLGEN_DEVICE_CPU && info->vector_width >= 4;
}

const char *clgen_device_type_name(clgen_device_type type) {
  switch (type) {
    case CLGEN_DEVICE_GPU_DISCRETE: return "gpu";
    case CLGEN_DEVICE_GPU_INTEGRATED: return "integrated gpu";
    case CLGEN_DEVICE_ACCELERATOR: return "accelerator";
    case CLGEN_DEVICE_CPU: return "cpu";
    case CLGEN_DEVICE_HOST: return "host";
    case CLGEN_DEVICE_OTHER: break;
  }
  return "other";
}

const char *clgen_device_advice(void) {
  return "OpenCL devices come from a driver package. On Debian:\n"
         "  pocl-opencl-icd    any CPU\n"
         "  intel-opencl-icd   Intel GPUs\n"
         "  mesa-opencl-icd    AMD and other GPUs; its Rusticl needs RUSTICL_ENABLE=<driver> in the environment\n"
         "  nvidia-opencl-icd  NVIDIA GPUs\n"
         "If one is installed: OCL_ICD_VENDORS, when set, must name the folder of its .icd file (usually "
         "/etc/OpenCL/vendors),\n"
         "and you need permission to open /dev/dri/renderD*.\n"
         "The reference `host` needs no driver and is slow; name it to use it (--device host).";
}
