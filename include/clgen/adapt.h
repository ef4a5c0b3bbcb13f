/* Controllers: they watch a training run and adjust it while it goes on, and say what they changed and why.
 *
 * Decisions fall at fixed steps (every `window` steps, whatever the run was interrupted by), each controller's memory is a
 * few numbers in the store of states, and a decision is a function of both and of what was measured since the last one: so a
 * run that goes on from a snapshot decides as if it had never stopped. A controller that has to act in every step does so
 * with nodes of the step's graph (ada, control-vae) and only reports here. */
#ifndef CLGEN_ADAPT_H
#define CLGEN_ADAPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clgen/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a controller may turn, without a program being built anew. Each is a factor that starts at 1, but for the number of
 * critic steps, which starts as the run's option has it. */
typedef enum {
  CLGEN_KNOB_LR,           /* of every learning rate */
  CLGEN_KNOB_LR_D,         /* of the discriminator's learning rate, beside the other */
  CLGEN_KNOB_PENALTY,      /* of the weights of the discriminator's regularisers */
  CLGEN_KNOB_BETA,         /* of what the divergence weighs in a VAE */
  CLGEN_KNOB_BATCHES,      /* whose gradients make one update: 1, 2, 4, ... batches_max */
  CLGEN_KNOB_CRITIC_STEPS, /* updates of the discriminator for one of the generator: 1 .. CLGEN_MAX_CRITIC_STEPS */
  CLGEN_KNOB_COUNT
} clgen_knob;
#define CLGEN_MAX_CRITIC_STEPS 5 /* that controllers choose */

/* What is being trained. */
typedef struct {
  bool gan;
  int critic_steps;           /* at first */
  int64_t batch, batches_max; /* batches_max 1 (or 0): the batch is what it is */
  double total_kimg;
  /* plateau: how long without improvement, and what the rates are multiplied by */
  double patience_kimg, plateau_factor;
  double kl_target; /* control-vae */
  bool beta_turns;  /* of a VAE: CLGEN_KNOB_BETA has an effect, and no other controller sets beta */
} clgen_adapt_config;

/* What happened since the last decision: the means of those of the step's watched numbers (train.h) that were computed. */
#define CLGEN_MAX_WATCHED 24
typedef struct {
  double kimg; /* images seen until now */
  int n;
  const char *name[CLGEN_MAX_WATCHED];
  double mean[CLGEN_MAX_WATCHED]; /* not finite where one step's number was not */
} clgen_adapt_statistics;
/* NaN when there is none of this name. */
double clgen_adapt_mean(const clgen_adapt_statistics *s, const char *name);

#define CLGEN_CONTROLLER_STATE 8 /* numbers that a controller may keep */
#define CLGEN_MAX_DECISIONS 16
typedef struct {
  const char *by, *what; /* the controller; the quantity that it changed */
  double from, to;
  char reason[160];
} clgen_decision;

/* What the controllers make of it. */
typedef struct {
  float knob[CLGEN_KNOB_COUNT]; /* as they are; controllers change them in place */
  bool healthy;                 /* this moment is worth coming back to (the guard's view) */
  bool roll_back;               /* to the last healthy moment */
  int n;
  clgen_decision decision[CLGEN_MAX_DECISIONS];
} clgen_adapt_outcome;
/* Adds one, as long as there is room; the reason is as in printf. */
void clgen_adapt_decide(clgen_adapt_outcome *out, const char *by, const char *what, double from, double to,
                        const char *reason, ...);

typedef enum {
  CLGEN_WATCH_PLAYERS = 1,  /* of a GAN: "separation", "diversity" and "duplicates" */
  CLGEN_WATCH_GRADIENTS = 2 /* of each network: "grad_square" and "grad_along", |g|^2 and <g, Adam's mean before> */
} clgen_adapt_watch;

typedef struct {
  const char *name; /* of --adapt, unless another option asks for it: `by_option` */
  bool by_option;
  bool for_gan, for_others;
  bool for_encoders; /* and only where there is one */
  unsigned watches;  /* clgen_adapt_watch: what it needs among the watched numbers */
  /* state: CLGEN_CONTROLLER_STATE numbers, 0 at first. */
  void (*act)(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state, clgen_adapt_outcome *out);
} clgen_controller;

/* All there are, in the order in which they decide. */
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
void clgen_adapt_start(const clgen_adapt_config *c, float knob[CLGEN_KNOB_COUNT]);
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
