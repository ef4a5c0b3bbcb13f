/* ZIP: PKWARE's APPNOTE.TXT 6.3. The central directory at the end lists the members; each has a local header before its
 * data. Every size is checked against the file's before anything is allocated. */
#include "data/zip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/base.h"

typedef struct {
  char *name;
  uint64_t packed, size, offset;
  uint32_t crc;
  unsigned method, flags;
} member;

struct clgen_zip {
  FILE *file;
  char *path;
  uint64_t file_size;
  member *members;
  size_t n, room;
};

static unsigned u16(const uint8_t *p) { return p[0] | (unsigned)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | (uint32_t)u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

static int damaged(const clgen_zip *z, const char *why) {
  return clgen_fail(CLGEN_E_FORMAT, "%s: damaged or truncated ZIP archive: %s", z->path, why);
}

static int read_at(clgen_zip *z, uint64_t at, void *to, size_t n, const char *what) {
  if (at > z->file_size || n > z->file_size - at) return damaged(z, what);
  if (fseeko(z->file, (off_t)at, SEEK_SET) != 0 || fread(to, 1, n, z->file) != n)
    return clgen_fail(CLGEN_E_IO, "%s: %s", z->path, ferror(z->file) ? strerror(errno) : "unexpected end of file");
  return CLGEN_OK;
}

/* ---- The central directory -------------------------------------------------------------------------------------------- */

/* Values that do not fit their field are all ones there, and follow in the extra field 1, in this order. */
static int zip64_values(const clgen_zip *z, const uint8_t *p, size_t n, uint64_t *values[], int count) {
  for (; n >= 4; n -= 4 + u16(p + 2), p += 4 + u16(p + 2)) {
    size_t length = u16(p + 2), at = 4;
    if (length > n - 4) break;
    if (u16(p) != 1) continue;
    for (int i = 0; i < count; ++i) {
      if (*values[i] != UINT32_MAX) continue;
      if (at + 8 > length + 4) return damaged(z, "a size is missing");
      *values[i] = u64(p + at);
      at += 8;
    }
    return CLGEN_OK;
  }
  return CLGEN_OK;
}

static int add_member(clgen_zip *z, const uint8_t *p, size_t name, size_t extra) {
  if (z->n == z->room) {
    size_t room = z->room ? z->room * 2 : 16;
    member *more = realloc(z->members, room * sizeof *more);
    if (!more) return clgen_fail_nomem(room * sizeof *more);
    z->members = more;
    z->room = room;
  }
  member *m = &z->members[z->n];
  *m = (member){.flags = u16(p + 8),
                .method = u16(p + 10),
                .crc = u32(p + 16),
                .packed = u32(p + 20),
                .size = u32(p + 24),
                .offset = u32(p + 42)};
  uint64_t *values[] = {&m->size, &m->packed, &m->offset};
  int code = zip64_values(z, p + 46 + name, extra, values, 3);
  if (code) return code;
  m->name = clgen_format("%.*s", (int)name, (const char *)p + 46);
  if (!m->name) return CLGEN_E_NOMEM;
  ++z->n;
  return CLGEN_OK;
}

static int read_directory(clgen_zip *z, uint64_t at, uint64_t size) {
  if (size > z->file_size || size > 1u << 28) return damaged(z, "its central directory is too large");
  uint8_t *buf = malloc(size ? (size_t)size : 1);
  if (!buf) return clgen_fail_nomem((size_t)size);
  int code = read_at(z, at, buf, (size_t)size, "its central directory lies outside of the file");
  for (size_t i = 0; !code && i < size;) {
    const uint8_t *p = buf + i;
    size_t left = (size_t)size - i;
    if (left < 46 || u32(p) != 0x02014b50) {
      code = damaged(z, "its central directory has a wrong signature");
      break;
    }
    size_t name = u16(p + 28), extra = u16(p + 30), length = 46 + name + extra + u16(p + 32);
    code = length > left ? damaged(z, "its central directory is truncated") : add_member(z, p, name, extra);
    i += length;
  }
  free(buf);
  return code;
}

/* The end record is the last thing in the file, but for a comment of at most 65535 bytes. */
static int find_directory(clgen_zip *z) {
  size_t n = z->file_size < 65535 + 22 ? (size_t)z->file_size : 65535 + 22, at;
  uint8_t *tail = malloc(n + 1);
  if (!tail) return clgen_fail_nomem(n);
  int code = read_at(z, z->file_size - n, tail, n, "it is empty");
  if (code) memset(tail, 0, n);
  for (at = n >= 22 ? n - 22 + 1 : 0; at-- > 0;)
    if (u32(tail + at) == 0x06054b50 && u16(tail + at + 20) <= n - at - 22) break;
  if (!code && at == SIZE_MAX) code = damaged(z, "no central directory at its end");
  uint64_t size = 0, begin = 0, end = z->file_size - n + at;
  if (!code) {
    size = u32(tail + at + 12);
    begin = u32(tail + at + 16);
  }
  free(tail);
  if (!code && (size == UINT32_MAX || begin == UINT32_MAX)) {
    uint8_t locator[20], record[56];
    if (end < 20 || (code = read_at(z, end - 20, locator, 20, "")) != 0 || u32(locator) != 0x07064b50)
      return code ? code : damaged(z, "its ZIP64 record is missing");
    code = read_at(z, u64(locator + 8), record, sizeof record, "its ZIP64 record lies outside of the file");
    if (!code && u32(record) != 0x06064b50) code = damaged(z, "its ZIP64 record has a wrong signature");
    if (!code) {
      size = u64(record + 40);
      begin = u64(record + 48);
    }
  }
  return code ? code : read_directory(z, begin, size);
}

int clgen_zip_open(clgen_zip **out, const char *path) {
  *out = NULL;
  clgen_zip *z = calloc(1, sizeof *z);
  if (!z) return clgen_fail_nomem(sizeof *z);
  int code = clgen_check_lfs_pointer(path);
  z->path = clgen_strdup(path);
  if (!code && !z->path) code = CLGEN_E_NOMEM;
  if (!code && !(z->file = fopen(path, "rb")))
    code = clgen_fail(errno == ENOENT ? CLGEN_E_NOTFOUND : CLGEN_E_IO, "%s: %s", path, strerror(errno));
  off_t size = -1;
  if (!code && (fseeko(z->file, 0, SEEK_END) != 0 || (size = ftello(z->file)) < 0))
    code = clgen_fail(CLGEN_E_IO, "%s: %s", path, strerror(errno));
  z->file_size = code ? 0 : (uint64_t)size;
  if (!code) code = find_directory(z);
  if (code)
    clgen_zip_close(z);
  else
    *out = z;
  return code;
}

void clgen_zip_close(clgen_zip *z) {
  if (!z) return;
  for (size_t i = 0; i < z->n; ++i) free(z->members[i].name);
  free(z->members);
  free(z->path);
  if (z->file) fclose(z->file);
  free(z);
}

size_t clgen_zip_count(const clgen_zip *z) { return z->n; }
const char *clgen_zip_name(const clgen_zip *z, size_t i) { return z->members[i].name; }

/* ---- A member's data ----------------------------------------------------------------------------------------------------
 */

static int inflate_member(clgen_zip *z, const member *m, uint64_t at, uint8_t *to) {
  uint8_t in[1 << 15];
  z_stream s = {.next_out = to};
  if (inflateInit2(&s, -MAX_WBITS) != Z_OK) return clgen_fail_nomem(0);
  uint64_t left = m->packed, room = m->size;
  int status = Z_OK, code = CLGEN_OK;
  while (!code && status == Z_OK) {
    if (!s.avail_in && left) {
      size_t n = left < sizeof in ? (size_t)left : sizeof in;
      if ((code = read_at(z, at, in, n, "a member is truncated")) != 0) break;
      s.next_in = in;
      s.avail_in = (uInt)n;
      at += n;
      left -= n;
    }
    uInt piece = room > 1u << 30 ? 1u << 30 : (uInt)room;
    s.avail_out = piece;
    status = inflate(&s, Z_NO_FLUSH);
    room -= piece - s.avail_out;
    if (status == Z_OK && !s.avail_in && !left && piece == s.avail_out) status = Z_DATA_ERROR;
  }
  inflateEnd(&s);
  if (!code && (status != Z_STREAM_END || room))
    code = clgen_fail(CLGEN_E_FORMAT, "%s: %s: damaged: the unpacked size is not the one in the archive's directory",
                      z->path, m->name);
  return code;
}

static int check_member(const clgen_zip *z, const member *m) {
  if (m->flags & 1) return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: %s: encrypted members are not supported", z->path, m->name);
  if (m->method != 0 && m->method != 8)
    return clgen_fail(CLGEN_E_UNSUPPORTED,
                      "%s: %s: compression method %u is not supported; only stored and deflated members are", z->path,
                      m->name, m->method);
  if (m->packed > z->file_size || (m->method == 0 && m->packed != m->size) || m->size / 1032 > m->packed ||
      m->size > SIZE_MAX / 2)
    return clgen_fail(CLGEN_E_FORMAT,
                      "%s: %s: the archive gives %llu bytes compressed to %llu, which is impossible: truncated or damaged",
                      z->path, m->name, (unsigned long long)m->size, (unsigned long long)m->packed);
  /* An array, and what is converted from it: at most four bytes for each, as labels are. */
  const int code = clgen_check_unpacked(m->name, z->file_size, (double)m->size * 6);
  return code ? clgen_fail_prefix(code, "%s", z->path) : CLGEN_OK;
}

int clgen_zip_read(clgen_zip *z, size_t i, void **data, size_t *size) {
  const member *m = &z->members[i];
  uint8_t local[30];
  *data = NULL;
  *size = 0;
  int code = check_member(z, m);
  if (!code) code = read_at(z, m->offset, local, sizeof local, "a member lies outside of the file");
  if (!code && u32(local) != 0x04034b50) code = damaged(z, "a member has no header");
  if (code) return code;
  uint64_t at = m->offset + sizeof local + u16(local + 26) + u16(local + 28);
  uint8_t *to = malloc((size_t)m->size + 1);
  if (!to) return clgen_fail_nomem((size_t)m->size);
  code = m->method ? inflate_member(z, m, at, to) : read_at(z, at, to, (size_t)m->size, "a member is truncated");
  uLong crc = crc32(0, NULL, 0);
  for (uint64_t done = 0, n; !code && done < m->size; done += n) {
    n = m->size - done < 1u << 30 ? m->size - done : 1u << 30;
    crc = crc32(crc, to + done, (uInt)n);
  }
  if (!code && crc != m->crc) code = clgen_fail(CLGEN_E_FORMAT, "%s: %s: damaged: the checksum is wrong", z->path, m->name);
  if (code) {
    free(to);
    return code;
  }
  *data = to;
  *size = (size_t)m->size;
  return CLGEN_OK;
}
