/* Finding and opening OpenCL devices, the program cache and the tuning store. With FIND as its argument this program lists
 * what clgen_cl_find finds: the tests run it so in environments of their own, since the loader reads its environment once.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"
#include "device/list.h"
#include "device/opencl.h"

static const char *self;
static char *folder; /* for this run's files */

/* ---- Finding ---------------------------------------------------------------------------------------------------- */

static int list_found(void) {
  clgen_device_list *list = NULL;
  if (clgen_devices_find_of(&list, "opencl") != CLGEN_OK) {
    printf("failed: %s\n", clgen_last_error());
    return 1;
  }
  for (size_t i = 0; i < clgen_devices_platform_count(list); i++)
    printf("platform %s\n", clgen_devices_platform_line(list, i));
  for (size_t i = 0; i < clgen_devices_count(list); i++) {
    const clgen_device_info *d = clgen_devices_get(list, i);
    static const char *const status[] = {"ok", "limited", "unusable"};
    if (d->pci[0] || d->uuid[0] || d->same_as[0]) printf("%s is %s %s %s\n", d->spec, d->pci, d->uuid, d->same_as);
    printf("%s %s [%s] %s: %s\n", d->spec, clgen_device_type_name(d->type), d->name, status[d->status], d->reason);
  }
  clgen_devices_free(list);
  printf("whole\n");
  return 0;
}

/* What is found with these variables set; fails unless the child ended well. */
static char *find_with(const char *variables) {
  static char text[16384];
  char *command = clgen_format("env %s '%s' FIND 2>&1", variables, self);
  assert_non_null(command);
  FILE *f = popen(command, "r");
  assert_non_null(f);
  size_t n = fread(text, 1, sizeof text - 1, f);
  text[n] = 0;
  int status = pclose(f);
  if (status != 0 || n < 6 || strcmp(text + n - 6, "whole\n") != 0) fail_msg("%s: status %d: %s", command, status, text);
  free(command);
  return text;
}

static char *find_fake(const char *devices, const char *more) {
  const char *fake = getenv("CLGEN_TEST_FAKE_ICD");
  if (!fake) {
    print_message("CLGEN_TEST_FAKE_ICD does not name the fake driver\n");
    skip();
  }
  char *variables = clgen_format("OCL_ICD_VENDORS='%s' FAKE_ICD='%s' %s", fake, devices, more);
  assert_non_null(variables);
  char *text = find_with(variables);
  free(variables);
  return text;
}

static void expect(const char *text, const char *piece) {
  assert_non_null(text); /* also for gcc, which under -fsanitize suspects NULL here */
  assert_non_null(piece);
  if (!strstr(text, piece)) fail_msg("'%s' is not in:\n%s", piece, text);
}

static void test_no_loader_entry(void **state) {
  (void)state;
  char *empty = clgen_format("%s/empty", folder), *variables = clgen_format("OCL_ICD_VENDORS='%s'", empty);
  assert_int_equal(clgen_make_folders(empty), CLGEN_OK);
  assert_string_equal(find_with(variables), "whole\n");
  free(variables);
  variables = clgen_format("OCL_ICD_VENDORS='%s/absent'", folder);
  assert_string_equal(find_with(variables), "whole\n");
  free(variables);
  char *file = clgen_format("%s/dead.icd", empty); /* names a library that is not there */
  assert_int_equal(clgen_file_write(file, "libthere-is-none.so.9\n", 22), CLGEN_OK);
  variables = clgen_format("OCL_ICD_VENDORS='%s'", empty);
  assert_string_equal(find_with(variables), "whole\n");
  unlink(file);
  free(file);
  free(variables);
  free(empty);
}

static void test_no_devices(void **state) {
  (void)state;
  const char *line = "platform Fake Platform: no devices (OpenCL 1.2 fake)\nwhole\n";
  assert_string_equal(find_fake("", ""), line);
  assert_string_equal(find_fake("zero", ""), line);
  assert_string_equal(find_fake("broken", ""),
                      "platform Fake Platform: its devices cannot be listed: CL_OUT_OF_RESOURCES (-5)\nwhole\n");
  expect(find_fake("gpu", "FAKE_ICD_NAMELESS=1"),
         "platform a platform without a name: 1 device (OpenCL 1.2 fake)\n0:0 gpu [gpu] ok: \n");
}

static void test_faults(void **state) {
  (void)state;
  char *text = find_fake("gpu,mute,nocompiler,unavailable,old,embedded,terse,garbage,integrated", "");
  expect(text, "0:0 gpu [gpu] ok: \n");
  expect(text, "0:1 other [] unusable: it does not answer CL_DEVICE_GLOBAL_MEM_SIZE; 24 of 25 queries fail\n");
  expect(text, "0:2 gpu [nocompiler] unusable: no compiler\n");
  expect(text, "0:3 gpu [unavailable] unusable: not available\n");
  expect(text, "0:4 gpu [old] unusable: OpenCL 1.1 f, and 1.2 is needed\n");
  expect(text, "0:5 gpu [embedded] limited: embedded profile\n");
  expect(text, "0:6 other [] limited: 21 of 25 queries fail, CL_DEVICE_NAME first\n");
  expect(text, "0:7 gpu [?? \"quoted\"?\\ ?] ok: \n");
  expect(text, "0:8 integrated gpu [integrated] ok: \n");
}

/* One card under several drivers is one device, chosen by its address. (AMD's extension has no domain: another card.) */
static void test_addresses(void **state) {
  (void)state;
  char *text = find_fake("nv,khr,amd,noaddress,gpu", "");
  expect(text, "0:0 is 0001:65:02.1  \n");
  expect(text, "0:1 is 0001:65:02.1 30313233-3435-3637-3839-616263646566 0:0\n");
  expect(text, "0:2 is 0000:65:02.1  \n");
  if (strstr(text, "0:3 is") || strstr(text, "0:4 is")) fail_msg("an address of zeros: %s", text);
}

/* Drivers of Mesa's are platforms without devices until they are told to have some. */
static void test_mesa(void **state) {
  (void)state;
  char *text = find_with("-u RUSTICL_ENABLE -u OCL_ICD_VENDORS");
  if (!strstr(text, "platform rusticl")) {
    print_message("Mesa's Rusticl is not installed\n");
    skip();
  }
  expect(text, "platform rusticl: no devices");
}

/* ---- A real device ---------------------------------------------------------------------------------------------- */

static clgen_device_list *found;
static const clgen_device_info *chosen; /* NULL: this machine has none that runs */

static clgen_cl *open_as(const clgen_device_info *info, const char *cache_dir) {
  clgen_device_options options = {.cache_dir = cache_dir};
  clgen_cl *cl = NULL;
  if (clgen_cl_open(&cl, info, &options) != CLGEN_OK) fail_msg("%s", clgen_last_error());
  return cl;
}

/* With clgen's cache of programs, also where the driver has one. */
static clgen_cl *open_with(const char *cache_dir) {
  if (!chosen) {
    print_message("no OpenCL device on this machine\n");
    skip();
  }
  clgen_cl *cl = open_as(chosen, cache_dir);
  cl->keeps_programs = false;
  return cl;
}

static char *source_giving(int value) {
  char *s = clgen_format("kernel void give(global int *x) { x[0] = %d BIAS; }", value);
  assert_non_null(s);
  return s;
}

/* What the program computes; builds it first. */
static int built_with(clgen_cl *cl, int value, const char *build_options) {
  char *source = source_giving(value);
  cl_program program = NULL;
  if (clgen_cl_build(cl, source, build_options, &program) != CLGEN_OK) fail_msg("%s", clgen_last_error());
  free(source);
  cl_int err, result = -1;
  cl_kernel kernel = clCreateKernel(program, "give", &err);
  assert_int_equal(err, CL_SUCCESS);
  cl_mem mem = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, sizeof result, NULL, &err);
  assert_int_equal(err, CL_SUCCESS);
  assert_int_equal(clSetKernelArg(kernel, 0, sizeof mem, &mem), CL_SUCCESS);
  assert_int_equal(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &(size_t){1}, NULL, 0, NULL, NULL), CL_SUCCESS);
  assert_int_equal(clEnqueueReadBuffer(cl->queue, mem, CL_TRUE, 0, sizeof result, &result, 0, NULL, NULL), CL_SUCCESS);
  clReleaseMemObject(mem);
  clReleaseKernel(kernel);
  clReleaseProgram(program);
  return result;
}

static int built(clgen_cl *cl, int value) { return built_with(cl, value, "-DBIAS="); }

/* A fresh folder for one test's cache. */
static char *cache_for(const char *test) {
  char *path = clgen_format("%s/%s", folder, test);
  assert_non_null(path);
  return path;
}

typedef struct {
  char *path[16];
  size_t n;
} entries;

static entries entries_of(const char *cache) {
  entries e = {.n = 0};
  char *programs = clgen_format("%s/programs", cache);
  DIR *dir = opendir(programs);
  for (struct dirent *d; dir && (d = readdir(dir));)
    if (d->d_name[0] != '.' && e.n < CLGEN_COUNT(e.path)) e.path[e.n++] = clgen_format("%s/%s", programs, d->d_name);
  if (dir) closedir(dir);
  free(programs);
  return e;
}
static void entries_free(entries *e) {
  while (e->n > 0) free(e->path[--e->n]);
}
static size_t count_entries(const char *cache) {
  entries e = entries_of(cache);
  size_t n = e.n;
  entries_free(&e);
  return n;
}

/* The only entry that is in `now` and not in `before`. */
static char *new_entry(const entries *before, const char *cache) {
  entries now = entries_of(cache);
  char *fresh = NULL;
  for (size_t i = 0; i < now.n; i++) {
    bool old = false;
    for (size_t k = 0; k < before->n; k++) old = old || strcmp(now.path[i], before->path[k]) == 0;
    if (!old) assert_null(fresh), fresh = clgen_strdup(now.path[i]);
  }
  entries_free(&now);
  assert_non_null(fresh);
  return fresh;
}

typedef struct {
  unsigned char *data;
  size_t size;
} bytes;

static bytes load(const char *path) {
  void *data;
  bytes b;
  assert_int_equal(clgen_file_read(path, 1 << 28, &data, &b.size), CLGEN_OK);
  b.data = data;
  return b;
}

/* Two programs' entries, giving 1 and 2. */
static void make_two(clgen_cl *cl, const char *cache, char **one, char **two) {
  entries none = {.n = 0};
  assert_int_equal(built(cl, 1), 1);
  *one = new_entry(&none, cache);
  entries first = entries_of(cache);
  assert_int_equal(built(cl, 2), 2);
  *two = new_entry(&first, cache);
  entries_free(&first);
}

/* As in opencl_build.c: magic, key, size and checksum before the binary. */
typedef struct {
  char magic[8];
  uint64_t key[2], size, checksum;
} header;

/* An entry that is right in every respect but holds another program's binary is what the device gets: so it is used. */
static void test_cache_is_used(void **state) {
  (void)state;
  char *cache = cache_for("used"), *one, *two;
  clgen_cl *cl = open_with(cache);
  make_two(cl, cache, &one, &two);
  bytes a = load(one), b = load(two);
  header h;
  memcpy(&h, a.data, sizeof h);
  h.size = b.size - sizeof h;
  h.checksum = clgen_hash64(b.data + sizeof h, b.size - sizeof h, h.key[0]);
  memcpy(b.data, &h, sizeof h);
  assert_int_equal(clgen_file_write(one, b.data, b.size), CLGEN_OK);
  assert_int_equal(built(cl, 1), 2);
  assert_int_equal(built(cl, 2), 2);
  clgen_cl_close(cl);
  cl = open_with(cache); /* by another opening, too */
  assert_int_equal(built(cl, 1), 2);
  clgen_cl_close(cl);
  clgen_device_options options = {.cache_dir = cache, .no_cache = true};
  assert_int_equal(clgen_cl_open(&cl, chosen, &options), CLGEN_OK);
  assert_int_equal(built(cl, 1), 1); /* not when it is not wanted */
  clgen_cl_close(cl);
  free(a.data), free(b.data), free(one), free(two), free(cache);
}

/* After each kind of damage the program is right, and the entry is whole again. */
static void test_cache_damage(void **state) {
  (void)state;
  char *cache = cache_for("damage"), *one, *two;
  clgen_cl *cl = open_with(cache);
  make_two(cl, cache, &one, &two);
  bytes good = load(one), foreign = load(two);
  unsigned char *bad = malloc(good.size + 1);
  const size_t cuts[] = {0, 1, 7, sizeof(header) - 1, sizeof(header), sizeof(header) + 1, good.size / 2, good.size - 1};
  for (size_t i = 0; i < CLGEN_COUNT(cuts); i++) {
    assert_int_equal(clgen_file_write(one, good.data, cuts[i]), CLGEN_OK);
    assert_int_equal(built(cl, 1), 1);
    bytes again = load(one);
    assert_true(again.size > sizeof(header) && memcmp(again.data, good.data, 24) == 0);
    free(again.data);
  }
  const size_t flips[] = {0, 8, 16, 24, 32, sizeof(header), good.size / 2, good.size - 1};
  for (size_t i = 0; i < CLGEN_COUNT(flips); i++) {
    memcpy(bad, good.data, good.size);
    bad[flips[i]] ^= 0x40;
    assert_int_equal(clgen_file_write(one, bad, good.size), CLGEN_OK);
    assert_int_equal(built(cl, 1), 1);
    bytes again = load(one);
    assert_int_not_equal(memcmp(again.data, bad, again.size < good.size ? again.size : good.size), 0);
    free(again.data);
  }
  memcpy(bad, good.data, good.size); /* longer than it says */
  bad[good.size] = 1;
  assert_int_equal(clgen_file_write(one, bad, good.size + 1), CLGEN_OK);
  assert_int_equal(built(cl, 1), 1);
  assert_int_equal(clgen_file_write(one, foreign.data, foreign.size), CLGEN_OK); /* of another program, by its name */
  assert_int_equal(built(cl, 1), 1);
  assert_int_equal(unlink(one), 0); /* a folder in its place */
  assert_int_equal(mkdir(one, 0777), 0);
  assert_int_equal(built(cl, 1), 1);
  assert_int_equal(rmdir(one), 0);
  clgen_cl_close(cl);
  free(bad), free(good.data), free(foreign.data), free(one), free(two), free(cache);
}

/* Each part of the key makes an entry of its own. */
static void test_cache_key(void **state) {
  (void)state;
  char *cache = cache_for("key");
  clgen_cl *cl = open_with(cache);
  assert_int_equal(built(cl, 1), 1);
  assert_int_equal(built(cl, 1), 1);
  assert_int_equal(count_entries(cache), 1);
  assert_int_equal(built(cl, 3), 3);
  assert_int_equal(count_entries(cache), 2);
  assert_int_equal(built_with(cl, 1, "-DBIAS=+10"), 11);
  assert_int_equal(count_entries(cache), 3);
  clgen_cl_close(cl);
  /* what tells devices, drivers and platforms apart */
  clgen_device_info other = *chosen;
  char *const changed = (char *)(size_t) "something else";
  char **const parts[] = {&other.name, &other.driver, &other.platform, &other.version, &other.platform_version};
  for (size_t i = 0; i < CLGEN_COUNT(parts); i++) {
    char *const before = *parts[i];
    *parts[i] = changed;
    cl = open_as(&other, cache);
    cl->keeps_programs = false;
    assert_int_equal(built(cl, 1), 1);
    assert_int_equal(count_entries(cache), 4 + i);
    clgen_cl_close(cl);
    *parts[i] = before;
  }
  free(cache);
}

/* PoCL keeps its programs: an entry says only that there was one. And a process keeps the latest. */
static void test_cache_of_the_driver(void **state) {
  (void)state;
  if (!chosen || strcmp(chosen->platform, "Portable Computing Language") != 0) skip();
  char *cache = cache_for("driver");
  clgen_cl *cl = open_as(chosen, cache);
  for (int i = 0; i < 2; ++i) {
    assert_int_equal(built(cl, 1), 1);
    entries e = entries_of(cache);
    assert_int_equal(e.n, 1);
    bytes b = load(e.path[0]);
    assert_int_equal(b.size, 0);
    free(b.data);
    entries_free(&e);
  }
  for (int i = 0; i < 2 * CLGEN_CL_RECENT; ++i)
    assert_int_equal(built(cl, 2 + i % (CLGEN_CL_RECENT + 3)), 2 + i % (CLGEN_CL_RECENT + 3));
  cl_program again, program = cl->recent[CLGEN_CL_RECENT - 1].program;
  char *source = source_giving(2 + CLGEN_CL_RECENT);
  assert_int_equal(clgen_cl_build(cl, source, "-DBIAS=", &again), CLGEN_OK);
  assert_ptr_equal(again, program); /* the oldest is the latest now */
  assert_ptr_equal(cl->recent[0].program, program);
  clReleaseProgram(again);
  free(source);
  clgen_cl_close(cl);
  free(cache);
}

/* Nowhere to write is no error. */
static void test_cache_nowhere(void **state) {
  (void)state;
  char *file = clgen_format("%s/file", folder);
  assert_int_equal(clgen_file_write(file, "x", 1), CLGEN_OK);
  char *below = clgen_format("%s/cache", file), *locked = clgen_format("%s/locked", folder);
  assert_int_equal(clgen_make_folders(locked), CLGEN_OK);
  assert_int_equal(chmod(locked, 0500), 0); /* root may write even so */
  const char *const places[] = {below, locked, "/dev/null/x", "/proc/clgen-cannot-be-here", ""};
  for (size_t i = 0; i < CLGEN_COUNT(places); i++) {
    clgen_cl *cl = open_with(places[i]);
    assert_int_equal(built(cl, 1), 1);
    assert_null(clgen_tuning_get(cl, "k"));
    clgen_cl_close(cl);
  }
  chmod(locked, 0700);
  free(locked), free(below), free(file);
}

static void expect_cache_dir(const char *xdg, const char *home, const char *expected) {
  xdg ? setenv("XDG_CACHE_HOME", xdg, 1) : unsetenv("XDG_CACHE_HOME");
  home ? setenv("HOME", home, 1) : unsetenv("HOME");
  clgen_cl *cl = open_with(NULL);
  if (expected)
    assert_string_equal(cl->cache_dir, expected);
  else
    assert_null(cl->cache_dir);
  assert_int_equal(built(cl, 4), 4);
  assert_int_equal(clgen_tuning_put(cl, "k", "v") == CLGEN_OK || expected, 1);
  clgen_cl_close(cl);
}

static void test_cache_place(void **state) {
  (void)state;
  char *home = getenv("HOME"), *xdg = getenv("XDG_CACHE_HOME");
  home = home ? clgen_strdup(home) : NULL;
  xdg = xdg ? clgen_strdup(xdg) : NULL;
  char *mine = clgen_format("%s/home", folder), *of_home = clgen_format("%s/.cache/clgen", mine),
       *of_xdg = clgen_format("%s/clgen", mine);
  expect_cache_dir(mine, "/dev/null", of_xdg);
  expect_cache_dir(NULL, mine, of_home);
  expect_cache_dir("relative", mine, of_home); /* the XDG specification: to be ignored */
  expect_cache_dir("", mine, of_home);
  expect_cache_dir(NULL, "/dev/null", "/dev/null/.cache/clgen");
  expect_cache_dir(NULL, "/proc", "/proc/.cache/clgen");
  expect_cache_dir(NULL, NULL, NULL);
  expect_cache_dir(NULL, "", NULL);
  home ? setenv("HOME", home, 1) : unsetenv("HOME");
  xdg ? setenv("XDG_CACHE_HOME", xdg, 1) : unsetenv("XDG_CACHE_HOME");
  free(home), free(xdg), free(mine), free(of_home), free(of_xdg);
}

static void test_build_failure(void **state) {
  (void)state;
  char *cache = cache_for("failure");
  clgen_cl *cl = open_with(cache);
  cl_program program = NULL;
  assert_int_equal(clgen_cl_build(cl, "kernel void broken(global int *x) { x[0] = undeclared_thing; }", "", &program),
                   CLGEN_E_DEVICE);
  assert_null(program);
  expect(clgen_last_error(), "compiling a program");
  expect(clgen_last_error(), "CL_BUILD_PROGRAM_FAILURE");
  expect(clgen_last_error(), "undeclared_thing"); /* the compiler's own words */
  assert_int_equal(count_entries(cache), 0);
  clgen_cl_close(cl);
  free(cache);
}

static void test_tuning(void **state) {
  (void)state;
  char *cache = cache_for("tuning");
  clgen_cl *cl = open_with(cache);
  assert_null(clgen_tuning_get(cl, "gemm"));
  assert_int_equal(clgen_tuning_put(cl, "gemm", "first"), CLGEN_OK);
  assert_int_equal(clgen_tuning_put(cl, "conv", "\"quoted\" \n text"), CLGEN_OK);
  assert_int_equal(clgen_tuning_put(cl, "gemm", "second"), CLGEN_OK);
  clgen_cl_close(cl);
  cl = open_with(cache);
  char *gemm = clgen_tuning_get(cl, "gemm"), *conv = clgen_tuning_get(cl, "conv");
  assert_string_equal(gemm, "second");
  assert_string_equal(conv, "\"quoted\" \n text");
  assert_null(clgen_tuning_get(cl, "other"));
  assert_int_equal(clgen_tuning_put(cl, "bad", "\xff"), CLGEN_E_INVALID);
  free(gemm), free(conv);

  char *tuning = clgen_format("%s/tuning", cache), *path = NULL;
  DIR *dir = opendir(tuning);
  assert_non_null(dir);
  for (struct dirent *d; (d = readdir(dir));)
    if (d->d_name[0] != '.') assert_null(path), path = clgen_format("%s/%s", tuning, d->d_name);
  closedir(dir);
  assert_non_null(path);
  const char *const damage[] = {"", "{", "[]", "{\"device\": \"other\", \"results\": {\"gemm\": \"x\"}}",
                                "{\"results\": 5}"};
  for (size_t i = 0; i < CLGEN_COUNT(damage); i++) {
    assert_int_equal(clgen_file_write(path, damage[i], strlen(damage[i])), CLGEN_OK);
    assert_null(clgen_tuning_get(cl, "gemm"));
    assert_int_equal(clgen_tuning_put(cl, "gemm", "again"), CLGEN_OK);
    gemm = clgen_tuning_get(cl, "gemm");
    assert_string_equal(gemm, "again");
    free(gemm);
  }
  clgen_cl_close(cl);
  clgen_device_info other = *chosen; /* a new driver: nothing is known */
  other.driver = (char *)(size_t) "something else";
  cl = open_as(&other, cache);
  assert_null(clgen_tuning_get(cl, "gemm"));
  clgen_cl_close(cl);
  free(path), free(tuning), free(cache);
}

static void test_open_errors(void **state) {
  (void)state;
  if (!chosen) skip();
  const char *const specs[] = {"99:0", "0:99", "host", "x", ""};
  for (size_t i = 0; i < CLGEN_COUNT(specs); i++) {
    clgen_device_info info = *chosen;
    snprintf(info.spec, sizeof info.spec, "%s", specs[i]);
    clgen_cl *cl = NULL;
    int code = clgen_cl_open(&cl, &info, NULL);
    assert_true(code == CLGEN_E_NOTFOUND || code == CLGEN_E_INVALID);
    assert_null(cl);
  }
  assert_string_equal(clgen_cl_error_name(CL_OUT_OF_RESOURCES), "CL_OUT_OF_RESOURCES");
  assert_string_equal(clgen_cl_error_name(-9999), "unknown OpenCL error");
  assert_int_equal(clgen_cl_fail(CL_OUT_OF_HOST_MEMORY, "%s", "here"), CLGEN_E_NOMEM);
  assert_string_equal(clgen_last_error(), "here: CL_OUT_OF_HOST_MEMORY (-6)");
}

/* What a real device says of itself makes sense, and it opens. */
static void test_real(void **state) {
  (void)state;
  if (!chosen) skip();
  for (size_t i = 0; i < clgen_devices_count(found); i++) {
    const clgen_device_info *d = clgen_devices_get(found, i);
    if (d->status == CLGEN_DEVICE_UNUSABLE) continue;
    assert_true(strlen(d->name) > 0 && strlen(d->driver) > 0 && strlen(d->platform) > 0);
    assert_int_equal(strncmp(d->version, "OpenCL ", 7), 0);
    assert_true(d->compute_units > 0 && d->max_work_group > 0 && d->max_work_item[0] > 0);
    assert_true(d->max_alloc_bytes >= 1 << 20 && d->max_alloc_bytes <= d->global_bytes);
    assert_true(d->compiler && d->little_endian && d->base_align_bytes > 0);
    clgen_cl *cl = NULL;
    clgen_device_options options = {.no_cache = true, .profile = true};
    if (clgen_cl_open(&cl, d, &options) != CLGEN_OK) fail_msg("%s: %s", d->spec, clgen_last_error());
    assert_null(cl->cache_dir);
    assert_int_equal(built(cl, 5), 5);
    clgen_cl_close(cl);
  }
  clgen_cl_close(NULL);
}

/* What was flushed is waited for too. */
static void test_finish(void **state) {
  (void)state;
  clgen_cl *cl = open_with("");
  const char *source =
      "kernel void slow(global float *x, int n) { float y = x[get_global_id(0)];"
      " for (int i = 0; i < n; i++) y = y * 0.999f + 0.5f; x[get_global_id(0)] = y; }";
  cl_program program = NULL;
  if (clgen_cl_build(cl, source, "", &program) != CLGEN_OK) fail_msg("%s", clgen_last_error());
  cl_kernel kernel = clCreateKernel(program, "slow", NULL);
  cl_mem mem = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, 16384 * sizeof(float), NULL, NULL);
  cl_event event = NULL;
  cl_int rounds = 2000, status = CL_QUEUED;
  assert_int_equal(clSetKernelArg(kernel, 0, sizeof mem, &mem), CL_SUCCESS);
  assert_int_equal(clSetKernelArg(kernel, 1, sizeof rounds, &rounds), CL_SUCCESS);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &(size_t){16384}, NULL, 0, NULL, &event),
                     CL_SUCCESS);
    assert_int_equal(clFlush(cl->queue), CL_SUCCESS);
    assert_int_equal(clgen_cl_finish(cl), CLGEN_OK);
    assert_int_equal(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL), CL_SUCCESS);
    assert_int_equal(status, CL_COMPLETE);
    clReleaseEvent(event);
  }
  clReleaseMemObject(mem);
  clReleaseKernel(kernel);
  clReleaseProgram(program);
  clgen_cl_close(cl);
}

static int find_real(void **state) {
  (void)state;
  size_t index;
  char pattern[] = "test-opencl-device-XXXXXX", *name = mkdtemp(pattern), cwd[4096];
  if (!name || !getcwd(cwd, sizeof cwd) || !(folder = clgen_format("%s/%s", cwd, name))) return -1;
  if (clgen_device_list_create(&found) != CLGEN_OK || clgen_cl_find(found) != CLGEN_OK) return -1;
  if (clgen_devices_select(found, getenv("CLGEN_DEVICE"), &index) == CLGEN_OK) chosen = clgen_devices_get(found, index);
  if (chosen && (chosen->type == CLGEN_DEVICE_HOST || chosen->status == CLGEN_DEVICE_UNUSABLE)) chosen = NULL;
  return 0;
}

static int clean_up(void **state) {
  (void)state;
  char *command = clgen_format("rm -rf '%s'", folder);
  int status = command ? system(command) : -1;
  free(command);
  free(folder);
  clgen_devices_free(found);
  return status;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "FIND") == 0) return list_found();
  self = argv[0];
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_loader_entry), cmocka_unit_test(test_no_devices),  cmocka_unit_test(test_faults),
      cmocka_unit_test(test_addresses),       cmocka_unit_test(test_mesa),        cmocka_unit_test(test_cache_is_used),
      cmocka_unit_test(test_cache_damage),    cmocka_unit_test(test_cache_key),   cmocka_unit_test(test_cache_of_the_driver),
      cmocka_unit_test(test_cache_nowhere),   cmocka_unit_test(test_cache_place), cmocka_unit_test(test_build_failure),
      cmocka_unit_test(test_tuning),          cmocka_unit_test(test_open_errors), cmocka_unit_test(test_real),
      cmocka_unit_test(test_finish),
  };
  return cmocka_run_group_tests(tests, find_real, clean_up);
}
