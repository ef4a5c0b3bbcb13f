#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char *clgen_format(const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = clgen_vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *s = n < 0 ? NULL : malloc((size_t)n + 1);
  if (s) clgen_vsnprintf(s, (size_t)n + 1, format, again);
  va_end(again);
  if (!s) clgen_fail_nomem(n < 0 ? 0 : (size_t)n + 1);
  return s;
}

char *clgen_strdup(const char *s) { return clgen_format("%s", s); }

bool clgen_is_lfs_pointer(const void *data, size_t size) {
  static const char begin[] = "version https://git-lfs.";
  return size >= sizeof begin - 1 && memcmp(data, begin, sizeof begin - 1) == 0;
}

int clgen_fail_lfs_pointer(const char *path) {
  return clgen_fail(CLGEN_E_FORMAT, "%s: a Git LFS pointer, not the file itself: 'git lfs pull' fetches it", path);
}

int clgen_check_lfs_pointer(const char *path) {
  char begin[64];
  FILE *f = fopen(path, "rb");
  const size_t n = f ? fread(begin, 1, sizeof begin, f) : 0;
  if (f) fclose(f);
  return clgen_is_lfs_pointer(begin, n) ? clgen_fail_lfs_pointer(path) : CLGEN_OK;
}

int clgen_file_read(const char *path, size_t max_bytes, void **data, size_t *size) {
  *data = NULL;
  *size = 0;
  FILE *f = fopen(path, "rb");
  if (!f) return clgen_fail(errno == ENOENT ? CLGEN_E_NOTFOUND : CLGEN_E_IO, "%s: %s", path, strerror(errno));
  size_t room = 65536, n = 0;
  char *buf = malloc(room + 1);
  while (buf) {
    n += fread(buf + n, 1, room - n, f);
    if (n < room) break;
    if (room >= max_bytes) {
      free(buf);
      fclose(f);
      return clgen_fail(CLGEN_E_FORMAT, "%s: larger than the %zu bytes that are read at most", path, max_bytes);
    }
    room = room > max_bytes / 2 ? max_bytes : room * 2;
    char *more = realloc(buf, room + 1);
    if (!more) free(buf);
    buf = more;
  }
  bool failed = ferror(f) != 0;
  int why = errno;
  fclose(f);
  if (!buf) return clgen_fail_nomem(room + 1);
  if (failed) {
    free(buf);
    return clgen_fail(CLGEN_E_IO, "%s: %s", path, strerror(why));
  }
  if (clgen_is_lfs_pointer(buf, n)) {
    free(buf);
    return clgen_fail_lfs_pointer(path);
  }
  buf[n] = 0;
  *data = buf;
  *size = n;
  return CLGEN_OK;
}

int clgen_check_unpacked(const char *name, uint64_t file_bytes, double bytes) {
  enum { SMALL = 1 << 20, MOST = 192 << 20 };
  if (file_bytes >= SMALL || bytes <= MOST) return CLGEN_OK;
  return clgen_fail(
      CLGEN_E_FORMAT,
      "%s: reading it would take %.0f MiB, and a file of %llu bytes, which is under 1 MiB, may take %d: damaged, "
      "or made to fill the memory",
      name, bytes / 1048576, (unsigned long long)file_bytes, MOST >> 20);
}

struct clgen_file_writer {
  char *path, *temporary;
  FILE *stream;
};

static void writer_free(clgen_file_writer *w) {
  free(w->path);
  free(w->temporary);
  free(w);
}

int clgen_file_writer_open(clgen_file_writer **out, const char *path) {
  *out = NULL;
  clgen_file_writer *w = calloc(1, sizeof *w);
  if (!w) return clgen_fail_nomem(sizeof *w);
  w->path = clgen_strdup(path);
  w->temporary = clgen_format("%s.%ld.tmp", path, (long)getpid());
  if (!w->path || !w->temporary) {
    writer_free(w);
    return CLGEN_E_NOMEM;
  }
  w->stream = fopen(w->temporary, "wb");
  if (!w->stream) {
    int code = clgen_fail(CLGEN_E_IO, "%s: cannot be written: %s", path, strerror(errno));
    writer_free(w);
    return code;
  }
  *out = w;
  return CLGEN_OK;
}

FILE *clgen_file_writer_stream(clgen_file_writer *w) { return w->stream; }

/* A rename lasts through a power cut once its folder is written; file systems that cannot do that have no more to offer. */
static void sync_folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? clgen_format("%.*s", slash == path ? 1 : (int)(slash - path), path) : clgen_strdup(".");
  int fd = folder ? open(folder, O_RDONLY) : -1;
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  free(folder);
}

int clgen_file_writer_commit(clgen_file_writer *w) {
  errno = 0;
  bool good = fflush(w->stream) == 0 && !ferror(w->stream) && fsync(fileno(w->stream)) == 0;
  int why = errno;
  if (fclose(w->stream) != 0 && good) {
    good = false;
    why = errno;
  }
  if (good && rename(w->temporary, w->path) != 0) {
    good = false;
    why = errno;
  }
  int code = CLGEN_OK;
  if (!good) {
    code = clgen_fail(CLGEN_E_IO, "%s: cannot be written: %s", w->path, why ? strerror(why) : "write error");
    unlink(w->temporary);
  } else {
    sync_folder_of(w->path);
  }
  writer_free(w);
  return code;
}

void clgen_file_writer_abandon(clgen_file_writer *w) {
  if (!w) return;
  fclose(w->stream);
  unlink(w->temporary);
  writer_free(w);
}

int clgen_file_write(const char *path, const void *data, size_t size) {
  clgen_file_writer *w;
  int code = clgen_file_writer_open(&w, path);
  if (code) return code;
  if (size && fwrite(data, 1, size, w->stream) != size) {
    code = clgen_fail(CLGEN_E_IO, "%s: cannot be written: %s", path, strerror(errno));
    clgen_file_writer_abandon(w);
    return code;
  }
  return clgen_file_writer_commit(w);
}

int clgen_make_folders(const char *path) {
  char *copy = clgen_strdup(path);
  if (!copy) return CLGEN_E_NOMEM;
  int code = CLGEN_OK;
  for (char *p = copy[0] ? copy + 1 : copy; !code; ++p) {
    if (*p != '/' && *p != 0) continue;
    char end = *p;
    *p = 0;
    struct stat st;
    if (mkdir(copy, 0777) != 0 && (errno != EEXIST || stat(copy, &st) != 0 || !S_ISDIR(st.st_mode)))
      code = clgen_fail(CLGEN_E_IO, "%s: cannot make the folder: %s", copy,
                        errno == EEXIST ? "a file is there" : strerror(errno));
    *p = end;
    if (!end) break;
  }
  free(copy);
  return code;
}

/* $XDG_CACHE_HOME and $HOME count only when absolute, as the XDG specification says. */
char *clgen_cache_dir(void) {
  const char *xdg = getenv("XDG_CACHE_HOME");
  if (xdg && xdg[0] == '/') return clgen_format("%s/clgen", xdg);
  const char *home = getenv("HOME");
  if (home && home[0] == '/') return clgen_format("%s/.cache/clgen", home);
  return NULL;
}

double clgen_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

uint64_t clgen_hash64(const void *data, size_t size, uint64_t seed) {
  uint64_t h = seed ^ 0xcbf29ce484222325u;
  for (const unsigned char *p = data; size--; ++p) h = (h ^ *p) * 0x100000001b3u;
  return h;
}
