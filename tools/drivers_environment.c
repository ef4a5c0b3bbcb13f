/* What OpenCL drivers need of the environment: a linker in PATH, and folders that can be written. */
#include "drivers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/base.h"

/* ---- Folders ------------------------------------------------------------------------------------------------------- */

/* PoCL ends the process when it cannot write. A training step's kernels take a tenth of this. */
static const double room_wanted = 64 << 20;

/* 0, or an errno: asks for room, and writes a small file and removes it. Permissions alone say little. */
static int write_error(const char *folder) {
  struct statvfs disk;
  if (statvfs(folder, &disk) == 0 && (double)disk.f_bavail * (double)disk.f_frsize < room_wanted) return ENOSPC;
  static const char block[16384];
  char *path = clgen_format("%s/.clgen-XXXXXX", folder);
  if (!path) return ENOMEM;
  int why = 0, file = mkstemp(path);
  if (file < 0) why = errno;
  if (file >= 0 && write(file, block, sizeof block) != (ssize_t)sizeof block) why = errno ? errno : ENOSPC;
  if (file >= 0) {
    unlink(path);
    close(file);
  }
  free(path);
  return why;
}

/* Whether a folder can be written, or made and then written: its nearest parent that is there can. An errno, or 0. */
static int folder_error(const char *folder) {
  char *path = clgen_strdup(folder);
  if (!path) return ENOMEM;
  struct stat st;
  int why = 0;
  while (stat(path, &st) != 0) {
    char *slash = strrchr(path, '/');
    why = errno;
    if (!slash || strcmp(path, "/") == 0 || (why != ENOENT && why != ENOTDIR)) break;
    slash[slash == path] = 0;
    why = 0;
  }
  if (why == 0) why = S_ISDIR(st.st_mode) ? write_error(path) : ENOTDIR;
  free(path);
  return why;
}

/* Others must not be able to lay files there: what is in a cache is executed. */
static bool is_private(const char *folder) {
  struct stat st;
  return lstat(folder, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

char *tool_private_folder(void) {
  const char *parents[] = {getenv("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm"};
  for (size_t i = 0; i < CLGEN_COUNT(parents); i++) {
    if (!parents[i] || parents[i][0] != '/') continue;
    char *folder = clgen_format("%s/clgen-%lu", parents[i], (unsigned long)geteuid());
    if (!folder) return NULL;
    if ((mkdir(folder, 0700) == 0 || errno == EEXIST) && is_private(folder) && write_error(folder) == 0) return folder;
    free(folder);
  }
  return NULL;
}

/* ---- Caches -------------------------------------------------------------------------------------------------------- */

/* A variable that names a folder, where the folder is without the variable, and a folder of ours in its place. */
typedef struct {
  const char *variable, *parent, *below_parent, *used, *ours;
} cache_row;
static const cache_row cache_rows[] = {
    {"XDG_CACHE_HOME", "HOME", "/.cache", "/clgen", ""}, /* also the drivers of Mesa, Intel and AMD */
    {"POCL_CACHE_DIR", "XDG_CACHE_HOME", "/pocl/kcache", "", "/pocl"},
    {"CUDA_CACHE_PATH", "HOME", "/.nv/ComputeCache", "", "/nv"},
};

static const char *absolute(const char *variable) {
  const char *value = getenv(variable);
  return value && value[0] == '/' ? value : NULL;
}

/* The folder that the row is about; NULL when nothing names one. */
static char *cache_folder(const cache_row *row) {
  const char *value = absolute(row->variable), *parent = absolute(row->parent);
  if (value) return clgen_format("%s%s", value, row->used);
  if (parent) return clgen_format("%s%s%s", parent, row->below_parent, row->used);
  if (row->parent != cache_rows[0].variable || !(parent = absolute(cache_rows[0].parent))) return NULL;
  return clgen_format("%s%s%s", parent, cache_rows[0].below_parent, row->below_parent);
}

/* Says whether our folder is used instead. */
static bool replace(const cache_row *row, char **ours, const clgen_logger *log, bool said) {
  char *folder = cache_folder(row);
  int why = folder ? folder_error(folder) : ENOENT;
  if (why && !*ours) *ours = tool_private_folder();
  char *instead = why && *ours ? clgen_format("%s%s", *ours, row->ours) : NULL;
  bool replaced = instead && setenv(row->variable, instead, 1) == 0;
  if (why && !said) {
    const char *place = folder ? folder : "neither XDG_CACHE_HOME nor HOME names a folder", *because = strerror(why);
    if (replaced)
      clgen_log_write(log, CLGEN_LOG_INFO, "the cache cannot be written (%s%s%s); %s is used", place, folder ? ": " : "",
                      folder ? because : "", instead);
    else
      clgen_log_write(log, CLGEN_LOG_WARNING,
                      "the cache cannot be written (%s%s%s), nor TMPDIR, /tmp, /var/tmp or /dev/shm: nothing is kept, and "
                      "drivers such as PoCL may fail; XDG_CACHE_HOME can name a folder",
                      place, folder ? ": " : "", folder ? because : "");
  }
  free(instead);
  free(folder);
  return why != 0;
}

static void set_caches(const clgen_logger *log) {
  char *ours = NULL;
  bool said = false;
  /* NVIDIA's default is used by nobody else: its trouble is not worth a line */
  for (size_t i = 0; i < CLGEN_COUNT(cache_rows); i++) said = replace(&cache_rows[i], &ours, log, said || i == 2) || said;
  free(ours);
}

/* ---- PATH ---------------------------------------------------------------------------------------------------------- */

static bool in_path(const char *program) {
  const char *path = getenv("PATH");
  for (size_t n; path && *path; path += n + (path[n] == ':')) {
    n = strcspn(path, ":");
    char *file = clgen_format("%.*s/%s", (int)n, path, program);
    bool found = file && n > 0 && access(file, X_OK) == 0;
    free(file);
    if (found) return true;
  }
  return false;
}

static void set_path(void) {
  if (in_path("ld")) return;
  const char *path = getenv("PATH");
  char *more = clgen_format("%s%s/usr/local/bin:/usr/bin:/bin", path ? path : "", path && path[0] ? ":" : "");
  if (more) setenv("PATH", more, 1);
  free(more);
}

void tool_drivers_environment(const clgen_logger *log) {
  set_path();
  set_caches(log);
}
