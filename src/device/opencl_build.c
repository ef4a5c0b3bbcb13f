/* Building OpenCL C, through a cache of binaries.
 *
 * An entry is a file programs/KEY.bin under the cache directory, where KEY is a hash of the source, the options, the device
 * with its driver and platform, and clgen's version. It begins with a header that holds the key again and a checksum of the
 * binary, so that a driver is never given bytes that are not what it once wrote. Every trouble with an entry (absent, cut
 * off, altered, refused by the driver) has the same answer: build from source, and write the entry anew. Where the driver
 * has such a cache itself, an entry has no binary, and says only that the program was compiled before. */
#include "device/opencl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "config.h"

#define MAX_ENTRY_BYTES ((size_t)256 << 20)
#define MAX_LOG_CHARS 3000

typedef struct {
  char magic[8];
  uint64_t key[2], size, checksum;
} entry_header;

static const char entry_magic[8] = {'c', 'l', 'g', 'e', 'n', 'b', 'i', '1'};

static void hash_text(uint64_t key[2], const char *text) {
  size_t size = strlen(text) + 1; /* with the zero, so that "ab","c" and "a","bc" differ */
  for (int i = 0; i < 2; i++) key[i] = clgen_hash64(text, size, key[i]);
}

static void make_key(const clgen_cl *cl, const char *source, const char *build_options, uint64_t key[2]) {
  key[0] = 0x636c67656e; /* two hashes with different seeds: 128 bits, so that chance never meets two alike */
  key[1] = 0x9e3779b97f4a7c15;
  hash_text(key, CLGEN_VERSION);
  hash_text(key, cl->fingerprint);
  hash_text(key, build_options);
  hash_text(key, source);
}

static char *entry_path(const clgen_cl *cl, const uint64_t key[2]) {
  return clgen_format("%s/programs/%016llx%016llx.bin", cl->cache_dir, (unsigned long long)key[0],
                      (unsigned long long)key[1]);
}

/* A program from the entry, or NULL. */
static cl_program load_entry(const clgen_cl *cl, const char *path, const uint64_t key[2], const char *build_options) {
  void *data = NULL;
  size_t size = 0;
  entry_header header;
  if (clgen_file_read(path, MAX_ENTRY_BYTES, &data, &size) != CLGEN_OK) return NULL;
  cl_program program = NULL;
  if (size > sizeof header) {
    const unsigned char *binary = (const unsigned char *)data + sizeof header;
    size_t binary_size = size - sizeof header;
    memcpy(&header, data, sizeof header);
    if (memcmp(header.magic, entry_magic, sizeof entry_magic) == 0 && header.key[0] == key[0] && header.key[1] == key[1] &&
        header.size == binary_size && header.checksum == clgen_hash64(binary, binary_size, key[0])) {
      cl_int status = CL_SUCCESS, err = CL_SUCCESS;
      program = clCreateProgramWithBinary(cl->context, 1, &cl->device, &binary_size, &binary, &status, &err);
      if (program && (err != CL_SUCCESS || status != CL_SUCCESS ||
                      clBuildProgram(program, 1, &cl->device, build_options, NULL, NULL) != CL_SUCCESS)) {
        clReleaseProgram(program);
        program = NULL;
      }
    }
  }
  free(data);
  return program;
}

/* header and binary in one block, ready to be written; NULL when the driver gives no binary. */
static void *make_entry(const clgen_cl *cl, cl_program program, const uint64_t key[2], size_t *entry_size) {
  size_t size = 0;
  if (cl->keeps_programs) {
    *entry_size = 0;
    return clgen_strdup("");
  }
  if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS || size == 0 ||
      size > MAX_ENTRY_BYTES - sizeof(entry_header))
    return NULL;
  unsigned char *entry = malloc(sizeof(entry_header) + size);
  if (!entry) return NULL;
  unsigned char *binary = entry + sizeof(entry_header);
  if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) != CL_SUCCESS) {
    free(entry);
    return NULL;
  }
  entry_header header = {.key = {key[0], key[1]}, .size = size, .checksum = clgen_hash64(binary, size, key[0])};
  memcpy(header.magic, entry_magic, sizeof entry_magic);
  memcpy(entry, &header, sizeof header);
  *entry_size = sizeof header + size;
  return entry;
}

/* A cache that cannot be written is a slower start next time, and no error. */
static void store_entry(const clgen_cl *cl, cl_program program, const char *path, const uint64_t key[2]) {
  size_t size = 0;
  void *entry = make_entry(cl, program, key, &size);
  char *folder = clgen_format("%s/programs", cl->cache_dir);
  if (entry && folder && (clgen_make_folders(folder) != CLGEN_OK || clgen_file_write(path, entry, size) != CLGEN_OK))
    clgen_log_write(&cl->options.log, CLGEN_LOG_DEBUG, "program cache: %s", clgen_last_error());
  free(folder);
  free(entry);
}

static int fail_with_log(const clgen_cl *cl, cl_program program, cl_int err) {
  size_t size = 0;
  char *log = NULL;
  if (clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) == CL_SUCCESS && size > 0 &&
      (log = calloc(size + 1, 1)) != NULL)
    clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, size, log, NULL);
  if (log && size > MAX_LOG_CHARS) strcpy(log + MAX_LOG_CHARS - 4, "...");
  int code = clgen_cl_fail(err, "%s: compiling a program", cl->info.name);
  if (log && log[0]) {
    char *message = clgen_strdup(clgen_last_error());
    code = clgen_fail(code, "%s\n%s", message ? message : "compiling a program failed", log);
    free(message);
  }
  free(log);
  return code;
}

static int build_source(const clgen_cl *cl, const char *source, const char *build_options, cl_program *out) {
  cl_int err = CL_SUCCESS;
  cl_program program = clCreateProgramWithSource(cl->context, 1, &source, NULL, &err);
  if (!program || err != CL_SUCCESS) return clgen_cl_fail(err, "%s: creating a program", cl->info.name);
  err = clBuildProgram(program, 1, &cl->device, build_options, NULL, NULL);
  if (err != CL_SUCCESS) {
    int code = fail_with_log(cl, program, err);
    clReleaseProgram(program);
    return code;
  }
  *out = program;
  return CLGEN_OK;
}

/* A training step's program takes many seconds to compile, and whoever waits should know why; small ones are not worth a
 * line. */
static void announce(const clgen_cl *cl, const char *source) {
  const size_t long_source = 64 << 10;
  if (strlen(source) >= long_source)
    clgen_log_write(&cl->options.log, CLGEN_LOG_INFO, "compiling kernels for %s: some seconds, once%s%s ...", cl->info.name,
                    cl->keeps_programs ? "" : "; they are cached in ", cl->keeps_programs ? "" : cl->cache_dir);
}

/* ---- Programs of this process ----------------------------------------------------------------------------------------- */

/* Building a program again takes PoCL 0.1 s, though it has it in its cache. */
static cl_program recall(clgen_cl *cl, const uint64_t key[2]) {
  for (size_t i = 0; i < CLGEN_CL_RECENT && cl->recent[i].program; ++i) {
    if (memcmp(cl->recent[i].key, key, sizeof cl->recent[i].key) != 0) continue;
    const clgen_cl_program found = cl->recent[i];
    memmove(&cl->recent[1], &cl->recent[0], i * sizeof found);
    cl->recent[0] = found;
    return clRetainProgram(found.program) == CL_SUCCESS ? found.program : NULL;
  }
  return NULL;
}

static void remember(clgen_cl *cl, const uint64_t key[2], cl_program program) {
  if (clRetainProgram(program) != CL_SUCCESS) return;
  clgen_cl_program *last = &cl->recent[CLGEN_CL_RECENT - 1];
  if (last->program) clReleaseProgram(last->program);
  memmove(&cl->recent[1], &cl->recent[0], (CLGEN_CL_RECENT - 1) * sizeof *last);
  cl->recent[0] = (clgen_cl_program){.key = {key[0], key[1]}, .program = program};
}

void clgen_cl_forget_programs(clgen_cl *cl) {
  for (size_t i = 0; i < CLGEN_CL_RECENT && cl->recent[i].program; ++i) {
    clReleaseProgram(cl->recent[i].program);
    cl->recent[i].program = NULL;
  }
}

int clgen_cl_build(clgen_cl *cl, const char *source, const char *build_options, cl_program *out) {
  *out = NULL;
  if (!build_options) build_options = "";
  if (!cl->cache_dir) return build_source(cl, source, build_options, out);
  uint64_t key[2];
  make_key(cl, source, build_options, key);
  char *path = entry_path(cl, key);
  if (!path) return CLGEN_E_NOMEM;
  int code = CLGEN_OK;
  *out = cl->keeps_programs ? recall(cl, key) : load_entry(cl, path, key, build_options);
  if (!*out) {
    if (!cl->keeps_programs || access(path, F_OK) != 0) announce(cl, source);
    code = build_source(cl, source, build_options, out);
    if (code == CLGEN_OK) store_entry(cl, *out, path, key);
    if (code == CLGEN_OK && cl->keeps_programs) remember(cl, key, *out);
  }
  free(path);
  return code;
}
