/* The option table: defaults, values from text, and the command line. Its help: options_help.c, its JSON: options_text.c. */
#include <clgen/options.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/options_internal.h"

/* ---- Values ------------------------------------------------------------------------------------------------------ */

static void *member(const clgen_option *row, void *record) { return (char *)record + row->offset; }

/* A decimal number and nothing else: no hexadecimal, "inf", "nan" or white space, which strtod would take. */
static bool looks_decimal(const char *s, bool fraction) {
  size_t digits = 0;
  s += *s == '+' || *s == '-';
  for (; *s >= '0' && *s <= '9'; ++s) ++digits;
  if (fraction && *s == '.')
    for (++s; *s >= '0' && *s <= '9'; ++s) ++digits;
  if (!digits) return false;
  if (fraction && (*s == 'e' || *s == 'E')) {
    s += 1 + (s[1] == '+' || s[1] == '-');
    if (*s < '0' || *s > '9') return false;
    while (*s >= '0' && *s <= '9') ++s;
  }
  return *s == 0;
}

const char *clgen_option_range(const clgen_option *row, char *buf, size_t size) {
  const char *kind = row->type == CLGEN_OPTION_INT ? "a whole number" : "a number";
  bool bottom = row->low > -OPTION_NO_LIMIT, top = row->high < OPTION_NO_LIMIT;
  if ((row->low == 0 && row->high == 0) || (!bottom && !top))
    snprintf(buf, size, "%s", kind);
  else if (bottom && top)
    clgen_snprintf(buf, size, "%s from %.10g to %.10g", kind, row->low, row->high);
  else
    clgen_snprintf(buf, size, bottom ? "%s of at least %.10g" : "%s of at most %.10g", kind, bottom ? row->low : row->high);
  return buf;
}

static int refuse_number(const clgen_option *row, const char *text) {
  char allowed[96];
  return clgen_fail(CLGEN_E_INVALID, "option --%s: '%s' is not allowed: it takes %s", row->name, text,
                    clgen_option_range(row, allowed, sizeof allowed));
}

bool clgen_option_allows(const clgen_option *row, double value) {
  return (row->low == 0 && row->high == 0) || (value >= row->low && value <= row->high);
}

static int set_int(const clgen_option *row, void *record, const char *text) {
  if (!looks_decimal(text, false)) return refuse_number(row, text);
  errno = 0;
  long long value = strtoll(text, NULL, 10);
  if (errno == ERANGE || !clgen_option_allows(row, (double)value)) return refuse_number(row, text);
  *(int64_t *)member(row, record) = value;
  return CLGEN_OK;
}

static int set_real(const clgen_option *row, void *record, const char *text) {
  if (!looks_decimal(text, true)) return refuse_number(row, text);
  double value = clgen_strtod(text, NULL);
  if (!isfinite(value) || !clgen_option_allows(row, value)) return refuse_number(row, text);
  *(double *)member(row, record) = value;
  return CLGEN_OK;
}

static int set_flag(const clgen_option *row, void *record, const char *text) {
  static const char *const words[2][4] = {{"no", "false", "off", "0"}, {"yes", "true", "on", "1"}};
  for (int i = 0; i < 8; ++i) {
    if (strcmp(text, words[i / 4][i % 4]) != 0) continue;
    *(bool *)member(row, record) = i / 4;
    return CLGEN_OK;
  }
  return clgen_fail(CLGEN_E_INVALID, "option --%s: '%s' is not allowed: it takes yes or no", row->name, text);
}

static bool is_choice(const char *choices, const char *text) {
  size_t n = strlen(text);
  for (const char *p = choices; p && n; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
    if (strncmp(p, text, n) == 0 && (p[n] == '|' || p[n] == 0)) return true;
  return false;
}

static int set_text(const clgen_option *row, void *record, const char *text) {
  size_t n = strlen(text);
  if (n >= CLGEN_OPTION_TEXT)
    return clgen_fail(CLGEN_E_INVALID, "option --%s: a value of %zu bytes is too long: at most %d", row->name, n,
                      CLGEN_OPTION_TEXT - 1);
  if (row->type == CLGEN_OPTION_CHOICE && (strchr(text, '|') || !is_choice(row->choices, text)))
    return clgen_fail(CLGEN_E_INVALID, "option --%s: '%s' is not allowed: it takes one of %s", row->name, text,
                      row->choices);
  memcpy(member(row, record), text, n + 1);
  return CLGEN_OK;
}

static int set_row(const clgen_option *row, void *record, const char *text) {
  switch (row->type) {
    case CLGEN_OPTION_INT: return set_int(row, record, text);
    case CLGEN_OPTION_REAL: return set_real(row, record, text);
    case CLGEN_OPTION_FLAG: return set_flag(row, record, text);
    case CLGEN_OPTION_STRING:
    case CLGEN_OPTION_CHOICE: return set_text(row, record, text);
  }
  return clgen_fail(CLGEN_E_INVALID, "option --%s: has no known type", row->name);
}

void clgen_options_init(const clgen_option *rows, size_t n, void *record) {
  for (size_t i = 0; i < n; ++i) {
    void *m = member(&rows[i], record);
    const char *text = rows[i].initial ? rows[i].initial : "";
    switch (rows[i].type) { /* a default may lie outside the range: "none" of an option that has to be given */
      case CLGEN_OPTION_INT: *(int64_t *)m = strtoll(text, NULL, 10); break;
      case CLGEN_OPTION_REAL: *(double *)m = clgen_strtod(text, NULL); break;
      case CLGEN_OPTION_FLAG:
        *(bool *)m = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        break;
      case CLGEN_OPTION_STRING:
      case CLGEN_OPTION_CHOICE: snprintf(m, CLGEN_OPTION_TEXT, "%s", text); break;
    }
  }
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static int fail_unknown(const clgen_option *rows, size_t n, const char *name) {
  const char **known = calloc(n + 1, sizeof *known);
  if (!known) return clgen_fail_nomem((n + 1) * sizeof *known);
  for (size_t i = 0; i < n; ++i) known[i] = rows[i].name;
  known[n] = "help";
  bool negated = strncmp(name, "no-", 3) == 0;
  const char *near = clgen_suggest(negated ? name + 3 : name, known, n + 1);
  free(known);
  if (!near) return clgen_fail(CLGEN_E_INVALID, "there is no option --%s", name);
  return clgen_fail(CLGEN_E_INVALID, "there is no option --%s; did you mean --%s%s?", name, negated ? "no-" : "", near);
}

int clgen_options_set(const clgen_option *rows, size_t n, void *record, const char *name, const char *text) {
  for (size_t i = 0; i < n; ++i)
    if (strcmp(rows[i].name, name) == 0) return set_row(&rows[i], record, text);
  return fail_unknown(rows, n, name);
}

/* ---- The command line ---------------------------------------------------------------------------------------------- */

/* What getopt_long returns for a row: ROW + its index; for its --no- form: NEGATED(n) + its index. */
enum { HELP = 256, ROW = 1024 };
#define NEGATED(n) (ROW + (int)(n))

typedef struct {
  struct option *options; /* rows, then --no- forms, then --help */
  char **negated;         /* "no-name" for flags */
  char *letters;
} getopt_table;

static void getopt_table_free(getopt_table *t, size_t n) {
  for (size_t i = 0; i < n && t->negated; ++i) free(t->negated[i]);
  free(t->negated);
  free(t->options);
  free(t->letters);
}

static int getopt_table_make(getopt_table *t, const clgen_option *rows, size_t n) {
  *t = (getopt_table){.options = calloc(2 * n + 2, sizeof *t->options),
                      .negated = calloc(n + 1, sizeof *t->negated),
                      .letters = malloc(3 * n + 8)};
  if (!t->options || !t->negated || !t->letters) return clgen_fail_nomem(n * sizeof *t->options);
  size_t k = 0;
  bool h_taken = false;
  char *letter = t->letters;
  *letter++ = '-'; /* operands come in their place, wherever POSIXLY_CORRECT would stop */
  *letter++ = ':'; /* says nothing itself, and tells a missing value from an unknown option */
  for (size_t i = 0; i < n; ++i) {
    bool flag = rows[i].type == CLGEN_OPTION_FLAG;
    t->options[k++] = (struct option){rows[i].name, flag ? optional_argument : required_argument, NULL, ROW + (int)i};
    if (rows[i].letter) {
      h_taken = h_taken || rows[i].letter == 'h';
      *letter++ = rows[i].letter;
      if (!flag) *letter++ = ':';
    }
    if (!flag) continue;
    t->negated[i] = clgen_format("no-%s", rows[i].name);
    if (!t->negated[i]) return CLGEN_E_NOMEM;
    t->options[k++] = (struct option){t->negated[i], no_argument, NULL, NEGATED(n) + (int)i};
  }
  t->options[k] = (struct option){"help", optional_argument, NULL, HELP};
  if (!h_taken) *letter++ = 'h';
  *letter = 0;
  return CLGEN_OK;
}

static size_t row_of_letter(const clgen_option *rows, size_t n, int letter) {
  for (size_t i = 0; i < n; ++i)
    if (letter && rows[i].letter == letter) return i;
  return n;
}

/* getopt_long said '?': why? */
static int explain(const clgen_option *rows, size_t n, const getopt_table *t, const char *argument) {
  if (optopt >= HELP) /* a known one with "=value" that takes none */
    return clgen_fail(CLGEN_E_INVALID, "option %.*s takes no value", (int)strcspn(argument, "="), argument);
  if (optopt) return clgen_fail(CLGEN_E_INVALID, "there is no option -%c", optopt);
  const char *name = argument + strspn(argument, "-");
  int length = (int)strcspn(name, "="), matches = 0;
  char list[512] = "";
  for (const struct option *o = t->options; o->name; ++o) {
    if (strncmp(o->name, name, (size_t)length) != 0) continue;
    size_t at = strlen(list);
    snprintf(list + at, sizeof list - at, "%s--%s", matches++ ? ", " : "", o->name);
  }
  if (matches > 1) return clgen_fail(CLGEN_E_INVALID, "option --%.*s could be any of %s", length, name, list);
  char *whole = clgen_format("%.*s", length, name);
  if (!whole) return CLGEN_E_NOMEM;
  int code = fail_unknown(rows, n, whole);
  free(whole);
  return code;
}

static int take_operand(const char *text, const char **operands, int max_operands, int *n_operands) {
  if (!operands || *n_operands >= max_operands) return clgen_fail(CLGEN_E_INVALID, "unexpected argument '%s'", text);
  operands[(*n_operands)++] = text;
  return CLGEN_OK;
}

static int take(const clgen_option *rows, size_t n, void *record, int c, bool *given) {
  bool negated = c >= NEGATED(n);
  size_t i = c < HELP ? row_of_letter(rows, n, c) : negated ? (size_t)(c - NEGATED(n)) : (size_t)(c - ROW);
  if (i >= n) return clgen_fail(CLGEN_E_INVALID, "there is no option -%c", c);
  int code = set_row(&rows[i], record, negated ? "no" : optarg ? optarg : "yes");
  if (!code && given) given[i] = true;
  return code;
}

static int parse(const clgen_option *rows, size_t n, void *record, int argc, char **argv, bool *given, const char **operands,
                 int max_operands, int *n_operands, const char **help, const getopt_table *t) {
  int code = CLGEN_OK;
  while (!code) {
    /* What the complaint will be about: after a bundle of letters optind has not moved. */
    int at = optind ? optind : 1;
    int c = getopt_long(argc, argv, t->letters, t->options, NULL);
    if (c == -1) break;
    if (c == HELP || (c == 'h' && row_of_letter(rows, n, 'h') == n)) {
      *help = optarg ? optarg : optind < argc && argv[optind][0] != '-' ? argv[optind] : "";
      return CLGEN_OK;
    }
    if (c == 1)
      code = take_operand(optarg, operands, max_operands, n_operands);
    else if (c == '?')
      code = explain(rows, n, t, argv[at]);
    else if (c == ':') {
      size_t i = optopt >= ROW ? (size_t)(optopt - ROW) : row_of_letter(rows, n, optopt);
      code = clgen_fail(CLGEN_E_INVALID, "option --%s needs a value", i < n ? rows[i].name : "?");
    } else {
      code = take(rows, n, record, c, given);
    }
  }
  while (!code && optind < argc) code = take_operand(argv[optind++], operands, max_operands, n_operands);
  return code;
}

int clgen_options_parse(const clgen_option *rows, size_t n, void *record, int argc, char **argv, bool *given,
                        const char **operands, int max_operands, int *n_operands, const char **help) {
  getopt_table table;
  const char *asked = NULL;
  int count = 0, code = getopt_table_make(&table, rows, n);
  if (given) memset(given, 0, n * sizeof *given);
  if (!code) {
    int old_optind = optind, old_opterr = opterr;
    optind = 0; /* glibc and musl start afresh, whatever an earlier call was in the middle of */
    opterr = 0;
    code = parse(rows, n, record, argc, argv, given, operands, max_operands, &count, &asked, &table);
    optind = old_optind;
    opterr = old_opterr;
  }
  if (n_operands) *n_operands = count;
  if (help) *help = asked;
  getopt_table_free(&table, n);
  return code;
}
