/* The grids of a run, inside its page. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "train/report.h"

enum {
  MAX_FRAMES = 300,          /* what a slider can be moved over */
  BUDGET = 14 * 1024 * 1024, /* bytes of PNG: base64 makes 4 of 3 */
  MAX_LISTED = 20000
};

typedef struct {
  char path[CLGEN_PATH_TEXT];
  long kimg; /* negative: before the first step */
  long long bytes;
} frame;

static long long bytes_of(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (long long)st.st_size : 0;
}

static void write_base64(FILE *f, const unsigned char *p, size_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < n; i += 3) {
    unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
    putc(digits[v >> 18], f);
    putc(digits[v >> 12 & 63], f);
    putc(i + 1 < n ? digits[v >> 6 & 63] : '=', f);
    putc(i + 2 < n ? digits[v & 63] : '=', f);
  }
}

/* An <img>, or nothing for what is no PNG: a run's folder may lie where somebody else writes. */
static void write_image(FILE *f, const char *path, const char *what, const char *label) {
  static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  void *data;
  size_t size;
  if (clgen_file_read(path, BUDGET, &data, &size)) return;
  const unsigned char *p = data;
  if (size > 24 && memcmp(p, signature, 8) == 0) {
    unsigned width = (unsigned)p[18] << 8 | p[19], height = (unsigned)p[22] << 8 | p[23];
    fprintf(f, "<img alt=\"%s%s%s\" data-label=\"%s\" width=\"%u\" height=\"%u\" src=\"data:image/png;base64,", what,
            *label ? " at " : "", label, label, width, height);
    write_base64(f, p, size);
    fputs("\">\n", f);
  }
  free(data);
}

/* fakes_init.png and every fakesNNNNNN.png that has bytes; *n of them. */
static int list_frames(const clgen_run_dir *d, frame **frames, int *n) {
  long *numbers = malloc(MAX_LISTED * sizeof *numbers);
  int found = numbers ? clgen_run_dir_numbers(d, "fakes", ".png", numbers, MAX_LISTED) : 0;
  *n = 0;
  *frames = malloc((size_t)(found + 1) * sizeof **frames);
  int code = numbers && *frames ? CLGEN_OK : clgen_fail_nomem(MAX_LISTED * sizeof *numbers);
  for (int i = -1; !code && i < found; ++i) {
    frame *at = *frames + *n;
    at->kimg = i < 0 ? -1 : numbers[i];
    clgen_run_dir_file(d, i < 0 ? "fakes_init.png" : "fakes", at->kimg, i < 0 ? "" : ".png", at->path);
    at->bytes = bytes_of(at->path);
    *n += at->bytes > 0;
  }
  free(numbers);
  return code;
}

static bool is_kept(int i, int n, int stride) { return i % stride == 0 || i == n - 1; }

/* The smallest stride at which what is kept fits. */
static int find_stride(const frame *frames, int n) {
  for (int stride = 1;; ++stride) {
    long long sum = 0;
    int kept = 0;
    for (int i = 0; i < n; ++i)
      if (is_kept(i, n, stride)) sum += frames[i].bytes, ++kept;
    if ((sum <= BUDGET && kept <= MAX_FRAMES) || stride >= n) return stride;
  }
}

static void write_frames(FILE *f, const frame *frames, int n) {
  int stride = find_stride(frames, n), kept = 0;
  for (int i = 0; i < n; ++i) kept += is_kept(i, n, stride);
  fputs("<figure id=\"fakes\"><div class=\"frames\">\n", f);
  for (int i = 0; i < n; ++i) {
    char label[48] = "the start";
    if (frames[i].kimg >= 0) snprintf(label, sizeof label, "%ld kimg", frames[i].kimg);
    if (is_kept(i, n, stride)) write_image(f, frames[i].path, "Generated images", label);
  }
  fputs("</div><figcaption>Generated, always from the same latents: <output id=\"at\"></output>", f);
  if (kept < n) fprintf(f, " (%d of %d grids)", kept, n);
  fputs(
      "</figcaption>\n<div class=\"controls\" hidden><button type=\"button\" id=\"play\">Play</button>"
      "<input type=\"range\" id=\"time\" min=\"0\" step=\"1\" aria-label=\"Time of the generated images\"></div></figure>\n",
      f);
}

int clgen_report_grids(FILE *f, const char *run_dir) {
  clgen_run_dir d = {0};
  char reals[CLGEN_PATH_TEXT];
  frame *frames = NULL;
  int n;
  snprintf(d.path, sizeof d.path, "%s", run_dir);
  clgen_run_dir_file(&d, "reals.png", -1, "", reals);
  int code = list_frames(&d, &frames, &n);
  bool have_reals = bytes_of(reals) > 0;
  if (!code && (n || have_reals)) {
    fputs("<section aria-labelledby=\"images\"><h2 id=\"images\">Images</h2><div class=\"grids\">\n", f);
    if (n) write_frames(f, frames, n);
    if (have_reals) {
      fputs("<figure><div class=\"frames\">\n", f);
      write_image(f, reals, "Real images", "");
      fputs("</div><figcaption>Real: images of the data</figcaption></figure>\n", f);
    }
    fputs("</div></section>\n", f);
  }
  free(frames);
  return code;
}
