/* Pictures in a terminal: a character cell is two pixels, the upper half block's colour and the background's. */
#include "preview.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common.h"

/* "\033[38;2;255;255;255m\033[48;2;255;255;255m" and a block of 3 bytes; the end of a line is shorter. */
enum { CELL_TEXT = 19 + 19 + 4, CELLS_AT_LEAST = 16, MOST_COLUMNS = 400 };

int tool_preview_columns(void) {
  struct winsize size;
  const char *said = getenv("COLUMNS");
  int columns = said ? atoi(said) : 0;
  if (columns <= 0 && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
  if (columns <= 0) columns = 80;
  return columns < MOST_COLUMNS ? columns : MOST_COLUMNS;
}

/* The upper left part of the grid, so that an image gets at least CELLS_AT_LEAST characters across, and half as many rows of
 * images as columns: a screen is wide. As RGB, at most `columns` pixels wide and an even number high. */
static int part_to_show(const clgen_image *grid, int across, int columns, clgen_image *out) {
  clgen_image part = {0}, small = {0};
  int cell = grid->width / across, fits = columns / CELLS_AT_LEAST > 1 ? columns / CELLS_AT_LEAST : 1;
  int shown = fits < across ? fits : across, wide = shown * cell;
  int high = (shown + 1) / 2 * cell < grid->height ? (shown + 1) / 2 * cell : grid->height;
  int width = wide < columns ? wide : columns, height = (int)((int64_t)high * width / wide) / 2 * 2;
  int code = clgen_image_crop(grid, 0, 0, wide, high, &part);
  if (!code) code = clgen_image_resize(&part, width, height > 2 ? height : 2, &small);
  if (!code) code = clgen_image_convert(&small, 3, NULL, out);
  clgen_image_free(&part);
  clgen_image_free(&small);
  return code;
}

int tool_preview_text(char **text, const clgen_image *grid, int across, int columns) {
  clgen_image image = {0};
  *text = NULL;
  int code = part_to_show(grid, across, columns, &image);
  if (code) return code;
  size_t w = (size_t)image.width, h = (size_t)image.height / 2, size = h * (w * CELL_TEXT + 8) + 1;
  char *at = *text = malloc(size);
  for (size_t y = 0; at && y < h; ++y) {
    for (size_t x = 0; x < w; ++x) {
      const uint8_t *a = image.data + (2 * y * w + x) * 3, *b = a + 3 * w;
      at += sprintf(at, "\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm\u2580", a[0], a[1], a[2], b[0], b[1], b[2]);
    }
    at += sprintf(at, "\033[0m\n");
  }
  clgen_image_free(&image);
  return *text ? CLGEN_OK : clgen_fail_nomem(size);
}

void tool_preview_show(const clgen_image *grid, int across) {
  char *text = NULL;
  if (!isatty(STDERR_FILENO) || tool_preview_text(&text, grid, across, tool_preview_columns())) return;
  tool_progress_wipe();
  fputs(text, stderr);
  free(text);
}
