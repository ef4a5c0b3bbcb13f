#include "backend/opencl/text.h"

#include <stdarg.h>
#include <stdlib.h>

static bool reserve(clgen_text *t, size_t more) {
  if (t->failed) return false;
  if (t->n + more + 1 <= t->room) return true;
  size_t room = 2 * (t->n + more + 1) + 1024;
  char *s = realloc(t->s, room);
  if (!s) {
    t->failed = true;
    return false;
  }
  t->s = s;
  t->room = room;
  return true;
}

void clgen_text_add(clgen_text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = clgen_vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (n < 0 || !reserve(t, (size_t)n)) {
    t->failed = true;
    return;
  }
  va_start(args, format);
  clgen_vsnprintf(t->s + t->n, (size_t)n + 1, format, args);
  va_end(args);
  t->n += (size_t)n;
}

void clgen_text_free(clgen_text *t) {
  free(t->s);
  *t = (clgen_text){0};
}
