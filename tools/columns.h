/* Text in aligned columns. */
#ifndef CLGEN_TOOLS_COLUMNS_H
#define CLGEN_TOOLS_COLUMNS_H

#include <stddef.h>
#include <stdio.h>

typedef struct {
  size_t width, n; /* cells in a row; cells in all */
  char **cell;
  int failed; /* memory was short: nothing is printed */
} columns;

/* A copy of text that may hold anybody's names: control characters, which a terminal would obey, become \\x1b and the like.
 * NULL: no memory. */
char *columns_clean_text(const char *text);
void columns_put_text(FILE *f, const char *text);

void columns_begin(columns *c, size_t width);
/* Adds one cell, as printf; its control characters, line breaks among them, are shown, not obeyed. */
void columns_add(columns *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the rows, the last column unpadded; frees all. Returns 0, or a code of clgen's when memory was short. */
int columns_end(columns *c, FILE *f);

#endif
