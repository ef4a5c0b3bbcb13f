/* labels.csv: a file and its class a line, or any columns under headings, which say which is which. Fields are as in RFC
 * 4180; tabs or semicolons separate them where the first line has no comma. metadata.csv is what Hugging Face's image
 * folders have: a column file_name, and the class in one called label. */
#include "data/data_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)1 << 30)
enum { MAX_COLUMNS = 64 };

typedef struct {
  const char *path, *at; /* what is not read yet */
  int line;              /* of the row that was read last */
  int next_line;
  char separator;
  char *field[MAX_COLUMNS];
  int n;
} csv;

typedef struct {
  int file, label, split; /* columns; -1: none */
} columns;

static void free_row(csv *c) {
  while (c->n > 0) free(c->field[--c->n]);
}

/* One field without its quotes; outside of quotes, blanks around it are no part of it. */
static int take_field(csv *c, char **field) {
  const char *p = c->at + strspn(c->at, " ");
  const bool quoted = *p == '"';
  const char *end = p + quoted;
  char *out, *to;
  if (quoted)
    for (; *end && (*end != '"' || end[1] == '"'); end += *end == '"' ? 2 : 1) c->next_line += *end == '\n';
  else
    for (; *end && *end != c->separator && !strchr("\r\n", *end); ++end) continue;
  if (quoted && !*end)
    return clgen_fail(CLGEN_E_FORMAT, "%s: line %d: a quoted field has no closing quote", c->path, c->line);
  to = out = malloc((size_t)(end - p) + 1);
  if (!out) return clgen_fail_nomem((size_t)(end - p));
  for (const char *from = p + quoted; from < end; ++from) {
    *to++ = *from;
    if (quoted && *from == '"') ++from;
  }
  while (!quoted && to > out && (to[-1] == ' ' || to[-1] == '\t')) --to;
  *to = 0;
  c->at = end + (quoted && *end);
  if (quoted) c->at += strspn(c->at, " ");
  *field = out;
  return CLGEN_OK;
}

static int bad_row(const csv *c) {
  const char *separator = c->separator == ',' ? "commas" : c->separator == ';' ? "semicolons" : "tabs";
  return clgen_fail(CLGEN_E_FORMAT, "%s: line %d: expected a file and its class, separated by %s%s", c->path, c->line,
                    separator, c->n > 2 ? "; more columns need a first line of headings, such as file and class" : "");
}

/* The next row; n = 0 at the end. Lines without anything on them are none. */
static int next_row(csv *c) {
  free_row(c);
  while (*c->at && !c->n) {
    c->line = c->next_line;
    for (bool more = true; more;) {
      if (c->n == MAX_COLUMNS)
        return clgen_fail(CLGEN_E_FORMAT, "%s: line %d has more than %d columns", c->path, c->line, MAX_COLUMNS);
      const int code = take_field(c, &c->field[c->n]);
      if (code) return code;
      ++c->n;
      more = *c->at == c->separator;
      c->at += more;
      if (!more && *c->at && !strchr("\r\n", *c->at)) return bad_row(c); /* after a closing quote */
    }
    if (*c->at == '\r') ++c->at;
    if (*c->at == '\n') ++c->at;
    ++c->next_line;
    if (c->n == 1 && !c->field[0][0]) free_row(c);
  }
  return CLGEN_OK;
}

/* ---- Headings -----------------------------------------------------------------------------------------------------------
 */

static const char *const file_words[] = {"file",     "filename", "file_name", "file name", "image",     "image_name",
                                         "image_id", "path",     "filepath",  "file_path", "img",       "picture",
                                         "name",     "id",       "images",    "files",     "filenames", NULL};
static const char *const class_words[] = {"class",    "label",      "labels",   "classes", "class_name",
                                          "category", "categories", "label_id", "target",  "class_id",
                                          "tag",      "species",    "breed",    "y",       NULL};
static const char *const split_words[] = {"split", "set", "subset", "partition", NULL};

static int column_of(const csv *c, const char *const *words) {
  for (; *words; ++words)
    for (int k = 0; k < c->n; ++k)
      if (clgen_same_word(c->field[k], *words)) return k;
  return -1;
}

static bool is_picture_name(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot && dot[1] && strchr("pPjJ", dot[1]);
}

/* Whether a field names a picture: by its ending, by a folder before it, or because there is a file of that name. */
static bool names_picture(const char *field, const clgen_names *files) {
  if (is_picture_name(field) || strchr(field, '/')) return true;
  const size_t n = strlen(field);
  for (size_t i = 0; n && i < files->n; ++i)
    if (strncmp(files->at[i], field, n) == 0 && (files->at[i][n] == '.' || !files->at[i][n])) return true;
  return false;
}

/* Which columns are meant; *heading: the row that is there is no picture's. */
static int choose_columns(const csv *c, const clgen_names *files, columns *out, bool *heading) {
  const bool metadata = strstr(c->path, "metadata.csv") != NULL;
  *out = (columns){0, 1, -1};
  *heading = true;
  for (int k = 0; k < c->n; ++k) *heading = *heading && !names_picture(c->field[k], files);
  if (!*heading && c->n == 2 && !names_picture(c->field[0], files)) *out = (columns){1, 0, -1};
  if (!*heading) return c->n <= 2 ? CLGEN_OK : bad_row(c);
  const int file = column_of(c, file_words), label = column_of(c, class_words);
  out->split = column_of(c, split_words);
  out->file = file >= 0 ? file : label == 0 ? 1 : 0;
  out->label = label >= 0 || metadata ? label : c->n == 2 ? 1 - out->file : -1;
  if (out->label < 0 && !metadata)
    return clgen_fail(CLGEN_E_FORMAT, "%s: line %d: none of its %d headings is \"class\" or \"label\"", c->path, c->line,
                      c->n);
  return CLGEN_OK;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------------
 */

static int take_row(clgen_labels *l, const csv *c, const columns *which, int n_columns) {
  const char *file = which->file < c->n ? c->field[which->file] : "";
  const char *name = which->label < c->n ? c->field[which->label] : NULL;
  if (!file[0] || !name) return bad_row(c);
  if (c->n > n_columns)
    return clgen_fail(CLGEN_E_FORMAT, "%s: line %d: %d columns; the first line has %d", c->path, c->line, c->n, n_columns);
  if (!name[0]) return CLGEN_OK; /* a picture without a class */
  int code = clgen_labels_add(l, clgen_strdup(file), clgen_strdup(name));
  if (!code && which->split >= 0 && which->split < c->n)
    l->at[l->n - 1].split = clgen_split_of_name(c->field[which->split], strlen(c->field[which->split]), NULL);
  return code;
}

static int no_rows(const csv *c) {
  return clgen_fail(CLGEN_E_FORMAT, "%s: no file has a class: write a file and its class on each line, or remove it",
                    c->path);
}

static int read_rows(clgen_labels *l, csv *c, const clgen_names *files) {
  columns which;
  bool heading = false;
  int code = next_row(c);
  const int n_columns = c->n > 2 ? c->n : 2;
  if (code) return code;
  if (!c->n) return no_rows(c);
  code = choose_columns(c, files, &which, &heading);
  if (!code && which.label < 0) return CLGEN_OK; /* metadata of another kind */
  if (!code && heading) code = next_row(c);
  for (; !code && c->n; code = code ? code : next_row(c)) code = take_row(l, c, &which, n_columns);
  return code || l->n ? code : no_rows(c);
}

/* Excel's first line "sep=;" is no row. */
static char take_separator(csv *c) {
  char out = 0;
  if (strncmp(c->at, "sep=", 4) == 0 && c->at[4] && strchr(",;\t", c->at[4]) && (!c->at[5] || strchr("\r\n", c->at[5]))) {
    out = c->at[4];
    c->at += 5;
  }
  return out;
}

static char separator_of(const char *text) {
  const size_t n = strcspn(text, "\r\n");
  if (memchr(text, ',', n)) return ',';
  return memchr(text, '\t', n) ? '\t' : memchr(text, ';', n) ? ';' : ',';
}

int clgen_labels_read_csv(clgen_labels *l, const char *path, const clgen_names *files) {
  void *data;
  size_t size;
  int code = clgen_file_read(path, MAX_BYTES, &data, &size);
  if (code) return code;
  csv c = {.path = path, .at = data, .next_line = 1};
  if (size >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0))
    code = clgen_fail(CLGEN_E_FORMAT, "%s: this is UTF-16 text; save it as UTF-8", path);
  else if (memchr(data, 0, size))
    code = clgen_fail(CLGEN_E_FORMAT, "%s: contains a zero byte: not text in UTF-8", path);
  if (strncmp(c.at, "\xef\xbb\xbf", 3) == 0) c.at += 3;
  c.separator = take_separator(&c);
  if (!c.separator) c.separator = separator_of(c.at);
  if (!code) code = read_rows(l, &c, files);
  free_row(&c);
  free(data);
  return code;
}
