/* fuzz_replay FOLDER...: runs every target on the files of FOLDER/<target>, whole and cut off, without libFuzzer. Fails when
 * an input takes more than 256 MiB or 10 seconds of the processor, which is what readers promise of files under 1 MiB.
 * fuzz_replay TARGET=PATH...: one target on a file or the files of a folder. */
#define _XOPEN_SOURCE 700 /* getrusage */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/base.h"
#include "fuzz.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { MOST_MIB = 256, MOST_SECONDS = 10 };

static const struct {
  const char *name;
  void (*run)(const uint8_t *data, size_t size);
} targets[] = {
#define ROW(name, mutator) {#name, fuzz_##name},
    FUZZ_TARGETS(ROW)};
static int failures;

/* The most that the process ever took, as of now. */
static long peak_kib(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}
static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void run_whole(size_t target, const char *path, const void *data, size_t size) {
  static long start;
  const double begin = cpu_seconds();
  if (!start) start = peak_kib();
  const bool too_much = peak_kib() - start > MOST_MIB * 1024L;
  targets[target].run(data, size);
  if (!SANITIZED && !too_much && peak_kib() - start > MOST_MIB * 1024L) {
    printf("%s: takes more than %d MiB\n", path, MOST_MIB);
    ++failures;
  }
  if (cpu_seconds() - begin > MOST_SECONDS * (SANITIZED ? 4 : 1)) {
    printf("%s: takes more than %d seconds\n", path, MOST_SECONDS);
    ++failures;
  }
}

/* Not by clgen_file_read, which refuses Git LFS pointers: here they are input as any other. From malloc. */
static uint8_t *read_file(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  uint8_t *data = f ? malloc((size_t)1 << 20) : NULL;
  *size = data ? fread(data, 1, (size_t)1 << 20, f) : 0;
  const bool whole = data && !ferror(f) && fgetc(f) == EOF;
  if (f) fclose(f);
  if (whole) return data;
  free(data);
  return NULL;
}

static bool run_file(size_t target, const char *path) {
  size_t size;
  printf("%s %s\n", targets[target].name, path); /* what stands last is to blame for an end */
  fflush(stdout);
  uint8_t *data = read_file(path, &size);
  if (!data) {
    printf("%s: cannot be read, or is larger than 1 MiB\n", path);
    ++failures;
    return false;
  }
  run_whole(target, path, data, size);
  for (int part = 0; part < 4 && size < 65536; ++part) targets[target].run(data, size * (size_t)part / 4);
  free(data);
  return true;
}

/* A folder's files, or one file. Returns how many were read; a folder that is not there has none. */
static int run_path(size_t target, const char *path) {
  DIR *entries = opendir(path);
  int n = 0;
  if (!entries) return access(path, F_OK) == 0 ? run_file(target, path) : 0;
  for (struct dirent *e; (e = readdir(entries));) {
    char *file = e->d_name[0] == '.' ? NULL : clgen_format("%s/%s", path, e->d_name);
    if (file) n += run_file(target, file);
    free(file);
  }
  closedir(entries);
  return n;
}

static int run_target_of(size_t target, const char *folder) {
  char *path = clgen_format("%s/%s", folder, targets[target].name);
  const int n = path ? run_path(target, path) : 0;
  free(path);
  return n;
}

int main(int argc, char **argv) {
  int files[CLGEN_COUNT(targets)] = {0}, all = 0;
  for (size_t t = 0; t < CLGEN_COUNT(targets); ++t)
    for (int i = 1; i < argc; ++i) {
      const char *file = strchr(argv[i], '=');
      const size_t n = file ? (size_t)(file - argv[i]) : 0;
      if (!file)
        files[t] += run_target_of(t, argv[i]);
      else if (strlen(targets[t].name) == n && strncmp(argv[i], targets[t].name, n) == 0)
        files[t] += run_path(t, file + 1);
    }
  for (size_t t = 0; t < CLGEN_COUNT(targets); ++t) all += files[t];
  for (size_t t = 0; t < CLGEN_COUNT(targets) && argc > 1 && !strchr(argv[1], '='); ++t)
    if (!files[t]) {
      printf("%s: no file\n", targets[t].name);
      ++failures;
    }
  printf("%d files, %d failures, at most %ld MiB\n", all, failures, peak_kib() / 1024);
  return failures || !all ? 1 : 0;
}
