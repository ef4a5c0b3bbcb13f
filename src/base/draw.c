/* Random numbers as functions of (seed, stream, counter, index). The mapping from Philox's words to floats is the devices'
 * own file, compiled as C: the bits are promised to be the same, so there is one text. */
#include "base/base.h"

#include <math.h>
#include <string.h>

static float as_float(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static uint32_t as_uint(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

#define uint uint32_t
#define DRAW_WORD uint32_t
#define DRAW_REAL float
#define DRAW(name) name
#define CLGEN_TO_FLOAT(word) ((float)(int32_t)(word))
#define CLGEN_FMA(a, b, c) fmaf(a, b, c)
#define CLGEN_AS_FLOAT(bits) as_float(bits)
#define CLGEN_AS_UINT(f) as_uint(f)
#define CLGEN_MULHI(a, b) ((uint32_t)((uint64_t)(a) * (b) >> 32))
#include "cl/philox.cl"

float clgen_uniform_at(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index) {
  return clgen_random_uniform((uint32_t)index, (uint32_t)(index >> 32), (uint32_t)seed, (uint32_t)(seed >> 32), stream,
                              counter);
}

float clgen_normal_at(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index) {
  return clgen_random_normal((uint32_t)index, (uint32_t)(index >> 32), (uint32_t)seed, (uint32_t)(seed >> 32), stream,
                             counter);
}

void clgen_uniforms_fill(uint64_t seed, uint32_t stream, uint32_t counter, int64_t n, float *out) {
  for (int64_t i = 0; i < n; ++i) out[i] = clgen_uniform_at(seed, stream, counter, (uint64_t)i);
}

void clgen_normals_fill(uint64_t seed, uint32_t stream, uint32_t counter, int64_t n, float *out) {
  for (int64_t i = 0; i < n; ++i) out[i] = clgen_normal_at(seed, stream, counter, (uint64_t)i);
}
