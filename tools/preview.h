/* Pictures in a terminal of 24-bit colours. */
#ifndef CLGEN_TOOLS_PREVIEW_H
#define CLGEN_TOOLS_PREVIEW_H

#include <clgen/image.h>

/* The terminal's width: COLUMNS, else what it says, else 80. */
int tool_preview_columns(void);
/* The first images of a grid of square cells, `across` in a row, as lines of half blocks at most `columns` wide; as many
 * images as leave each recognisable. free(*text). */
int tool_preview_text(char **text, const clgen_image *grid, int across, int columns);
/* On standard error where that is a terminal, else nothing. */
void tool_preview_show(const clgen_image *grid, int across);

#endif
