/* What clgen-devices prints for people. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "columns.h"
#include "devices.h"

static const char *name_of(const clgen_device_info *d) { return d->name[0] ? d->name : "(no name)"; }

static const char *or_dash(const char *text) { return text[0] ? text : "-"; }

static void add_size(columns *c, uint64_t bytes) {
  char text[32];
  columns_add(c, "%s", bytes ? bytes_text(bytes, text, sizeof text) : "-");
}

static void add_status(columns *c, const clgen_device_info *d) {
  columns_add(c, "%s%s%s%s%s", status_name(d->status), d->reason[0] ? ": " : "", d->reason,
              d->same_as[0] ? "; the same device as " : "", d->same_as);
}

static void add_row(columns *c, const shown_device *shown) {
  const clgen_device_info *d = &shown->info;
  columns_add(c, "%s", shown->chosen ? "*" : "");
  columns_add(c, "%s", d->spec);
  columns_add(c, "%s", clgen_device_type_name(d->type));
  columns_add(c, "%s", name_of(d));
  columns_add(c, "%s", or_dash(d->platform));
  columns_add(c, "%s", or_dash(d->driver));
  columns_add(c, "%u", d->compute_units);
  add_size(c, d->global_bytes);
  add_size(c, d->max_alloc_bytes);
  columns_add(c, "%s/%s", d->fp16 ? "yes" : "no", d->fp64 ? "yes" : "no");
  add_status(c, d);
}

static size_t count_opencl(const shown *s) {
  size_t n = 0;
  for (size_t i = 0; i < s->n; i++) n += s->device[i].info.type != CLGEN_DEVICE_HOST;
  return n;
}

static void show_platforms(const shown *s, FILE *f) {
  if (s->one) return;
  for (size_t i = 0; i < clgen_devices_platform_count(s->list); i++) {
    const char *line = clgen_devices_platform_line(s->list, i);
    if (strstr(line, ": no devices") || strstr(line, "cannot be listed")) fprintf(f, "platform %s\n", line);
  }
}

/* What stays when another driver is installed, which moves P:D. */
static void show_addresses(const shown *s, FILE *f) {
  for (size_t i = 0; i < s->n; i++) {
    const clgen_device_info *d = &s->device[i].info;
    const char *address = d->pci[0] ? d->pci : d->uuid;
    if (address[0]) fprintf(f, "%s is also %s, which stays when drivers are installed or removed\n", d->spec, address);
  }
}

static void show_choice(const shown *s, FILE *f) {
  for (size_t i = 0; i < s->n && !s->one; i++)
    if (s->device[i].chosen)
      fprintf(f, "* runs when no device is named (%s)\n",
              strcmp(s->chosen_by, "automatic") != 0 ? "by CLGEN_DEVICE"
              : s->unmeasured                        ? "the automatic choice, until a run has measured which is the fastest"
                                                     : "the automatic choice");
}

int show_table(const shown *s, FILE *f) {
  static const char *const title[] = {"",      "SPEC",   "TYPE",    "NAME",      "PLATFORM", "DRIVER",
                                      "UNITS", "MEMORY", "LARGEST", "FP16/FP64", "STATUS"};
  int code = CLGEN_OK;
  if (count_opencl(s) > 0) {
    columns c;
    columns_begin(&c, CLGEN_COUNT(title));
    for (size_t i = 0; i < CLGEN_COUNT(title); i++) columns_add(&c, "%s", title[i]);
    for (size_t i = 0; i < s->n; i++)
      if (s->device[i].info.type != CLGEN_DEVICE_HOST) add_row(&c, &s->device[i]);
    code = columns_end(&c, f);
  }
  show_choice(s, f);
  show_addresses(s, f);
  show_platforms(s, f);
  for (size_t i = 0; i < s->n; i++) {
    const clgen_device_info *d = &s->device[i].info;
    if (d->type == CLGEN_DEVICE_HOST)
      fprintf(f, "%s: %s, to check others against; slow, and never chosen by itself\n", d->spec, d->name);
  }
  return code;
}

void show_list(const shown *s, FILE *f) {
  for (size_t i = 0; i < s->n; i++) {
    const clgen_device_info *d = &s->device[i].info;
    bool bad = d->status == CLGEN_DEVICE_UNUSABLE;
    fprintf(f, "%s %-6s %s%s%s%s\n", s->device[i].chosen ? "*" : " ", d->spec, name_of(d), bad ? " (unusable: " : "",
            bad ? d->reason : "", bad ? ")" : "");
  }
}

int show_properties(const shown *s, FILE *f) {
  int code = CLGEN_OK;
  for (size_t i = 0; i < s->n && code == CLGEN_OK; i++) {
    columns c;
    columns_begin(&c, 2);
    for (size_t k = 0; k < n_device_properties; k++) {
      char text[64];
      columns_add(&c, "%s%s", k == 0 && s->device[i].chosen ? "* " : "  ", device_properties[k].title);
      columns_add(&c, "%s", or_dash(property_text(&device_properties[k], &s->device[i].info, text, sizeof text)));
    }
    if (i > 0) fprintf(f, "\n");
    code = columns_end(&c, f);
  }
  fprintf(f, "\n");
  char library[64];
  for (size_t i = 0; clgen_device_library(i, library, sizeof library); i++) fprintf(f, "computes with %s\n", library);
  show_choice(s, f);
  show_platforms(s, f);
  return code;
}

int show_probe(const shown *s, FILE *f) {
  static const char *const title[] = {"SPEC", "COMPILE", "GEMM ERROR", "CONV ERROR", "GEMM", "COPY", "LAUNCH", "STATUS"};
  columns c;
  columns_begin(&c, CLGEN_COUNT(title));
  for (size_t i = 0; i < CLGEN_COUNT(title); i++) columns_add(&c, "%s", title[i]);
  for (size_t i = 0; i < s->n; i++) {
    const shown_device *d = &s->device[i];
    if (!d->probed) continue;
    columns_add(&c, "%s", d->info.spec);
    columns_add(&c, "%.2f s", d->probe.compile_s);
    columns_add(&c, "%.1e", d->probe.gemm_max_error);
    columns_add(&c, "%.1e", d->probe.conv_max_error);
    columns_add(&c, "%.4g GFLOP/s", d->probe.gemm_gflops);
    columns_add(&c, "%.3g GB/s", d->probe.copy_gb_per_s);
    columns_add(&c, "%.3g us", d->probe.launch_us);
    add_status(&c, &d->info);
  }
  fprintf(f, "\n");
  return columns_end(&c, f);
}

int show_ops(const shown *s, FILE *f) {
  columns c;
  columns_begin(&c, s->n + 1);
  columns_add(&c, "OPERATION");
  for (size_t i = 0; i < s->n; i++) columns_add(&c, "%s", s->device[i].info.spec);
  for (size_t op = 0; op < clgen_example_count(); op++) {
    columns_add(&c, "%s", clgen_example_name(op));
    for (size_t i = 0; i < s->n; i++) columns_add(&c, "%s", s->device[i].missing[op] ? "no" : "yes");
  }
  fprintf(f, "\n");
  int code = columns_end(&c, f);
  for (size_t i = 0; i < s->n; i++) { /* the same reason is said once */
    const char *last = "";
    for (size_t op = 0; op < clgen_example_count(); op++) {
      const char *why = s->device[i].missing[op];
      if (why && strcmp(why, last) != 0) fprintf(f, "%s: %s: %s\n", s->device[i].info.spec, clgen_example_name(op), why);
      if (why) last = why;
    }
  }
  return code;
}
