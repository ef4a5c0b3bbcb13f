/* What a trainer is made of: step.c puts it together, step_run.c runs its steps, step_report.c reads what they watched. */
#ifndef CLGEN_TRAINER_H
#define CLGEN_TRAINER_H

#include "train/train_internal.h"

/* By index: the phase times CLGEN_STEP_DUE, and 1 set: without G's update; 2 set: without D's lazy regularisers; 4 set: with
 * G's update, but without its lazy regularisers. Kinds that never come are not made. */
#define CLGEN_STEP_DUE 8
#define CLGEN_STEP_KINDS (CLGEN_STEP_DUE * CLGEN_PHASES)

struct clgen_trainer {
  const clgen_model *model;
  clgen_store *store;
  clgen_trainer_config config;
  clgen_watched_names names;
  clgen_step_program kind[CLGEN_STEP_KINDS];
  clgen_program_info info;
  float *labels, *fake_labels, *validation_labels; /* the classes of images, as rows of a 1 among zeros */
  const uint8_t *validation;                       /* the caller's, for the next step */
  int *drawn;
  float *micro_batch;                    /* which micro_batch of a batch it is */
  uint64_t steps, ran[CLGEN_STEP_KINDS]; /* since the last report */
  float hyper[CLGEN_HYPER_COUNT];
  uint64_t updates[CLGEN_PLAYERS], since; /* of each player before step `since`, from which the hyperparameters hold */
};

/* As the hyper says: D's updates for one of G. */
uint64_t clgen_trainer_critic_steps(const clgen_trainer *t);
/* The three bits of what is due in a step. */
int clgen_trainer_kind_at(const clgen_trainer *t, uint64_t step);
/* The programs of one step, in the order in which they run; returns how many. */
int clgen_trainer_kinds_of(const clgen_trainer *t, int due, int kinds[4]);
/* How often one of them runs in a step. */
int64_t clgen_trainer_runs_of(const clgen_trainer *t, int kind);

#endif
