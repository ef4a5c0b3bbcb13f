/* --help, made from an option table: the basic options, all of them, or those about a word. */
#include <clgen/options.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/options_internal.h"

enum { WIDTH = 100, COLUMN = 28 };

#define GENERAL "Options"

/* What a help shows. */
typedef struct {
  const clgen_option *rows;
  size_t n;
  const char *word; /* only rows about it; NULL: any */
  bool basic;       /* only the rows of CLGEN_OPTIONS_BASIC */
} selection;

static const char *group_of(const clgen_option *row) { return row->group ? row->group : GENERAL; }

/* Words from the column on, the first line being `at` characters long already. */
static void wrap(FILE *f, const char *text, size_t at) {
  if (at + 2 > COLUMN) {
    fprintf(f, "\n");
    at = 0;
  }
  fprintf(f, "%*s", (int)(COLUMN - at), "");
  at = COLUMN;
  bool first = true;
  for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
    size_t n = strcspn(p, " ");
    if (!first && at + 1 + n > WIDTH) {
      fprintf(f, "\n%*s", COLUMN, "");
      at = COLUMN;
      first = true;
    }
    at += (size_t)fprintf(f, "%s%.*s", first ? "" : " ", (int)n, p);
    first = false;
    p += n;
  }
  fprintf(f, "\n");
}

/* "  -n, --name N" */
static char *left_side(const clgen_option *row) {
  char letter[8] = "    ";
  if (row->letter) snprintf(letter, sizeof letter, "-%c, ", row->letter);
  bool flag = row->type == CLGEN_OPTION_FLAG, on = row->initial && strcmp(row->initial, "yes") == 0;
  const char *operand = flag ? "" : row->operand ? row->operand : row->choices ? row->choices : "VALUE";
  return clgen_format("  %s--%s%s%s%s", letter, flag && on ? "[no-]" : "", row->name, flag ? "" : " ", operand);
}

/* Its help, and in brackets what is allowed and the default. */
static char *right_side(const clgen_option *row) {
  char range[96];
  const char *allowed = "";
  bool number = row->type == CLGEN_OPTION_INT || row->type == CLGEN_OPTION_REAL;
  if (number) { /* the operand says that it is a number */
    const char *words[] = {" from ", " of "};
    clgen_option_range(row, range, sizeof range);
    for (int i = 0; i < 2 && !allowed[0]; ++i)
      if (strstr(range, words[i])) allowed = strstr(range, words[i]) + strlen(words[i]);
  }
  bool choice = row->type == CLGEN_OPTION_CHOICE && row->operand;
  bool preset = row->initial && row->initial[0] && (!number || clgen_option_allows(row, clgen_strtod(row->initial, NULL))) &&
                !(row->type == CLGEN_OPTION_FLAG && strcmp(row->initial, "no") == 0);
  if (!allowed[0] && !choice && !preset) return clgen_strdup(row->help ? row->help : "");
  return clgen_format("%s (%s%s%s%s%s)", row->help ? row->help : "", choice ? "one of " : "",
                      choice ? row->choices : allowed, (choice || allowed[0]) && preset ? "; " : "",
                      preset ? "default " : "", preset ? row->initial : "");
}

static int write_row(FILE *f, const clgen_option *row) {
  char *left = left_side(row), *right = right_side(row);
  if (left && right) {
    fprintf(f, "%s", left);
    wrap(f, right, strlen(left));
  }
  int code = left && right ? CLGEN_OK : CLGEN_E_NOMEM;
  free(left);
  free(right);
  return code;
}

/* ---- Which rows --------------------------------------------------------------------------------------------------------
 */

/* Whether a word of the text begins with `word`, in any case. */
static bool speaks_of(const char *text, const char *word) {
  size_t n = strlen(word);
  for (const char *p = text; p && *p; ++p) {
    if (p > text && isalnum((unsigned char)p[-1])) continue;
    size_t k = 0;
    while (k < n && tolower((unsigned char)p[k]) == tolower((unsigned char)word[k])) ++k;
    if (k == n) return true;
  }
  return false;
}

static bool selected(const selection *s, const clgen_option *row) {
  if (s->basic && strcmp(group_of(row), CLGEN_OPTIONS_BASIC) != 0) return false;
  return !s->word || speaks_of(row->name, s->word) || speaks_of(row->help, s->word) || speaks_of(row->choices, s->word) ||
         speaks_of(group_of(row), s->word);
}

static bool has_basics(const clgen_option *rows, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (strcmp(group_of(&rows[i]), CLGEN_OPTIONS_BASIC) == 0) return true;
  return false;
}

/* The first selected row of its group. */
static bool begins_group(const selection *s, size_t i) {
  for (size_t j = 0; j < i; ++j)
    if (selected(s, &s->rows[j]) && strcmp(group_of(&s->rows[j]), group_of(&s->rows[i])) == 0) return false;
  return selected(s, &s->rows[i]);
}

/* ---- The text ----------------------------------------------------------------------------------------------------------
 */

/* --help itself: the last of the rows that everyone is shown. */
static int write_help_row(FILE *f, const selection *s) {
  clgen_option help = {.name = "help", .letter = 'h', .type = CLGEN_OPTION_STRING, .operand = "[WORD]"};
  help.help = s->basic ? "show this help; all: every option; WORD: the options about it"
                       : "show this help; WORD: the options about it";
  for (size_t i = 0; i < s->n; ++i)
    if (s->rows[i].letter == 'h') help.letter = 0;
  return write_row(f, &help);
}

static int write_group(FILE *f, const selection *s, const char *group, bool with_help) {
  int code = CLGEN_OK;
  fprintf(f, "%s:\n", group);
  for (size_t i = 0; i < s->n && !code; ++i)
    if (selected(s, &s->rows[i]) && strcmp(group_of(&s->rows[i]), group) == 0) code = write_row(f, &s->rows[i]);
  return code || !with_help ? code : write_help_row(f, s);
}

static int write_groups(FILE *f, const selection *s) {
  const char *home = has_basics(s->rows, s->n) ? CLGEN_OPTIONS_BASIC : GENERAL; /* where --help stands */
  bool done = s->word != NULL, first = s->word != NULL;
  int code = CLGEN_OK;
  for (size_t i = 0; i < s->n && !code; ++i) {
    if (!begins_group(s, i)) continue;
    const char *group = group_of(&s->rows[i]);
    bool here = !done && strcmp(group, home) == 0;
    if (!first) fprintf(f, "\n");
    first = false;
    code = write_group(f, s, group, here);
    done = done || here;
  }
  if (code || done) return code;
  fprintf(f, "\n");
  return write_group(f, s, GENERAL, true);
}

/* Below the basic options: how to see the others. */
static void write_more(FILE *f, const selection *s) {
  fprintf(f, "\n--help all shows all %zu options, --help WORD those about a word, as --help %s.\nGroups:", s->n,
          s->rows[s->n - 1].name);
  selection all = {.rows = s->rows, .n = s->n};
  size_t at = strlen("Groups:");
  bool first = true;
  for (size_t i = 0; i < s->n; ++i) {
    const char *group = group_of(&s->rows[i]);
    if (!begins_group(&all, i) || strcmp(group, CLGEN_OPTIONS_BASIC) == 0) continue;
    if (!first) at += (size_t)fprintf(f, ",");
    first = false;
    if (at + strlen(group) + 2 > WIDTH) {
      fprintf(f, "\n ");
      at = 1;
    }
    at += (size_t)fprintf(f, " %s", group);
  }
  fprintf(f, "\n");
}

static int write_help(FILE *f, const selection *s, const char *usage) {
  if (!s->word) fprintf(f, "%s%s", usage, usage[0] && usage[strlen(usage) - 1] == '\n' ? "" : "\n");
  int code = write_groups(f, s);
  if (!code && s->basic) write_more(f, s);
  return code;
}

static int refuse_word(const clgen_option *rows, size_t n, const char *word) {
  const char **known = calloc(n ? n : 1, sizeof *known);
  if (!known) return clgen_fail_nomem(n * sizeof *known);
  for (size_t i = 0; i < n; ++i) known[i] = rows[i].name;
  const char *near = clgen_suggest(word, known, n);
  free(known);
  return clgen_fail(CLGEN_E_INVALID, "no option is about '%s'%s%s%s", word, near ? "; did you mean '" : "", near ? near : "",
                    near ? "'?" : "");
}

char *clgen_options_help(const clgen_option *rows, size_t n, const char *usage, const char *word) {
  selection s = {.rows = rows, .n = n};
  if (word) word += strspn(word, "-");
  if (!word || !word[0])
    s.basic = has_basics(rows, n);
  else if (strcmp(word, "all") != 0)
    s.word = word;
  bool any = !s.word;
  for (size_t i = 0; i < n && !any; ++i) any = selected(&s, &rows[i]);
  if (!any) {
    refuse_word(rows, n, word);
    return NULL;
  }
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  if (!f) {
    clgen_fail_nomem(1);
    return NULL;
  }
  int code = write_help(f, &s, usage);
  if (fclose(f) != 0 || code) {
    free(text);
    clgen_fail_nomem(size);
    return NULL;
  }
  return text;
}
