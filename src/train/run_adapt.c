/* Controllers in a run: when they decide, what they remember, and going back to a good state. */
#include "train/train_internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HYPER "adapt.hyperparameters"
#define MEMORY "adapt.memory" /* CLGEN_CONTROLLER_STATE numbers for each controller there is */
#define GOOD_STATE CLGEN_STATE_PREFIX "good" CLGEN_SAFETENSORS
#define WINDOW_IMAGES 1000
#define WINDOWS_BETWEEN_GOOD 16 /* a good state is written at most that often: it is as large as a snapshot */

static int64_t memory_size(void) {
  size_t n;
  clgen_controllers(&n);
  return (int64_t)n * CLGEN_CONTROLLER_STATE;
}

static bool has(const clgen_run *r, const char *name) { return r->controllers & clgen_adapt_mask(name); }

static int open_plateau(clgen_run *r, const clgen_gan_objective *gan, const clgen_vae_objective *vae) {
  const clgen_train_options *o = &r->options;
  if (gan->loss && !gan->loss->measures)
    return clgen_fail(
        CLGEN_E_INVALID,
        "option --lr-schedule: plateau needs a loss that falls as training succeeds; with --loss %s the loss of each "
        "network depends on how good the other network is. Possible are --loss wgan and wgan-gp, whose critic estimates a "
        "distance, and the schedules linear and cosine",
        gan->loss->name);
  bool moving = strcmp(o->kl_anneal, "none") != 0 || (o->capacity > 0 && o->capacity_kimg > 0);
  if (moving || vae->adapts_beta || (r->controllers & clgen_adapt_mask("control-vae")))
    return clgen_fail(
        CLGEN_E_INVALID,
        "option --lr-schedule: plateau watches the loss; it cannot be combined with options that change the weight of the "
        "KL divergence, and so the loss (--kl-anneal, --capacity, --adapt guard, --adapt control-vae)");
  r->controllers |= clgen_adapt_mask("plateau");
  return CLGEN_OK;
}

int clgen_run_adapt_open(clgen_run *r) {
  const clgen_train_options *o = &r->options;
  clgen_gan_objective gan;
  clgen_vae_objective vae;
  int code = clgen_train_objective(o, &gan);
  if (!code) code = clgen_train_vae_objective(o, &vae);
  if (!code) code = clgen_train_controllers(o, &r->controllers);
  if (!code && clgen_adapt_watches(r->controllers, CLGEN_WATCH_GRADIENTS) && strncmp(o->optimizer, "adam", 4))
    code = clgen_fail(CLGEN_E_INVALID,
                      "option --adapt: noise-scale needs Adam's mean gradient (adam, adamw), which --optimizer %s does not "
                      "have",
                      o->optimizer);
  if (!code && strcmp(o->lr_schedule, "plateau") == 0) code = open_plateau(r, &gan, &vae);
  if (code) return code;
  r->adapt = (clgen_adapt_config){.gan = clgen_arch_kind(r->arch) == CLGEN_GAN,
                                  .critic_steps = gan.critic_steps,
                                  .batch = o->batch,
                                  .total_kimg = (double)o->kimg,
                                  .patience_kimg = o->lr_patience,
                                  .plateau_factor = o->lr_factor,
                                  .kl_target = o->kl_target,
                                  .adapts_beta = vae.adapts_beta};
  code = clgen_train_batches_max(o, &r->adapt.batches_max);
  int64_t window = (WINDOW_IMAGES + o->batch - 1) / o->batch, most = r->adapt.batches_max;
  r->window = (uint64_t)((window + most - 1) / most * most); /* so that whole steps end where a decision is due */
  return code;
}

void clgen_run_adapt_say(const clgen_run *r) {
  char names[CLGEN_OPTION_TEXT];
  clgen_adapt_text(r->controllers, names, sizeof names);
  if (r->controllers)
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "adapt:    %s, a decision every %llu steps", names,
                    (unsigned long long)r->window);
}

/* ---- What lasts ---- */

static int write_hyperparameters(clgen_run *r, const float hyper[CLGEN_HYPER_COUNT]) {
  clgen_trainer_set_hyperparameters(r->trainer, hyper, r->step);
  return clgen_store_write(r->store, HYPER, 0, CLGEN_HYPER_COUNT, hyper);
}

/* Gives the trainer what the store has. From which step it holds is among the trainer's counts, which the state has, too. */
static int take_hyperparameters(clgen_run *r, float hyper[CLGEN_HYPER_COUNT]) {
  int code = clgen_store_read(r->store, HYPER, 0, CLGEN_HYPER_COUNT, hyper);
  if (!code) clgen_trainer_restore_hyperparameters(r->trainer, hyper);
  return code;
}

static int save_good(clgen_run *r) {
  char path[CLGEN_PATH_TEXT];
  clgen_run_dir_file(&r->dir, GOOD_STATE, -1, "", path);
  return clgen_run_save_state(r, path);
}

static int declare(clgen_run *r) {
  int code = clgen_store_declare(r->store, HYPER, CLGEN_F32, clgen_shape_of(1, CLGEN_HYPER_COUNT));
  return code ? code : clgen_store_declare(r->store, MEMORY, CLGEN_F32, clgen_shape_of(1, memory_size()));
}

int clgen_run_adapt_begin(clgen_run *r) {
  if (!r->controllers) return CLGEN_OK;
  float hyper[CLGEN_HYPER_COUNT];
  clgen_adapt_start(&r->adapt, hyper);
  int code = declare(r);
  if (!code) code = write_hyperparameters(r, hyper);
  return code || !has(r, "guard") ? code : save_good(r);
}

int clgen_run_adapt_resume(clgen_run *r) {
  if (!r->controllers) return CLGEN_OK;
  float hyper[CLGEN_HYPER_COUNT];
  char path[CLGEN_PATH_TEXT];
  int code = declare(r);
  if (!code) code = take_hyperparameters(r, hyper);
  clgen_run_dir_file(&r->dir, GOOD_STATE, -1, "", path);
  return code || !has(r, "guard") || access(path, F_OK) == 0 ? code : save_good(r);
}

/* ---- Decisions ---- */

static double kimg_at(const clgen_run *r) { return (double)(r->step * (uint64_t)r->options.batch) / 1000; }

/* A line in stats.jsonl (docs/seeing.md) and one in the log. */
static int tell(clgen_run *r, const clgen_decision *d) {
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "adapt:    %s: %s %.4g -> %.4g at %.1f kimg: %s", d->by, d->what, d->from, d->to,
                  kimg_at(r), d->reason);
  json_t *event = json_object(), *line = json_object();
  int failed = json_object_set_new(event, "by", json_string(d->by));
  failed |= json_object_set_new(event, "what", json_string(d->what));
  failed |= json_object_set_new(event, "from", json_real(d->from));
  failed |= json_object_set_new(event, "to", json_real(d->to));
  failed |= json_object_set_new(event, "reason", json_string(d->reason));
  failed |= json_object_set_new(line, "kimg", json_real(kimg_at(r)));
  failed |= json_object_set_new(line, "event", event);
  char *text = failed ? NULL : json_dumps(line, JSON_PRESERVE_ORDER | JSON_COMPACT | JSON_REAL_PRECISION(9));
  json_decref(line);
  int code = text ? clgen_run_add_stats(r, text) : clgen_fail_nomem(1024);
  free(text);
  return code;
}

/* The states of a branch that was given up would be gone on with instead. */
static void remove_newer_states(const clgen_run *r) {
  long numbers[256];
  int n = clgen_run_dir_numbers(&r->dir, CLGEN_STATE_PREFIX, CLGEN_SAFETENSORS, numbers, 256);
  for (int i = 0; i < n; ++i) {
    char path[CLGEN_PATH_TEXT];
    if (numbers[i] <= clgen_run_kimg(r)) continue;
    clgen_run_dir_file(&r->dir, CLGEN_STATE_PREFIX, numbers[i], CLGEN_SAFETENSORS, path);
    unlink(path);
  }
}

/* The good state with the controllers' memory and hyperparameters of now, which becomes the run's newest state. */
static int roll_back(clgen_run *r, const float *memory, const float hyper[CLGEN_HYPER_COUNT]) {
  char path[CLGEN_PATH_TEXT];
  float then[CLGEN_HYPER_COUNT];
  clgen_run_dir_file(&r->dir, GOOD_STATE, -1, "", path);
  int code = clgen_run_load_state(r, path, NULL);
  if (!code) code = take_hyperparameters(r, then);
  if (!code) code = write_hyperparameters(r, hyper);
  if (!code) code = clgen_store_write(r->store, MEMORY, 0, memory_size(), memory);
  if (!code) code = clgen_run_save(r);
  if (!code) remove_newer_states(r);
  return code;
}

static int decide(clgen_run *r, const clgen_adapt_statistics *s, clgen_adapt_outcome *out) {
  float *memory = malloc((size_t)memory_size() * sizeof *memory);
  int code = memory ? clgen_store_read(r->store, MEMORY, 0, memory_size(), memory)
                    : clgen_fail_nomem((size_t)memory_size() * sizeof *memory);
  if (!code) code = take_hyperparameters(r, out->hyper);
  if (!code) clgen_adapt_act(r->controllers, &r->adapt, s, memory, out);
  for (int i = 0; !code && i < out->n; ++i) code = tell(r, &out->decision[i]);
  if (!code && out->roll_back) {
    code = roll_back(r, memory, out->hyper);
  } else if (!code) {
    code = clgen_store_write(r->store, MEMORY, 0, memory_size(), memory);
    if (!code) code = write_hyperparameters(r, out->hyper);
  }
  free(memory);
  return code;
}

int clgen_run_adapt(clgen_run *r) {
  if (!r->controllers || r->step % r->window) return CLGEN_OK;
  clgen_adapt_outcome out = {0};
  clgen_adapt_statistics s;
  int code = clgen_trainer_read_window(r->trainer, r->step - r->window, r->step, &s);
  s.kimg = kimg_at(r);
  if (!code) code = decide(r, &s, &out);
  bool due = r->step / r->window % WINDOWS_BETWEEN_GOOD == 0;
  if (!code && out.healthy && !out.roll_back && due) code = save_good(r);
  return code;
}

int clgen_run_adapt_rescue(clgen_run *r, const char *what, bool *rescued) {
  const clgen_adapt_statistics s = {.kimg = kimg_at(r), .n = 1, .name = {what}, .mean = {NAN}};
  clgen_adapt_outcome out = {0};
  *rescued = false;
  if (!has(r, "guard")) return CLGEN_OK;
  int code = decide(r, &s, &out);
  *rescued = !code && out.roll_back;
  return code;
}
