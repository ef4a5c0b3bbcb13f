/* Opening a device, and the calls that go straight to its backend. */
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/base.h"
#include "device/list.h"

const clgen_backend *clgen_backend_find(const char *name) {
  size_t n = 0;
  const clgen_backend *const *backends = clgen_backends(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(backends[i]->name, name) == 0) return backends[i];
  return NULL;
}

int clgen_device_open_info(clgen_device **out, const clgen_device_info *info, const clgen_device_options *options) {
  if (info->status == CLGEN_DEVICE_UNUSABLE)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "device %s (%s) is unusable: %s", info->spec, info->name, info->reason);
  clgen_device *device = calloc(1, sizeof *device);
  if (!device) return clgen_fail_nomem(sizeof *device);
  if (options) device->options = *options;
  int code = clgen_device_info_copy(&device->info, info);
  if (code != CLGEN_OK) {
    free(device);
    return code;
  }
  device->backend = clgen_backend_find(info->backend);
  code = device->backend ? device->backend->open(&device->impl, &device->info, &device->options)
                         : clgen_fail(CLGEN_E_UNSUPPORTED, "device %s needs the backend '%s', which this build lacks",
                                      info->spec, info->backend);
  device->options.cache_dir = NULL; /* the caller's string need not live on; the backend has its own copy */
  if (code != CLGEN_OK) {
    clgen_device_info_clear(&device->info);
    free(device);
    return clgen_fail_prefix(code, "opening device %s", info->spec);
  }
  *out = device;
  return CLGEN_OK;
}

static int open_named(clgen_device **out, const clgen_device_list *list, const char *spec,
                      const clgen_device_options *options) {
  size_t index = 0;
  int code = clgen_devices_select(list, spec, &index);
  if (code == CLGEN_OK) code = clgen_device_open_info(out, clgen_devices_get(list, index), options);
  if (code == CLGEN_OK && (*out)->info.type == CLGEN_DEVICE_HOST)
    clgen_log_write(options ? &options->log : NULL, CLGEN_LOG_WARNING,
                    "device host is slow: it is the reference in plain C, which other devices are checked against");
  return code;
}

int clgen_device_open(clgen_device **out, const char *spec, const clgen_device_options *options) {
  *out = NULL;
  clgen_device_list *list = NULL;
  bool from_environment = false;
  if (!spec) {
    spec = getenv("CLGEN_DEVICE");
    from_environment = spec && spec[0];
  }
  /* the reference needs no driver, so that none can keep it from being used */
  int code = clgen_devices_find_of(&list, spec && clgen_same_word(spec, "host") ? "host" : NULL);
  if (code != CLGEN_OK) return code;
  code = spec && spec[0] ? open_named(out, list, spec, options) : clgen_device_open_automatic(out, list, options);
  if (code != CLGEN_OK && from_environment) clgen_fail_prefix(code, "from CLGEN_DEVICE");
  clgen_devices_free(list);
  return code;
}

void clgen_device_close(clgen_device *device) {
  if (!device) return;
  device->backend->close(device->impl);
  clgen_device_info_clear(&device->info);
  free(device);
}

bool clgen_device_library(size_t index, char *text, size_t size) {
  size_t n;
  const clgen_backend *const *all = clgen_backends(&n);
  for (size_t i = 0; i < n; ++i) {
    if (!all[i]->library || index-- > 0) continue;
    all[i]->library(text, size);
    return true;
  }
  return false;
}

const clgen_device_info *clgen_device_get_info(const clgen_device *device) { return &device->info; }

int clgen_device_finish(clgen_device *device) { return device->backend->finish(device->impl); }

size_t clgen_device_profile_count(const clgen_device *device) {
  return device->backend->profile_count ? device->backend->profile_count(device->impl) : 0;
}

int clgen_device_profile_get(const clgen_device *device, size_t index, clgen_profile_row *row) {
  if (index >= clgen_device_profile_count(device) || !device->backend->profile_get)
    return clgen_fail(CLGEN_E_NOTFOUND, "profile row %zu: there are %zu", index, clgen_device_profile_count(device));
  return device->backend->profile_get(device->impl, index, row);
}

void clgen_device_profile_reset(clgen_device *device) {
  if (device->backend->profile_reset) device->backend->profile_reset(device->impl);
}
