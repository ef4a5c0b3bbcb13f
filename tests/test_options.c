/* The option table: what it accepts, what it refuses and in which words, its help, JSON out and in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/error.h>
#include <clgen/options.h>

#include "base/base.h"

typedef struct {
  int64_t kimg, seed, zero;
  double lr, beta;
  bool dry, mirror;
  char data[CLGEN_OPTION_TEXT], cfg[CLGEN_OPTION_TEXT], metrics[CLGEN_OPTION_TEXT];
} record;

#define AT(member) offsetof(record, member)
static const clgen_option rows[] = {
    {"kimg", 0, CLGEN_OPTION_INT, AT(kimg), "0", 1, 100000, NULL, "N", "Training",
     "length of the run in thousands of images"},
    {"seed", 's', CLGEN_OPTION_INT, AT(seed), "7", 0, 1e19, NULL, "N", "Training",
     "start of every random number that is drawn anywhere, in any way or by anything"},
    {"lr", 0, CLGEN_OPTION_REAL, AT(lr), "2e-4", 0, 1, NULL, "X", "Training", "learning rate"},
    {"beta", 0, CLGEN_OPTION_REAL, AT(beta), "", 0, 0, NULL, "X", "Training", "any number"},
    {"dry-run", 'n', CLGEN_OPTION_FLAG, AT(dry), "no", 0, 0, NULL, NULL, NULL, "check everything, train nothing"},
    {"mirror", 'm', CLGEN_OPTION_FLAG, AT(mirror), "yes", 0, 0, NULL, NULL, NULL, "mirror images"},
    {"data", 'd', CLGEN_OPTION_STRING, AT(data), "", 0, 0, NULL, "SRC", "Input", "images"},
    {"zero", 0, CLGEN_OPTION_INT, AT(zero), "0", 0, 0, NULL, "N", "Training", "nothing"},
    {"cfg", 0, CLGEN_OPTION_CHOICE, AT(cfg), "", 0, 0, "dcgan|vae-mlp|vae-conv", NULL, "Training", "network"},
    {"metrics", 0, CLGEN_OPTION_CHOICE, AT(metrics), "none", 0, 0, "none|elbo", "LIST", "Training", "judge"},
};
enum { N = sizeof rows / sizeof rows[0] };

static bool given[N];
static const char *operands[2];
static int n_operands;
static const char *help;

/* Words separated by '\1' here, since spaces matter. */
static int parse(record *r, const char *line) {
  static char text[4096];
  char *argv[32];
  int argc = 1;
  argv[0] = text;
  snprintf(text, sizeof text, "program\1%s", line);
  for (char *p = text; (p = strchr(p, '\1')) != NULL;) {
    *p++ = 0;
    argv[argc++] = p;
  }
  argv[argc] = NULL;
  clgen_options_init(rows, N, r);
  return clgen_options_parse(rows, N, r, argc, argv, given, operands, 2, &n_operands, &help);
}

static void refuses(const char *line, const char *const *words) {
  record r;
  assert_int_equal(parse(&r, line), CLGEN_E_INVALID);
  for (; *words; ++words)
    if (!strstr(clgen_last_error(), *words)) fail_msg("'%s': '%s' does not say '%s'", line, clgen_last_error(), *words);
}
#define REFUSES(line, ...) refuses(line, (const char *const[]){__VA_ARGS__, NULL})

static void defaults(void **state) {
  (void)state;
  record r;
  memset(&r, 0x55, sizeof r);
  clgen_options_init(rows, N, &r);
  assert_int_equal(r.kimg, 0);
  assert_int_equal(r.seed, 7);
  assert_true(r.lr == 2e-4 && r.beta == 0);
  assert_true(!r.dry && r.mirror);
  assert_string_equal(r.data, "");
  assert_string_equal(r.metrics, "none");
}

static void every_spelling(void **state) {
  (void)state;
  record r;
  assert_int_equal(parse(&r,
                         "--kimg\1"
                         "20\1one\1--lr=.5\1-n\1--no-mirror\1-d\1-\1two\1--seed=9223372036854775807\1--beta\1-1.25e+1"),
                   0);
  assert_true(r.kimg == 20 && r.lr == 0.5 && r.dry && !r.mirror && r.beta == -12.5 && r.seed == INT64_MAX);
  assert_string_equal(r.data, "-");
  assert_int_equal(n_operands, 2);
  assert_string_equal(operands[0], "one");
  assert_string_equal(operands[1], "two");
  assert_true(given[0] && given[1] && given[2] && given[3] && given[4] && given[5] && given[6] && !given[7] && !given[8]);
  assert_null(help);

  assert_int_equal(parse(&r, "-nm\1-s12\1--mirror=off\1--cfg\1vae-mlp\1--cfg=dcgan\1--\1--kimg"), 0);
  assert_true(r.dry && !r.mirror && r.seed == 12);
  assert_string_equal(r.cfg, "dcgan");
  assert_string_equal(operands[0], "--kimg");
  assert_false(given[0]);
  assert_int_equal(parse(&r, "--metr=elbo\1--data="), 0);
  assert_string_equal(r.metrics, "elbo");
  assert_true(given[6] && !r.data[0]);
}

/* Some systems set it for everyone: options after an operand are options all the same. */
static void order_does_not_matter(void **state) {
  (void)state;
  record r;
  setenv("POSIXLY_CORRECT", "1", 1);
  int code = parse(&r, "one\1--kimg=3\1two\1-n");
  unsetenv("POSIXLY_CORRECT");
  assert_int_equal(code, 0);
  assert_true(r.kimg == 3 && r.dry && n_operands == 2);
}

static void asks_for_help(void **state) {
  (void)state;
  record r;
  assert_int_equal(parse(&r, "--kimg=5\1--help\1--kimg=nonsense"), 0);
  assert_true(help && !help[0] && r.kimg == 5);
  assert_int_equal(parse(&r, "-h"), 0);
  assert_true(help && !help[0]);
  static const char *const about[] = {"--help\1lr", "--help=lr", "-h\1lr", "-nh\1lr", "--help\1lr\1--kimg=nonsense"};
  for (size_t i = 0; i < CLGEN_COUNT(about); ++i) {
    assert_int_equal(parse(&r, about[i]), 0);
    assert_string_equal(help, "lr");
  }
  assert_int_equal(parse(&r, "lr\1--help"), 0); /* the word stands behind it */
  assert_string_equal(help, "");
  assert_int_equal(parse(&r, "lr"), 0);
  assert_null(help);
}

static void bad_values(void **state) {
  (void)state;
  REFUSES("--kimg=0", "--kimg", "'0'", "from 1 to 100000");
  REFUSES("--kimg=100001", "--kimg", "100001");
  REFUSES("--kimg=", "--kimg");
  REFUSES("--kimg=10k", "'10k'");
  REFUSES("--kimg=0x10", "'0x10'");
  REFUSES("--kimg= 10", "' 10'");
  REFUSES("--kimg=1.5", "'1.5'", "whole");
  REFUSES("--kimg=99999999999999999999", "99999999999999999999");
  REFUSES("--seed=-1", "at least 0");
  REFUSES("--seed=9223372036854775808", "--seed");
  REFUSES("--lr=1.0001", "--lr", "from 0 to 1");
  REFUSES("--lr=nan", "'nan'");
  REFUSES("--beta=inf", "'inf'");
  REFUSES("--beta=1e999", "'1e999'");
  REFUSES("--beta=1e", "'1e'");
  REFUSES("--beta=.", "'.'");
  REFUSES("--beta=1,5", "'1,5'");
  REFUSES("--beta=0x1p3", "'0x1p3'");
  REFUSES("--mirror=maybe", "--mirror", "'maybe'", "yes or no");
  REFUSES("--cfg=dcgan|vae-mlp", "--cfg");
  REFUSES("--cfg=vae", "--cfg", "'vae'", "dcgan|vae-mlp|vae-conv");
  REFUSES("--cfg=", "--cfg");
}

static void bad_names(void **state) {
  (void)state;
  REFUSES("--kmig=3", "--kmig", "did you mean --kimg?");
  REFUSES("--no-miror", "--no-miror", "did you mean --no-mirror?");
  REFUSES("--dri-run", "did you mean --dry-run?");
  REFUSES("--zzzzzzzz", "there is no option --zzzzzzzz");
  assert_null(strstr(clgen_last_error(), "mean"));
  REFUSES("-x", "-x");
  REFUSES("-nx", "-x");
  REFUSES("--kimg", "--kimg", "needs a value");
  REFUSES("-n\1-d", "--data", "needs a value");
  REFUSES("--no-mirror=yes", "--no-mirror", "no value");
  REFUSES("--no-kimg", "--no-kimg");
  REFUSES("--m=1", "--mirror", "--metrics");
  REFUSES(
      "1\1"
      "2\1"
      "3",
      "'3'");
  record r;
  assert_int_equal(clgen_options_set(rows, N, &r, "ldr", "1"), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "--lr"));
}

static void long_text(void **state) {
  (void)state;
  record r;
  char text[CLGEN_OPTION_TEXT + 1];
  memset(text, 'x', sizeof text);
  text[CLGEN_OPTION_TEXT] = 0;
  clgen_options_init(rows, N, &r);
  assert_int_equal(clgen_options_set(rows, N, &r, "data", text), CLGEN_E_INVALID);
  assert_string_equal(r.data, "");
  text[CLGEN_OPTION_TEXT - 1] = 0;
  assert_int_equal(clgen_options_set(rows, N, &r, "data", text), 0);
  assert_string_equal(r.data, text);
}

static void leaves_getopt_alone(void **state) {
  (void)state;
  char *argv[] = {"a", "-x", "-y", "rest", NULL};
  record r;
  optind = 1;
  assert_int_equal(getopt(4, argv, "xy"), 'x');
  int at = optind;
  REFUSES("-nx", "-x"); /* stops in the middle of a bundle: the next call must not go on there */
  assert_int_equal(parse(&r, "-n\1one"), 0);
  assert_true(r.dry && n_operands == 1);
  assert_int_equal(optind, at);
  assert_int_equal(getopt(4, argv, "xy"), 'y');
  optind = 1;
}

static void helps(void **state) {
  (void)state;
  char *text = clgen_options_help(rows, N, "usage: thing [OPTION]...", NULL);
  assert_non_null(text);
  const char *const parts[] = {
      "usage: thing [OPTION]...\n\nTraining:\n",
      "      --kimg N              length of the run in thousands of images (1 to 100000)\n",
      "  -s, --seed N              start of every random number that is drawn anywhere, in any way or by\n",
      "\n                            anything (at least 0; default 7)\n",
      "(0 to 1; default 2e-4)",
      "nothing (default 0)\n",
      "      --beta X              any number\n",
      "      --cfg dcgan|vae-mlp|vae-conv\n                            network\n",
      "judge (one of none|elbo; default none)\n\nOptions:\n",
      "\n  -n, --dry-run             check everything, train nothing\n",
      "  -m, --[no-]mirror         mirror images (default yes)\n",
      "\n  -h, --help [WORD]         show this help; WORD: the options about it\n",
      "\n\nInput:\n  -d, --data SRC            images\n",
  };
  const char *at = text;
  for (size_t i = 0; i < CLGEN_COUNT(parts); ++i) {
    const char *found = strstr(text, parts[i]);
    if (!found) fail_msg("no '%s' in\n%s", parts[i], text);
  }
  for (size_t length = 0; *at; at += length + (at[length] != 0)) {
    length = strcspn(at, "\n");
    assert_in_range(length, 0, 100);
  }
  assert_ptr_equal(strstr(strstr(text, "Training:") + 1, "Training:"), NULL); /* one heading although rows are apart */
  free(text);
}

/* What is shown for a word: exactly these options, or (NULL) a message that holds `message`. */
static void shows(const clgen_option *table, const char *word, const char *names, const char *message) {
  char got[256] = "";
  char *text = clgen_options_help(table, N, "usage: thing", word);
  if (!names) {
    assert_null(text);
    if (!strstr(clgen_last_error(), message)) fail_msg("%s: '%s'", word, clgen_last_error());
    return;
  }
  assert_non_null(text);
  for (size_t i = 0; i < N; ++i) {
    char left[64], flag[64];
    snprintf(left, sizeof left, "--%s", table[i].name);
    snprintf(flag, sizeof flag, "--[no-]%s", table[i].name);
    const char *at = strstr(text, left) ? strstr(text, left) : strstr(text, flag);
    if (at) snprintf(got + strlen(got), sizeof got - strlen(got), " %s", table[i].name);
  }
  if (strcmp(got, names) != 0) fail_msg("%s:%s and not%s in\n%s", word ? word : "NULL", got, names, text);
  assert_true(!strstr(text, "usage: thing") == (word && word[0] && strcmp(word, "all") != 0));
  free(text);
}

static void helps_about_a_word(void **state) {
  (void)state;
  static const char everything[] = " kimg seed lr beta dry-run mirror data zero cfg metrics";
  shows(rows, "", everything, NULL); /* no row is basic */
  shows(rows, "all", everything, NULL);
  shows(rows, "RATE", " lr", NULL);          /* in a text */
  shows(rows, "ran", " seed", NULL);         /* the beginning of a word, and not of "train" */
  shows(rows, "run", " kimg dry-run", NULL); /* a part of a name */
  shows(rows, "--lr", " lr", NULL);
  shows(rows, "vae", " cfg", NULL);    /* a choice */
  shows(rows, "input", " data", NULL); /* a group */
  shows(rows, "learning rate", " lr", NULL);
  shows(rows, "miror", NULL, "no option is about 'miror'; did you mean 'mirror'?");
  shows(rows, "zzz", NULL, "no option is about 'zzz'");
}

static void basic_options_first(void **state) {
  (void)state;
  clgen_option some[N];
  memcpy(some, rows, sizeof some);
  some[2].group = some[6].group = CLGEN_OPTIONS_BASIC;
  shows(some, NULL, " lr data", NULL);
  shows(some, "all", " kimg seed lr beta dry-run mirror data zero cfg metrics", NULL);
  char *text = clgen_options_help(some, N, "usage: thing", NULL);
  assert_non_null(strstr(text, "usage: thing\n\nBasic options:\n      --lr X"));
  assert_non_null(strstr(text, "--help [WORD]         show this help; all: every option; WORD"));
  assert_non_null(strstr(text, "\n\n--help all shows all 10 options,"));
  assert_non_null(strstr(text, "\nGroups: Training, Options\n"));
  free(text);
}

static void json_round_trip(void **state) {
  (void)state;
  record a, b;
  assert_int_equal(parse(&a, "--lr=0.1\1--seed=9007199254740993\1--beta=-1e-300\1-n\1--data=a \"b\"\\\303\251"), 0);
  char *text = clgen_options_to_json(rows, N, &a);
  assert_non_null(text);
  assert_non_null(strstr(text, "\"dry-run\": true"));
  assert_true(strstr(text, "\"kimg\"") < strstr(text, "\"metrics\"")); /* in the table's order */
  assert_non_null(strstr(text, "\"lr\": 0.1,"));
  clgen_options_init(rows, N, &b);
  b.mirror = false;
  assert_int_equal(clgen_options_from_json(rows, N, &b, text, "options.json"), 0); /* kimg 0 and cfg "" are out of range */
  assert_true(b.lr == a.lr && b.seed == a.seed && b.beta == a.beta && b.kimg == 0 && b.dry && b.mirror);
  assert_string_equal(b.data, a.data);
  assert_string_equal(b.cfg, "");
  free(text);
  a.lr = 0.1 + 0.2; /* needs 17 digits */
  text = clgen_options_to_json(rows, N, &a);
  assert_int_equal(clgen_options_from_json(rows, N, &b, text, "options.json"), 0);
  assert_true(b.lr == a.lr);
  free(text);
  strcpy(a.data, "\377");
  assert_null(clgen_options_to_json(rows, N, &a));
  assert_non_null(strstr(clgen_last_error(), "--data"));
}

static void bad_json(void **state) {
  (void)state;
  static const struct {
    const char *json, *says;
    int code;
  } bad[] = {
      {"{\"kimg\": 5", "options.json:1", CLGEN_E_FORMAT},     {"[1]", "object", CLGEN_E_FORMAT},
      {"{\"kimgs\": 5}", "--kimg?", CLGEN_E_INVALID},         {"{\"kimg\": \"5\"}", "whole number", CLGEN_E_INVALID},
      {"{\"kimg\": 5.5}", "whole number", CLGEN_E_INVALID},   {"{\"kimg\": -5}", "from 1", CLGEN_E_INVALID},
      {"{\"lr\": true}", "number", CLGEN_E_INVALID},          {"{\"mirror\": 1}", "true or false", CLGEN_E_INVALID},
      {"{\"data\": null}", "string", CLGEN_E_INVALID},        {"{\"cfg\": \"x\"}", "'x'", CLGEN_E_INVALID},
      {"{\"kimg\": 5, \"kimg\": 6}", "kimg", CLGEN_E_FORMAT},
  };
  record r;
  for (size_t i = 0; i < CLGEN_COUNT(bad); ++i) {
    clgen_options_init(rows, N, &r);
    assert_int_equal(clgen_options_from_json(rows, N, &r, bad[i].json, "options.json"), bad[i].code);
    if (!strstr(clgen_last_error(), bad[i].says) || strncmp(clgen_last_error(), "options.json", 12) != 0)
      fail_msg("%s: '%s' does not say '%s'", bad[i].json, clgen_last_error(), bad[i].says);
  }
}

static void suggestions(void **state) {
  (void)state;
  static const char *const known[] = {"train", "generate", "evaluate", "inspect", "bench", "dataset", "lr"};
  static const struct {
    const char *word, *expected;
  } cases[] = {{"trian", "train"}, {"gen", "generate"}, {"evalaute", "evaluate"},
               {"benhc", "bench"}, {"data", "dataset"}, {"TRAIN", NULL},
               {"xyz", NULL},      {"", NULL},          {"insp", "inspect"},
               {"rl", "lr"}};
  for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) {
    const char *got = clgen_suggest(cases[i].word, known, CLGEN_COUNT(known));
    if (!cases[i].expected)
      assert_null(got);
    else if (!got || strcmp(got, cases[i].expected) != 0)
      fail_msg("%s: %s", cases[i].word, got ? got : "nothing");
  }
  char text[200];
  memset(text, 'a', sizeof text);
  text[199] = 0;
  assert_null(clgen_suggest(text, known, CLGEN_COUNT(known)));
  assert_null(clgen_suggest("train", (const char *const[]){text}, 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults),
      cmocka_unit_test(every_spelling),
      cmocka_unit_test(asks_for_help),
      cmocka_unit_test(order_does_not_matter),
      cmocka_unit_test(bad_values),
      cmocka_unit_test(bad_names),
      cmocka_unit_test(long_text),
      cmocka_unit_test(leaves_getopt_alone),
      cmocka_unit_test(helps),
      cmocka_unit_test(json_round_trip),
      cmocka_unit_test(bad_json),
      cmocka_unit_test(suggestions),
      cmocka_unit_test(helps_about_a_word),
      cmocka_unit_test(basic_options_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
