/* The properties of a device: the table that -v and --json are made from. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "devices.h"

#define ROW(key, title, form, member) \
  { key, title, form, offsetof(clgen_device_info, member) }
const device_property device_properties[] = {
    ROW("spec", "SPEC", FORM_ARRAY, spec),
    ROW("backend", "backend", FORM_ARRAY, backend),
    ROW("type", "type", FORM_TYPE, type),
    ROW("name", "name", FORM_TEXT, name),
    ROW("vendor", "vendor", FORM_TEXT, vendor),
    ROW("platform", "platform", FORM_TEXT, platform),
    ROW("platform_version", "platform version", FORM_TEXT, platform_version),
    ROW("driver", "driver", FORM_TEXT, driver),
    ROW("version", "version", FORM_TEXT, version),
    ROW("c_version", "language", FORM_TEXT, c_version),
    ROW("pci", "PCI address", FORM_ARRAY, pci),
    ROW("uuid", "UUID", FORM_ARRAY, uuid),
    ROW("same_as", "the same device as", FORM_ARRAY, same_as),
    ROW("compute_units", "compute units", FORM_NUMBER, compute_units),
    ROW("clock_mhz", "clock, MHz", FORM_NUMBER, clock_mhz),
    ROW("vector_width", "floats in a vector", FORM_NUMBER, vector_width),
    ROW("global_bytes", "memory", FORM_BYTES, global_bytes),
    ROW("max_alloc_bytes", "largest allocation", FORM_BYTES, max_alloc_bytes),
    ROW("local_bytes", "local memory", FORM_BYTES, local_bytes),
    ROW("local_is_dedicated", "local memory is dedicated", FORM_FLAG, local_is_dedicated),
    ROW("cache_bytes", "cache", FORM_BYTES, cache_bytes),
    ROW("unified_memory", "memory shared with the host", FORM_FLAG, unified_memory),
    ROW("base_align_bytes", "alignment, bytes", FORM_NUMBER, base_align_bytes),
    ROW("max_work_group", "largest work-group", FORM_SIZE, max_work_group),
    ROW("max_work_item", "largest work-group by axis", FORM_SIZES, max_work_item),
    ROW("fp16", "half precision", FORM_FLAG, fp16),
    ROW("fp64", "double precision", FORM_FLAG, fp64),
    ROW("compiler", "compiler", FORM_FLAG, compiler),
    ROW("little_endian", "little endian", FORM_FLAG, little_endian),
    ROW("extensions", "extensions", FORM_TEXT, extensions),
    ROW("status", "status", FORM_STATUS, status),
    ROW("reason", "reason", FORM_TEXT, reason),
};
#undef ROW
const size_t n_device_properties = CLGEN_COUNT(device_properties);

const char *status_name(clgen_device_status status) {
  switch (status) {
    case CLGEN_DEVICE_OK: return "ok";
    case CLGEN_DEVICE_LIMITED: return "limited";
    case CLGEN_DEVICE_UNUSABLE: break;
  }
  return "unusable";
}

const char *bytes_text(uint64_t bytes, char *buf, size_t size) {
  static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = (double)bytes;
  size_t k = 0;
  for (; value >= 1024 && k + 1 < CLGEN_COUNT(unit); k++) value /= 1024;
  snprintf(buf, size, value < 10 && k > 0 ? "%.1f %s" : "%.0f %s", value, unit[k]);
  return buf;
}

/* Members are read through pointers to their own types; some texts are arrays, others pointers. */
static const char *text_of(const device_property *p, const clgen_device_info *info) {
  const char *at = (const char *)info + p->offset;
  return p->form == FORM_ARRAY ? at : *(char *const *)at;
}

const char *property_text(const device_property *p, const clgen_device_info *info, char *buf, size_t size) {
  const void *at = (const char *)info + p->offset;
  const size_t *sizes = at;
  switch (p->form) {
    case FORM_TEXT:
    case FORM_ARRAY: return text_of(p, info);
    case FORM_TYPE: return clgen_device_type_name(info->type);
    case FORM_STATUS: return status_name(info->status);
    case FORM_NUMBER: snprintf(buf, size, "%u", *(const unsigned *)at); break;
    case FORM_SIZE: snprintf(buf, size, "%zu", *sizes); break;
    case FORM_SIZES: snprintf(buf, size, "%zu x %zu x %zu", sizes[0], sizes[1], sizes[2]); break;
    case FORM_BYTES: return bytes_text(*(const uint64_t *)at, buf, size);
    case FORM_FLAG: return *(const bool *)at ? "yes" : "no";
  }
  return buf;
}

json_t *json_text(const char *text) {
  json_t *whole = json_string(text);
  if (whole) return whole;
  char *copy = clgen_strdup(text);
  for (char *s = copy; s && *s; s++)
    if ((unsigned char)*s > '~') *s = '?';
  whole = copy ? json_string(copy) : NULL;
  free(copy);
  return whole;
}

json_t *property_json(const device_property *p, const clgen_device_info *info) {
  const void *at = (const char *)info + p->offset;
  const size_t *sizes = at;
  switch (p->form) {
    case FORM_TEXT:
    case FORM_ARRAY: return json_text(text_of(p, info));
    case FORM_TYPE: return json_text(clgen_device_type_name(info->type));
    case FORM_STATUS: return json_text(status_name(info->status));
    case FORM_NUMBER: return json_integer(*(const unsigned *)at);
    case FORM_SIZE: return json_integer((json_int_t)*sizes);
    case FORM_SIZES: return json_pack("[I,I,I]", (json_int_t)sizes[0], (json_int_t)sizes[1], (json_int_t)sizes[2]);
    case FORM_BYTES: return json_integer((json_int_t) * (const uint64_t *)at);
    case FORM_FLAG: return json_boolean(*(const bool *)at);
  }
  return NULL;
}
