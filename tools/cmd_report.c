/* clgen report */
#include <clgen/report.h>

#include "commands.h"
#include "common.h"

static const char usage[] =
    "usage: clgen report RUNDIR [--output FILE.html]\n\n"
    "Writes one self-contained HTML page about a run: images over time, losses, gradients, metrics, decisions,\n"
    "options and environment. The run may still be going on.\n";

typedef struct {
  char output[CLGEN_OPTION_TEXT];
} record;

static const clgen_option rows[] = {
    {"output", 'o', CLGEN_OPTION_STRING, offsetof(record, output), "", 0, 0, NULL, "FILE.html", NULL,
     "HTML file to write; default: report.html in the run's folder"},
};

int cmd_report(int argc, char **argv) {
  record r;
  const char *run_dir = NULL;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  o.operands = &run_dir;
  o.max_operands = 1;
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  if (!o.n_operands) return tool_usage(argv[0], "the run's folder is missing");
  if (clgen_report_write(run_dir, r.output[0] ? r.output : NULL)) return tool_failed(argv[0]);
  if (r.output[0])
    printf("%s\n", r.output);
  else
    printf("%s/report.html\n", run_dir);
  return TOOL_OK;
}
