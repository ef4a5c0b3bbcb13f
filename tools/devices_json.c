/* clgen-devices --json. Valid whatever was found, and whatever bytes a driver gives for a name. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "config.h"
#include "devices.h"

/* JSON has no infinity. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *probe_json(const clgen_device_probe_result *r) {
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "compile_s", number(r->compile_s), "gemm_max_error",
                   number(r->gemm_max_error), "conv_max_error", number(r->conv_max_error), "gemm_gflops",
                   number(r->gemm_gflops), "copy_gb_per_s", number(r->copy_gb_per_s), "launch_us", number(r->launch_us));
}

/* {"tanh": true, ...}, and why where it is false. */
static json_t *ops_json(const shown_device *d) {
  json_t *supported = json_object(), *reasons = json_object();
  for (size_t i = 0; i < clgen_example_count(); i++) {
    json_object_set_new(supported, clgen_example_name(i), json_boolean(!d->missing[i]));
    if (d->missing[i]) json_object_set_new(reasons, clgen_example_name(i), json_text(d->missing[i]));
  }
  return json_pack("{s:o, s:o}", "supported", supported, "reasons", reasons);
}

static json_t *device_json(const shown_device *d) {
  json_t *object = json_object();
  for (size_t i = 0; i < n_device_properties; i++)
    json_object_set_new(object, device_properties[i].key, property_json(&device_properties[i], &d->info));
  json_object_set_new(object, "chosen", json_boolean(d->chosen));
  if (d->probed) json_object_set_new(object, "probe", probe_json(&d->probe));
  if (d->missing) json_object_set_new(object, "ops", ops_json(d));
  return object;
}

int show_json(const shown *s, FILE *f) {
  json_t *devices = json_array(), *platforms = json_array(), *host = json_null(), *chosen = json_null();
  for (size_t i = 0; i < s->n; i++) {
    const shown_device *d = &s->device[i];
    if (d->chosen) chosen = json_text(d->info.spec);
    if (d->info.type == CLGEN_DEVICE_HOST)
      host = device_json(d);
    else
      json_array_append_new(devices, device_json(d));
  }
  for (size_t i = 0; i < clgen_devices_platform_count(s->list); i++)
    json_array_append_new(platforms, json_text(clgen_devices_platform_line(s->list, i)));
  char library[64];
  json_t *libraries = json_array();
  for (size_t i = 0; clgen_device_library(i, library, sizeof library); i++)
    json_array_append_new(libraries, json_text(library));
  json_t *root =
      json_pack("{s:i, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "schema", 1, "clgen", CLGEN_VERSION, "chosen", chosen,
                "chosen_by", s->chosen_by, "devices", devices, "host", host, "platforms", platforms, "libraries", libraries);
  char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
  json_decref(root);
  if (!text) return clgen_fail_nomem(0);
  fprintf(f, "%s\n", text);
  free(text);
  return CLGEN_OK;
}
