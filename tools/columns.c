#include "columns.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static char *clean_all_but(const char *kept, const char *text) {
  char *out = malloc(6 * strlen(text) + 1), *to = out;
  for (const unsigned char *p = (const unsigned char *)text; out && *p; ++p) {
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* U+0080 to U+009F */
      to += sprintf(to, "\\u%04x", (unsigned)*++p);
    else if ((*p < ' ' && !strchr(kept, *p)) || *p == 0x7f)
      to += sprintf(to, "\\x%02x", (unsigned)*p);
    else
      *to++ = (char)*p;
  }
  if (out) *to = 0;
  return out;
}

char *columns_clean_text(const char *text) { return clean_all_but("\n\t", text); }

void columns_put_text(FILE *f, const char *text) {
  char *clean = columns_clean_text(text);
  if (clean) fputs(clean, f);
  free(clean);
}

void columns_begin(columns *c, size_t width) { *c = (columns){.width = width}; }

void columns_add(columns *c, const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  char **more = realloc(c->cell, (c->n + 1) * sizeof *more);
  if (more) c->cell = more;
  char *copy = more ? clean_all_but("", text) : NULL;
  if (copy)
    c->cell[c->n++] = copy;
  else
    c->failed = 1;
}

static size_t widest(const columns *c, size_t column) {
  size_t most = 0;
  for (size_t i = column; i < c->n; i += c->width)
    if (strlen(c->cell[i]) > most) most = strlen(c->cell[i]);
  return most;
}

/* Whether nothing follows the cell in its row: then it needs no spaces behind it. */
static bool ends_row(const columns *c, size_t cell) {
  for (size_t i = cell + 1; i < c->n && i % c->width != 0; i++)
    if (c->cell[i][0]) return false;
  return true;
}

int columns_end(columns *c, FILE *f) {
  size_t *width = calloc(c->width, sizeof *width);
  bool good = width && !c->failed;
  for (size_t k = 0; good && k < c->width; k++) width[k] = widest(c, k);
  for (size_t i = 0; good && i < c->n; i++) {
    size_t k = i % c->width;
    if (ends_row(c, i))
      fprintf(f, "%s", c->cell[i]);
    else
      fprintf(f, "%-*s%s", (int)width[k], c->cell[i], width[k] ? "  " : "");
    if (k + 1 == c->width || i + 1 == c->n) fputc('\n', f);
  }
  for (size_t i = 0; i < c->n; i++) free(c->cell[i]);
  free(c->cell);
  free(width);
  columns_begin(c, c->width);
  return good ? CLGEN_OK : clgen_fail_nomem(c->n);
}
