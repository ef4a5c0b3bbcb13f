/* Elements n, n + 1, ... of a draw; of a quad four vectors of them, for which no word of philox is made twice. For each width,
 * after philox.cl. */
#if VW == 1
#define LANES 0u
#elif VW == 4
#define LANES (VUINT)(0, 1, 2, 3)
#elif VW == 8
#define LANES (VUINT)(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define LANES (VUINT)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#endif
static inline VEC EW(ew_random_uniform)(uint n, uint sl, uint sh, uint st, uint counter) {
  return EW(clgen_random_uniform)(n + LANES, (VUINT)(0u), sl, sh, st, counter);
}
static inline VEC EW(ew_random_normal)(uint n, uint sl, uint sh, uint st, uint counter) {
  return EW(clgen_random_normal)(n + LANES, (VUINT)(0u), sl, sh, st, counter);
}
#if VW > 1
/* Word k of lane i is element 4 i + k. */
static inline void EW(ew_quad)(VEC *d, VEC v0, VEC v1, VEC v2, VEC v3) {
  const VEC a = LOW(v0, v2), b = HIGH(v0, v2), c = LOW(v1, v3), e = HIGH(v1, v3);
  d[0] = LOW(a, c);
  d[1] = HIGH(a, c);
  d[2] = LOW(b, e);
  d[3] = HIGH(b, e);
}
static inline void EW(ew_quad_uniform)(VEC *d, uint n, uint sl, uint sh, uint st, uint counter) {
  if ((n & 3u) != 0u) {
    for (uint q = 0; q < 4; ++q) d[q] = EW(ew_random_uniform)(n + q * VW, sl, sh, st, counter);
    return;
  }
  const EW(clgen_words) r = EW(clgen_draw)(n + 4u * LANES, (VUINT)(0u), sl, sh, st, counter);
  EW(ew_quad)
  (d, EW(clgen_word_uniform)(r.w[0]), EW(clgen_word_uniform)(r.w[1]), EW(clgen_word_uniform)(r.w[2]),
   EW(clgen_word_uniform)(r.w[3]));
}
static inline void EW(ew_quad_normal)(VEC *d, uint n, uint sl, uint sh, uint st, uint counter) {
  if ((n & 3u) != 0u) {
    for (uint q = 0; q < 4; ++q) d[q] = EW(ew_random_normal)(n + q * VW, sl, sh, st, counter);
    return;
  }
  const EW(clgen_words) r = EW(clgen_draw)(n + 4u * LANES, (VUINT)(0u), sl, sh, st, counter);
  const VEC r0 = EW(clgen_word_radius)((r.w[0] >> 8) + 1u), r2 = EW(clgen_word_radius)((r.w[2] >> 8) + 1u);
  const VUINT turn1 = r.w[1] >> 8, turn3 = r.w[3] >> 8;
  EW(ew_quad)
  (d, r0 * EW(clgen_word_turn)(turn1, (VUINT)(0u)), r0 * EW(clgen_word_turn)(turn1, (VUINT)(1u)),
   r2 * EW(clgen_word_turn)(turn3, (VUINT)(0u)), r2 * EW(clgen_word_turn)(turn3, (VUINT)(1u)));
}
#endif
#undef LANES
