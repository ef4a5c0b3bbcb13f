/* Choosing a device: by SPEC, or the best one.
 *
 * The order is by kind (discrete GPU, integrated GPU, accelerator, CPU, other), and within a kind by status and by a crude
 * estimate of speed; "gpu:1" counts in it. The automatic choice goes by measured speeds where they are known (automatic.c).
 * What a device is called plays no part. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "device/list.h"

static double rough_speed(const clgen_device_info *d) {
  return (double)d->compute_units * (d->clock_mhz ? d->clock_mhz : 1) * (d->vector_width ? d->vector_width : 1);
}

/* Whether a is to be preferred to b, which comes earlier in the list. */
static bool better(const clgen_device_info *a, const clgen_device_info *b) {
  bool a_runs = a->status != CLGEN_DEVICE_UNUSABLE, b_runs = b->status != CLGEN_DEVICE_UNUSABLE;
  if (a_runs != b_runs) return a_runs;
  if (a->type != b->type) return a->type < b->type;
  if (a->status != b->status) return a->status < b->status;
  return rough_speed(a) > rough_speed(b);
}

static bool same_device(const clgen_device_info *a, const clgen_device_info *b) {
  return (a->pci[0] && strcmp(a->pci, b->pci) == 0) || (a->uuid[0] && strcmp(a->uuid, b->uuid) == 0);
}

static void rank_all(const clgen_device_list *list, size_t *order, size_t *n) {
  *n = 0;
  for (size_t i = 0; i < clgen_devices_count(list); i++) {
    const clgen_device_info *d = clgen_devices_get(list, i);
    if (d->type == CLGEN_DEVICE_HOST) continue;
    size_t at = (*n)++;
    for (; at > 0 && better(d, clgen_devices_get(list, order[at - 1])); at--) order[at] = order[at - 1];
    order[at] = i;
  }
}

size_t clgen_devices_rank(const clgen_device_list *list, size_t *order, size_t *total) {
  size_t n = 0, all;
  rank_all(list, order, &all);
  if (total) *total = all;
  for (size_t i = 0; i < all; i++) { /* those that are the same as another one go behind, in their order */
    size_t index = order[i], at = i;
    if (clgen_devices_get(list, index)->same_as[0]) continue;
    for (; at > n; at--) order[at] = order[at - 1];
    order[n++] = index;
  }
  return n;
}

void clgen_devices_mark_same(clgen_device_list *list) {
  size_t n = clgen_devices_count(list);
  for (size_t i = 0; i < n; i++) {
    clgen_device_info *d = clgen_devices_change(list, i), *best = d;
    for (size_t k = 0; k < n; k++) {
      clgen_device_info *other = clgen_devices_change(list, k);
      if (k != i && same_device(d, other) && (better(other, best) || (k < i && best == d && !better(d, other))))
        best = other;
    }
    d->same_as[0] = 0;
    if (best != d) snprintf(d->same_as, sizeof d->same_as, "%s", best->spec);
  }
}

static bool contains(const char *text, const char *piece) {
  size_t n = strlen(piece);
  for (; strlen(text) >= n; text++)
    if (clgen_same_letters(text, piece, n)) return true;
  return false;
}

/* A list of some devices, one a line, for a message. */
static char *describe(const clgen_device_list *list, const bool *marked) {
  char *text = clgen_strdup("");
  for (size_t i = 0; i < clgen_devices_count(list) && text; i++) {
    if (marked && !marked[i]) continue;
    const clgen_device_info *d = clgen_devices_get(list, i);
    bool bad = d->status == CLGEN_DEVICE_UNUSABLE;
    char *more = clgen_format("%s\n  %-6s %s (%s%s%s%s%s)", text, d->spec, d->name[0] ? d->name : "(no name)",
                              clgen_device_type_name(d->type), d->platform[0] ? ", " : "", d->platform,
                              bad ? "; unusable: " : "", bad ? d->reason : "");
    free(text);
    text = more;
  }
  return text;
}

static bool has_opencl(const clgen_device_list *list) {
  for (size_t i = 0; i < clgen_devices_count(list); i++)
    if (clgen_devices_get(list, i)->type != CLGEN_DEVICE_HOST) return true;
  return false;
}

static int fail_with_list(const clgen_device_list *list, const bool *marked, const char *what, const char *spec) {
  char *candidates = describe(list, marked);
  if (!candidates) return CLGEN_E_NOMEM;
  bool bare = !has_opencl(list);
  int code = clgen_fail(CLGEN_E_NOTFOUND, "device '%s' %s:%s%s%s", spec, what, candidates, bare ? "\n" : "",
                        bare ? clgen_device_advice() : "");
  free(candidates);
  return code;
}

static int select_automatic(const clgen_device_list *list, size_t *order, size_t n, size_t *index) {
  clgen_devices_sort_by_speed(list, order, n, NULL, false); /* as far as that is known */
  if (n > 0 && clgen_devices_get(list, order[0])->status != CLGEN_DEVICE_UNUSABLE) {
    *index = order[0];
    return CLGEN_OK;
  }
  char *found = n > 0 ? describe(list, NULL) : NULL;
  int code = clgen_fail(CLGEN_E_NOTFOUND, "no usable OpenCL device%s%s\n%s", found ? ". There are:" : " was found.",
                        found ? found : "", clgen_device_advice());
  free(found);
  return code;
}

typedef struct {
  const char *word;
  clgen_device_type first, last;
} kind_row;
static const kind_row kind_rows[] = {
    {"gpu", CLGEN_DEVICE_GPU_DISCRETE, CLGEN_DEVICE_GPU_INTEGRATED},
    {"accel", CLGEN_DEVICE_ACCELERATOR, CLGEN_DEVICE_ACCELERATOR},
    {"cpu", CLGEN_DEVICE_CPU, CLGEN_DEVICE_CPU},
};

static bool parse_number(const char *s, size_t *value) {
  char *end = NULL;
  if (*s < '0' || *s > '9' || strlen(s) > 6) return false;
  *value = strtoul(s, &end, 10);
  return *end == 0;
}

/* "gpu" or "gpu:1". Says in *matched whether the spec is of this form at all. */
static int select_kind(const clgen_device_list *list, const char *spec, const size_t *order, size_t n, size_t *index,
                       bool *matched) {
  *matched = false;
  for (size_t k = 0; k < CLGEN_COUNT(kind_rows); k++) {
    size_t length = strlen(kind_rows[k].word), skip = 0;
    if (!clgen_same_letters(spec, kind_rows[k].word, length)) continue;
    if (spec[length] != 0 && (spec[length] != ':' || !parse_number(spec + length + 1, &skip))) continue;
    *matched = true;
    for (size_t i = 0; i < n; i++) {
      const clgen_device_info *d = clgen_devices_get(list, order[i]);
      if (d->type < kind_rows[k].first || d->type > kind_rows[k].last || skip-- > 0) continue;
      *index = order[i];
      return CLGEN_OK;
    }
    return fail_with_list(list, NULL, "was not found. There are", spec);
  }
  return CLGEN_OK;
}

static bool is_numbered(const char *spec) {
  const char *colon = strchr(spec, ':');
  size_t number;
  return colon && colon > spec && strspn(spec, "0123456789") == (size_t)(colon - spec) && parse_number(colon + 1, &number);
}

/* A PCI address, with or without its domain where that is 0, or a UUID. */
static bool is_address_of(const clgen_device_info *d, const char *spec) {
  if (d->uuid[0] && clgen_same_word(d->uuid, spec)) return true;
  return d->pci[0] &&
         (clgen_same_word(d->pci, spec) || (strncmp(d->pci, "0000:", 5) == 0 && clgen_same_word(d->pci + 5, spec)));
}

static bool name_matches(const clgen_device_info *d, const char *piece, int pass) {
  switch (pass) {
    case 0: return clgen_same_word(d->name, piece);
    case 1: return contains(d->name, piece);
    default: return contains(d->platform, piece) || contains(d->vendor, piece);
  }
}

/* The whole name, else a piece of it, else a piece of the platform's or the vendor's name. One usable match among several
 * that are not is no ambiguity. */
static int select_name(const clgen_device_list *list, const char *spec, bool *marked, size_t *index) {
  for (int pass = 0; pass < 3; pass++) {
    size_t matches = 0, usable = 0, last = 0, last_usable = 0;
    for (size_t i = 0; i < clgen_devices_count(list); i++) {
      const clgen_device_info *d = clgen_devices_get(list, i);
      marked[i] = d->type != CLGEN_DEVICE_HOST && name_matches(d, spec, pass);
      if (!marked[i]) continue;
      matches++, last = i;
      if (d->status != CLGEN_DEVICE_UNUSABLE) usable++, last_usable = i;
    }
    if (matches == 1 || usable == 1) {
      *index = usable == 1 ? last_usable : last;
      return CLGEN_OK;
    }
    if (matches > 1) return fail_with_list(list, marked, "is ambiguous. It fits", spec);
  }
  return fail_with_list(list, NULL, "was not found. There are", spec);
}

static int select_among(const clgen_device_list *list, const char *spec, size_t *order, bool *marked, size_t *index) {
  size_t total, n = clgen_devices_rank(list, order, &total);
  if (!spec || !spec[0]) return select_automatic(list, order, n, index);
  for (size_t i = 0; i < clgen_devices_count(list); i++)
    if (clgen_same_word(clgen_devices_get(list, i)->spec, spec)) { /* "host" too */
      *index = i;
      return CLGEN_OK;
    }
  for (size_t i = 0; i < total; i++) /* of several drivers of the device the best one */
    if (is_address_of(clgen_devices_get(list, order[i]), spec)) {
      *index = order[i];
      return CLGEN_OK;
    }
  if (is_numbered(spec)) return fail_with_list(list, NULL, "was not found. There are", spec);
  bool matched = false;
  int code = select_kind(list, spec, order, n, index, &matched);
  return matched ? code : select_name(list, spec, marked, index);
}

int clgen_devices_select(const clgen_device_list *list, const char *spec, size_t *index) {
  size_t n = clgen_devices_count(list);
  size_t *order = calloc(n + 1, sizeof *order);
  bool *marked = calloc(n + 1, sizeof *marked);
  int code = order && marked ? select_among(list, spec, order, marked, index) : clgen_fail_nomem((n + 1) * sizeof *order);
  free(order);
  free(marked);
  return code;
}
