/* One table of options: each option is a row, and the parser, the help, the saved options and the documentation are made
 * from it. Rows describe members of a plain struct (the record). */
#ifndef CLGEN_OPTIONS_H
#define CLGEN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CLGEN_OPTION_INT,    /* int64_t */
  CLGEN_OPTION_REAL,   /* double */
  CLGEN_OPTION_FLAG,   /* bool; --name, --no-name, --name=yes|no */
  CLGEN_OPTION_STRING, /* char[CLGEN_OPTION_TEXT] */
  CLGEN_OPTION_CHOICE  /* char[CLGEN_OPTION_TEXT], one of choices "a|b|c" */
} clgen_option_type;
#define CLGEN_OPTION_TEXT 1024
#define CLGEN_OPTIONS_BASIC "Basic options"

typedef struct {
  const char *name; /* "kimg": --kimg */
  char letter;      /* -n, or 0 */
  clgen_option_type type;
  size_t offset;       /* offsetof(record, member) */
  const char *initial; /* the default, as text; "" for none */
  double low, high;    /* INT and REAL: inclusive range; both 0: any */
  const char *choices; /* CHOICE: "a|b|c" */
  const char *operand; /* how --help calls the value: "N", "DIR" */
  const char *group;   /* heading in --help: "Training"; CLGEN_OPTIONS_BASIC: what --help alone shows */
  const char *help;
} clgen_option;

void clgen_options_init(const clgen_option *rows, size_t n, void *record); /* every member to its default */
/* Sets one option from text; CLGEN_E_INVALID with a message that names the option, the value and what is allowed. */
int clgen_options_set(const clgen_option *rows, size_t n, void *record, const char *name, const char *text);
/* Parses argv[1..argc-1] with getopt_long, whose state belongs to the process: one thread at a time. Sets given[i] for rows
 * that appeared (given may be NULL). What is not an option is moved to operands (NULL: refuse any). --help stops the
 * parsing; *help is then the word behind it ("--help lr", "--help=lr"), "" where there is none, and NULL without --help. */
int clgen_options_parse(const clgen_option *rows, size_t n, void *record, int argc, char **argv, bool *given,
                        const char **operands, int max_operands, int *n_operands, const char **help);
/* The text of --help, which begins with `usage`. word: NULL or "": the rows of CLGEN_OPTIONS_BASIC, or all rows where none
 * is of that group; "all": all rows; else, without usage, the rows in whose name, help, choices or group a word begins with
 * it. free() it. NULL: CLGEN_E_INVALID where no row is about the word, or CLGEN_E_NOMEM. */
char *clgen_options_help(const clgen_option *rows, size_t n, const char *usage, const char *word);
char *clgen_options_to_json(const clgen_option *rows, size_t n, const void *record); /* one object; free() it */
/* Sets every option that the object names; an unknown name is an error. */
int clgen_options_from_json(const clgen_option *rows, size_t n, void *record, const char *json, const char *source_name);

#ifdef __cplusplus
}
#endif
#endif
