#include "data/data_internal.h"

#include <stdlib.h>

struct clgen_sampler {
  int64_t count;
  uint64_t seed, epoch;
  int64_t order[]; /* of that epoch */
};

/* 64 random bits: a function of its arguments. Their remainder by n is off by at most n / 2^64. */
static uint64_t draw(uint64_t seed, uint32_t stream, uint64_t epoch, uint64_t i) {
  const uint32_t counter[4] = {(uint32_t)(i >> 1), (uint32_t)(i >> 33) ^ (uint32_t)(epoch >> 32), stream, (uint32_t)epoch};
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  uint32_t w[4];
  clgen_philox(counter, key, w);
  return i & 1 ? (uint64_t)w[3] << 32 | w[2] : (uint64_t)w[1] << 32 | w[0];
}

/* Fisher and Yates's shuffle. */
void clgen_shuffle(int64_t *order, int64_t count, uint64_t seed, uint32_t stream, uint64_t epoch) {
  for (int64_t i = 0; i < count; ++i) order[i] = i;
  for (int64_t i = count - 1; i > 0; --i) {
    int64_t j = (int64_t)(draw(seed, stream, epoch, (uint64_t)i) % (uint64_t)(i + 1)), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
}

int clgen_sampler_create(clgen_sampler **out, int64_t count, uint64_t seed) {
  *out = NULL;
  if (count < 1) return clgen_fail(CLGEN_E_INVALID, "cannot draw from a dataset of %lld images", (long long)count);
  size_t bytes = sizeof(clgen_sampler);
  if ((uint64_t)count > (SIZE_MAX - bytes) / sizeof(int64_t)) return clgen_fail_nomem(SIZE_MAX);
  bytes += (size_t)count * sizeof(int64_t);
  clgen_sampler *s = malloc(bytes);
  if (!s) return clgen_fail_nomem(bytes);
  s->count = count;
  s->seed = seed;
  s->epoch = 0;
  clgen_shuffle(s->order, count, seed, CLGEN_STREAM_SHUFFLE, 0);
  *out = s;
  return CLGEN_OK;
}

void clgen_sampler_free(clgen_sampler *s) { free(s); }

int64_t clgen_sampler_index(clgen_sampler *s, uint64_t position) {
  uint64_t epoch = position / (uint64_t)s->count;
  if (epoch != s->epoch) {
    clgen_shuffle(s->order, s->count, s->seed, CLGEN_STREAM_SHUFFLE, epoch);
    s->epoch = epoch;
  }
  return s->order[position % (uint64_t)s->count];
}
