/* Random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011), uniform and normal, the same bits everywhere.
 *
 * This file is OpenCL C and C11 at once, for one number or for a vector of them: the includer defines DRAW_WORD and DRAW_REAL
 * (uint and float, or vectors of them), DRAW(name) (the function's name for these), CLGEN_FMA(a, b, c) (correctly rounded),
 * CLGEN_AS_FLOAT(word), CLGEN_AS_UINT(real), CLGEN_TO_FLOAT(word), the value of a word that is taken for a signed one, and
 * CLGEN_MULHI(uint, word). So that no compiler's choice can change a bit, there is no division and no library function, and a
 * product is never added except inside CLGEN_FMA.
 *
 * Element i of a draw takes word i % 4 of philox(counter = (low32(i / 4), high32(i / 4), stream, value of the counter
 * tensor), key = (low32(seed), high32(seed))). */

typedef struct {
  DRAW_WORD w[4];
} DRAW(clgen_words);

static inline DRAW(clgen_words)
    DRAW(clgen_philox4)(DRAW_WORD c0, DRAW_WORD c1, DRAW_WORD c2, DRAW_WORD c3, uint k0, uint k1) {
  for (int round = 0; round < 10; ++round) {
    DRAW_WORD h0 = CLGEN_MULHI(0xD2511F53u, c0), l0 = 0xD2511F53u * c0;
    DRAW_WORD h1 = CLGEN_MULHI(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  DRAW(clgen_words) r;
  r.w[0] = c0;
  r.w[1] = c1;
  r.w[2] = c2;
  r.w[3] = c3;
  return r;
}

/* Uniform on [0, 1): the upper 24 bits of a word. */
static inline DRAW_REAL DRAW(clgen_word_uniform)(DRAW_WORD w) { return CLGEN_TO_FLOAT(w >> 8) * 0x1p-24f; }

/* sqrt(-2 ln(n 2^-24)) for n in 1 .. 2^24. ln by a polynomial on [sqrt(1/2), sqrt(2)), the root by Newton's iteration. */
static inline DRAW_REAL DRAW(clgen_word_radius)(DRAW_WORD n) {
  DRAW_WORD bits = CLGEN_AS_UINT(CLGEN_TO_FLOAT(n));
  DRAW_WORD e = (bits - 0x3F3504F3u) >> 23;
  DRAW_REAL f = CLGEN_AS_FLOAT(bits - (e << 23)) - 1.0f;
  DRAW_REAL fe = CLGEN_TO_FLOAT(e - 24u);
  DRAW_REAL p = CLGEN_FMA(-0.0786516517f, f, 0.128790900f);
  p = CLGEN_FMA(p, f, -0.131253496f);
  p = CLGEN_FMA(p, f, 0.141814381f);
  p = CLGEN_FMA(p, f, -0.166249663f);
  p = CLGEN_FMA(p, f, 0.200022817f);
  p = CLGEN_FMA(p, f, -0.250007957f);
  p = CLGEN_FMA(p, f, 0.333333164f);
  p = CLGEN_FMA(p, f, -0.5f);
  DRAW_REAL ln = CLGEN_FMA(f * f, p, f);
  ln = CLGEN_FMA(fe, -0x1.05c610p-29f, ln); /* ln 2 in two parts */
  ln = CLGEN_FMA(fe, 0x1.62e430p-1f, ln);
  DRAW_REAL s = CLGEN_FMA(-2.0f, ln, 1e-30f); /* not quite 0, for the reciprocal root */
  DRAW_REAL y = CLGEN_AS_FLOAT(0x5F3759DFu - (CLGEN_AS_UINT(s) >> 1));
  DRAW_REAL h = -0.5f * s;
  y = y * CLGEN_FMA(h * y, y, 1.5f);
  y = y * CLGEN_FMA(h * y, y, 1.5f);
  y = y * CLGEN_FMA(h * y, y, 1.5f);
  DRAW_REAL r = s * y;
  return CLGEN_FMA(0.5f * y, CLGEN_FMA(-r, r, s), r);
}

/* cos (odd = 0) or sin (odd = 1) of 2 pi k 2^-24, k < 2^24: the quadrant in integers, polynomials on [-pi/4, pi/4]. */
static inline DRAW_REAL DRAW(clgen_word_turn)(DRAW_WORD k, DRAW_WORD odd) {
  DRAW_WORD quadrant = (k + 0x200000u) >> 22;
  DRAW_REAL x = CLGEN_TO_FLOAT(k - (quadrant << 22)) * 0x1.921fb6p-22f; /* 2 pi 2^-24 */
  DRAW_REAL z = x * x;
  DRAW_REAL s = CLGEN_FMA(CLGEN_FMA(-0.000195880086f, z, 0.00833274890f), z, -0.166666642f);
  DRAW_REAL sine = CLGEN_FMA(x * z, s, x);
  DRAW_REAL c = CLGEN_FMA(CLGEN_FMA(2.45480405e-05f, z, -0.00138883037f), z, 0.0416666642f);
  DRAW_REAL cosine = CLGEN_FMA(z * z, c, CLGEN_FMA(-0.5f, z, 1.0f));
  /* cos(x + q pi/2) is cos, -sin, -cos, sin; sin(x + q pi/2) is cos((q - 1) pi/2 + x). */
  DRAW_WORD q = (quadrant - odd) & 3u;
  DRAW_REAL v = (q & 1u) != 0u ? sine : cosine;
  return ((q == 1u) | (q == 2u)) ? -v : v;
}

/* Normal by Box-Muller from words (0, 1) and (2, 3): u1 in (0, 1], u2 in [0, 1); even elements r cos, odd ones r sin. */
static inline DRAW_REAL DRAW(clgen_words_normal)(DRAW_WORD first, DRAW_WORD second, DRAW_WORD odd) {
  return DRAW(clgen_word_radius)((first >> 8) + 1u) * DRAW(clgen_word_turn)(second >> 8, odd);
}

/* low and high are the two halves of the element's index. */
static inline DRAW(clgen_words) DRAW(clgen_draw)(DRAW_WORD low, DRAW_WORD high, uint seed_low, uint seed_high, uint stream,
                                                 uint counter) {
  return DRAW(clgen_philox4)((low >> 2) | (high << 30), high >> 2, (DRAW_WORD)(stream), (DRAW_WORD)(counter), seed_low,
                             seed_high);
}

static inline DRAW_REAL DRAW(clgen_random_uniform)(DRAW_WORD low, DRAW_WORD high, uint seed_low, uint seed_high, uint stream,
                                                   uint counter) {
  DRAW(clgen_words) r = DRAW(clgen_draw)(low, high, seed_low, seed_high, stream, counter);
  DRAW_WORD even = (low & 2u) != 0u ? r.w[2] : r.w[0], odd = (low & 2u) != 0u ? r.w[3] : r.w[1];
  return DRAW(clgen_word_uniform)((low & 1u) != 0u ? odd : even);
}

static inline DRAW_REAL DRAW(clgen_random_normal)(DRAW_WORD low, DRAW_WORD high, uint seed_low, uint seed_high, uint stream,
                                                  uint counter) {
  DRAW(clgen_words) r = DRAW(clgen_draw)(low, high, seed_low, seed_high, stream, counter);
  return DRAW(clgen_words_normal)((low & 2u) != 0u ? r.w[2] : r.w[0], (low & 2u) != 0u ? r.w[3] : r.w[1], low & 1u);
}
