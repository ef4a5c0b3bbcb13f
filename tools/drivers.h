/* OpenCL drivers run inside the program that uses them. What the programs do so that a driver with a fault, or an
 * environment that a driver cannot bear, does not end them. The library does nothing of this (clgen/device.h): the
 * environment and child processes are a program's. */
#ifndef CLGEN_TOOLS_DRIVERS_H
#define CLGEN_TOOLS_DRIVERS_H

#include <stddef.h>

#include <clgen/device.h>

/* ---- drivers_environment.c ---- */

/* Sets what drivers need of the environment and do not find there:
 *   PATH            PoCL finds the linker `ld` by it alone: the system's folders are added when `ld` is in none of PATH's
 *   XDG_CACHE_HOME  the compiled kernels of drivers and of clgen: where neither it nor HOME's .cache can be written, a
 * folder of this user's in TMPDIR, /tmp, /var/tmp or /dev/shm POCL_CACHE_DIR  likewise: PoCL offers no device without it The
 * log gets a line about the cache. Call it before other threads are started. */
void tool_drivers_environment(const clgen_logger *log);
/* A folder of this user's own in the first of TMPDIR, /tmp, /var/tmp and /dev/shm where a file can be written; NULL when
 * there is none. free() it. */
char *tool_private_folder(void);

/* ---- drivers_look.c ---- */

/* Asks all drivers for their devices in a child process. When that does not end well (the driver aborts, exits, or does not
 * answer), asks each driver in a child of its own, and hides from this process those that fail. Each that is hidden is a
 * warning of the log, and a line of *lines where lines is not NULL: free() each and the array.
 * Call it once, before the first OpenCL call of the process. */
void tool_drivers_look(const clgen_logger *log, char ***lines, size_t *n_lines);

/* ---- Both, for a program that is about to look for SPEC (NULL or "": CLGEN_DEVICE, else any) ----
 * `host` needs no driver: none is asked then. Only the first call does something. */
void tool_drivers_ready(const char *spec, const clgen_logger *log, char ***lines, size_t *n_lines);

#endif
