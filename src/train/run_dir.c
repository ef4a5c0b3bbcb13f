/* The folder of a run. */
#include "train/train_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int too_long(const char *path) { return clgen_fail(CLGEN_E_INVALID, "%s: the path is too long", path); }

/* The number that `name` has between prefix and suffix, or -1. */
static long number_in(const char *name, const char *prefix, const char *suffix) {
  size_t start = strlen(prefix), end = strlen(suffix), n = strlen(name);
  if (n <= start + end || strncmp(name, prefix, start) || strcmp(name + n - end, suffix)) return -1;
  long number = 0;
  for (size_t i = start; i < n - end; ++i) {
    if (!isdigit((unsigned char)name[i]) || number > 100000000) return -1;
    number = 10 * number + (name[i] - '0');
  }
  return number;
}

/* One more than the highest number that a name in the folder begins with. */
static long next_number(const char *outdir) {
  DIR *folder = opendir(outdir);
  long next = 0;
  if (!folder) return 0;
  for (struct dirent *e; (e = readdir(folder));) {
    char *end;
    if (!isdigit((unsigned char)e->d_name[0])) continue;
    long n = strtol(e->d_name, &end, 10);
    if (*end == '-' && n >= next && n < 100000000) next = n + 1;
  }
  closedir(folder);
  return next;
}

/* What may stand in a file's name. */
static void plain(char *out, size_t size, const char *text) {
  size_t n = 0;
  for (; *text && n + 1 < size; ++text)
    out[n++] = isalnum((unsigned char)*text) || strchr("._+", *text) || (unsigned char)*text >= 0x80 ? *text : '-';
  out[n] = 0;
}

int clgen_run_dir_create(clgen_run_dir *d, const char *outdir, const char *data, const char *cfg, const char *desc) {
  char name[100], more[100];
  plain(name, sizeof name, data);
  plain(more, sizeof more, desc);
  int code = clgen_make_folders(outdir);
  for (int attempts = 0; !code && attempts < 100; ++attempts) { /* another run may take the number first */
    int n = snprintf(d->path, sizeof d->path, "%s/%05ld-%s-%s%s%s", outdir, next_number(outdir), name, cfg, *more ? "-" : "",
                     more);
    if (n >= (int)sizeof d->path) return too_long(outdir);
    if (mkdir(d->path, 0777) == 0) return CLGEN_OK;
    if (errno != EEXIST) code = clgen_fail(CLGEN_E_IO, "%s: cannot make the folder: %s", d->path, strerror(errno));
  }
  return code ? code : clgen_fail(CLGEN_E_IO, "%s: no free number for a new run", outdir);
}

int clgen_run_dir_find(clgen_run_dir *d, const char *resume, long *kimg) {
  struct stat st;
  *kimg = -1;
  if (snprintf(d->path, sizeof d->path, "%s", resume) >= (int)sizeof d->path) return too_long(resume);
  if (stat(resume, &st) != 0) return clgen_fail(CLGEN_E_NOTFOUND, "%s: %s", resume, strerror(errno));
  if (S_ISDIR(st.st_mode)) {
    size_t n = strlen(d->path);
    while (n > 1 && d->path[n - 1] == '/') d->path[--n] = 0;
    return CLGEN_OK;
  }
  char *slash = strrchr(d->path, '/');
  const char *name = slash ? slash + 1 : resume;
  *kimg = number_in(name, CLGEN_SNAPSHOT_PREFIX, CLGEN_SAFETENSORS);
  if (*kimg < 0) *kimg = number_in(name, CLGEN_STATE_PREFIX, CLGEN_SAFETENSORS);
  if (*kimg < 0)
    return clgen_fail(CLGEN_E_INVALID,
                      "%s: --resume takes a run's folder, or a " CLGEN_SNAPSHOT_PREFIX "NNNNNN" CLGEN_SAFETENSORS " in it",
                      resume);
  if (slash)
    *slash = 0;
  else
    snprintf(d->path, sizeof d->path, ".");
  return CLGEN_OK;
}

int clgen_run_network(char **path, const char *run) {
  clgen_run_dir d = {0};
  long newest;
  *path = NULL;
  struct stat st;
  if (stat(run, &st) == 0 && S_ISDIR(st.st_mode)) {
    if (snprintf(d.path, sizeof d.path, "%s", run) >= (int)sizeof d.path) return too_long(run);
    if (!clgen_run_dir_numbers(&d, CLGEN_SNAPSHOT_PREFIX, CLGEN_SAFETENSORS, &newest, 1))
      return clgen_fail(CLGEN_E_NOTFOUND, "%s: a folder without a " CLGEN_SNAPSHOT_PREFIX "NNNNNN" CLGEN_SAFETENSORS, run);
    char file[CLGEN_PATH_TEXT];
    clgen_run_dir_file(&d, CLGEN_SNAPSHOT_PREFIX, newest, CLGEN_SAFETENSORS, file);
    *path = clgen_strdup(file);
  } else {
    *path = clgen_strdup(run);
  }
  return *path ? CLGEN_OK : CLGEN_E_NOMEM;
}

/* Files that a killed process was about to write. */
static void remove_leftovers(const char *path) {
  DIR *folder = opendir(path);
  if (!folder) return;
  for (struct dirent *e; (e = readdir(folder));) {
    size_t n = strlen(e->d_name);
    if (n < 4 || strcmp(e->d_name + n - 4, ".tmp")) continue;
    char *file = clgen_format("%s/%s", path, e->d_name);
    if (file) unlink(file);
    free(file);
  }
  closedir(folder);
}

static int fail_locked(const clgen_run_dir *d, struct flock lock) {
  const bool known = fcntl(fileno(d->log), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0;
  if (known) return clgen_fail(CLGEN_E_IO, "%s: process %ld is training in this folder", d->path, (long)lock.l_pid);
  return clgen_fail(CLGEN_E_IO, "%s: a process on another machine is training in this folder", d->path);
}

int clgen_run_dir_lock(clgen_run_dir *d) {
  char *path = clgen_format("%s/log.txt", d->path);
  if (!path) return CLGEN_E_NOMEM;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int code = CLGEN_OK;
  d->log = fopen(path, "a");
  if (!d->log)
    code = clgen_fail(CLGEN_E_IO, "%s: %s", path, strerror(errno));
  else if (fcntl(fileno(d->log), F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN))
    code = fail_locked(d, lock);
  if (!code) remove_leftovers(d->path);
  free(path);
  return code;
}

void clgen_run_dir_close(clgen_run_dir *d) {
  if (d->log) fclose(d->log);
  d->log = NULL;
}

void clgen_run_dir_file(const clgen_run_dir *d, const char *prefix, long kimg, const char *suffix,
                        char out[CLGEN_PATH_TEXT]) {
  if (kimg < 0)
    snprintf(out, CLGEN_PATH_TEXT, "%.1900s/%s%s", d->path, prefix, suffix);
  else
    snprintf(out, CLGEN_PATH_TEXT, "%.1900s/%s%06ld%s", d->path, prefix, kimg, suffix);
}

int clgen_run_dir_numbers(const clgen_run_dir *d, const char *prefix, const char *suffix, long *numbers, int max) {
  DIR *folder = opendir(d->path);
  int n = 0;
  if (!folder) return 0;
  for (struct dirent *e; (e = readdir(folder));) {
    long number = number_in(e->d_name, prefix, suffix);
    if (number < 0) continue;
    int at = n;
    while (at > 0 && numbers[at - 1] > number) --at;
    if (n == max) { /* the lowest makes room */
      if (at == 0) continue;
      memmove(numbers, numbers + 1, (size_t)(at - 1) * sizeof *numbers);
      numbers[at - 1] = number;
    } else {
      memmove(numbers + at + 1, numbers + at, (size_t)(n - at) * sizeof *numbers);
      numbers[at] = number;
      ++n;
    }
  }
  closedir(folder);
  return n;
}

int clgen_run_dir_append(const clgen_run_dir *d, const char *name, const char *line) {
  char path[CLGEN_PATH_TEXT];
  clgen_run_dir_file(d, name, -1, "", path);
  FILE *f = fopen(path, "a");
  bool good = f && fprintf(f, "%s\n", line) >= 0;
  int why = errno;
  if (f && fclose(f) != 0) good = false;
  return good ? CLGEN_OK : clgen_fail(CLGEN_E_IO, "%s: cannot be written: %s", path, strerror(why));
}
