/* Between the files of clgen-devices. */
#ifndef CLGEN_TOOLS_DEVICES_H
#define CLGEN_TOOLS_DEVICES_H

#include <stdio.h>

#include <jansson.h>

#include "device/list.h"
#include "device/probe.h"

/* A device to be shown, with what was found out about it. */
typedef struct {
  clgen_device_info info; /* its status may have become worse by --probe */
  bool chosen;            /* what runs when no device is named */
  bool probed;
  clgen_device_probe_result probe;
  char **missing; /* --ops: for each operation why it cannot run, NULL where it can; NULL without --ops */
} shown_device;

typedef struct {
  const clgen_device_list *list;
  shown_device *device; /* the host last, if at all */
  size_t n;
  const char *chosen_by;  /* "automatic", "CLGEN_DEVICE" */
  bool one;               /* -d names one device: nothing is said of the others */
  bool unmeasured;        /* there are several to choose from, not all of which have been measured */
  bool wrong_environment; /* CLGEN_DEVICE fits no device */
} shown;

/* ---- devices_text.c: 0, or a code of clgen's ---- */
int show_table(const shown *s, FILE *f);
void show_list(const shown *s, FILE *f);
int show_properties(const shown *s, FILE *f);
int show_probe(const shown *s, FILE *f);
int show_ops(const shown *s, FILE *f);

/* ---- devices_json.c ---- */
int show_json(const shown *s, FILE *f);

/* ---- devices_properties.c: what is known of a device, one row for each property ---- */
typedef enum {
  FORM_TEXT,
  FORM_ARRAY,
  FORM_TYPE,
  FORM_STATUS,
  FORM_NUMBER,
  FORM_SIZE,
  FORM_SIZES,
  FORM_BYTES,
  FORM_FLAG
} property_form;
typedef struct {
  const char *key, *title; /* in JSON; for people */
  property_form form;
  size_t offset; /* in clgen_device_info */
} device_property;
extern const device_property device_properties[];
extern const size_t n_device_properties;

json_t *property_json(const device_property *p, const clgen_device_info *info);
/* For people, into buf; returns buf, or a string of the device's. */
const char *property_text(const device_property *p, const clgen_device_info *info, char *buf, size_t size);
const char *bytes_text(uint64_t bytes, char *buf, size_t size);
const char *status_name(clgen_device_status status);
/* Never NULL while there is memory: bytes that are not UTF-8 become '?'. */
json_t *json_text(const char *text);

#endif
