/* Fuzz targets: each takes any bytes as a file of its kind, reads it as the library does, and looks at all that came of it.
 * docs/fuzzing.md tells how they are run. */
#ifndef CLGEN_TESTS_FUZZ_H
#define CLGEN_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* name, and how a mutated input is repaired (mutators.c). tests/fuzz/meson.build has the same names. */
#define FUZZ_TARGETS(X)       \
  X(png, png)                 \
  X(jpeg, bytes)              \
  X(exif, bytes)              \
  X(idx, gzip)                \
  X(cifar, bytes)             \
  X(npy, bytes)               \
  X(npz, zip)                 \
  X(labels_csv, bytes)        \
  X(dataset_json, bytes)      \
  X(safetensors, safetensors) \
  X(features, bytes)          \
  X(snapshot, safetensors)    \
  X(state, safetensors)       \
  X(stats, bytes)             \
  X(options, bytes)

#define FUZZ_DECLARE(name, mutator) void fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(FUZZ_DECLARE)
#undef FUZZ_DECLARE

/* A folder of this process, removed at its end; and a file in it with these bytes, whose path is valid until the next call.
 */
const char *fuzz_folder(void);
const char *fuzz_file(const char *name, const void *data, size_t size);
/* Reads every byte, so that a sanitizer sees what was never written. */
void fuzz_look_at(const void *data, size_t size);

/* LLVMFuzzerMutate, or a stand-in. */
typedef size_t (*fuzz_mutate)(uint8_t *data, size_t size, size_t max_size);
/* Each changes data in place as the kind of file allows: returns the new size, at most max_size. */
size_t fuzz_mutate_bytes(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t fuzz_mutate_png(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t fuzz_mutate_gzip(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t fuzz_mutate_zip(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t fuzz_mutate_safetensors(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
