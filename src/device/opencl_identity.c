/* Which piece of hardware a device is, whatever driver offers it: its PCI address, and its UUID. */
#include <string.h>

#include "base/base.h"
#include "device/list.h"
#include "device/opencl.h"

/* Extensions' queries, which not every version of OpenCL's headers names. */
enum {
  DEVICE_UUID = 0x106a,      /* cl_khr_device_uuid: 16 bytes */
  PCI_BUS_INFO = 0x410f,     /* cl_khr_pci_bus_info: domain, bus, device, function */
  PCI_BUS_NV = 0x4008,       /* cl_nv_device_attribute_query */
  PCI_SLOT_NV = 0x4009,      /* the device times 8, plus the function */
  PCI_DOMAIN_NV = 0x400a,    /* since 2020 */
  TOPOLOGY_AMD = 0x4037,     /* cl_amd_device_attribute_query: 24 bytes, the last three of them bus, device, function */
  TOPOLOGY_AMD_IS_PCIE = 1,  /* its first four bytes */
  TOPOLOGY_AMD_BUS = 4 + 17, /* where those are */
};

static bool ask(cl_device_id device, cl_device_info what, void *value, size_t size) {
  size_t given = 0;
  return clGetDeviceInfo(device, what, size, value, &given) == CL_SUCCESS && given == size;
}

/* domain, bus, device, function */
static bool ask_pci(cl_device_id device, const char *extensions, cl_uint at[4]) {
  if (clgen_cl_has_extension(extensions, "cl_khr_pci_bus_info") && ask(device, PCI_BUS_INFO, at, 4 * sizeof *at))
    return true;
  memset(at, 0, 4 * sizeof *at);
  cl_uint slot = 0;
  if (clgen_cl_has_extension(extensions, "cl_nv_device_attribute_query") && ask(device, PCI_BUS_NV, &at[1], sizeof *at) &&
      ask(device, PCI_SLOT_NV, &slot, sizeof slot)) {
    ask(device, PCI_DOMAIN_NV, &at[0], sizeof *at);
    at[2] = slot >> 3;
    at[3] = slot & 7;
    return true;
  }
  unsigned char topology[24];
  cl_uint kind;
  if (!clgen_cl_has_extension(extensions, "cl_amd_device_attribute_query") ||
      !ask(device, TOPOLOGY_AMD, topology, sizeof topology))
    return false;
  memcpy(&kind, topology, sizeof kind);
  for (int k = 0; k < 3; k++) at[1 + k] = topology[TOPOLOGY_AMD_BUS + k];
  return kind == TOPOLOGY_AMD_IS_PCIE;
}

void clgen_cl_identify(cl_device_id device, clgen_device_info *info) {
  cl_uint at[4] = {0};
  unsigned char id[16];
  static const unsigned char none[16];
  /* the address of all zeros is a mainboard's, and what drivers say that know none */
  if (ask_pci(device, info->extensions, at) && (at[0] | at[1] | at[2] | at[3]) && at[0] <= 0xffff && at[1] <= 0xff &&
      at[2] <= 0x1f && at[3] <= 7)
    snprintf(info->pci, sizeof info->pci, "%04x:%02x:%02x.%x", at[0], at[1], at[2], at[3]);
  if (!clgen_cl_has_extension(info->extensions, "cl_khr_device_uuid") || !ask(device, DEVICE_UUID, id, sizeof id) ||
      memcmp(id, none, sizeof id) == 0)
    return;
  char *out = info->uuid;
  for (int k = 0; k < 16; k++) out += sprintf(out, k == 4 || k == 6 || k == 8 || k == 10 ? "-%02x" : "%02x", id[k]);
}
