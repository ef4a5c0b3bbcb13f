/* Text that grows; running out of memory is remembered and asked about once, at the end. */
#ifndef CLGEN_OPENCL_TEXT_H
#define CLGEN_OPENCL_TEXT_H

#include "base/base.h"

typedef struct {
  char *s; /* NULL until something was added */
  size_t n, room;
  bool failed;
} clgen_text;

void clgen_text_add(clgen_text *t, const char *format, ...) CLGEN_PRINTF(2, 3);
void clgen_text_free(clgen_text *t);

#endif
