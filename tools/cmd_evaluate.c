/* clgen evaluate: what it takes, and the judging. */
#include "evaluate.h"

#include <stdlib.h>
#include <string.h>

#include <clgen/image.h>
#include <clgen/safetensors.h>
#include <clgen/train.h>

#include "commands.h"

static const char usage[] =
    "usage: clgen evaluate --network FILE --data SRC [OPTION]...\n"
    "       clgen evaluate --fakes SRC --data SRC [OPTION]...\n\n"
    "Compares images of a trained network (seeds 0 to N-1), or any images, with real ones. Metrics:\n"
    "  fid     Frechet distance of features; lower is better\n"
    "  kid     kernel distance of features (100 subsets of 1000); lower is better\n"
    "  is      Inception Score (10 splits); higher is better\n"
    "  prdc    precision, recall, density, coverage (k = 5 and k = 3); higher is better\n"
    "  gantest class-conditional networks: accuracy of the feature network on fakes; higher is better\n"
    "  ndb     share of statistically different bins (100), Jensen-Shannon divergence; lower is better\n"
    "  msssim  mean similarity of pairs of fakes; far above that of real pairs: too little variety\n"
    "  dup     duplicates: share of images, rate of pairs, estimated number of distinct images\n"
    "  mem     memorisation: authentic share, ratio of distances, copying test, exact copies\n"
    "  elbo    VAEs: negative evidence lower bound, nats per image, one sample each; lower is better\n"
    "  iwae    VAEs: importance-weighted bound with --samples samples; lower is better\n"
    "Values are comparable only for the same features, which are named beside each value. The floor\n"
    "compares one half of the real images with the other. +- is a standard error, [ ] a 95% interval.\n";

static const clgen_option rows[] = {
    {"network", 0, CLGEN_OPTION_STRING, offsetof(evaluate_record, network), "", 0, 0, NULL, "FILE", CLGEN_OPTIONS_BASIC,
     "network-snapshot-NNNNNN.safetensors, or a run's folder for its newest snapshot"},
    {"fakes", 0, CLGEN_OPTION_STRING, offsetof(evaluate_record, fakes), "", 0, 0, NULL, "SRC", CLGEN_OPTIONS_BASIC,
     "images to evaluate instead of a network's; same formats as --data"},
    {"data", 0, CLGEN_OPTION_STRING, offsetof(evaluate_record, data), "", 0, 0, NULL, "SRC", CLGEN_OPTIONS_BASIC,
     "real images, as for 'clgen train'; converted to the size and channels of the evaluated images"},
    {"split", 0, CLGEN_OPTION_CHOICE, offsetof(evaluate_record, split), "test", 0, 0, "train|test", NULL,
     CLGEN_OPTIONS_BASIC, "split of --data"},
    {"classes", 0, CLGEN_OPTION_STRING, offsetof(evaluate_record, classes), "", 0, 0, NULL, "LIST", NULL,
     "use real images of these classes only: numbers, ranges and names with commas, as 0-4,7; default: all"},
    {"metrics", 0, CLGEN_OPTION_STRING, offsetof(evaluate_record, metrics), "", 0, 0, NULL, "LIST", CLGEN_OPTIONS_BASIC,
     "metrics with commas; default: elbo for a VAE, else fid,kid,is,prdc"},
    {"features", 0, CLGEN_OPTION_STRING, offsetof(evaluate_record, features), "", 0, 0, NULL, "FILE", CLGEN_OPTIONS_BASIC,
     "feature network: a file (docs/features.md) or mnist-cnn; default: mnist-cnn where it fits the data, else a classifier "
     "trained on the data's labels"},
    {"num", 0, CLGEN_OPTION_INT, offsetof(evaluate_record, num), "0", 0, 1e9, NULL, "N", CLGEN_OPTIONS_BASIC,
     "number of images; 0: 10000 or all that exist, elbo and iwae: all"},
    {"samples", 0, CLGEN_OPTION_INT, offsetof(evaluate_record, samples), "50", 1, 1000000, NULL, "K", NULL,
     "iwae: samples per image"},
    {"seed", 0, CLGEN_OPTION_INT, offsetof(evaluate_record, seed), "0", 0, 4294967295.0, NULL, "N", NULL, "random seed"},
    {"res", 0, CLGEN_OPTION_INT, offsetof(evaluate_record, res), "0", 0, 4096, NULL, "N", NULL,
     "bring --fakes and the reals to N x N pixels; 0 keeps the size of the fakes, or, where they have several, takes the "
     "least"},
    {"background", 0, CLGEN_OPTION_STRING, offsetof(evaluate_record, background), "000000", 0, 0, NULL, "RRGGBB", NULL,
     "colour behind transparent pixels"},
    {"json", 0, CLGEN_OPTION_FLAG, offsetof(evaluate_record, json), "no", 0, 0, NULL, NULL, CLGEN_OPTIONS_BASIC,
     "print JSON"},
    TOOL_DEVICE_ROWS(evaluate_record, device),
};

enum { WORTH_SHOWING = 128 }; /* images */

/* ---- Parts ---- */

static int open_network(evaluate_job *j) {
  clgen_safetensors *file = NULL;
  char *path = NULL;
  int code = clgen_run_network(&path, j->r->network);
  if (!code) code = clgen_safetensors_open(&file, path);
  free(path);
  if (!code) code = clgen_model_open(&j->model, file);
  if (!code && clgen_model_is_classifier(j->model))
    code = clgen_fail(CLGEN_E_INVALID,
                      "%s: a classifier does not generate images; its features can evaluate others: --features %s",
                      j->r->network, j->r->network);
  if (!code) code = clgen_store_create(&j->store, j->device);
  if (!code) code = clgen_model_load(j->model, j->store, file, clgen_model_generator_network(j->model));
  clgen_safetensors_close(file);
  return code;
}

/* Images of several sizes are brought to the least side among them. */
static int open_fakes_of_sizes(evaluate_job *j, clgen_dataset_options *d) {
  d->resolution = 1; /* to learn the sizes */
  d->log.write = NULL;
  int code = clgen_dataset_open(&j->fakes, j->r->fakes, d);
  if (code) return code;
  const clgen_dataset_info *i = clgen_dataset_get_info(j->fakes);
  d->resolution = i->min_width < i->min_height ? i->min_width : i->min_height;
  tool_message(j->who, "%s: images of several sizes, %d to %d wide and %d to %d high: brought to %dx%d, as by --res %d",
               j->r->fakes, i->min_width, i->max_width, i->min_height, i->max_height, d->resolution, d->resolution,
               d->resolution);
  clgen_dataset_close(j->fakes);
  j->fakes = NULL;
  return clgen_dataset_open(&j->fakes, j->r->fakes, d);
}

static int open_fakes(evaluate_job *j, clgen_assess_options *o) {
  clgen_dataset_options d = {.log = tool_logger(j->who), .resolution = (int)j->r->res};
  memcpy(d.background, o->background, sizeof d.background);
  int code = clgen_dataset_open(&j->fakes, j->r->fakes, &d);
  if (code == CLGEN_E_INVALID && !d.resolution) code = open_fakes_of_sizes(j, &d);
  if (code) return code;
  clgen_images i = clgen_images_of(j->fakes);
  o->channels = i.channels, o->height = i.height, o->width = i.width;
  int64_t there = i.n, wanted = o->num ? o->num : CLGEN_ASSESS_NUM;
  o->num = there < wanted ? there : wanted;
  if (there < 2)
    return clgen_fail(CLGEN_E_INVALID, "%s: %lld image is too few for an evaluation", j->r->fakes, (long long)there);
  return CLGEN_OK;
}

static void show(void *user, const char *what, int64_t done, int64_t total) {
  evaluate_job *j = user;
  if (j->progressing && (j->progress.what != what || done == 0)) {
    tool_progress_end(&j->progress);
    j->progressing = false;
  }
  if (total < WORTH_SHOWING) return; /* steps without a count */
  if (!j->progressing) tool_progress_start(&j->progress, what, "images", 0, (double)total);
  j->progressing = true;
  tool_progress_update(&j->progress, (double)done, NULL);
}

static int evaluate(evaluate_job *j) {
  const evaluate_record *r = j->r;
  clgen_assess_options o = {.data = r->data, .split = r->split, .features = r->features, .num = r->num};
  o.classes = r->classes;
  o.samples = r->samples;
  o.seed = (uint64_t)r->seed;
  o.log = tool_logger(j->who);
  o.progress = show;
  o.user = j;
  int code = clgen_colour_parse(o.background, r->background);
  if (code) return clgen_fail_prefix(code, "option --background");
  code = r->network[0] ? open_network(j) : CLGEN_OK;
  bool vae = !code && j->model && clgen_model_is_vae(j->model);
  o.metrics = r->metrics[0] ? r->metrics : vae ? "elbo" : "fid,kid,is,prdc";
  if (!code && r->fakes[0]) code = open_fakes(j, &o);
  if (!code) code = clgen_assessor_create(&j->assessor, j->device, j->model, &o);
  clgen_images fakes = {0};
  if (!code && j->fakes) fakes = clgen_images_of(j->fakes);
  if (!code)
    code = j->fakes ? clgen_assessor_images(j->assessor, &fakes, j->scores, &j->n_scores)
                    : clgen_assessor_network(j->assessor, j->store, j->scores, &j->n_scores);
  if (j->progressing) tool_progress_end(&j->progress);
  return code;
}

static void job_free(evaluate_job *j) {
  clgen_assessor_free(j->assessor);
  clgen_dataset_close(j->fakes);
  clgen_store_free(j->store);
  clgen_model_free(j->model);
}

static int check(const evaluate_record *r, const char *who) {
  if (r->network[0] && r->fakes[0]) return tool_usage(who, "--network and --fakes exclude each other");
  if (!r->network[0] && !r->fakes[0]) return tool_usage(who, "option --network: no network given (or --fakes for images)");
  if (r->res && r->network[0])
    return tool_usage(who, "option --res: a network's images have the network's size; --res is for --fakes");
  if (!r->data[0]) return tool_usage(who, "option --data: no real images given");
  if (r->metrics[0] && clgen_metrics_check(r->metrics)) return tool_usage(who, "option --metrics: %s", clgen_last_error());
  if (r->num == 1) return tool_usage(who, "option --num: one image cannot be evaluated");
  unsigned char rgb[3];
  if (clgen_colour_parse(rgb, r->background)) return tool_usage(who, "option --background: %s", clgen_last_error());
  return TOOL_GO_ON;
}

int cmd_evaluate(int argc, char **argv) {
  evaluate_record r;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  int status = tool_parse(&o, argc, argv);
  if (status == TOOL_GO_ON) status = check(&r, argv[0]);
  if (status != TOOL_GO_ON) return status;
  evaluate_job j = {.r = &r, .who = argv[0]};
  if (tool_device_open(&j.device, argv[0], &r.device)) return tool_failed(argv[0]);
  status = evaluate(&j) ? tool_failed(argv[0]) : r.json ? evaluate_print_json(&j) : evaluate_print_text(&j);
  job_free(&j);
  tool_device_close(j.device, &r.device);
  return status;
}
