/* exp, log and what is made of them, in the operations that vectors have; the device's own go through scalars on some, and on
 * others divide or branch more than they need to. For each width, as in elementwise.cl. Errors are in ulp over all floats,
 * with fused multiply-adds; NaN stays NaN. */

#define MAD(a, b, c) CLGEN_MAD(a, b, c)
#define INTEGER 12582912.0f /* 1.5 2^23: what is added to it becomes an integer, in the last bits of the sum */

/* a = n ln 2 + r with |r| <= ln 2 / 2, for |a| < 1000: exp(r) - 1, and n as the last bits of *n. */
static inline VEC EW(ew_expm1_part)(VEC a, VUINT *n) {
  const VEC t = MAD(a, (VEC)(1.44269504f), (VEC)(INTEGER)), k = t - (VEC)(INTEGER);
  const VEC r = MAD(k, (VEC)(-1.42860677e-06f), MAD(k, (VEC)(-0x1.62e4p-1f), a)); /* ln 2, its first part of 15 bits */
  VEC p = MAD((VEC)(0.0013946719612f), r, (VEC)(0.00836658064244f));
  p = MAD(p, r, (VEC)(0.0416662776441f));
  p = MAD(p, r, (VEC)(0.166665430539f));
  p = MAD(p, r, (VEC)(0.500000006331f));
  *n = AS_VUINT(t);
  return MAD(r * r, p, r);
}

/* 2 to the power of the last bits; beyond -127 < n < 128 that is nothing. */
static inline VEC EW(ew_power_of_2)(VUINT n) { return AS_VEC((n << 23) + (VUINT)(0x3F800000u)); }

static inline VEC EW(ew_between)(VEC a, float low, float high) {
  a = a < (VEC)(low) ? (VEC)(low) : a;
  return a > (VEC)(high) ? (VEC)(high) : a;
}

static inline VEC EW(ew_exp)(VEC a) {
  VUINT n;
  const VEC part = EW(ew_expm1_part)(EW(ew_between)(a, -104.5f, 89.0f), &n) + (VEC)(1.0f);
  const VUINT half_n = n >> 1; /* two factors, since a denormal or the largest numbers are beyond one */
  return part * EW(ew_power_of_2)(half_n) * EW(ew_power_of_2)(n - half_n);
}

static inline VEC EW(ew_tanh)(VEC a) {
  const VEC x = EW(ew_between)(a, -7.90000010f, 7.90000010f), z = x * x;
  VEC q = z + (VEC)(398.153137f);
  q = MAD(q, z, (VEC)(30460.1504f));
  q = MAD(q, z, (VEC)(544071.188f));
  q = MAD(q, z, (VEC)(1162944.0f));
  VEC p = MAD((VEC)(0.0179421175f), z, (VEC)(25.6119823f));
  p = MAD(p, z, (VEC)(4162.17822f));
  p = MAD(p, z, (VEC)(156423.281f));
  p = MAD(p, z, (VEC)(1162944.0f));
  return x * p / q;
}

static inline VEC EW(ew_sigmoid)(VEC a) {
  VUINT n;
  const VEC part = EW(ew_expm1_part)(EW(ew_between)(-a, -87.0f, 89.0f), &n);
  return (VEC)(1.0f) / ((part + (VEC)(1.0f)) * EW(ew_power_of_2)(n) + (VEC)(1.0f));
}

/* max(a, 0) + log1p(e) with e = exp(-|a|), which is 2 artanh(e / (2 + e)). */
static inline VEC EW(ew_softplus)(VEC a) {
  VUINT n;
  const VEC part = EW(ew_expm1_part)(EW(ew_between)(-fabs(a), -87.0f, 0.0f), &n), power = EW(ew_power_of_2)(n);
  const VEC e = MAD(part, power, power), s = e / (e + (VEC)(2.0f)), z = s * s;
  VEC p = MAD((VEC)(0.280243816282f), z, (VEC)(0.279991805975f));
  p = MAD(p, z, (VEC)(0.400216945794f));
  p = MAD(p, z, (VEC)(0.666664132552f));
  return (a < (VEC)(0.0f) ? (VEC)(0.0f) : a) + MAD(s * z, p, s + s);
}

static inline VEC EW(ew_log)(VEC a) {
  const VEC x = a < (VEC)(FLT_MIN) ? a * (VEC)(0x1p24f) : a;
  const VINT e = (AS_VINT(x) - (VINT)(0x3F3504F3)) >> 23; /* x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)) */
  const VEC f = AS_VEC(AS_VINT(x) - (e << 23)) - (VEC)(1.0f);
  const VEC k = AS_VEC(e + (VINT)(0x4B400000)) - (a < (VEC)(FLT_MIN) ? (VEC)(INTEGER + 24.0f) : (VEC)(INTEGER));
  VEC p = MAD((VEC)(-0.0786516517f), f, (VEC)(0.128790900f));
  p = MAD(p, f, (VEC)(-0.131253496f));
  p = MAD(p, f, (VEC)(0.141814381f));
  p = MAD(p, f, (VEC)(-0.166249663f));
  p = MAD(p, f, (VEC)(0.200022817f));
  p = MAD(p, f, (VEC)(-0.250007957f));
  p = MAD(p, f, (VEC)(0.333333164f));
  p = MAD(p, f, (VEC)(-0.5f));
  p = MAD(k, (VEC)(0x1.62e4p-1f), MAD(k, (VEC)(1.42860677e-06f), MAD(f * f, p, f)));
  p = a > (VEC)(0.0f) ? p : (a == (VEC)(0.0f) ? (VEC)(-INFINITY) : (VEC)(NAN));
  return a < (VEC)(INFINITY) ? p : a;
}

#undef MAD
#undef INTEGER
