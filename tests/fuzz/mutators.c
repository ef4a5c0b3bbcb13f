/* Changes that keep what readers check first: checksums, packed data, the length of a header. Without them nearly every
 * mutated input ends at the first check. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz.h"

enum { MOST = 1 << 20 }; /* bytes that are unpacked to be changed */

static uint32_t le32(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }
static uint32_t be32(const uint8_t *p) { return p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24; }
static void put_le32(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; ++i) p[i] = (uint8_t)(v >> 8 * i);
}
static void put_be32(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; ++i) p[i] = (uint8_t)(v >> 8 * (3 - i));
}
static unsigned le16(const uint8_t *p) { return p[0] | (unsigned)p[1] << 8; }

/* bits: zlib's windowBits, which choose between zlib, gzip and raw deflate. Returns the length, 0: nothing came of it. */
static size_t unpack(const uint8_t *from, size_t size, int bits, uint8_t *to, size_t room) {
  z_stream z = {.next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)size, .next_out = to, .avail_out = (uInt)room};
  if (inflateInit2(&z, bits) != Z_OK) return 0;
  inflate(&z, Z_FINISH);
  inflateEnd(&z);
  return room - z.avail_out;
}
static size_t pack(const uint8_t *from, size_t size, int bits, uint8_t *to, size_t room) {
  z_stream z = {.next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)size, .next_out = to, .avail_out = (uInt)room};
  if (deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
  const bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
  deflateEnd(&z);
  return whole ? room - z.avail_out : 0;
}

/* Unpacks, changes, and packs again into `to`. 0: it was not packed, or does not fit. */
static size_t mutate_packed(fuzz_mutate mutate, const uint8_t *from, size_t size, int bits, uint8_t *to, size_t room) {
  uint8_t *plain = malloc(MOST);
  size_t n = plain ? unpack(from, size, bits, plain, MOST / 2) : 0;
  if (n) n = mutate(plain, n, n + 4096 < MOST ? n + 4096 : MOST);
  n = n ? pack(plain, n, bits, to, room) : 0;
  free(plain);
  return n;
}

size_t fuzz_mutate_bytes(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  (void)seed;
  return mutate(data, size, max_size);
}

/* ---- PNG ---- */

static void repair_png(uint8_t *data, size_t size) {
  for (size_t at = 8; at + 12 <= size;) {
    const uint32_t n = be32(data + at);
    if (n > size - at - 12) return;
    put_be32(data + at + 8 + n, (uint32_t)crc32(0, data + at + 4, n + 4));
    at += 12 + n;
  }
}

/* The first chunk of picture data as changed rows of pixels; those behind it are left, which the reader then refuses or not.
 */
static size_t mutate_rows(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size) {
  for (size_t at = 8; at + 12 <= size;) {
    const size_t n = be32(data + at);
    if (n > size - at - 12) return 0;
    if (memcmp(data + at + 4, "IDAT", 4) == 0) {
      const size_t behind = size - at - 12 - n, room = max_size - (at + 12 + behind);
      uint8_t *to = malloc(room + 1);
      const size_t now = to ? mutate_packed(mutate, data + at + 8, n, 15, to, room) : 0;
      if (now) {
        memmove(data + at + 8 + now, data + at + 8 + n, behind + 4);
        memcpy(data + at + 8, to, now);
        put_be32(data + at, (uint32_t)now);
      }
      free(to);
      return now ? at + 12 + now + behind : 0;
    }
    at += 12 + n;
  }
  return 0;
}

size_t fuzz_mutate_png(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  size_t n = seed % 3 == 0 ? mutate_rows(mutate, data, size, max_size) : 0;
  if (!n) n = mutate(data, size, max_size);
  if (seed % 16 != 1) repair_png(data, n);
  return n;
}

/* ---- gzip, behind the labels of fuzz_idx ---- */

size_t fuzz_mutate_gzip(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  const size_t begin = size < 2 ? size : 2 + le16(data);
  if (begin < size && size - begin > 18 && data[begin] == 0x1f && data[begin + 1] == 0x8b && seed % 4) {
    uint8_t *to = malloc(max_size - begin + 1);
    const size_t n = to ? mutate_packed(mutate, data + begin, size - begin, 31, to, max_size - begin) : 0;
    if (n) memcpy(data + begin, to, n);
    free(to);
    if (n) return begin + n;
  }
  return mutate(data, size, max_size);
}

/* ---- ZIP: one member is changed and the archive written anew ---- */

enum { MEMBERS = 4, NAME = 64, LOCAL = 30, CENTRAL = 46, END = 22 };
typedef struct {
  uint8_t *data; /* unpacked */
  size_t size, name_size;
  unsigned method;
  char name[NAME];
} member;

static const uint8_t *find_end(const uint8_t *data, size_t size) {
  for (size_t at = size < END ? 0 : size - END + 1; at-- > 0;)
    if (le32(data + at) == 0x06054b50) return data + at;
  return NULL;
}

static int read_members(const uint8_t *data, size_t size, member *out) {
  const uint8_t *end = find_end(data, size);
  int n = 0;
  for (size_t at = end ? le32(end + 16) : size; n < MEMBERS && at < size && size - at >= CENTRAL;) {
    const uint8_t *p = data + at;
    if (le32(p) != 0x02014b50) break;
    member *m = &out[n];
    const size_t packed = le32(p + 20), local = le32(p + 42), name = le16(p + 28);
    if (at + CENTRAL + name > size || local > size || size - local < LOCAL) break;
    const size_t begin = local + LOCAL + le16(data + local + 26) + le16(data + local + 28);
    if (begin > size || packed > size - begin) break;
    *m = (member){.method = le16(p + 10), .name_size = name < NAME ? name : NAME};
    memcpy(m->name, p + CENTRAL, m->name_size);
    if (!(m->data = malloc(MOST))) break;
    if (m->method == 8)
      m->size = unpack(data + begin, packed, -15, m->data, MOST / 2);
    else
      memcpy(m->data, data + begin, m->size = packed < MOST / 2 ? packed : MOST / 2);
    ++n;
    at += CENTRAL + name + le16(p + 30) + le16(p + 32);
  }
  return n;
}

static void put_header(uint8_t *p, const member *m, size_t packed) {
  p[0] = (uint8_t)m->method, p[1] = 0;
  put_le32(p + 2, 0);
  put_le32(p + 6, (uint32_t)crc32(0, m->data, (uInt)m->size));
  put_le32(p + 10, (uint32_t)packed);
  put_le32(p + 14, (uint32_t)m->size);
  p[18] = (uint8_t)m->name_size, p[19] = p[20] = p[21] = 0;
}

/* 0: it does not fit. */
static size_t write_members(const member *members, int n, uint8_t *out, size_t room) {
  uint8_t central[MEMBERS * (CENTRAL + NAME)];
  size_t at = 0, length = 0;
  for (int i = 0; i < n; ++i) {
    const member *m = &members[i];
    if (room - at < LOCAL + m->name_size) return 0;
    uint8_t *p = out + at, *body = p + LOCAL + m->name_size, *c = central + length;
    const size_t left = room - at - LOCAL - m->name_size;
    if (m->method != 8 && m->size > left) return 0;
    if (m->method != 8) memcpy(body, m->data, m->size);
    const size_t packed = m->method == 8 ? pack(m->data, m->size, -15, body, left) : m->size;
    if (m->method == 8 && !packed) return 0;
    memset(p, 0, LOCAL);
    put_le32(p, 0x04034b50);
    put_header(p + 8, m, packed);
    memcpy(p + LOCAL, m->name, m->name_size);
    memset(c, 0, CENTRAL);
    put_le32(c, 0x02014b50);
    put_header(c + 10, m, packed);
    put_le32(c + 42, (uint32_t)at);
    memcpy(c + CENTRAL, m->name, m->name_size);
    at += LOCAL + m->name_size + packed;
    length += CENTRAL + m->name_size;
  }
  if (room - at < length + END) return 0;
  memcpy(out + at, central, length);
  uint8_t *end = out + at + length;
  memset(end, 0, END);
  put_le32(end, 0x06054b50);
  end[8] = end[10] = (uint8_t)n;
  put_le32(end + 12, (uint32_t)length);
  put_le32(end + 16, (uint32_t)at);
  return at + length + END;
}

size_t fuzz_mutate_zip(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  member members[MEMBERS];
  const int n = seed % 4 ? read_members(data, size, members) : 0;
  size_t now = 0;
  if (n) {
    member *m = &members[seed / 4 % (unsigned)n];
    if (seed % 32 == 1) {
      m->method = m->method ? 0 : 8;
    } else if (seed % 32 == 2) {
      m->name_size = mutate((uint8_t *)m->name, m->name_size, NAME);
    } else {
      m->size = mutate(m->data, m->size, MOST);
    }
    now = write_members(members, n, data, max_size);
  }
  for (int i = 0; i < n; ++i) free(members[i].data);
  return now ? now : mutate(data, n ? 0 : size, max_size);
}

/* ---- safetensors: the length before the header, and as much data as the header says ---- */

/* The largest second number of "data_offsets": [a, b]. */
static size_t data_size(const uint8_t *text, size_t n) {
  static const char key[] = "data_offsets";
  size_t most = 0;
  for (size_t i = 0; i + sizeof key < n; ++i) {
    if (memcmp(text + i, key, sizeof key - 1) != 0) continue;
    const uint8_t *p = memchr(text + i, ',', n - i);
    size_t v = 0;
    for (p = p ? p + 1 : NULL; p && p < text + n && (*p == ' ' || (*p >= '0' && *p <= '9')) && v < MOST; ++p)
      if (*p != ' ') v = 10 * v + (size_t)(*p - '0');
    if (v > most) most = v;
  }
  return most;
}

size_t fuzz_mutate_safetensors(fuzz_mutate mutate, uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  const size_t n = size < 8 ? MOST : le32(data);
  if (size < 8 || n > size - 8 || seed % 8 == 0) return mutate(data, size, max_size);
  const size_t tail = size - 8 - n;
  if (seed % 8 == 1 && tail) return 8 + n + mutate(data + 8 + n, tail, tail);
  uint8_t *behind = malloc(tail + 1);
  if (!behind) return mutate(data, size, max_size);
  memcpy(behind, data + 8 + n, tail);
  const size_t now = mutate(data + 8, n, max_size - 8);
  const size_t room = max_size - 8 - now, wanted = data_size(data + 8, now), least = wanted < room ? wanted : room;
  const size_t kept = tail < least ? tail : least;
  put_le32(data, (uint32_t)now);
  memcpy(data + 8 + now, behind, kept);
  memset(data + 8 + now + kept, 0, least - kept);
  free(behind);
  return 8 + now + least;
}
