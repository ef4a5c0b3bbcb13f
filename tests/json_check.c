/* json_check FILE EXPRESSION...: reads one JSON document ("-" is standard input) and checks it. For tests of commands.
 *
 *   .a.b[0]        prints the value; it has to be there
 *   .a=text        the value, a string or printed, is this text
 *   .a:type        object, array, string, integer, real, number, boolean or null
 *   .a>5  .a<5     a number, compared
 *   .a#3           an array or object of that many members
 * "." is the whole document. Prints what does not hold; exit status 1 then, 2 for a wrong call or no JSON. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Walks to the value that p begins with; *rest is what follows the path. */
static const json_t *find(const json_t *value, const char *p, const char **rest) {
  while (value && (*p == '.' || *p == '[')) {
    if (*p == '[') {
      char *end;
      value = json_array_get(value, strtoul(p + 1, &end, 10));
      p = *end == ']' ? end + 1 : end;
      continue;
    }
    size_t n = strcspn(p + 1, ".[=:<>#");
    char key[256];
    snprintf(key, sizeof key, "%.*s", (int)n, p + 1);
    if (n) value = json_object_get(value, key);
    p += 1 + n;
  }
  *rest = p + strcspn(p, "=:<>#");
  return value;
}

static char *printed(const json_t *value) {
  if (json_is_string(value)) {
    char *copy = malloc(json_string_length(value) + 1);
    return copy ? strcpy(copy, json_string_value(value)) : NULL;
  }
  return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

static bool is_type(const json_t *value, const char *type) {
  static const char *const names[] = {"object", "array", "string", "integer", "real", "boolean", "boolean", "null"};
  return strcmp(type, names[json_typeof(value)]) == 0 || (json_is_number(value) && strcmp(type, "number") == 0);
}

static bool holds(const json_t *value, const char *test, const char *text) {
  const char *operand = test + 1;
  switch (*test) {
    case 0: puts(text); return true;
    case '=': return strcmp(text, operand) == 0;
    case ':': return is_type(value, operand);
    case '>': return json_is_number(value) && json_number_value(value) > strtod(operand, NULL);
    case '<': return json_is_number(value) && json_number_value(value) < strtod(operand, NULL);
    case '#':
      return (json_is_array(value) || json_is_object(value)) &&
             (json_is_array(value) ? json_array_size(value) : json_object_size(value)) == strtoul(operand, NULL, 10);
    default: return false;
  }
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: json_check FILE EXPRESSION...\n");
    return 2;
  }
  json_error_t error;
  bool input = strcmp(argv[1], "-") == 0;
  json_t *document =
      input ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error) : json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error);
  if (!document) {
    fprintf(stderr, "json_check: %s:%d: %s\n", argv[1], error.line, error.text);
    return 2;
  }
  int failed = 0;
  for (int i = 2; i < argc; ++i) {
    const char *test;
    const json_t *value = find(document, argv[i], &test);
    char *text = value ? printed(value) : NULL;
    if (!text || !holds(value, test, text)) {
      fprintf(stderr, "json_check: %s: %s does not hold: %s\n", argv[1], argv[i], text ? text : "there is no such value");
      failed = 1;
    }
    free(text);
  }
  json_decref(document);
  return failed;
}
