/* The elementwise operations, one function for each row of CLGEN_EW_OPS that computes. The includer defines, once for each
 * vector width that it wants, VW (the width), VEC (float, float4, ...) and EW(name) (the function's name at that width). */

static inline VEC EW(ew_neg)(VEC a) { return -a; }
static inline VEC EW(ew_abs)(VEC a) { return fabs(a); }
static inline VEC EW(ew_sign)(VEC a) {
  return (a > (VEC)(0.0f) ? (VEC)(1.0f) : (VEC)(0.0f)) - (a < (VEC)(0.0f) ? (VEC)(1.0f) : (VEC)(0.0f));
}
static inline VEC EW(ew_step)(VEC a) { return a > (VEC)(0.0f) ? (VEC)(1.0f) : (VEC)(0.0f); }
static inline VEC EW(ew_relu)(VEC a) { return a < (VEC)(0.0f) ? (VEC)(0.0f) : a; }
static inline VEC EW(ew_leaky_relu)(VEC a, float p) { return a > (VEC)(0.0f) ? a : a * p; }
static inline VEC EW(ew_leaky_step)(VEC a, float p) { return a > (VEC)(0.0f) ? (VEC)(1.0f) : (VEC)(p); }
static inline VEC EW(ew_affine)(VEC a, float p, float q) { return a * p + q; }
static inline VEC EW(ew_sqrt)(VEC a) { return sqrt(a); }
static inline VEC EW(ew_rsqrt)(VEC a) { return 1.0f / sqrt(a); }
static inline VEC EW(ew_square)(VEC a) { return a * a; }
static inline VEC EW(ew_reciprocal)(VEC a) { return 1.0f / a; }
static inline VEC EW(ew_sin)(VEC a) { return sin(a); }
static inline VEC EW(ew_cos)(VEC a) { return cos(a); }
static inline VEC EW(ew_pow)(VEC a, float p) { return pow(a, (VEC)(p)); }
static inline VEC EW(ew_round)(VEC a) { return rint(a); }
static inline VEC EW(ew_clamp)(VEC a, float p, float q) {
  return a < (VEC)(p) ? (VEC)(p) : (a > (VEC)(q) ? (VEC)(q) : a);
}
static inline VEC EW(ew_in_range)(VEC a, float p, float q) {
  return ((a >= (VEC)(p)) & (a <= (VEC)(q))) ? (VEC)(1.0f) : (VEC)(0.0f);
}
/* Not isfinite(), which some compilers fold away. */
static inline VEC EW(ew_is_finite)(VEC a) { return fabs(a) <= (VEC)(FLT_MAX) ? (VEC)(1.0f) : (VEC)(0.0f); }
static inline VEC EW(ew_add)(VEC a, VEC b) { return a + b; }
static inline VEC EW(ew_sub)(VEC a, VEC b) { return a - b; }
static inline VEC EW(ew_mul)(VEC a, VEC b) { return a * b; }
static inline VEC EW(ew_div)(VEC a, VEC b) { return a / b; }
static inline VEC EW(ew_maximum)(VEC a, VEC b) { return ((a > b) | (a != a)) ? a : b; }
static inline VEC EW(ew_minimum)(VEC a, VEC b) { return ((a < b) | (a != a)) ? a : b; }
static inline VEC EW(ew_greater)(VEC a, VEC b) { return a > b ? (VEC)(1.0f) : (VEC)(0.0f); }
static inline VEC EW(ew_where)(VEC a, VEC b, VEC c) { return a != (VEC)(0.0f) ? b : c; }
static inline VEC EW(ew_normalize)(VEC a, VEC b, VEC c) { return (a - b) * c; }

/* Rounded to [0, 255], NaN to 0, as the lowest byte of the result: beyond 2^23 a float's last bit is 1. */
static inline VEC EW(ew_byte)(VEC a) {
  a = a > (VEC)(0.0f) ? a : (VEC)(0.0f);
  return (a < (VEC)(255.0f) ? a : (VEC)(255.0f)) + (VEC)(8388608.0f);
}

/* Adds a to a running sum whose rounding error is carried in *c (Kahan). */
static inline void EW(ew_accumulate)(VEC *sum, VEC *c, VEC a) {
  VEC y = a - *c, t = *sum + y;
  *c = (t - *sum) - y;
  *sum = t;
}

/* The sum of the vector's elements. */
static inline float EW(ew_total)(VEC a) {
#if VW == 1
  return a;
#elif VW == 4
  return (a.s0 + a.s1) + (a.s2 + a.s3);
#elif VW == 8
  const float4 b = a.lo + a.hi;
  return (b.s0 + b.s1) + (b.s2 + b.s3);
#else
  const float8 b = a.lo + a.hi;
  const float4 c = b.lo + b.hi;
  return (c.s0 + c.s1) + (c.s2 + c.s3);
#endif
}

#if VW > 1
/* Two vectors, interleaved. */
#if VW == 4
#define LOW(a, b) (VEC)(a.s0, b.s0, a.s1, b.s1)
#define HIGH(a, b) (VEC)(a.s2, b.s2, a.s3, b.s3)
#elif VW == 8
#define LOW(a, b) (VEC)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3)
#define HIGH(a, b) (VEC)(a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)
#else
#define LOW(a, b) \
  (VEC)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)
#define HIGH(a, b) \
  (VEC)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf)
#endif

/* r[i], element j becomes r[j], element i: two halves of a list interleaved as often as the width has bits. */
static inline void EW(ew_transpose)(VEC *r) {
#pragma unroll
  for (int bit = 1; bit < VW; bit *= 2) {
    VEC t[VW];
#pragma unroll
    for (int i = 0; i < VW / 2; ++i) {
      const VEC a = r[i], b = r[i + VW / 2];
      t[2 * i] = LOW(a, b);
      t[2 * i + 1] = HIGH(a, b);
    }
#pragma unroll
    for (int i = 0; i < VW; ++i) r[i] = t[i];
  }
}
#endif

/* PoCL's convert and mul_hi go element by element. */
#if VW > 1 && defined(BUILTIN_CONVERT)
static inline VEC EW(ew_signed)(VINT a) { return __builtin_convertvector(a, VEC); }
static inline VUINT EW(ew_mul_high)(uint a, VUINT b) {
  return __builtin_convertvector((ulong)a * __builtin_convertvector(b, VULONG) >> 32, VUINT);
}
#else
static inline VEC EW(ew_signed)(VINT a) { return CONVERT_VEC(a); }
static inline VUINT EW(ew_mul_high)(uint a, VUINT b) { return mul_hi((VUINT)(a), b); }
#endif
