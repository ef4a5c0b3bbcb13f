/* Vectors anywhere in memory. vload and vstore mean the same, but PoCL makes them from halves down to pairs of elements, which
 * LLVM puts together again only now and then: a copy became loads of 8 bytes. */

#define UNALIGNED(type)                  \
  typedef struct __attribute__((packed)) { \
    type v;                              \
  } unaligned_##type;
UNALIGNED(float)
UNALIGNED(float2)
UNALIGNED(float4)
UNALIGNED(float8)
UNALIGNED(float16)
UNALIGNED(uint4)
UNALIGNED(uint8)
UNALIGNED(uint16)
UNALIGNED(uchar4)
UNALIGNED(uchar8)
UNALIGNED(uchar16)
#undef UNALIGNED

#define LOAD(type, p) (((__global const unaligned_##type *)(p))->v)
#define STORE(type, p, value) ((__global unaligned_##type *)(p))->v = (value)

/* The lowest byte of each float's bits. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_convertvector)
#define BUILTIN_CONVERT 1
#define BYTES_OF(width, v) __builtin_convertvector(as_uint##width(v), uchar##width)
#endif
#endif
#ifndef BYTES_OF
#define BYTES_OF(width, v) convert_uchar##width(as_uint##width(v) & 255u)
#endif
#define BYTES_1(v) (uchar)(as_uint(v) & 255u)
#define BYTES_4(v) BYTES_OF(4, v)
#define BYTES_8(v) BYTES_OF(8, v)
#define BYTES_16(v) BYTES_OF(16, v)
#define BYTES(width, v) BYTES_##width(v)

/* What philox.cl is told, at each width of elementwise.cl. */
#define DRAW_WORD VUINT
#define DRAW_REAL VEC
#define DRAW(name) EW(name)
#define CLGEN_FMA(a, b, c) fma((VEC)(a), (VEC)(b), (VEC)(c))
#define CLGEN_AS_FLOAT(a) AS_VEC(a)
#define CLGEN_AS_UINT(a) AS_VUINT(a)
#define CLGEN_TO_FLOAT(a) EW(ew_signed)(AS_VINT(a))
#define CLGEN_MULHI(a, b) EW(ew_mul_high)(a, b)
