/* clgen evaluate */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/elbo.h>
#include <clgen/model.h>
#include <clgen/safetensors.h>

#include "commands.h"
#include "common.h"

static const char usage[] =
    "usage: clgen evaluate --network FILE --data SRC [--split train|test] --metrics elbo [--json]\n\n"
    "Judges a trained network on images. elbo: the negative evidence lower bound of a VAE in nats an image, lower is "
    "better,\n"
    "with one draw an image; +- is the standard error over the images.\n";

typedef struct {
  char network[CLGEN_OPTION_TEXT], data[CLGEN_OPTION_TEXT], split[CLGEN_OPTION_TEXT], metrics[CLGEN_OPTION_TEXT];
  int64_t num, seed;
  bool json;
  tool_device_options device;
} record;

static const clgen_option rows[] = {
    {"network", 0, CLGEN_OPTION_STRING, offsetof(record, network), "", 0, 0, NULL, "FILE", NULL,
     "a network-snapshot-NNNNNN.safetensors"},
    {"data", 0, CLGEN_OPTION_STRING, offsetof(record, data), "", 0, 0, NULL, "SRC", NULL,
     "images: what 'clgen train' takes; they are resized as the network needs"},
    {"split", 0, CLGEN_OPTION_CHOICE, offsetof(record, split), "test", 0, 0, "train|test", NULL, NULL,
     "which part of data that come in two"},
    {"metrics", 0, CLGEN_OPTION_STRING, offsetof(record, metrics), "elbo", 0, 0, NULL, "LIST", NULL,
     "what to measure: elbo"},
    {"num", 0, CLGEN_OPTION_INT, offsetof(record, num), "0", 0, 1e15, NULL, "N", NULL,
     "on N images, chosen by the seed; 0: on all"},
    {"seed", 0, CLGEN_OPTION_INT, offsetof(record, seed), "0", 0, 4294967295.0, NULL, "N", NULL, "of the draws"},
    {"json", 0, CLGEN_OPTION_FLAG, offsetof(record, json), "no", 0, 0, NULL, NULL, NULL, "print JSON"},
    TOOL_DEVICE_ROWS(record, device),
};

typedef struct {
  clgen_model *model;
  clgen_store *store;
  clgen_dataset *data;
} parts;

static int open_network(parts *p, clgen_device *device, const char *path) {
  clgen_safetensors *file = NULL;
  int code = clgen_safetensors_open(&file, path);
  if (!code) code = clgen_model_open(&p->model, file);
  if (!code && clgen_model_is_gan(p->model))
    code = clgen_fail(CLGEN_E_INVALID, "%s: a %s has no ELBO, only a VAE has", path,
                      clgen_arch_name(clgen_model_get_config(p->model)->arch));
  if (!code) code = clgen_store_create(&p->store, device);
  if (!code) code = clgen_model_load(p->model, p->store, file, clgen_model_maker(p->model));
  clgen_safetensors_close(file);
  return code;
}

static int open_data(parts *p, const record *r, const char *who) {
  const clgen_model_config *c = clgen_model_get_config(p->model);
  clgen_dataset_options d = {.channels = c->channels, .split = r->split, .subset = r->num, .seed = (uint64_t)r->seed};
  if (c->height == c->width) d.resolution = c->height;
  d.log = tool_logger(who);
  return clgen_dataset_open(&p->data, r->data, &d);
}

static void show_progress(void *user, int64_t done, int64_t total) {
  (void)total;
  tool_progress_update(user, (double)done, NULL);
}

static json_t *elbo_json(const clgen_elbo *e) {
  return json_pack("{s:f, s:o, s:f, s:f, s:I, s:s}", "negative_elbo", e->negative_elbo, "standard_error",
                   isfinite(e->standard_error) ? json_real(e->standard_error) : json_null(), "reconstruction",
                   e->reconstruction, "kl", e->kl, "images", (json_int_t)e->images, "unit", "nats/image");
}

static int print_result(const record *r, const char *who, clgen_device *device, const clgen_elbo *e) {
  if (!r->json) {
    printf("-ELBO %.3f +- %.3f nats/image (reconstruction %.3f, KL %.3f), %lld images of %s\n", e->negative_elbo,
           e->standard_error, e->reconstruction, e->kl, (long long)e->images, r->data);
    return TOOL_OK;
  }
  json_t *out = tool_device_json(device);
  json_object_set_new(out, "network", tool_text_json(r->network));
  json_object_set_new(out, "data", tool_text_json(r->data));
  json_object_set_new(out, "split", json_string(r->split));
  json_object_set_new(out, "seed", json_integer((json_int_t)r->seed));
  json_object_set_new(out, "metrics", json_pack("{s:o}", "elbo", elbo_json(e)));
  return tool_json_print(who, out);
}

static int evaluate(const record *r, const char *who, clgen_device *device) {
  parts p = {0};
  clgen_elbo result;
  int code = open_network(&p, device, r->network);
  if (!code) code = open_data(&p, r, who);
  if (!code) {
    tool_progress progress;
    tool_progress_start(&progress, "evaluating", "images", 0, (double)clgen_dataset_get_info(p.data)->count);
    code = clgen_elbo_measure(p.model, p.store, p.data, (uint64_t)r->seed, show_progress, &progress, &result);
    tool_progress_end(&progress);
  }
  int status = code ? tool_failed(who) : print_result(r, who, device, &result);
  clgen_dataset_close(p.data);
  clgen_store_free(p.store);
  clgen_model_free(p.model);
  return status;
}

int cmd_evaluate(int argc, char **argv) {
  record r;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  if (!r.network[0]) return tool_usage(argv[0], "option --network: the network to judge is missing");
  if (!r.data[0]) return tool_usage(argv[0], "option --data: the images to judge it by are missing");
  if (strcmp(r.metrics, "elbo")) return tool_usage(argv[0], "option --metrics: '%s' is not known; there is elbo", r.metrics);
  clgen_device *device = NULL;
  if (tool_device_open(&device, argv[0], &r.device)) return tool_failed(argv[0]);
  status = evaluate(&r, argv[0], device);
  tool_device_close(device, &r.device);
  return status;
}
