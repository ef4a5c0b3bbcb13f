/* Controllers: they change hyperparameters while training runs, and report what they changed and why.
 *
 * Decisions are made at fixed steps (every `window` steps, also in resumed runs). A decision is a function of the step, of
 * the controller's state (a few numbers in the store) and of the means since the last decision. So a resumed run makes the
 * same decisions as one that never stopped. Controllers that act in each step (ada, control-vae) are nodes of the step's
 * graph, and only report here. */
#ifndef CLGEN_ADAPT_H
#define CLGEN_ADAPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clgen/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The hyperparameters that a controller may change, without compiling a program again. Each is a factor with initial value
 * 1, except the number of critic steps, whose initial value is the run's option. */
typedef enum {
  CLGEN_HYPER_LR,           /* factor of all learning rates */
  CLGEN_HYPER_LR_D,         /* additional factor of the discriminator's learning rate */
  CLGEN_HYPER_PENALTY,      /* factor of the weights of the discriminator's regularisers */
  CLGEN_HYPER_BETA,         /* factor of a VAE's beta */
  CLGEN_HYPER_BATCHES,      /* batches per update (gradient accumulation): 1, 2, 4, ... batches_max */
  CLGEN_HYPER_CRITIC_STEPS, /* discriminator updates per generator update: 1 .. CLGEN_MAX_CRITIC_STEPS */
  CLGEN_HYPER_COUNT
} clgen_hyperparameter;
#define CLGEN_MAX_CRITIC_STEPS 5 /* the most that a controller chooses */

/* The settings of a run that controllers need. */
typedef struct {
  bool gan;
  int critic_steps;           /* initial value */
  int64_t batch, batches_max; /* batches_max 1 (or 0): the batch size is fixed */
  double total_kimg;
  /* plateau: patience, and the factor of the learning rates */
  double patience_kimg, plateau_factor;
  double kl_target; /* control-vae */
  bool adapts_beta; /* of a VAE: CLGEN_HYPER_BETA may change, and no other controller sets beta */
} clgen_adapt_config;

/* The means of the step's watched values (train.h) since the last decision, over the steps that computed them. */
#define CLGEN_MAX_WATCHED 24
typedef struct {
  double kimg; /* thousands of images seen until now */
  int n;
  const char *name[CLGEN_MAX_WATCHED];
  double mean[CLGEN_MAX_WATCHED]; /* not finite if a step's value was not */
} clgen_adapt_statistics;
/* NaN when there is none of this name. */
double clgen_adapt_mean(const clgen_adapt_statistics *s, const char *name);

#define CLGEN_CONTROLLER_STATE 8 /* size of a controller's state */
#define CLGEN_MAX_DECISIONS 16
typedef struct {
  const char *by, *what; /* the controller; the quantity that it changed */
  double from, to;
  char reason[160];
} clgen_decision;

/* The result of a decision. */
typedef struct {
  float hyper[CLGEN_HYPER_COUNT]; /* current values; controllers change them in place */
  bool healthy;                   /* the guard: the current state is good */
  bool roll_back;                 /* restore the last good state */
  int n;
  clgen_decision decision[CLGEN_MAX_DECISIONS];
} clgen_adapt_outcome;
/* Appends a decision if there is room; the reason is a printf format. */
void clgen_adapt_decide(clgen_adapt_outcome *out, const char *by, const char *what, double from, double to,
                        const char *reason, ...);

typedef enum {
  CLGEN_WATCH_PLAYERS = 1,  /* of a GAN: "separation", "diversity" and "duplicates" */
  CLGEN_WATCH_GRADIENTS = 2 /* of each network: "grad_square" and "grad_along", |g|^2 and <g, Adam's mean before> */
} clgen_adapt_watch;

typedef struct {
  const char *name; /* in --adapt; by_option: enabled by another option */
  bool by_option;
  bool for_gan, for_others;
  bool for_encoders; /* needs an encoder */
  unsigned watches;  /* clgen_adapt_watch: the watched values that it needs */
  /* state: CLGEN_CONTROLLER_STATE numbers, 0 at first. */
  void (*act)(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state, clgen_adapt_outcome *out);
} clgen_controller;

/* All controllers, in the order in which they decide. */
const clgen_controller *clgen_controllers(size_t *n);
#define CLGEN_CONTROLLER_NAMES "guard, ada, balance, noise-scale, control-vae"

/* Parses "guard,balance" into a mask of rows; "none" and "" give 0. CLGEN_E_INVALID for an unknown name, and for a
 * controller that does not support this kind of model. */
int clgen_adapt_parse(unsigned *mask, const char *list, bool gan, bool encodes);
/* The mask of one row; 0 when there is none of this name. */
unsigned clgen_adapt_mask(const char *name);
/* The names in the mask, with commas. */
void clgen_adapt_text(unsigned mask, char *buf, size_t size);
/* Whether a controller of the mask needs these watched values. */
bool clgen_adapt_watches(unsigned mask, clgen_adapt_watch what);
/* ---- ControlVAE ---- */

/* Shao et al. 2020, algorithm 1: a PI controller sets beta so that the KL divergence becomes `target` nats. */
typedef struct {
  double target;    /* 0: no controller */
  double kp, ki;    /* gains of the proportional and the integral term; ki is per step, and is multiplied by beta (by at
                     * least 0.1) */
  double low, high; /* limits of beta */
} clgen_control_vae_config;
#define CLGEN_CONTROL_VAE_STATE "adapt.control_vae"
/* A step's beta, (1), computed in the step's graph from the batch's mean KL divergence, a scalar. So no step waits for a
 * read. The integral is a state (1), which a snapshot saves. No gradient flows through beta. */
clgen_tensor *clgen_control_vae(clgen_graph *g, const clgen_control_vae_config *c, clgen_tensor *kl);

/* ---- Decisions ---- */

/* The initial hyperparameters. */
void clgen_adapt_start(const clgen_adapt_config *c, float hyper[CLGEN_HYPER_COUNT]);
/* One decision of all controllers in the mask. `states` has CLGEN_CONTROLLER_STATE numbers for each row of
 * clgen_controllers, also for those that are not in the mask. */
void clgen_adapt_act(unsigned mask, const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *states,
                     clgen_adapt_outcome *out);

/* ---- Before training: --cfg auto -------------------------------------------------------------------------------------- */

/* Facts about the data and the device. The members after `seconds` are options: one that is not 0 is given, and not
 * chosen. */
typedef struct {
  int64_t images;
  int width, height; /* of the smallest picture */
  bool grey;         /* all pictures are grey */
  double diversity;  /* root mean squared difference between the pixels of two pictures, 0 to 1 */
  /* Mean distance of transformed pictures (mirrored, rotated, negative) to the nearest other picture, divided by that of the
   * pictures themselves. About 1: the transformation preserves the distribution of the data. 0: not measured. */
  double mirrored, turned, negative;
  double gflops;   /* of a large matrix product */
  uint64_t memory; /* bytes */
  double seconds;  /* time for training */
  int res, channels, ngf;
  int64_t batch, kimg;
} clgen_auto_facts;

#define CLGEN_AUTO_FEW 5000 /* data sets with fewer images are augmented; their symmetries are measured for that */
#define CLGEN_AUTO_OPTIONS 12
#define CLGEN_AUTO_VALUE 128
typedef struct {
  char name[16], value[CLGEN_AUTO_VALUE]; /* "ngf", "32" */
  char why[200];
} clgen_auto_option;

/* The chosen options of clgen train; each may depend on those before it. */
typedef struct {
  int res, channels, ngf;
  int64_t batch, kimg;
  int n;
  clgen_auto_option option[CLGEN_AUTO_OPTIONS];
} clgen_auto_choice;
void clgen_auto_choose(const clgen_auto_facts *facts, clgen_auto_choice *out);
/* The weight of R1 for this image size and batch size. */
double clgen_auto_r1_gamma(int res, int64_t batch);

#ifdef __cplusplus
}
#endif
#endif
