/* Philox against the vectors that its authors publish, and the mapping to uniform and normal numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "backend/host/host.h"
#include "base/base.h"

/* Random123's kat_vectors for philox4x32, 10 rounds: counter, key, result. */
static const uint32_t known[][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
};

static void philox_gives_the_published_words(void **state) {
  (void)state;
  for (size_t i = 0; i < CLGEN_COUNT(known); ++i) {
    uint32_t out[4];
    clgen_philox(known[i], known[i] + 4, out);
    for (int j = 0; j < 4; ++j) assert_int_equal(out[j], known[i][6 + j]);
  }
}

/* The words that element `index` and its three neighbours are made of, by the generator that the kernels do not share. */
static void words_of(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index, uint32_t words[4]) {
  const uint32_t place[4] = {(uint32_t)(index / 4), (uint32_t)(index / 4 >> 32), stream, counter};
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  clgen_philox(place, key, words);
}

static const uint64_t indices[] = {0, 1, 2, 3, 4, 5, 1023, 0xffffffffu, 0x100000000u, 0x3ffffffffffu, 0x3ffffffffffffffeu};

static void uniform_is_the_upper_bits_of_its_word(void **state) {
  (void)state;
  for (size_t i = 0; i < CLGEN_COUNT(indices); ++i) {
    uint32_t words[4];
    words_of(0x123456789abcdef0u, 7, 0xfffffffe, indices[i], words);
    float expected = (float)(words[indices[i] % 4] >> 8) / 16777216.0f;
    float got = clgen_host_uniform(0x123456789abcdef0u, 7, 0xfffffffe, indices[i]);
    assert_true(got == expected);
  }
}

static void normal_is_box_muller(void **state) {
  (void)state;
  double worst = 0;
  for (uint64_t k = 0; k < 200000; ++k) {
    uint64_t index = k < CLGEN_COUNT(indices) ? indices[k] : k;
    uint32_t words[4];
    words_of(99, 3, 12, index, words);
    const uint32_t *pair = words + index % 4 / 2 * 2;
    double u1 = ((pair[0] >> 8) + 1.0) / 16777216, angle = 8 * atan(1) * (pair[1] >> 8) / 16777216;
    double expected = sqrt(-2 * log(u1)) * (index % 2 ? sin(angle) : cos(angle));
    double error = fabs(clgen_host_normal(99, 3, 12, index) - expected);
    if (error > worst) worst = error;
  }
  if (worst > 2e-6) fail_msg("a normal number differs by %g from Box & Muller in double", worst);
}

static void the_moments_are_right(void **state) {
  (void)state;
  enum { N = 400000 };
  double sum[5] = {0}, u_sum = 0, u_square = 0;
  for (uint64_t i = 0; i < N; ++i) {
    double x = clgen_host_normal(1, 2, 3, i), u = clgen_host_uniform(1, 2, 4, i), power = 1;
    assert_true(u >= 0 && u < 1);
    for (int k = 1; k < 5; ++k) sum[k] += power *= x;
    u_sum += u;
    u_square += u * u;
  }
  assert_true(fabs(sum[1] / N) < 0.01);
  assert_true(fabs(sum[2] / N - 1) < 0.01);
  assert_true(fabs(sum[3] / N) < 0.03);
  assert_true(fabs(sum[4] / N - 3) < 0.06);
  assert_true(fabs(u_sum / N - 0.5) < 0.003);
  assert_true(fabs(u_square / N - 1.0 / 3) < 0.003);
}

/* Each of the four things that a number depends on changes it. */
static void nothing_is_ignored(void **state) {
  (void)state;
  float x = clgen_host_normal(1, 2, 3, 4);
  assert_true(x == clgen_host_normal(1, 2, 3, 4));
  assert_true(x != clgen_host_normal(2, 2, 3, 4));
  assert_true(x != clgen_host_normal(1 + ((uint64_t)1 << 32), 2, 3, 4));
  assert_true(x != clgen_host_normal(1, 1, 3, 4));
  assert_true(x != clgen_host_normal(1, 2, 4, 4));
  assert_true(x != clgen_host_normal(1, 2, 3, 5));
  assert_true(x != clgen_host_normal(1, 2, 3, 8));
  assert_true(x != clgen_host_normal(1, 2, 3, 4 + ((uint64_t)4 << 32)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_gives_the_published_words),
      cmocka_unit_test(uniform_is_the_upper_bits_of_its_word),
      cmocka_unit_test(normal_is_box_muller),
      cmocka_unit_test(the_moments_are_right),
      cmocka_unit_test(nothing_is_ignored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
