/* clgen evaluate */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/elbo.h>
#include <clgen/judge.h>
#include <clgen/model.h>
#include <clgen/safetensors.h>
#include <clgen/train.h>

#include "commands.h"
#include "common.h"

static const char usage[] =
    "usage: clgen evaluate --network FILE --data SRC [--split train|test] [--metrics LIST] [--num N] [--json]\n"
    "       clgen evaluate --fakes SRC --data SRC [--split train|test] [--metrics LIST] [--num N] [--json]\n\n"
    "Judges the images of a trained network (seeds 0 to N-1), or any images, against real ones. Metrics, by commas:\n"
    "  fid     Frechet distance of features; lower is better\n"
    "  kid     kernel distance of features (100 subsets of 1000); lower is better\n"
    "  is      Inception Score: sure and different classes (10 splits); higher is better\n"
    "  prdc    precision, recall, density, coverage, among 5 and 3 neighbours; higher is better\n"
    "  ndb     share of statistically different bins of 100, and the divergence of the bins; lower is better\n"
    "  msssim  likeness of pairs of images: above the floor is too little variety\n"
    "  dup     duplicates: share of images, rate of pairs, how many different images there seem to be\n"
    "  mem     copies of training images: authentic share, ratio of distances, chance of copying, exact copies\n"
    "  elbo    of a VAE: negative evidence lower bound in nats an image, one draw an image; lower is better\n"
    "  iwae    of a VAE: the tighter bound by --samples importance-weighted draws\n"
    "The name of the features stands beside each figure; figures of different features must not be compared. The floor is\n"
    "what one half of the reals gets against the other. +- is a standard error, the brackets a 95% interval.\n";

typedef struct {
  char network[CLGEN_OPTION_TEXT], fakes[CLGEN_OPTION_TEXT], data[CLGEN_OPTION_TEXT], split[CLGEN_OPTION_TEXT],
      metrics[CLGEN_OPTION_TEXT], features[CLGEN_OPTION_TEXT];
  int64_t num, samples, seed;
  bool json;
  tool_device_options device;
} record;

static const clgen_option rows[] = {
    {"network", 0, CLGEN_OPTION_STRING, offsetof(record, network), "", 0, 0, NULL, "FILE", NULL,
     "a network-snapshot-NNNNNN.safetensors, or a run's folder for its newest one"},
    {"fakes", 0, CLGEN_OPTION_STRING, offsetof(record, fakes), "", 0, 0, NULL, "SRC", NULL,
     "images to judge in place of a network's: what 'clgen train' takes as data"},
    {"data", 0, CLGEN_OPTION_STRING, offsetof(record, data), "", 0, 0, NULL, "SRC", NULL,
     "real images: what 'clgen train' takes; they are resized as the network needs"},
    {"split", 0, CLGEN_OPTION_CHOICE, offsetof(record, split), "test", 0, 0, "train|test", NULL, NULL,
     "which part of data that come in two"},
    {"metrics", 0, CLGEN_OPTION_STRING, offsetof(record, metrics), "", 0, 0, NULL, "LIST", NULL,
     "what to measure; without it elbo for a VAE, fid,kid,is,prdc for anything else"},
    {"features", 0, CLGEN_OPTION_STRING, offsetof(record, features), "", 0, 0, NULL, "FILE", NULL,
     "judge by the features of this classifier, a file or mnist-cnn; without it mnist-cnn where it knows the images, else "
     "one trained on the data's labels"},
    {"num", 0, CLGEN_OPTION_INT, offsetof(record, num), "0", 0, 1e9, NULL, "N", NULL,
     "on N images, chosen by the seed; 0: 10000 or as many as there are (elbo and iwae: all)"},
    {"samples", 0, CLGEN_OPTION_INT, offsetof(record, samples), "50", 1, 1000000, NULL, "K", NULL, "draws an image of iwae"},
    {"seed", 0, CLGEN_OPTION_INT, offsetof(record, seed), "0", 0, 4294967295.0, NULL, "N", NULL, "of the draws"},
    {"json", 0, CLGEN_OPTION_FLAG, offsetof(record, json), "no", 0, 0, NULL, NULL, NULL, "print JSON"},
    TOOL_DEVICE_ROWS(record, device),
};

enum { MAKE_AT_A_TIME = 64, DEFAULT_NUM = 10000 };

typedef struct {
  const record *r;
  const char *who, *metrics;
  clgen_device *device;
  clgen_model *model; /* NULL with --fakes */
  clgen_store *store;
  clgen_dataset *real, *part;  /* the split; `num` of it, for the bounds */
  clgen_dataset *train, *test; /* of mem and of features */
  clgen_dataset *fakes;
  clgen_features *features;
  uint8_t *made; /* the network's images */
  clgen_images judged;
  tool_progress progress;
  bool progressing;
  clgen_score scores[CLGEN_MAX_SCORES];
  int n_scores;
  int64_t reals;
} job;

/* ---- Parts ---- */

static int open_network(job *j) {
  clgen_safetensors *file = NULL;
  char *path = NULL;
  int code = clgen_run_network(&path, j->r->network);
  if (!code) code = clgen_safetensors_open(&file, path);
  free(path);
  if (!code) code = clgen_model_open(&j->model, file);
  if (!code && clgen_model_is_classifier(j->model))
    code = clgen_fail(CLGEN_E_INVALID, "%s: a classifier makes no images; it can judge others': --features %s",
                      j->r->network, j->r->network);
  if (!code) code = clgen_store_create(&j->store, j->device);
  if (!code) code = clgen_model_load(j->model, j->store, file, clgen_model_maker(j->model));
  clgen_safetensors_close(file);
  return code;
}

/* The network's size and channels; with --fakes the reals' own. */
static int open_split(const job *j, clgen_dataset **out, const char *split, int64_t subset, bool quiet) {
  clgen_dataset_options d = {.split = split, .subset = subset, .seed = (uint64_t)j->r->seed};
  if (!quiet) d.log = tool_logger(j->who);
  if (j->model) {
    const clgen_model_config *c = clgen_model_get_config(j->model);
    d.channels = c->channels;
    if (c->height == c->width) d.resolution = c->height;
  }
  return clgen_dataset_open(out, j->r->data, &d);
}

static bool same_images(const clgen_dataset *a, const clgen_dataset *b) {
  clgen_images x = clgen_images_of(a), y = clgen_images_of(b);
  size_t bytes = (size_t)x.channels * (size_t)x.height * (size_t)x.width;
  return x.n == y.n && x.channels == y.channels && x.height == y.height && x.width == y.width &&
         memcmp(x.pixels, y.pixels, bytes * (size_t)x.n) == 0;
}

static int open_data(job *j) {
  bool images = clgen_metrics_need_images(j->metrics), features = clgen_metrics_need_features(j->metrics);
  bool mem = clgen_metrics_include(j->metrics, "mem"), test = strcmp(j->r->split, "test") == 0;
  int code = CLGEN_OK;
  if (!images) return open_split(j, &j->part, j->r->split, j->r->num, false);
  code = open_split(j, &j->real, j->r->split, 0, false);
  if (!code && (clgen_metrics_include(j->metrics, "elbo") || clgen_metrics_include(j->metrics, "iwae")))
    code = open_split(j, &j->part, j->r->split, j->r->num, true);
  if (!code && j->r->fakes[0]) {
    clgen_dataset_options d = {.log = tool_logger(j->who)};
    code = clgen_dataset_open(&j->fakes, j->r->fakes, &d);
  }
  if (!code && test && (mem || features)) code = open_split(j, &j->train, "train", 0, true);
  if (!code && mem) code = open_split(j, &j->test, "test", 0, true);
  if (!code && j->test && same_images(j->test, j->train ? j->train : j->real)) {
    clgen_dataset_close(j->test); /* there is nothing that was held out */
    j->test = NULL;
  }
  return code;
}

static const char *default_metrics(const job *j) {
  return j->model && clgen_model_is_vae(j->model) ? "elbo" : "fid,kid,is,prdc";
}

/* ---- The images to judge ---- */

static void show(void *user, const char *what, int64_t done, int64_t total) {
  job *j = user;
  if (j->progressing && (j->progress.what != what || done == 0)) {
    tool_progress_end(&j->progress);
    j->progressing = false;
  }
  if (total < 2 * MAKE_AT_A_TIME) return; /* steps without a count */
  if (!j->progressing) tool_progress_start(&j->progress, what, "images", 0, (double)total);
  j->progressing = true;
  tool_progress_update(&j->progress, (double)done, NULL);
}

static int make_images(job *j, int64_t num) {
  const clgen_model_config *c = clgen_model_get_config(j->model);
  size_t bytes = (size_t)c->channels * (size_t)c->height * (size_t)c->width, nz = (size_t)c->nz;
  float *z = malloc(MAKE_AT_A_TIME * nz * sizeof *z);
  clgen_generator *g = NULL;
  j->made = malloc((size_t)num * bytes);
  int code =
      z && j->made ? clgen_generator_create(&g, j->model, j->store, MAKE_AT_A_TIME) : clgen_fail_nomem((size_t)num * bytes);
  for (int64_t at = 0; !code && at < num; at += MAKE_AT_A_TIME) {
    int64_t n = num - at < MAKE_AT_A_TIME ? num - at : MAKE_AT_A_TIME;
    for (int64_t k = 0; k < n; ++k) clgen_latent_of_seed((uint64_t)(at + k), c->nz, z + (size_t)k * nz);
    code = clgen_generator_run(g, n, z, j->made + (size_t)at * bytes);
    show(j, "making", at + n, num);
  }
  clgen_generator_free(g);
  free(z);
  j->judged = (clgen_images){j->made, num, c->channels, c->height, c->width};
  return code;
}

static int take_images(job *j, int64_t *num) {
  int64_t wanted = j->r->num ? j->r->num : DEFAULT_NUM;
  if (!j->fakes) {
    *num = wanted;
    return make_images(j, wanted);
  }
  j->judged = clgen_images_of(j->fakes);
  *num = j->judged.n < wanted ? j->judged.n : wanted;
  if (*num == j->judged.n) return CLGEN_OK;
  size_t bytes = (size_t)j->judged.channels * (size_t)j->judged.height * (size_t)j->judged.width;
  int64_t *order = malloc((size_t)j->judged.n * sizeof *order);
  j->made = malloc((size_t)*num * bytes);
  int code = order && j->made ? clgen_permutation((uint64_t)j->r->seed + 1, j->judged.n, order)
                              : clgen_fail_nomem((size_t)*num * bytes);
  if (!code) clgen_gather_rows(j->judged.pixels, bytes, order, *num, j->made);
  free(order);
  j->judged.pixels = j->made;
  j->judged.n = *num;
  return code;
}

static int judge_images(job *j) {
  int64_t num = 0;
  clgen_logger log = tool_logger(j->who);
  clgen_judge *judge = NULL;
  int code = CLGEN_OK;
  if (clgen_metrics_need_features(j->metrics))
    code = clgen_features_for(&j->features, j->device, j->r->features, j->train ? j->train : j->real, &log);
  if (!code) code = take_images(j, &num);
  clgen_judge_options o = {.metrics = j->metrics, .real = j->real, .features = j->features, .train = j->train, .num = num};
  o.held_out = j->test;
  o.seed = (uint64_t)j->r->seed;
  o.progress = show;
  o.user = j;
  if (!code) code = clgen_judge_create(&judge, &o);
  if (!code) code = clgen_judge_run(judge, &j->judged, j->scores, &j->n_scores);
  if (!code) j->reals = clgen_judge_reals(judge);
  clgen_judge_free(judge);
  return code;
}

static int judge(job *j) {
  int code = j->r->network[0] ? open_network(j) : CLGEN_OK;
  if (code) return code;
  j->metrics = j->r->metrics[0] ? j->r->metrics : default_metrics(j);
  bool bounds = clgen_metrics_include(j->metrics, "elbo") || clgen_metrics_include(j->metrics, "iwae");
  if (bounds && !(j->model && clgen_model_is_vae(j->model)))
    return clgen_fail(CLGEN_E_INVALID, "%s: %s has no ELBO and no IWAE bound, only a VAE has",
                      j->model ? j->r->network : j->r->fakes,
                      j->model ? clgen_arch_name(clgen_model_get_config(j->model)->arch) : "a set of images");
  code = open_data(j);
  if (!code && j->real) code = judge_images(j);
  if (!code && bounds)
    code = clgen_judge_bounds(j->model, j->store, j->part, j->metrics, (int)j->r->samples, (uint64_t)j->r->seed, show, j,
                              j->scores, &j->n_scores);
  if (j->progressing) tool_progress_end(&j->progress);
  return code;
}

/* ---- Results ---- */

static const clgen_score *score_of(const job *j, const char *part) {
  for (int i = 0; i < j->n_scores; ++i)
    if (strcmp(j->scores[i].part, part) == 0) return &j->scores[i];
  return NULL;
}

static void number_text(char *buf, size_t size, double x) {
  double a = fabs(x);
  if (isnan(x))
    snprintf(buf, size, "-");
  else if (isinf(x))
    snprintf(buf, size, "infinite");
  else
    snprintf(buf, size, a != 0 && (a < 1e-3 || a >= 1e6) ? "%.3g" : a >= 1000 ? "%.1f" : "%.4f", x);
}

static void print_score(const clgen_score *s) {
  static const char *const better[] = {"lower", "floor", "higher"};
  char value[24], se[24], low[24], high[24], floor_text[24], interval[64];
  number_text(value, sizeof value, s->score.value);
  number_text(se, sizeof se, s->score.se);
  number_text(low, sizeof low, s->score.low);
  number_text(high, sizeof high, s->score.high);
  number_text(floor_text, sizeof floor_text, s->floor.value);
  snprintf(interval, sizeof interval, "[%s, %s]", low, high);
  printf("%-32s %12s  %-10s %-24s %12s  %s\n", s->name, value, se, isnan(s->score.low) ? "-" : interval, floor_text,
         better[s->better + 1]);
}

/* Each warning once, whatever the number of figures that it is about. */
static void print_warnings(const job *j) {
  for (int floors = 0; floors < 2; ++floors)
    for (int i = 0; i < j->n_scores; ++i) {
      const char *text = floors ? j->scores[i].floor.warning : j->scores[i].score.warning;
      bool said = !text[0] || (floors && isnan(j->scores[i].floor.value));
      for (int k = 0; !said && k < i; ++k)
        said = strcmp(text, floors ? j->scores[k].floor.warning : j->scores[k].score.warning) == 0;
      if (!said) tool_message(j->who, "warning: %s: %s", floors ? "floor" : j->scores[i].name, text);
    }
}

static int print_text(const job *j) {
  const clgen_score *bound = score_of(j, "elbo"), *iwae = score_of(j, "iwae");
  int64_t images = j->part ? clgen_dataset_get_info(j->part)->count : 0;
  if (j->real) {
    printf("%lld images of %s against %lld of %s (%s)\n\n", (long long)j->judged.n, j->model ? j->r->network : j->r->fakes,
           (long long)j->reals, j->r->data, j->r->split);
    printf("%-32s %12s  %-10s %-24s %12s  %s\n", "metric", "value", "+-", "95%", "floor", "better");
    for (int i = 0; i < j->n_scores; ++i)
      if (strcmp(j->scores[i].metric, "elbo") && strcmp(j->scores[i].metric, "iwae")) print_score(&j->scores[i]);
  }
  if (bound)
    printf("-ELBO %.3f +- %.3f nats/image (reconstruction %.3f, KL %.3f), %lld images of %s\n", bound->score.value,
           bound->score.se, score_of(j, "elbo_reconstruction")->score.value, score_of(j, "elbo_kl")->score.value,
           (long long)images, j->r->data);
  if (iwae)
    printf("IWAE bound %.3f +- %.3f nats/image (%lld samples), %lld images of %s\n", iwae->score.value, iwae->score.se,
           (long long)j->r->samples, (long long)images, j->r->data);
  print_warnings(j);
  return TOOL_OK;
}

/* The bound's terms under their own names. */
static int add_elbo(const job *j, json_t *metrics) {
  const clgen_score *bound = score_of(j, "elbo"), *iwae = score_of(j, "iwae");
  json_int_t images = j->part ? (json_int_t)clgen_dataset_get_info(j->part)->count : 0;
  int failed = 0;
  if (bound) {
    json_t *e = json_object_get(metrics, "elbo");
    failed |= json_object_set_new(e, "negative_elbo", json_real(bound->score.value));
    failed |= json_object_set_new(e, "standard_error", isfinite(bound->score.se) ? json_real(bound->score.se) : json_null());
    failed |= json_object_set_new(e, "reconstruction", json_real(score_of(j, "elbo_reconstruction")->score.value));
    failed |= json_object_set_new(e, "kl", json_real(score_of(j, "elbo_kl")->score.value));
    failed |= json_object_set_new(e, "images", json_integer(images));
    failed |= json_object_set_new(e, "unit", json_string("nats/image"));
  }
  if (iwae) {
    json_t *e = json_object_get(metrics, "iwae");
    failed |= json_object_set_new(e, "samples", json_integer((json_int_t)j->r->samples));
    failed |= json_object_set_new(e, "images", json_integer(images));
    failed |= json_object_set_new(e, "unit", json_string("nats/image"));
  }
  return failed;
}

static int print_json(const job *j) {
  json_t *out = tool_device_json(j->device);
  char *text = clgen_scores_to_json(j->scores, j->n_scores);
  json_t *metrics = text ? json_loads(text, 0, NULL) : NULL;
  free(text);
  if (!out || !metrics || add_elbo(j, metrics)) {
    json_decref(out);
    json_decref(metrics);
    return tool_failed(j->who);
  }
  json_object_set_new(out, j->model ? "network" : "fakes", tool_text_json(j->model ? j->r->network : j->r->fakes));
  json_object_set_new(out, "data", tool_text_json(j->r->data));
  json_object_set_new(out, "split", json_string(j->r->split));
  json_object_set_new(out, "seed", json_integer((json_int_t)j->r->seed));
  if (j->real) json_object_set_new(out, "images", json_integer((json_int_t)j->judged.n));
  if (j->real) json_object_set_new(out, "reals", json_integer((json_int_t)j->reals));
  if (j->features) json_object_set_new(out, "features", tool_text_json(clgen_features_get_info(j->features)->name));
  json_object_set_new(out, "metrics", metrics);
  return tool_json_print(j->who, out);
}

static void job_free(job *j) {
  clgen_features_free(j->features);
  clgen_dataset_close(j->real);
  clgen_dataset_close(j->part);
  clgen_dataset_close(j->train);
  clgen_dataset_close(j->test);
  clgen_dataset_close(j->fakes);
  clgen_store_free(j->store);
  clgen_model_free(j->model);
  free(j->made);
}

static int check(const record *r, const char *who) {
  if (r->network[0] && r->fakes[0]) return tool_usage(who, "--network and --fakes exclude each other");
  if (!r->network[0] && !r->fakes[0])
    return tool_usage(who, "option --network: the network to judge is missing (or --fakes: the images)");
  if (!r->data[0]) return tool_usage(who, "option --data: the images to judge by are missing");
  if (r->metrics[0] && clgen_metrics_check(r->metrics)) return tool_usage(who, "option --metrics: %s", clgen_last_error());
  if (r->num == 1) return tool_usage(who, "option --num: one image cannot be judged");
  return TOOL_GO_ON;
}

int cmd_evaluate(int argc, char **argv) {
  record r;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  int status = tool_parse(&o, argc, argv);
  if (status == TOOL_GO_ON) status = check(&r, argv[0]);
  if (status != TOOL_GO_ON) return status;
  job j = {.r = &r, .who = argv[0]};
  if (tool_device_open(&j.device, argv[0], &r.device)) return tool_failed(argv[0]);
  status = judge(&j) ? tool_failed(argv[0]) : r.json ? print_json(&j) : print_text(&j);
  job_free(&j);
  tool_device_close(j.device, &r.device);
  return status;
}
