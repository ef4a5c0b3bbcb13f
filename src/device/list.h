/* The list of devices from the inside: for the backends' enumeration, the selector and the tests. */
#ifndef CLGEN_DEVICE_LIST_H
#define CLGEN_DEVICE_LIST_H

#include <clgen/device.h>

int clgen_device_list_create(clgen_device_list **out); /* empty; free with clgen_devices_free */

/* A copy that owns its strings, and the end of one. */
int clgen_device_info_copy(clgen_device_info *to, const clgen_device_info *from);
void clgen_device_info_clear(clgen_device_info *info);

/* Indices of the devices that automatic choice considers, best first, unusable ones at the end; order has room for all. */
size_t clgen_devices_rank(const clgen_device_list *list, size_t *order);

/* Whether kernels are to be written for it as for a CPU: few work-items, each of which goes through memory with vectors.
 * Only a CPU with vector registers is; GPUs exist whose local memory is ordinary memory, and a driver that vectorises over
 * work-items by itself says so by a native width of 1. */
bool clgen_device_is_cpu_like(const clgen_device_info *info);

/* "discrete GPU", "gpu" for a column. */
const char *clgen_device_type_name(clgen_device_type type);

/* What to do about a machine without a usable OpenCL device; sentences, without a newline at the end. */
const char *clgen_device_advice(void);

#endif
