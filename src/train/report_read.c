/* Lines of JSON that a run appends to while it is read, and that it may append again after it went back. */
#include <stdlib.h>
#include <string.h>

#include "train/report.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)

void clgen_history_free(clgen_history *h) {
  for (int64_t i = 0; i < h->n; ++i) json_decref(h->lines[i].line);
  free(h->lines);
  *h = (clgen_history){0};
}

static const json_t *event_of(const json_t *line) {
  const json_t *event = json_object_get(line, "event");
  return json_is_object(event) ? event : NULL;
}

const json_t *clgen_history_event(const clgen_history *h, int64_t i) { return event_of(h->lines[i].line); }

static void forget_last(clgen_history *h) { json_decref(h->lines[--h->n].line); }

/* Events follow the line of the tick that they belong to, so only a tick can repeat its own kimg. */
static int add(clgen_history *h, json_t *line) {
  double kimg = json_number_value(json_object_get(line, "kimg"));
  bool event = event_of(line) != NULL;
  while (h->n && (event ? h->lines[h->n - 1].kimg > kimg : h->lines[h->n - 1].kimg >= kimg)) forget_last(h);
  if (h->n == h->room) {
    int64_t room = h->room ? 2 * h->room : 256;
    clgen_history_line *more = realloc(h->lines, (size_t)room * sizeof *more);
    if (!more) return clgen_fail_nomem((size_t)room * sizeof *more);
    h->lines = more;
    h->room = room;
  }
  h->lines[h->n++] = (clgen_history_line){kimg, json_incref(line)};
  return CLGEN_OK;
}

static json_t *parse(const char *text, size_t n) {
  json_t *line = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
  if (json_is_object(line) && json_is_number(json_object_get(line, "kimg"))) return line;
  json_decref(line);
  return NULL;
}

/* A process that was killed leaves half a line, and the one that goes on appends to it: the end of it may be whole. Not
 * every place where it could begin is tried, which for a line of brackets alone would take time by the square of its length.
 */
static json_t *parse_end(const char *text, size_t n) {
  enum { MOST_TRIES = 16 };
  for (size_t at = 1, tries = 0; at < n && tries < MOST_TRIES; ++at) {
    if (text[at] != '{') continue;
    json_t *line = parse(text + at, n - at);
    if (line) return line;
    ++tries;
  }
  return NULL;
}

int clgen_history_read(clgen_history *h, const char *path) {
  void *data;
  size_t size;
  *h = (clgen_history){0};
  int code = clgen_file_read(path, MAX_FILE_BYTES, &data, &size);
  if (code == CLGEN_E_NOTFOUND) return CLGEN_OK;
  if (code) return code;
  const char *p = data, *end = p + size;
  while (!code && p < end) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    size_t n = (size_t)((stop ? stop : end) - p);
    json_t *line = parse(p, n);
    if (!line) line = parse_end(p, n);
    if (line) code = add(h, line);
    json_decref(line);
    p += n + 1;
  }
  free(data);
  if (code) clgen_history_free(h);
  return code;
}
