/* Devices: find what there is, choose one, open it. No OpenCL type appears here. */
#ifndef CLGEN_DEVICE_H
#define CLGEN_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Receives messages that are not errors ("tuning GEMM ..."). write may be NULL. */
typedef enum { CLGEN_LOG_DEBUG, CLGEN_LOG_INFO, CLGEN_LOG_WARNING } clgen_log_level;
typedef struct {
  void (*write)(void *user, clgen_log_level level, const char *message); /* one line, without its newline */
  void *user;
} clgen_logger;

typedef enum {
  CLGEN_DEVICE_GPU_DISCRETE,
  CLGEN_DEVICE_GPU_INTEGRATED,
  CLGEN_DEVICE_ACCELERATOR,
  CLGEN_DEVICE_CPU,
  CLGEN_DEVICE_OTHER,
  CLGEN_DEVICE_HOST /* the reference in plain C: always available, slow, never chosen automatically */
} clgen_device_type;

typedef enum { CLGEN_DEVICE_OK, CLGEN_DEVICE_LIMITED, CLGEN_DEVICE_UNUSABLE } clgen_device_status;

/* What is known of a device without opening it. Strings are never NULL; a query that failed leaves "" or 0. */
typedef struct {
  char spec[32];    /* "P:D" in clinfo's numbering, or "host" */
  char backend[16]; /* "opencl" or "host" */
  clgen_device_type type;
  char *name, *vendor, *platform, *platform_version, *driver, *version, *c_version, *extensions;
  unsigned compute_units, clock_mhz;
  uint64_t global_bytes, max_alloc_bytes, local_bytes, cache_bytes;
  size_t max_work_group, max_work_item[3];
  unsigned base_align_bytes;
  unsigned vector_width; /* native float vector width; 0 if unknown */
  char pci[16];          /* "0000:65:00.0"; "" if unknown */
  char uuid[40];         /* "01234567-89ab-cdef-0123-456789abcdef"; "" if unknown */
  char same_as[32];      /* the SPEC under which this device is chosen, where another driver offers it better; else "" */
  bool fp16, fp64, unified_memory, local_is_dedicated, compiler, little_endian;
  clgen_device_status status;
  char *reason; /* why it is limited or unusable; "" when ok */
} clgen_device_info;

typedef struct clgen_device_list clgen_device_list;

/* OpenCL drivers run in the calling process, by its environment. The library changes no environment variable and starts no
 * process, so:
 *   - a driver that aborts or exits when it is asked for its devices ends the program, one that hangs holds it up;
 *   - PoCL looks for the linker `ld` in PATH, and aborts without; it keeps compiled kernels in POCL_CACHE_DIR, else
 *     XDG_CACHE_HOME or HOME's .cache, and offers no device where that cannot be written.
 * The programs of clgen ask in a child process first, hide the drivers that fail, and set these variables where they are not
 * usable (tools/drivers.h); a program that must not end does the same before its first call. "host" needs no driver. */

/* Finds every platform and device. Succeeds with an empty list of OpenCL devices when there is no loader entry, no
 * platform, or only platforms without devices; `host` is always the last entry. Free with clgen_devices_free. */
int clgen_devices_find(clgen_device_list **out);
void clgen_devices_free(clgen_device_list *list);
size_t clgen_devices_count(const clgen_device_list *list);
const clgen_device_info *clgen_devices_get(const clgen_device_list *list, size_t index);
/* Platforms, those without devices too: how many, and one line for each ("rusticl: no devices"). */
size_t clgen_devices_platform_count(const clgen_device_list *list);
const char *clgen_devices_platform_line(const clgen_device_list *list, size_t index);

/* Chooses by SPEC: "P:D", a PCI address ("0000:65:00.0", "65:00.0") or UUID, "gpu", "cpu", "accel" (each with an optional
 * ":N"), "host", or a piece of a name in any case. P:D changes when a driver is installed or removed, addresses do not. A
 * device that several drivers offer counts once. NULL or "" means automatic, passing over what is unusable: the fastest by
 * the measurements that clgen_device_open has kept, where not all are measured discrete GPU, integrated GPU, accelerator,
 * CPU. An ambiguous or unmatched SPEC fails with CLGEN_E_NOTFOUND and a message that lists the candidates. */
int clgen_devices_select(const clgen_device_list *list, const char *spec, size_t *index);

/* The libraries that compute on devices, by index: "CLBlast 1.5.3". False beyond the last. */
bool clgen_device_library(size_t index, char *text, size_t size);

/* An open device. Not shared between threads. */
typedef struct clgen_device clgen_device;

typedef struct {
  clgen_logger log;
  bool profile;          /* time every operation; see clgen_device_profile_* */
  bool no_cache;         /* neither read nor write the program cache and the tuning store */
  bool no_tune;          /* neither tune matrix products nor check them: CLBlast as it is */
  const char *cache_dir; /* NULL: $XDG_CACHE_HOME/clgen, else $HOME/.cache/clgen, else no cache */
} clgen_device_options;

/* Opens the device that SPEC names; when SPEC is NULL the environment's CLGEN_DEVICE, else automatic, and then the
 * choice is logged once. `options` may be NULL. The automatic choice among several devices measures, once and for seconds,
 * how fast each is, and keeps that in the cache (with no_cache or no_tune it does not, and goes by the order of
 * clgen_devices_select); a device that does not open, compile and run a small kernel is passed over, with a warning. */
int clgen_device_open(clgen_device **out, const char *spec, const clgen_device_options *options);
void clgen_device_close(clgen_device *device);
const clgen_device_info *clgen_device_get_info(const clgen_device *device);

/* Waits until everything enqueued on the device has run. */
int clgen_device_finish(clgen_device *device);

/* What --probe measures: the device compiles, GEMM, convolution and every elementwise operation agree with the host, and
 * how fast it is. Errors are in units of the largest result; infinite when a step does not run. */
typedef struct {
  double compile_s, gemm_max_error, conv_max_error, gemm_gflops, copy_gb_per_s, launch_us;
} clgen_device_probe_result;
/* Takes seconds. Fails if the device cannot compile. For wrong results, and for steps that do not run, the call succeeds and
 * the status in clgen_device_get_info becomes CLGEN_DEVICE_LIMITED, with the reasons. */
int clgen_device_probe(clgen_device *device, clgen_device_probe_result *out);

/* Time spent by kind of operation since the device was opened with `profile` (or since the last reset). */
typedef struct {
  const char *name; /* operation, valid while the device is open */
  uint64_t launches;
  double seconds, flops, bytes; /* totals */
} clgen_profile_row;
size_t clgen_device_profile_count(const clgen_device *device);
int clgen_device_profile_get(const clgen_device *device, size_t index, clgen_profile_row *row); /* sorted by time */
void clgen_device_profile_reset(clgen_device *device);

#ifdef __cplusplus
}
#endif
#endif
