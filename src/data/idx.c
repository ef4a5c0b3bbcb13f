/* IDX, the format of MNIST and its relatives: two zero bytes, a type (8: bytes), the number of axes, the length of each as
 * 32 bits big-endian, the elements. Usually inside gzip. */
#include "data/data_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

typedef struct {
  uint8_t *bytes;
  int rank;
  int64_t shape[4], count; /* count: the product */
} idx;

static int read_error(gzFile f, const char *path, const char *where) {
  int status;
  const char *why = gzerror(f, &status);
  if (status == Z_ERRNO) return clgen_fail(CLGEN_E_IO, "%s: %s", path, strerror(errno));
  if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR)
    return clgen_fail(CLGEN_E_FORMAT, "%s: truncated within the %s", path, where);
  return clgen_fail(CLGEN_E_FORMAT, "%s: damaged gzip file: %s", path, why);
}

static bool take(gzFile f, uint8_t *to, uint64_t n) {
  while (n) {
    unsigned piece = n > (1u << 30) ? 1u << 30 : (unsigned)n;
    int got = gzread(f, to, piece);
    if (got <= 0) return false;
    to += got;
    n -= (unsigned)got;
  }
  return true;
}

static int read_header(gzFile f, const char *path, int low, int high, idx *out) {
  static const char *const kinds[] = {"bytes",         "signed bytes", "?", "16-bit integers", "32-bit integers",
                                      "32-bit floats", "64-bit floats"};
  uint8_t head[4 + 4 * 4];
  if (!take(f, head, 4)) return read_error(f, path, "header");
  unsigned type = head[2], rank = head[3];
  if (head[0] || head[1] || type < 8 || type > 14 || type == 10)
    return clgen_fail(CLGEN_E_FORMAT,
                      "%s: wrong magic number 0x%02x%02x%02x%02x (IDX images begin with 0x00000803, labels with 0x00000801)",
                      path, head[0], head[1], head[2], head[3]);
  if (type != 8)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: IDX of %s is not supported; only bytes are", path, kinds[type - 8]);
  if (rank < (unsigned)low || rank > (unsigned)high)
    return clgen_fail(CLGEN_E_FORMAT, "%s: wrong magic number 0x0000%02x%02x: %s", path, type, rank,
                      high == 1   ? "labels have 0x00000801"
                      : rank == 1 ? "these are labels; name the file of the images"
                                  : "images have 0x00000803 (or 0x00000804, with channels)");
  if (!take(f, head + 4, 4 * rank)) return read_error(f, path, "header");
  out->rank = (int)rank;
  out->count = 1;
  for (unsigned i = 0; i < rank; ++i) {
    const uint8_t *p = head + 4 + 4 * i;
    out->shape[i] = (int64_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
    if (out->shape[i] && out->count > INT64_MAX / 2 / out->shape[i])
      return clgen_fail(CLGEN_E_FORMAT, "%s: the header gives an impossible size", path);
    out->count *= out->shape[i];
  }
  return CLGEN_OK;
}

/* Checked before allocating: deflate expands one byte to at most 1032, so the file's size bounds the elements. */
static int check_promise(gzFile f, const char *path, const idx *x) {
  struct stat st;
  if (stat(path, &st) != 0) return clgen_fail(CLGEN_E_IO, "%s: %s", path, strerror(errno));
  double header = 4 + 4 * x->rank, most = gzdirect(f) ? (double)st.st_size - header : (double)st.st_size * 1032;
  if ((double)x->count > most)
    return clgen_fail(CLGEN_E_FORMAT,
                      "%s: the header gives %lld bytes, more than a file of %lld bytes can contain: truncated or damaged",
                      path, (long long)x->count, (long long)st.st_size);
  /* Images, the dataset that is made of them, and a label for each in both; or labels, which become int. */
  const double labels = (double)x->shape[0] * sizeof(int);
  return clgen_check_unpacked(path, (uint64_t)st.st_size,
                              x->rank == 1 ? (double)x->count + labels : 2 * ((double)x->count + labels));
}

static int read_elements(gzFile f, const char *path, idx *out) {
  int code = check_promise(f, path, out);
  if (code) return code;
  out->bytes = malloc(out->count ? (size_t)out->count : 1);
  if (!out->bytes) return clgen_fail_nomem((size_t)out->count);
  if (!take(f, out->bytes, (uint64_t)out->count)) return read_error(f, path, "elements");
  uint8_t more;
  int got = gzread(f, &more, 1); /* also checks gzip's checksum */
  if (got > 0)
    return clgen_fail(CLGEN_E_FORMAT, "%s: more data follows after the %lld bytes that the header gives", path,
                      (long long)out->count);
  int status;
  gzerror(f, &status); /* Z_BUF_ERROR: the checksum is cut off */
  return got < 0 || status != Z_OK ? read_error(f, path, "end") : CLGEN_OK;
}

static int read_idx(const char *path, int low, int high, idx *out) {
  memset(out, 0, sizeof *out);
  int code = clgen_check_lfs_pointer(path);
  if (code) return code;
  errno = 0;
  gzFile f = gzopen(path, "rb");
  if (!f)
    return errno ? clgen_fail(errno == ENOENT ? CLGEN_E_NOTFOUND : CLGEN_E_IO, "%s: %s", path, strerror(errno))
                 : clgen_fail_nomem(0);
  gzbuffer(f, 1 << 17);
  code = read_header(f, path, low, high, out);
  if (!code) code = read_elements(f, path, out);
  gzclose(f);
  if (code) {
    free(out->bytes);
    out->bytes = NULL;
  }
  return code;
}

/* "train-images-idx3-ubyte.gz": "train-labels-idx1-ubyte", with ".gz" or without, whatever the images have. */
static int find_labels(const char *path, char **out) {
  char *labels = NULL, *plain = NULL, *packed = NULL, *other = NULL;
  *out = NULL;
  int code = clgen_replace_in_name(path, "images", "labels", &labels);
  if (!code && labels) code = clgen_replace_in_name(labels, "idx3", "idx1", &plain);
  if (!code && labels && !plain && !(plain = clgen_strdup(labels))) code = CLGEN_E_NOMEM;
  if (!code && plain) {
    size_t n = strlen(plain);
    bool gz = n > 3 && strcmp(plain + n - 3, ".gz") == 0;
    other = gz ? clgen_format("%.*s", (int)n - 3, plain) : clgen_format("%s.gz", plain);
    if (!other) code = CLGEN_E_NOMEM;
  }
  if (!code && other) {
    char **found = clgen_file_exists(plain) ? &plain : clgen_file_exists(other) ? &other : &packed;
    *out = *found;
    *found = NULL;
  }
  free(labels);
  free(plain);
  free(other);
  return code;
}

static int read_labels(clgen_dataset *ds, const char *images, clgen_array *a) {
  char *path;
  int code = find_labels(images, &path);
  if (code || !path) {
    if (!code) clgen_log_write(&ds->options.log, CLGEN_LOG_INFO, "%s: there is no file of labels beside it", images);
    return code;
  }
  idx x;
  code = read_idx(path, 1, 1, &x);
  if (!code && x.count != a->count)
    code = clgen_fail(CLGEN_E_FORMAT, "%s: %lld labels, but %s has %lld images", path, (long long)x.count, images,
                      (long long)a->count);
  if (!code && !(a->labels = malloc((size_t)a->count * sizeof *a->labels)))
    code = clgen_fail_nomem((size_t)a->count * sizeof *a->labels);
  for (int64_t i = 0; !code && i < a->count; ++i) a->labels[i] = x.bytes[i];
  free(x.bytes);
  free(path);
  return code;
}

/* Three axes: images, rows, columns; a fourth: channels, 1 to 4. */
int clgen_open_idx_file(clgen_dataset *ds, const char *path) {
  idx x;
  ds->info.format = "IDX";
  int code = read_idx(path, 3, 4, &x);
  if (code) return code;
  clgen_array a = {.bytes = x.bytes, .count = x.shape[0], .channels = 1, .interleaved = true};
  int64_t side = CLGEN_MAX_SIDE + 1, channels = x.rank == 4 ? x.shape[3] : 1;
  a.height = (int)(x.shape[1] < side ? x.shape[1] : side);
  a.width = (int)(x.shape[2] < side ? x.shape[2] : side);
  code = clgen_array_check(&a, path);
  if (!code && (channels < 1 || channels > 4))
    code = clgen_fail(CLGEN_E_FORMAT, "%s: %lld channels are not supported; 1 to 4 are", path, (long long)channels);
  a.channels = (int)channels;
  if (!code) code = read_labels(ds, path, &a);
  if (!code) return clgen_fill_from_array(ds, &a);
  clgen_array_free(&a);
  return code;
}

/* ---- A folder of IDX files -----------------------------------------------------------------------------------------------
 */

static bool is_images(const char *name, const char *set) {
  return strstr(name, set) && strstr(name, "images") && (strstr(name, "idx3") || strstr(name, "ubyte"));
}

/* The file of a set. Where both x and x.gz exist: the first. */
static int find_set(const char *folder, const clgen_names *files, const char *const *sets, const char **out) {
  *out = NULL;
  for (; *sets; ++sets)
    for (size_t i = 0; i < files->n; ++i) {
      if (!is_images(files->at[i], *sets)) continue;
      size_t n = *out ? strlen(*out) : 0;
      if (!*out)
        *out = files->at[i];
      else if (strncmp(files->at[i], *out, n) != 0 || strcmp(files->at[i] + n, ".gz") != 0)
        return clgen_fail(CLGEN_E_INVALID, "%s: contains both %s and %s: give the path of one of them", folder, *out,
                          files->at[i]);
    }
  return CLGEN_OK;
}

int clgen_open_idx_folder(clgen_dataset *ds, const clgen_names *files, bool *taken) {
  static const char *const train[] = {"train-images", NULL}, *const test[] = {"t10k-images", "test-images", NULL};
  const char *wanted, *other;
  *taken = false;
  int code = find_set(ds->path, files, ds->test ? test : train, &wanted);
  if (!code) code = find_set(ds->path, files, ds->test ? train : test, &other);
  if (code || (!wanted && !other)) return code;
  *taken = true;
  if (!wanted)
    clgen_log_write(&ds->options.log, CLGEN_LOG_INFO, "%s: there is only %s, which is used for training and for testing",
                    ds->path, other);
  char *path = clgen_format("%s/%s", ds->path, wanted ? wanted : other);
  if (!path) return CLGEN_E_NOMEM;
  code = clgen_open_idx_file(ds, path);
  free(path);
  return code;
}
