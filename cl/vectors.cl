/* Vectors anywhere in memory. vload and vstore mean the same, but PoCL makes them from halves down to pairs of elements, which
 * LLVM puts together again only now and then: a copy became loads of 8 bytes. */

#define UNALIGNED(type)                  \
  typedef struct __attribute__((packed)) { \
    type v;                              \
  } unaligned_##type;
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
