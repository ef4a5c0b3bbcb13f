/* Controllers: they change hyperparameters while training runs, and report what they changed and why.
 *
 * Decisions are made at fixed steps (every `window` steps, whatever the interruptions). A decision is a function of the
 * step, of the controller's memory (a few numbers in the store of states) and of the means since the last decision. So a
 * resumed run decides as if it had never stopped. A controller that acts in every step is part of the step's graph (ada,
 * control-vae) and only reports here. */
#ifndef CLGEN_ADAPT_H
#define CLGEN_ADAPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clgen/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The hyperparameters that a controller may change; no program is compiled again. Each is a factor with initial value 1,
 * except the number of critic steps, which begins at the run's option. */
typedef enum {
  CLGEN_HYPER_LR,           /* factor of all learning rates */
  CLGEN_HYPER_LR_D,         /* additional factor of the discriminator's learning rate */
  CLGEN_HYPER_PENALTY,      /* factor of the weights of the discriminator's regularisers */
  CLGEN_HYPER_BETA,         /* factor of a VAE's beta */
  CLGEN_HYPER_BATCHES,      /* batches per update (gradient accumulation): 1, 2, 4, ... batches_max */
  CLGEN_HYPER_CRITIC_STEPS, /* discriminator updates per generator update: 1 .. CLGEN_MAX_CRITIC_STEPS */
  CLGEN_HYPER_COUNT
} clgen_hyperparameter;
#define CLGEN_MAX_CRITIC_STEPS 5 /* that controllers choose */

/* What is being trained. */
typedef struct {
  bool gan;
  int critic_steps;           /* at first */
  int64_t batch, batches_max; /* batches_max 1 (or 0): the batch size is fixed */
  double total_kimg;
  /* plateau: patience, and the factor of the learning rates */
  double patience_kimg, plateau_factor;
  double kl_target; /* control-vae */
  bool beta_turns;  /* of a VAE: CLGEN_HYPER_BETA may change, and no other controller sets beta */
} clgen_adapt_config;

/* The means since the last decision of the step's watched values (train.h), of those that were computed. */
#define CLGEN_MAX_WATCHED 24
typedef struct {
  double kimg; /* images seen until now */
  int n;
  const char *name[CLGEN_MAX_WATCHED];
  double mean[CLGEN_MAX_WATCHED]; /* not finite if a step's value was not */
} clgen_adapt_statistics;
/* NaN when there is none of this name. */
double clgen_adapt_mean(const clgen_adapt_statistics *s, const char *name);

#define CLGEN_CONTROLLER_STATE 8 /* numbers of memory of a controller */
#define CLGEN_MAX_DECISIONS 16
typedef struct {
  const char *by, *what; /* the controller; the quantity that it changed */
  double from, to;
  char reason[160];
} clgen_decision;

/* The result of a decision. */
typedef struct {
  float hyper[CLGEN_HYPER_COUNT]; /* present values; controllers change them in place */
  bool healthy;                   /* the guard: the present state is good */
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

/* "guard,balance" to a mask of rows; "none" and "" to 0. CLGEN_E_INVALID for a name that there is not, and for one that is
 * not for this kind of model. */
int clgen_adapt_parse(unsigned *mask, const char *list, bool gan, bool encodes);
/* The mask of one row; 0 when there is none of this name. */
unsigned clgen_adapt_mask(const char *name);
/* The names in the mask, with commas. */
void clgen_adapt_text(unsigned mask, char *buf, size_t size);
/* Whether one of them watches it. */
bool clgen_adapt_watches(unsigned mask, clgen_adapt_watch what);
/* ---- ControlVAE ---- */

/* Shao et al. 2020, algorithm 1: beta by a PI controller, so that the KL divergence is `target` nats. */
typedef struct {
  double target;    /* 0: none is wanted */
  double kp, ki;    /* gains of both terms; ki is of each step, and times beta (at least 0.1) */
  double low, high; /* beta stays between them */
} clgen_control_vae_config;
#define CLGEN_CONTROL_VAE_STATE "adapt.control_vae"
/* A step's beta, (1), from the mean KL divergence (a scalar) of its batch, as nodes of its graph: no step waits for a read,
 * and the integral is a state (1) that a snapshot holds. No gradient flows through it. */
clgen_tensor *clgen_control_vae(clgen_graph *g, const clgen_control_vae_config *c, clgen_tensor *kl);

/* ---- Decisions ---- */

/* Knobs as they start. */
void clgen_adapt_start(const clgen_adapt_config *c, float hyper[CLGEN_HYPER_COUNT]);
/* One decision of all controllers in the mask: `states` is CLGEN_CONTROLLER_STATE numbers for each row there is. */
void clgen_adapt_act(unsigned mask, const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *states,
                     clgen_adapt_outcome *out);

/* ---- Before training: --cfg auto -------------------------------------------------------------------------------------- */

/* What is known of the data and the device; what is not 0 below `seconds` is fixed, and not chosen. */
typedef struct {
  int64_t images;
  int width, height; /* of the smallest picture */
  bool grey;         /* every pixel of every picture */
  double diversity;  /* how far two pictures lie apart: root of the mean squared difference of their pixels, of 0 to 1 */
  /* How much farther mirrored, turned and negative pictures lie from the nearest of the others than pictures do: about 1
   * where they might be among them, 0 where nobody looked. */
  double mirrored, turned, negative;
  double gflops;   /* of a large matrix product */
  uint64_t memory; /* bytes */
  double seconds;  /* that training may take */
  int res, channels, ngf;
  int64_t batch, kimg;
} clgen_auto_facts;

#define CLGEN_AUTO_FEW 5000 /* fewer images than that are augmented, for which their symmetry is looked at */
#define CLGEN_AUTO_OPTIONS 12
#define CLGEN_AUTO_VALUE 128
typedef struct {
  char name[16], value[CLGEN_AUTO_VALUE]; /* "ngf", "32" */
  char why[200];
} clgen_auto_option;

/* Options of clgen train, in the order in which they follow from each other. */
typedef struct {
  int res, channels, ngf;
  int64_t batch, kimg;
  int n;
  clgen_auto_option option[CLGEN_AUTO_OPTIONS];
} clgen_auto_choice;
void clgen_auto_choose(const clgen_auto_facts *facts, clgen_auto_choice *out);
/* The weight of R1 by the size of the images and the batch. */
double clgen_auto_r1_gamma(int res, int64_t batch);

#ifdef __cplusplus
}
#endif
#endif
