/* libFuzzer's entry points for one target: -DFUZZ_RUN=fuzz_png -DFUZZ_MUTATE=fuzz_mutate_png. */
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  FUZZ_RUN(data, size);
  return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  return FUZZ_MUTATE(LLVMFuzzerMutate, data, size, max_size, seed);
}
