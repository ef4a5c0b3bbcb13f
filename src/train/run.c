/* What a run consists of: opened and checked as a whole before anything is written. */
#include "train/train_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Where to go on ---- */

static int pick_state(clgen_run *r, long kimg) {
  long numbers[64];
  int n = clgen_run_dir_numbers(&r->dir, CLGEN_STATE_PREFIX, CLGEN_SAFETENSORS, numbers, 64);
  if (!n)
    return clgen_fail(CLGEN_E_NOTFOUND, "%s: there is no " CLGEN_STATE_PREFIX "NNNNNN" CLGEN_SAFETENSORS " to resume from",
                      r->dir.path);
  bool found = kimg < 0;
  for (int i = 0; i < n; ++i) found = found || numbers[i] == kimg;
  if (!found)
    return clgen_fail(
        CLGEN_E_NOTFOUND,
        "%s: the training state at %ld kimg was deleted, only the newest are kept: %ld%s; give the folder to resume "
        "from the newest",
        r->dir.path, kimg, numbers[n - 1], n > 1 ? " and the one before" : "");
  clgen_run_dir_file(&r->dir, CLGEN_STATE_PREFIX, kimg < 0 ? numbers[n - 1] : kimg, CLGEN_SAFETENSORS, r->state_path);
  return CLGEN_OK;
}

static int take_up(clgen_run *r, const bool *given) {
  char path[CLGEN_PATH_TEXT];
  long kimg;
  void *json = NULL;
  size_t size;
  int code = clgen_run_dir_find(&r->dir, r->options.resume, &kimg);
  if (code) return code;
  clgen_run_dir_file(&r->dir, "training_options.json", -1, "", path);
  code = clgen_file_read(path, 1 << 20, &json, &size);
  if (code) return clgen_fail_prefix(code, "%s is no run that can be resumed", r->dir.path);
  code = clgen_train_options_merge(&r->options, given, json, path);
  free(json);
  r->resumed = true;
  return code ? code : pick_state(r, kimg);
}

/* ---- Parts ---- */

int clgen_run_open_device(clgen_run *r) {
  if (r->device) return CLGEN_OK;
  return clgen_device_open(&r->device, r->options.device[0] ? r->options.device : NULL, &r->calls->device);
}

static int hold_out(clgen_run *r) {
  const clgen_train_options *o = &r->options;
  int64_t count = clgen_dataset_get_info(r->data)->count;
  if (count - o->validation < o->batch)
    return clgen_fail(CLGEN_E_INVALID,
                      "option --validation: of %lld images %lld are held out; the rest is less than one batch of %lld",
                      (long long)count, (long long)o->validation, (long long)o->batch);
  int code = clgen_dataset_hold_out(r->data, o->validation, &r->validation);
  return code ? code : clgen_sampler_create(&r->validation_sampler, o->validation, (uint64_t)o->seed);
}

static int open_data(clgen_run *r) {
  const clgen_train_options *o = &r->options;
  clgen_dataset_options d = {.resolution = (int)o->res, .channels = (int)o->channels, .strict = o->strict};
  d.classes = o->classes;
  d.subset = o->subset;
  d.seed = (uint64_t)o->seed;
  d.log = r->log;
  int code = clgen_train_background(o, d.background);
  if (!code && !o->data[0]) code = clgen_fail(CLGEN_E_INVALID, "option --data: no training images given");
  if (!code) code = clgen_dataset_open(&r->data, o->data, &d);
  if (code == CLGEN_E_NOTFOUND && r->resumed)
    code = clgen_fail_prefix(code, "the run's data are not where they were; --data says where they are now");
  if (code) return code;
  if (o->validation) code = hold_out(r);
  if (code) return code;
  const clgen_dataset_info *info = clgen_dataset_get_info(r->data);
  clgen_data_fingerprint(r->data, r->fingerprint);
  return clgen_sampler_create(&r->sampler, info->count, (uint64_t)o->seed);
}

static int open_model(clgen_run *r) {
  const clgen_train_options *o = &r->options;
  const clgen_dataset_info *info = clgen_dataset_get_info(r->data);
  clgen_model_config c = {.arch = r->arch, .channels = info->channels, .height = info->height, .width = info->width};
  c.ngf = (int)o->ngf, c.ndf = (int)o->ndf, c.nz = (int)o->nz, c.hidden = (int)o->hidden;
  c.se = o->se, c.mapping_layers = (int)o->mapping_layers;
  bool classifier = clgen_arch_kind(r->arch) == CLGEN_CLASSIFIER;
  int code = clgen_cond_parse(o->cond, &c.cond);
  if (classifier || c.cond) c.classes = info->classes;
  clgen_trainer_config t = {.batch = o->batch, .lr = o->lr, .lr_d = o->lr_d, .ema_kimg = o->ema, .ema_rampup = 0.05};
  t.optimizer = clgen_train_optimizer(o);
  t.batch_gpu = o->batch_gpu;
  t.grad_clip = o->grad_clip;
  t.batches_max = r->adapt.batches_max;
  clgen_train_schedule(o, &t);
  t.seed = (uint64_t)o->seed;
  t.controllers = r->controllers;
  if (!code) code = clgen_train_objective(o, &t.gan);
  if (!code) code = clgen_train_augmentation(o, &t.augment);
  if (!code) code = clgen_train_d_norm(o, r->arch, &t.gan, &c.d_norm);
  c.minibatch = clgen_gan_objective_minibatch(&t.gan);
  if (!code) code = clgen_train_vae_objective(o, &t.vae);
  if (!code) code = clgen_train_likelihood(o, &c);
  if (!code && (classifier || c.cond)) code = clgen_labels_check(r->data, classifier ? "a classifier" : "option --cond");
  if (!code) code = clgen_model_create(&r->model, &c);
  if (!code && c.classes) code = clgen_model_take_classes(r->model, r->data);
  if (!code) code = clgen_run_init_multipliers(r, &t.fine_tuning);
  r->config = t;
  if (!code) code = clgen_store_create(&r->store, r->device);
  if (!code) code = clgen_trainer_create(&r->trainer, r->model, r->store, &t);
  if (!code && classifier) code = clgen_test_accuracy_open(&r->test_accuracy, r);
  if (!code && !classifier) code = clgen_generator_create(&r->generator, r->model, r->store, CLGEN_GRID_IMAGES);
  return code;
}

uint64_t clgen_run_peak_bytes(const clgen_run *r) { return clgen_store_memory(r->store).peak_bytes + r->judging_bytes; }

static int check_memory(const clgen_run *r) {
  uint64_t need = clgen_run_peak_bytes(r), have = clgen_device_get_info(r->device)->global_bytes;
  if (!have || need <= have) return CLGEN_OK;
  return clgen_fail(CLGEN_E_NOMEM, "training and metrics need %.2f GiB and %s has %.2f GiB: %.2f GiB too much",
                    (double)need / 1073741824.0, clgen_device_get_info(r->device)->name, (double)have / 1073741824.0,
                    (double)(need - have) / 1073741824.0);
}

static int open_buffers(clgen_run *r) {
  const clgen_model_config *c = clgen_model_get_config(r->model);
  size_t image = (size_t)c->channels * (size_t)c->height * (size_t)c->width, nz = (size_t)c->nz;
  size_t most = (size_t)(r->options.batch * r->adapt.batches_max); /* images in a step */
  r->batch = malloc(most * image);
  r->pixels = malloc(CLGEN_GRID_IMAGES * image);
  r->latents = malloc(CLGEN_GRID_IMAGES * (nz + 1) * sizeof *r->latents);
  r->labels = malloc(most * sizeof *r->labels);
  r->validation_batch = malloc(r->validation ? (size_t)r->options.batch * image : 1);
  r->validation_labels = malloc((size_t)r->options.batch * sizeof *r->validation_labels);
  r->course = clgen_train_options_course(&r->options);
  if (!r->batch || !r->pixels || !r->latents || !r->labels || !r->course || !r->validation_batch || !r->validation_labels)
    return clgen_fail_nomem(most * image);
  clgen_normals_fill((uint64_t)r->options.seed, CLGEN_STREAM_LATENT, 1, CLGEN_GRID_IMAGES * c->nz, r->latents);
  if (!clgen_model_is_conditional(r->model)) return CLGEN_OK;
  r->classes = malloc(CLGEN_GRID_IMAGES * sizeof *r->classes);
  if (!r->classes) return clgen_fail_nomem(CLGEN_GRID_IMAGES * sizeof *r->classes);
  clgen_run_grid_classes(c->classes, r->classes);
  for (size_t i = 1, of_class = 1; i < CLGEN_GRID_IMAGES; ++i, ++of_class) { /* the same latents for each class */
    if (r->classes[i] != r->classes[i - 1]) of_class = 0;
    memmove(r->latents + i * nz, r->latents + of_class * nz, nz * sizeof *r->latents);
  }
  return CLGEN_OK;
}

int clgen_run_open(clgen_run *r, const bool *given) {
  clgen_train_options *o = &r->options;
  int code = o->resume[0] ? take_up(r, given) : clgen_run_init_open(r, given);
  if (!code && strcmp(o->cfg, "auto") == 0) code = clgen_run_auto(r, given);
  if (!code) code = clgen_train_options_complete(o, &r->arch);
  char *json = code ? NULL : clgen_train_options_saved(o); /* before a folder is made: a path may be no UTF-8 */
  if (!code && !json) code = CLGEN_E_INVALID;
  free(json);
  if (!code && !r->resumed && !o->dry_run && !o->outdir[0])
    code = clgen_fail(CLGEN_E_INVALID, "option --outdir: no output folder given");
  if (!code) code = open_data(r);
  if (!code) code = clgen_run_open_device(r);
  if (!code) code = clgen_run_adapt_open(r);
  if (!code) code = open_model(r);
  if (!code) code = clgen_run_metrics_plan(r);
  if (!code) code = check_memory(r);
  if (code) code = clgen_run_advise(r, code);
  if (!code) code = clgen_run_metrics_open(r);
  if (!code) code = open_buffers(r);
  r->total_steps = ((uint64_t)o->kimg * 1000 + (uint64_t)o->batch - 1) / (uint64_t)(o->batch ? o->batch : 1);
  uint64_t most = (uint64_t)(r->adapt.batches_max > 1 ? r->adapt.batches_max : 1);
  r->total_steps = (r->total_steps + most - 1) / most * most;
  return code;
}

void clgen_run_close(clgen_run *r) {
  if (r->device && r->calls->closing) r->calls->closing(r->calls->user, r->device);
  clgen_generator_free(r->generator);
  clgen_test_accuracy_free(r->test_accuracy);
  clgen_assessor_free(r->assessor);
  clgen_trainer_free(r->trainer);
  clgen_store_free(r->store);
  clgen_run_init_close(r);
  clgen_model_free(r->model);
  clgen_device_close(r->device);
  clgen_sampler_free(r->sampler);
  clgen_sampler_free(r->validation_sampler);
  clgen_dataset_close(r->data);
  clgen_dataset_close(r->validation);
  clgen_run_dir_close(&r->dir);
  free(r->course);
  free(r->batch);
  free(r->validation_batch);
  free(r->validation_labels);
  free(r->latents);
  free(r->labels);
  free(r->classes);
  free(r->pixels);
}

/* ---- What will be done ---- */

static void say_networks(const clgen_run *r) {
  for (int i = 0; i < clgen_model_network_count(r->model); ++i) {
    const clgen_model_network *w = clgen_model_network_at(r->model, i);
    if (strcmp(w->prefix, "G_ema"))
      clgen_log_write(&r->log, CLGEN_LOG_INFO, "network:  %s, %d layers, %lld parameters", w->prefix,
                      clgen_net_layer_count(w->net), (long long)clgen_net_param_count(w->net));
  }
}

static void say_data(const clgen_run *r) {
  const clgen_dataset_info *i = clgen_dataset_get_info(r->data);
  char sizes[80] = "", classes[40] = "", text[600] = "";
  const bool varied = i->min_width != i->max_width || i->min_height != i->max_height;
  if (varied)
    snprintf(sizes, sizeof sizes, ", resized from %dx%d to %dx%d", i->min_width, i->min_height, i->max_width, i->max_height);
  else if (i->min_width != i->width || i->min_height != i->height)
    snprintf(sizes, sizeof sizes, ", resized from %dx%d", i->min_width, i->min_height);
  if (i->classes) snprintf(classes, sizeof classes, ", %d classes", i->classes);
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "data:     %s (%s), %lld images of %dx%d, %d channel%s%s%s", i->path, i->format,
                  (long long)i->count, i->width, i->height, i->channels, i->channels > 1 ? "s" : "", classes, sizes);
  size_t n = 0;
  if (i->passed_over)
    n += (size_t)snprintf(text + n, sizeof text - n, "; %lld unreadable, the first: %.300s", (long long)i->passed_over,
                          clgen_dataset_passed_over(r->data, 0));
  if (i->left_out) n += (size_t)snprintf(text + n, sizeof text - n, "; %lld pictures in subfolders", (long long)i->left_out);
  if (i->other_files)
    n += (size_t)snprintf(text + n, sizeof text - n, "; %lld files that are no pictures", (long long)i->other_files);
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "left out: %s", n ? text + 2 : "nothing");
}

void clgen_run_say_plan(const clgen_run *r) {
  const clgen_train_options *o = &r->options;
  const clgen_device_info *d = clgen_device_get_info(r->device);
  const clgen_program_info *p = clgen_trainer_info(r->trainer);
  const clgen_memory m = clgen_store_memory(r->store);
  const double mib = 1048576.0;
  say_data(r);
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "device:   %s, %s (%s)", d->spec, d->name, d->platform);
  if (r->validation)
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "held out: %lld images for validation", (long long)o->validation);
  say_networks(r);
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "step:     %s, %lld images, %s, learning rate %g; %zu launches, %.2f GFLOP",
                  o->cfg, (long long)o->batch, o->optimizer, o->lr, p->launches, p->flops / 1e9);
  clgen_log_write(
      &r->log, CLGEN_LOG_INFO,
      "memory:   %.1f MiB at peak of the device's %.0f: parameters and moments %.1f, intermediate results %.1f, working "
      "memory %.1f, inputs, sample grids and metrics %.1f",
      (double)clgen_run_peak_bytes(r) / mib, (double)d->global_bytes / mib, (double)m.state_bytes / mib,
      (double)m.arena_bytes / mib, (double)m.scratch_bytes / mib,
      (double)(clgen_run_peak_bytes(r) - m.state_bytes - m.arena_bytes - m.scratch_bytes) / mib);
  clgen_log_write(&r->log, CLGEN_LOG_INFO,
                  "length:   %lld kimg = %llu steps = %.1f epochs; a tick every %g kimg, a snapshot every %lld ticks",
                  (long long)o->kimg, (unsigned long long)r->total_steps,
                  (double)r->total_steps * (double)o->batch / (double)clgen_dataset_get_info(r->data)->count, o->tick,
                  (long long)o->snap);
  clgen_run_adapt_say(r);
  clgen_run_init_say(r);
  clgen_run_metrics_say(r);
}
