/* The host backend draws with the library's own functions: the bits are promised to be the same everywhere. The tests
 * compare their Philox with clgen_philox and their normals with Box & Muller in double. */
#include "backend/host/host.h"
#include "base/base.h"

float clgen_host_uniform(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index) {
  return clgen_uniform_at(seed, stream, counter, index);
}

float clgen_host_normal(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index) {
  return clgen_normal_at(seed, stream, counter, index);
}
