/* Declarations that the files of src/train share. */
#ifndef CLGEN_TRAIN_INTERNAL_H
#define CLGEN_TRAIN_INTERNAL_H

#include <clgen/assess.h>
#include <clgen/data.h>
#include <clgen/features.h>
#include <clgen/train.h>

#include "base/base.h"

typedef struct clgen_test_accuracy clgen_test_accuracy;

#define CLGEN_PATH_TEXT (2 * CLGEN_OPTION_TEXT)

/* ---- Options ---- */

/* Whether an option was given; if given is NULL: whether it differs from its default. */
bool clgen_train_option_given(const clgen_train_options *o, const bool *given, const char *name);
/* Checks the options of transfer learning against the others. */
int clgen_train_check_transfer(const clgen_train_options *o, clgen_arch arch);
/* Fills in what depends on the configuration. */
int clgen_train_options_complete(clgen_train_options *o, clgen_arch *arch);
int clgen_train_background(const clgen_train_options *o, unsigned char rgb[3]);
clgen_optimizer clgen_train_optimizer(const clgen_train_options *o);
void clgen_train_schedule(const clgen_train_options *o, clgen_trainer_config *out);
/* The objective of the options; CLGEN_E_INVALID with the reason for an invalid combination. */
int clgen_train_objective(const clgen_train_options *o, clgen_gan_objective *out);
/* The augmentation of the discriminator's input, likewise. */
int clgen_train_augmentation(const clgen_train_options *o, clgen_augmentation *out);
/* The normalisation of the discriminator; CLGEN_D_AUTO: there is no discriminator. */
int clgen_train_d_norm(const clgen_train_options *o, clgen_arch arch, const clgen_gan_objective *objective,
                       clgen_d_norm *out);
/* The controllers of --adapt; and those of a VAE's beta, which are part of its objective. */
int clgen_train_controllers(const clgen_train_options *o, unsigned *mask);
int clgen_train_vae_objective(const clgen_train_options *o, clgen_vae_objective *out);
/* And the likelihood of pixels, into a model's configuration. */
int clgen_train_likelihood(const clgen_train_options *o, clgen_model_config *out);
char *clgen_train_options_saved(const clgen_train_options *o);  /* JSON for training_options.json */
char *clgen_train_options_course(const clgen_train_options *o); /* JSON of those that decide what is computed */
/* o becomes the saved options with those of o that are given, if none of these changes the run's course. */
int clgen_train_options_merge(clgen_train_options *o, const bool *given, const char *json, const char *source);

/* ---- One training step ---- */

/* Names of the watched values, the same for all programs of a trainer. */
typedef struct {
  int n;
  const char *name[CLGEN_MAX_WATCHED];
  bool too_many; /* more were to be watched than there is room for */
} clgen_watched_names;

/* The part of a step that a program computes. Gradient accumulation takes one program per player for the gradient of its
 * loss, which runs for every micro-batch, and one for its update. The first player is D, or the only network. */
typedef enum {
  CLGEN_PHASE_WHOLE, /* all of it, on the whole batch */
  CLGEN_PHASE_GRADIENT,
  CLGEN_PHASE_UPDATE,
  CLGEN_PHASE_GRADIENT_G,
  CLGEN_PHASE_UPDATE_G,
  CLGEN_PHASES
} clgen_step_phase;

/* One program of a step: the whole step, or a phase of it. */
typedef struct {
  const clgen_model *model;
  const clgen_trainer_config *config;
  clgen_step_phase phase;
  int64_t images_n;            /* images in a run: the batch, or a micro-batch */
  bool with_g;                 /* of a GAN: G's update */
  bool with_lazy, with_lazy_g; /* and the regularisers that are due every few steps only: of D, of G */
  clgen_graph *graph;
  clgen_program *program;
  clgen_module *net[CLGEN_MODEL_MAX_NETWORKS]; /* by index in the model */
  clgen_tensor *images, *noise, *counter, *scalars;
  clgen_tensor *validation, *validation_labels; /* images that are not trained on; NULL where nothing looks at them */
  clgen_tensor *ada;                            /* the newest version of CLGEN_ADA_STATE; NULL where p does not adapt */
  clgen_tensor *micro_batch;                    /* one-hot: the index of the micro-batch in its batch */
  clgen_tensor *accumulation;                   /* CLGEN_ACCUMULATION numbers; NULL if a step is always one batch */
  clgen_pass pass;      /* how networks are run in it on the data's images; its labels are of a classifier too */
  clgen_pass fake_pass; /* and on fakes: with the classes that they are asked for */
  clgen_tensor *styles; /* of the fakes, where a regulariser asks for them */
  clgen_watched_names *names;
  clgen_tensor *watched[CLGEN_MAX_WATCHED];
  bool computes[CLGEN_MAX_WATCHED]; /* which of them */
} clgen_step_program;

/* Where the step's small numbers lie in `scalars`. */
enum {
  CLGEN_SCALAR_HISTORY = CLGEN_OPTIMIZER_SCALARS, /* behind the optimiser's of each player: the newest parameters' share */
  CLGEN_PLAYER_SCALARS,
  CLGEN_SCALAR_G = 0,
  CLGEN_SCALAR_D = CLGEN_PLAYER_SCALARS,
  CLGEN_SCALAR_EMA = 2 * CLGEN_PLAYER_SCALARS,
  CLGEN_SCALAR_PENALTY,
  CLGEN_SCALAR_BETA, /* of a VAE */
  CLGEN_SCALAR_CAPACITY,
  CLGEN_SCALARS
};

/* Inputs of a program if the number of batches in a step may change. */
enum {
  CLGEN_ACCUMULATION_FIRST,   /* 1 in the first run of a step, 0 in others */
  CLGEN_ACCUMULATION_SHARE,   /* what a run contributes to a mean over the step's images */
  CLGEN_ACCUMULATION_BATCHES, /* in this step */
  CLGEN_ACCUMULATION
};

/* States that last from one report to the next, and are no part of the training's state. */
#define CLGEN_WATCH_SUM "train.sum"   /* of the watched numbers */
#define CLGEN_WATCH_BAD "train.bad"   /* 1 once a number was not finite */
#define CLGEN_WATCH_GOOD "train.good" /* steps before that */
/* Sums of the watched numbers since the controllers' last decision: part of the training's state. */
#define CLGEN_ADAPT_WINDOW "adapt.window"

/* Builds the graph of s, whose first members up to with_lazy and `names` are set. */
int clgen_step_program_build(clgen_step_program *s);
/* Once all kinds of a trainer are built, so that all names are known. */
int clgen_step_program_compile(clgen_step_program *s, clgen_store *store);
/* Whether this objective allows micro-batches of `at_once` images (0: the whole batch); the error says why not. */
int clgen_batch_gpu_check(int64_t batch, int64_t at_once, const clgen_gan_objective *o);
/* The number of micro-batches of a batch. */
int64_t clgen_step_micro_batches(const clgen_trainer_config *c);
/* How many batches one update may take; and whether a step is several programs. */
int64_t clgen_step_batches_max(const clgen_trainer_config *c);
bool clgen_step_in_phases(const clgen_trainer_config *c);
/* Whether the gradients of several batches add up to that of a larger one with this objective; says why not. */
int clgen_batches_check(const clgen_trainer_config *c);
/* How many --batch-max allows: a power of 2; CLGEN_E_INVALID with the reason for what it does not go together with. */
int clgen_train_batches_max(const clgen_train_options *o, int64_t *out);
bool clgen_phase_accumulates(clgen_step_phase phase);
void clgen_step_program_free(clgen_step_program *s);
void clgen_step_watch(clgen_step_program *s, const char *name, clgen_tensor *scalar);
/* Random numbers for a program's images, which lie along `axis`: each gets the same whether the batch comes in parts or not.
 */
clgen_tensor *clgen_step_uniform(clgen_step_program *s, uint32_t stream, clgen_shape shape, int axis);
clgen_tensor *clgen_step_normal(clgen_step_program *s, uint32_t stream, clgen_shape shape, int axis);
/* Scales the mean over a micro-batch to its contribution to the mean over the step's images. */
clgen_tensor *clgen_step_scale_loss(const clgen_step_program *s, clgen_tensor *mean);
/* One update of b by the gradient of loss. With gradient accumulation only what the phase computes: adding to the gradient,
 * or the update (`loss` may be NULL then). */
int clgen_step_update(clgen_step_program *s, clgen_module *b, clgen_tensor *loss, int scalar, const char *watched_as);
int clgen_step_build_gan(clgen_step_program *s, clgen_tensor *real);
int clgen_step_build_vae(clgen_step_program *s, clgen_tensor *images);
int clgen_step_build_vae_gan(clgen_step_program *s, clgen_tensor *images);
/* The auxiliary classifier's loss (cross entropy), a scalar; and a player's loss with it, weighted, added. */
bool clgen_step_has_class_loss(const clgen_step_program *s);
clgen_tensor *clgen_step_class_loss(clgen_step_program *s, clgen_tensor *features, const clgen_pass *pass);
clgen_tensor *clgen_step_add_class_loss(clgen_step_program *s, clgen_tensor *loss, const char *name, clgen_tensor *value);
/* What a VAE-GAN cannot be trained with, of what other GANs can. */
int clgen_vae_gan_check(const clgen_train_options *o, const clgen_gan_objective *gan);
/* The places where D is applied to images. Each has its own stream of random numbers for augmentation. */
typedef enum {
  CLGEN_SEEN_REAL, /* in D's loss */
  CLGEN_SEEN_FAKE,
  CLGEN_SEEN_SLOPE,  /* where regularisers take its gradient */
  CLGEN_SEEN_G_REAL, /* in G's loss */
  CLGEN_SEEN_G_FAKE,
  CLGEN_SEEN_VALIDATION /* where ada looks at images that are not trained on */
} clgen_seen;
/* D's logits of images, augmented if the configuration says so. */
clgen_tensor *clgen_step_discriminate(clgen_step_program *s, clgen_tensor *images, clgen_seen seen, clgen_tensor **features);
/* Watches what ada goes by, D's logits, and takes note of it. */
int clgen_step_ada_see(clgen_step_program *s, clgen_tensor *real_logits, clgen_tensor *fake_logits);
/* The last thing of a step of a GAN. */
int clgen_step_ada_end(clgen_step_program *s);
bool clgen_step_ends(const clgen_step_program *s); /* whether this program is the last of a step */
/* What controllers watch of the players: "separation", "diversity", "duplicates". */
void clgen_step_watch_players(clgen_step_program *s, clgen_tensor *real, clgen_tensor *fake, clgen_tensor *real_logits,
                              clgen_tensor *fake_logits);
/* "active_units" of a posterior's means (N,nz), where the guard turns beta. */
void clgen_step_watch_posterior(clgen_step_program *s, clgen_tensor *mu);
/* "grad_square" and "grad_along" of a network, before its update. */
void clgen_step_watch_gradient(clgen_step_program *s, const clgen_module *b, clgen_tensor *grad);

/* The KL divergence of a posterior (N,nz), a mean over the batch, and what stands for it in a loss. */
typedef struct {
  clgen_tensor *kl, *weighted;   /* scalars */
  clgen_tensor *beta, *capacity; /* NULL where it has none */
} clgen_kl_term;
clgen_kl_term clgen_step_kl_term(clgen_step_program *s, clgen_tensor *mu, clgen_tensor *logvar);
void clgen_step_watch_kl(clgen_step_program *s, const clgen_kl_term *t);
/* The same of controllers. */
int clgen_controllers_batch_gpu_check(int64_t batch, int64_t at_once, unsigned controllers);
/* As clgen_batch_gpu_check, of what sees the batch as a whole. */
int clgen_vae_check_whole(const char *option, const clgen_vae_objective *o);
int clgen_vae_batch_gpu_check(int64_t batch, int64_t at_once, const clgen_vae_objective *o);
bool clgen_vae_objective_has_beta(const clgen_vae_objective *o); /* another than 1 */
int64_t clgen_step_noise_rows(const clgen_step_program *s);      /* rows of the noise */

/* What a regulariser is computed from. */
typedef struct {
  clgen_step_program *step;
  clgen_module *d;
  clgen_tensor *real, *fake;                   /* images; no gradient flows into them in D's part */
  clgen_tensor *real_logits, *fake_logits;     /* in D's part */
  clgen_tensor *real_features, *fake_features; /* in G's part, of the new D */
} clgen_regularized;

typedef struct {
  const char *name;
  clgen_regularizer_bit bit;
  bool of_g;                                          /* it is added to G's loss, not to D's */
  clgen_tensor *(*value)(const clgen_regularized *r); /* NULL: it is in how the network is made, or updated */
  double (*weight)(const clgen_gan_objective *o);
  clgen_d_norm d_norm; /* CLGEN_D_PLAIN: one that judges each image by itself; CLGEN_D_SPECTRAL; CLGEN_D_AUTO: any */
  const char *whole;   /* why it cannot be computed from a part of the batch; NULL: it can */
} clgen_regularizer;
const clgen_regularizer *clgen_regularizers(size_t *n);
/* Adds the weighted regularisers of one player to its loss. */
clgen_tensor *clgen_regularize(const clgen_regularized *r, bool of_g, clgen_tensor *loss);
/* A player's gradient with that of historical averaging, where it is asked for; `scalar`: where the player's lie. */
clgen_tensor *clgen_regularize_history(clgen_step_program *s, clgen_module *b, clgen_tensor *grad, int scalar);
bool clgen_regularizer_is_due(const clgen_step_program *s, const clgen_regularizer *r);

/* ---- Going on from another network ---- */

/* Sets frozen[i][k] for what --freeze (patterns of layers and tensors, with commas) and the first layers of the
 * discriminator name; by network and entry of the state dict, free() each, on failure too. */
int clgen_freeze_find(const clgen_model *m, const char *patterns, int first_of_d, bool *frozen[CLGEN_MODEL_MAX_NETWORKS]);

/* ---- A run's folder ---- */

typedef struct {
  char path[CLGEN_PATH_TEXT];
  FILE *log; /* log.txt, locked while the run goes on */
} clgen_run_dir;

/* "<dir>/00000-<data>-<cfg>[-<desc>]" with the next free number. */
int clgen_run_dir_create(clgen_run_dir *d, const char *outdir, const char *data, const char *cfg, const char *desc);
/* The folder of a run, or the one that a snapshot lies in; *kimg is the number of the snapshot, or -1 for a folder. */
int clgen_run_dir_find(clgen_run_dir *d, const char *resume, long *kimg);
/* Opens log.txt for appending; fails when another process has. */
int clgen_run_dir_lock(clgen_run_dir *d);
void clgen_run_dir_close(clgen_run_dir *d);
/* "<dir>/<prefix>NNNNNN<suffix>" */
void clgen_run_dir_file(const clgen_run_dir *d, const char *prefix, long kimg, const char *suffix,
                        char out[CLGEN_PATH_TEXT]);
/* The numbers of the files of such names, ascending; at most max, the highest. Returns how many. */
int clgen_run_dir_numbers(const clgen_run_dir *d, const char *prefix, const char *suffix, long *numbers, int max);
int clgen_run_dir_append(const clgen_run_dir *d, const char *name, const char *line);

#define CLGEN_STATE_PREFIX "training-state-"
#define CLGEN_SNAPSHOT_PREFIX "network-snapshot-"
#define CLGEN_SAFETENSORS ".safetensors"

/* ---- Training state ---- */

/* What a trainer counts beside its states, for a state to keep: steps since the last report, and updates until the
 * hyperparameters changed. Zeros are those of a new trainer. */
enum { CLGEN_TRAINER_COUNTS = 64 };
void clgen_trainer_get_counts(const clgen_trainer *t, int64_t counts[CLGEN_TRAINER_COUNTS]);
void clgen_trainer_set_counts(clgen_trainer *t, const int64_t counts[CLGEN_TRAINER_COUNTS]);
/* Those that the counts belong to: the counts stay. */
void clgen_trainer_restore_hyperparameters(clgen_trainer *t, const float hyper[CLGEN_HYPER_COUNT]);

/* What a state must agree in to be gone on with. */
typedef struct {
  const char *course, *data; /* the options' JSON; the data's fingerprint */
  int64_t stats_lines;       /* lines of stats.jsonl that belong to it; loaded: -1 where an older version wrote it */
  int64_t counts[CLGEN_TRAINER_COUNTS]; /* clgen_trainer_get_counts */
} clgen_state_identity;

/* Every state in the store but gradients, and the step: all that training and its statistics depend on. Refuses to write a
 * number that is not finite (CLGEN_E_NONFINITE, with its name). Loading checks course and data, and fills in the rest. */
int clgen_training_state_save(clgen_store *store, const char *path, uint64_t step, const clgen_state_identity *id);
int clgen_training_state_load(clgen_store *store, const char *path, uint64_t *step, clgen_state_identity *id);
/* Count and shape of the images, and a hash of their labels and bytes, as text. Of very large data every so many-th image.
 */
void clgen_data_fingerprint(const clgen_dataset *ds, char out[96]);

/* ---- The run ---- */

typedef struct {
  clgen_train_options options;
  const clgen_train_calls *calls;
  clgen_train_result *result;
  clgen_logger log; /* to the caller and to log.txt */
  clgen_run_dir dir;
  bool resumed;
  char state_path[CLGEN_PATH_TEXT]; /* to go on from */
  clgen_arch arch;
  clgen_device *device;
  clgen_dataset *data, *validation; /* validation: held out of it; NULL: nothing is */
  clgen_sampler *sampler, *validation_sampler;
  clgen_model *model;
  clgen_safetensors *init_file; /* NULL: a run that starts from nothing, or goes on */
  clgen_weight_transfer *carry;
  bool *frozen[CLGEN_MODEL_MAX_NETWORKS];
  clgen_store *store;
  clgen_trainer_config config;
  clgen_trainer *trainer;
  clgen_generator *generator;         /* NULL: a classifier */
  clgen_test_accuracy *test_accuracy; /* of a classifier, where there are test images */
  clgen_assessor *assessor;           /* NULL: no metrics */
  uint64_t judging_bytes;             /* that features take on the device */
  char *course, fingerprint[96];
  uint8_t *batch, *validation_batch; /* gathered here */
  int *labels, *validation_labels;   /* of a batch */
  float *latents;                    /* of the fakes */
  int *classes;                      /* of the images of a grid, by rows; NULL: none are asked for */
  uint8_t *pixels;                   /* of a grid */
  uint64_t step, total_steps;
  int64_t stats_lines;  /* in stats.jsonl */
  unsigned controllers; /* mask */
  clgen_adapt_config adapt;
  uint64_t window; /* steps between two decisions */
} clgen_run;

#define CLGEN_GRID_COLUMNS 10
#define CLGEN_GRID_IMAGES 100

int clgen_run_open(clgen_run *r, const bool *given); /* everything that can be checked, and nothing written */
void clgen_run_close(clgen_run *r);
uint64_t clgen_run_peak_bytes(const clgen_run *r);
/* Adds to the message of a run that does not fit which parts of the batch, and which batch, would. Returns code. */
int clgen_run_advise(const clgen_run *r, int code);
void clgen_run_say_plan(const clgen_run *r);
int clgen_run_loop(clgen_run *r);

/* The class of each image of a grid, as far as there is room a row (or more) for each. */
void clgen_run_grid_classes(int classes, int of_image[CLGEN_GRID_IMAGES]);
/* reals.png, fakes_init.png, fakesNNNNNN.png */
int clgen_run_write_reals(clgen_run *r);
int clgen_run_write_fakes(clgen_run *r, const char *path);
/* Training state, snapshot and fakes for where the run is. */
int clgen_run_save(clgen_run *r);

/* The state alone: of run, trainer and store. stats_lines may be NULL. */
int clgen_run_save_state(clgen_run *r, const char *path);
int clgen_run_load_state(clgen_run *r, const char *path, int64_t *stats_lines);
/* Appends a line to stats.jsonl. Trimming leaves its first `lines` lines (-1: every whole one). */
int clgen_run_add_stats(clgen_run *r, const char *line);
int clgen_run_trim_stats(clgen_run *r, int64_t lines);

long clgen_run_kimg(const clgen_run *r);

int clgen_run_open_device(clgen_run *r); /* once */
/* --cfg auto becomes what suits the data and the device, as far as `given` leaves it open. Opens the device. */
int clgen_run_auto(clgen_run *r, const bool *given);
int clgen_run_look_at_data(const clgen_run *r, clgen_auto_facts *f);

/* ---- Controllers ---- */

/* Reads --adapt. */
int clgen_run_adapt_open(clgen_run *r);
void clgen_run_adapt_say(const clgen_run *r);
/* For a new run, whose states are initialised; for one that goes on, whose state is loaded. */
int clgen_run_adapt_begin(clgen_run *r);
int clgen_run_adapt_resume(clgen_run *r);
/* After each step: decides when it is time. May go back to an earlier step. */
int clgen_run_adapt(clgen_run *r);
/* Asks the guard at once, because `what` is not finite; *rescued: the run is back at a good state. */
int clgen_run_adapt_rescue(clgen_run *r, const char *what, bool *rescued);
/* ---- --init and what belongs to it ---- */

/* Opens the network; options that were not given become what follows from it. */
int clgen_run_init_open(clgen_run *r, const bool *given);
/* What holds the model's networks back, for its trainer. */
int clgen_run_init_multipliers(clgen_run *r, clgen_fine_tuning *out);
void clgen_run_init_say(const clgen_run *r);
/* Writes into the store, in which the model has been initialised, all that comes from the network. */
int clgen_run_init_begin(clgen_run *r);
void clgen_run_init_close(clgen_run *r);
/* Whether some of its parameters have a rate of their own. */
bool clgen_run_is_rated(const clgen_run *r, int index);
bool clgen_run_trains(const clgen_model *m, int index);
bool clgen_run_ewc_is_of(const clgen_train_options *o, int index);
/* The network of the file that the Fisher information of this one is of, and the one that makes images for it. */
int clgen_run_fisher_networks(const clgen_run *r, int index, int *network, int *generator);

/* ---- Metrics ---- */

/* Checks --metrics and counts the memory that judging will take. Does nothing without, as all of these. */
int clgen_run_metrics_plan(clgen_run *r);
/* Opens what it takes; may train a feature network. */
int clgen_run_metrics_open(clgen_run *r);
/* What features will take, chosen as by clgen_features_for; where it is not known which, the larger. Runs nothing. */
int clgen_features_plan(clgen_device *device, const char *spec, const clgen_dataset *data, clgen_memory *out);
void clgen_run_metrics_say(const clgen_run *r);
/* Judges the network as it is, which has just been saved; lines go to metric-<name>.jsonl, then best.json is written. */
int clgen_run_metrics(clgen_run *r);
/* The same if the snapshot that a run goes on from has no line: its process was killed before. */
int clgen_run_metrics_missing(clgen_run *r);

/* ---- Classes ---- */

/* Every image has to have a class, says `who`. */
int clgen_labels_check(const clgen_dataset *ds, const char *who);
/* The model's classes become those of the data. */
int clgen_model_take_classes(clgen_model *m, const clgen_dataset *ds);
/* Test images, and the classes that they have in the training data's numbering. */
struct clgen_test_accuracy {
  clgen_features *features;
  uint8_t *images;
  int *labels;
  float *probabilities;
  int64_t n;
};
/* Reads the test split of the same data; *out stays NULL, with a line in the log, when there is none of its own. */
int clgen_test_accuracy_open(clgen_test_accuracy **out, const clgen_run *r);
void clgen_test_accuracy_free(clgen_test_accuracy *e);
/* The share of test images whose class is the most probable, by the running statistics. */
int clgen_test_accuracy_run(clgen_test_accuracy *e, double *accuracy);

#endif
