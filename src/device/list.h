/* The list of devices from the inside: for the backends' enumeration, the selector and the tests. */
#ifndef CLGEN_DEVICE_LIST_H
#define CLGEN_DEVICE_LIST_H

#include <clgen/device.h>

int clgen_device_list_create(clgen_device_list **out); /* empty; free with clgen_devices_free */

/* clgen_devices_find in one backend, NULL: in all. */
int clgen_devices_find_of(clgen_device_list **out, const char *backend);

/* A copy that owns its strings, and the end of one. */
int clgen_device_info_copy(clgen_device_info *to, const clgen_device_info *from);
void clgen_device_info_clear(clgen_device_info *info);

/* Indices of the devices that automatic choice considers, best first by what they say of themselves, unusable ones at the
 * end; order has room for all. Behind these the other offers of the same devices (same_as); *total counts them, too. */
size_t clgen_devices_rank(const clgen_device_list *list, size_t *order, size_t *total);
clgen_device_info *clgen_devices_change(clgen_device_list *list, size_t index);
/* Fills in same_as: devices with one PCI address or UUID are one device. */
void clgen_devices_mark_same(clgen_device_list *list);

/* Sorts the usable of the first n by their measured speeds, those that are kept in the cache, and those that are measured
 * now and kept where may_measure and options (may be NULL) allow. False, and nothing done, when not all are known. */
bool clgen_devices_sort_by_speed(const clgen_device_list *list, size_t *order, size_t n, const clgen_device_options *options,
                                 bool may_measure);
/* Whether nothing is left to be measured before the automatic choice. */
bool clgen_devices_are_measured(const clgen_device_list *list);
/* Sorts both by speed, greatest first; equals stay as they are. */
void clgen_devices_sort(size_t *order, double *speed, size_t n);

int clgen_device_open_info(clgen_device **out, const clgen_device_info *info, const clgen_device_options *options);
/* The fastest device that opens, compiles and runs. One that does not is passed over, and said to be. */
int clgen_device_open_automatic(clgen_device **out, const clgen_device_list *list, const clgen_device_options *options);

/* Whether kernels are to be written for it as for a CPU: few work-items, each of which goes through memory with vectors.
 * Only a CPU with vector registers is; GPUs exist whose local memory is ordinary memory, and a driver that vectorises over
 * work-items by itself says so by a native width of 1. */
bool clgen_device_is_cpu_like(const clgen_device_info *info);

/* "discrete GPU", "gpu" for a column. */
const char *clgen_device_type_name(clgen_device_type type);

/* What to do about a machine without a usable OpenCL device; sentences, without a newline at the end. */
const char *clgen_device_advice(void);

#endif
