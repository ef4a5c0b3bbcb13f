/* clgen: trains image generators, and makes and judges images with them. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "common.h"
#include "config.h"

/* A new command is one row here, one declaration in commands.h, and one file in meson.build. */
static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *summary;
} commands[] = {
    {"dataset", cmd_dataset, "show a dataset: number of images, shape, mean, classes, skipped files and why"},
    {"train", cmd_train, "train an image generator, or resume a run"},
    {"generate", cmd_generate, "generate images with a trained network"},
    {"evaluate", cmd_evaluate, "evaluate a trained network, or any images, with metrics"},
    {"explore", cmd_explore, "make pictures of a network: interpolations, latent directions, neighbours, projections"},
    {"report", cmd_report, "write an HTML report of a run: images over time, curves, options"},
    {"plot", cmd_plot, "plot curves from text as SVG"},
    {"inspect", cmd_inspect, "show a network snapshot: layers, shapes, parameters, training options"},
    {"bench", cmd_bench, "benchmark a device: matrix products, operations, training steps"},
};

static void print_help(FILE *f) {
  fprintf(f, "usage: clgen COMMAND [OPTION]...\n\nTrains image generators on any OpenCL device.\n\nCommands:\n");
  for (size_t i = 0; i < CLGEN_COUNT(commands); ++i) fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
  fprintf(f,
          "\nOptions:\n"
          "  -h, --help     show this help; 'clgen COMMAND --help': the options of a command\n"
          "      --version  show the version\n"
          "\nclgen-devices lists the devices. Environment: CLGEN_DEVICE chooses one, CLGEN_PROFILE=1 times operations.\n");
}

static int unknown(const char *name) {
  const char *known[CLGEN_COUNT(commands)];
  for (size_t i = 0; i < CLGEN_COUNT(commands); ++i) known[i] = commands[i].name;
  const char *near = clgen_suggest(name, known, CLGEN_COUNT(commands));
  const char *what = name[0] == '-' ? "option" : "command";
  if (near) return tool_usage("clgen", "there is no %s '%s'; did you mean '%s'?", what, name, near);
  return tool_usage("clgen", "there is no %s '%s'", what, name);
}

static int run_command(int argc, char **argv) {
  for (size_t i = 0; i < CLGEN_COUNT(commands); ++i) {
    if (strcmp(argv[0], commands[i].name) != 0) continue;
    char who[64];
    snprintf(who, sizeof who, "clgen %s", commands[i].name);
    argv[0] = who;
    return commands[i].run(argc, argv);
  }
  return unknown(argv[0]);
}

static int run(int argc, char **argv) {
  const char *first = argc > 1 ? argv[1] : "";
  if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
    char *help[] = {argc > 2 ? argv[2] : NULL, "--help", argc > 3 ? argv[3] : NULL, NULL};
    if (argc > 2 && strcmp(first, "help") == 0) return run_command(argc > 3 ? 3 : 2, help);
    print_help(stdout);
    return TOOL_OK;
  }
  if (strcmp(first, "--version") == 0) {
    printf("clgen %s\n", CLGEN_VERSION);
    return TOOL_OK;
  }
  if (argc < 2) {
    print_help(stderr);
    return TOOL_USAGE;
  }
  return run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv) {
  int status = run(argc, argv);
  if (fflush(stdout) != 0 || ferror(stdout)) { /* a full disk must not look like success */
    tool_message("clgen", "cannot write the results to standard output");
    return status ? status : TOOL_FAILED;
  }
  return status;
}
