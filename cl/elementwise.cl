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
static inline VEC EW(ew_tanh)(VEC a) { return tanh(a); }
static inline VEC EW(ew_sigmoid)(VEC a) { return 1.0f / (1.0f + exp(-a)); }
static inline VEC EW(ew_softplus)(VEC a) { return EW(ew_relu)(a) + log1p(exp(-fabs(a))); }
static inline VEC EW(ew_exp)(VEC a) { return exp(a); }
static inline VEC EW(ew_log)(VEC a) { return log(a); }
static inline VEC EW(ew_sqrt)(VEC a) { return sqrt(a); }
static inline VEC EW(ew_rsqrt)(VEC a) { return 1.0f / sqrt(a); }
static inline VEC EW(ew_square)(VEC a) { return a * a; }
static inline VEC EW(ew_reciprocal)(VEC a) { return 1.0f / a; }
static inline VEC EW(ew_sin)(VEC a) { return sin(a); }
static inline VEC EW(ew_cos)(VEC a) { return cos(a); }
static inline VEC EW(ew_pow)(VEC a, float p) { return pow(a, (VEC)(p)); }
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

/* Adds a to a running sum whose rounding error is carried in *c (Kahan). */
static inline void EW(ew_accumulate)(VEC *sum, VEC *c, VEC a) {
  VEC y = a - *c, t = *sum + y;
  *c = (t - *sum) - y;
  *sum = t;
}
