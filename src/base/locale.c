/* Text that does not depend on the locale: the program that links the library may have set one with a decimal comma, or one
 * in which i is not the small I. */
#define _XOPEN_SOURCE 700
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* ---- Numbers ------------------------------------------------------------------------------------------------------- */

typedef struct {
  locale_t c, before;
} c_locale;

/* For the calling thread only. */
static c_locale enter(void) {
  c_locale l = {.c = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
  if (l.c) l.before = uselocale(l.c);
  return l;
}

static void leave(c_locale l) {
  if (!l.c) return;
  uselocale(l.before);
  freelocale(l.c);
}

int clgen_vsnprintf(char *buf, size_t size, const char *format, va_list args) {
  const c_locale l = enter();
  const int n = vsnprintf(buf, size, format, args);
  leave(l);
  return n;
}

int clgen_snprintf(char *buf, size_t size, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const int n = clgen_vsnprintf(buf, size, format, args);
  va_end(args);
  return n;
}

int clgen_fprintf(FILE *f, const char *format, ...) {
  const c_locale l = enter();
  va_list args;
  va_start(args, format);
  const int n = vfprintf(f, format, args);
  va_end(args);
  leave(l);
  return n;
}

double clgen_strtod(const char *text, char **end) {
  const c_locale l = enter();
  const double value = strtod(text, end);
  leave(l);
  return value;
}

/* ---- Words --------------------------------------------------------------------------------------------------------- */

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c; }

bool clgen_same_letters(const char *a, const char *b, size_t n) {
  size_t i = 0;
  while (i < n && a[i] && lower(a[i]) == lower(b[i])) ++i;
  return i == n || lower(a[i]) == lower(b[i]);
}

bool clgen_same_word(const char *a, const char *b) { return clgen_same_letters(a, b, SIZE_MAX); }
