/* Where inputs become files. */
#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */
#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *at) {
  (void)st, (void)flag, (void)at;
  return remove(path);
}

static void remove_folder(void) { nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

const char *fuzz_folder(void) {
  if (folder[0]) return folder;
  const char *place = getenv("TMPDIR");
  if (!place || !place[0]) place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(folder, sizeof folder, "%.200s/clgen-fuzz-XXXXXX", place);
  if (!mkdtemp(folder)) {
    perror(folder);
    abort();
  }
  atexit(remove_folder);
  return folder;
}

const char *fuzz_file(const char *name, const void *data, size_t size) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
  FILE *f = fopen(path, "wb");
  if (!f || (size && fwrite(data, 1, size, f) != size) || fclose(f) != 0) {
    perror(path);
    abort();
  }
  return path;
}

void fuzz_look_at(const void *data, size_t size) {
  static volatile unsigned char sum;
  unsigned char all = 0;
  for (size_t i = 0; i < size; ++i) all = (unsigned char)(all + ((const unsigned char *)data)[i]);
  sum = all;
  (void)sum;
}
