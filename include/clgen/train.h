/* Training: one step as a program, and the whole run around it with its folder, snapshots and exact resume. */
#ifndef CLGEN_TRAIN_H
#define CLGEN_TRAIN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clgen/adapt.h>
#include <clgen/augment.h>
#include <clgen/data.h>
#include <clgen/device.h>
#include <clgen/features.h>
#include <clgen/graph.h>
#include <clgen/image.h>
#include <clgen/model.h>
#include <clgen/nn.h>
#include <clgen/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The objective of a GAN --------------------------------------------------------------------------------
 */

/* Regularisers of the losses, and requirements on the discriminator, as bits. */
typedef enum {
  CLGEN_REG_GP = 1,       /* Gulrajani et al. 2017: gp_weight mean (|dD/dx| - 1)^2, x between an image and a fake */
  CLGEN_REG_R1 = 2,       /* Mescheder et al. 2018: r1_gamma / 2 mean |dD/dx|^2 at images, every r1_interval steps */
  CLGEN_REG_DRAGAN = 4,   /* Kodali et al. 2017: as gp, x between an image and a perturbed image */
  CLGEN_REG_SN = 8,       /* Miyato et al. 2018: the model's d_norm is CLGEN_D_SPECTRAL */
  CLGEN_REG_FM = 16,      /* Salimans et al. 2016: for G, fm_weight |mean features of images - those of fakes|^2 */
  CLGEN_REG_HA = 32,      /* Salimans et al. 2016: for both, ha_weight |parameters - the mean of those so far|^2 */
  CLGEN_REG_BCR = 64,     /* Zhao et al. 2021: bcr_weight mean (D(x) - D(x shifted))^2 of images and of fakes */
  CLGEN_REG_MBSTD = 128,  /* the model's minibatch is CLGEN_MINIBATCH_STD */
  CLGEN_REG_MBDISC = 256, /* ... CLGEN_MINIBATCH_DISC */
  /* Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN", equation 4, for G:
   * pl_weight mean (|J^T y| - a)^2, J of images by styles, y normal, a the mean of |J^T y| so far; every pl_interval updates
   */
  CLGEN_REG_PL = 512
} clgen_regularizer_bit;

/* All zeros are the non-saturating loss as it is. */
typedef struct {
  const clgen_gan_loss *loss; /* NULL: non-saturating */
  unsigned regularizers;      /* clgen_regularizer_bit */
  double smoothing;           /* D's target for images is 1 - smoothing */
  double clip;                /* D's weights are clipped to [-clip, clip]; 0: no clipping */
  double gp_weight, r1_gamma, fm_weight, ha_weight, bcr_weight;
  bool bcr_flip;     /* bcr mirrors half of the images, too */
  double aux_weight; /* of the auxiliary classifier's loss, in the losses of D and G (CLGEN_COND_ACGAN); 0: 1 */
  int critic_steps;  /* D updates per G update, each on its own batch; 0: 1 */
  int r1_interval;   /* 0: 1 */
  double pl_weight;
  int pl_interval; /* 0: 1 */
} clgen_gan_objective;

/* Parses --loss and --reg ("r1,sn"; "" for none), and adds what the loss needs. CLGEN_E_INVALID for unknown names and for
 * combinations that are refused, with the reason. */
int clgen_gan_objective_parse(clgen_gan_objective *out, const char *loss, const char *regularizers);
/* The regularisers of --reg, by index; NULL beyond the last. */
const char *clgen_gan_regularizer_name(size_t index);
/* Replaces *norm, the requested normalisation of the discriminator, by the one for this objective; CLGEN_E_INVALID with the
 * reason if they cannot be combined. */
int clgen_gan_objective_d_norm(const clgen_gan_objective *o, clgen_arch arch, clgen_d_norm *norm);
/* The minibatch layer that the objective needs. */
clgen_minibatch clgen_gan_objective_minibatch(const clgen_gan_objective *o);

/* ---- Fine-tuning ------------------------------------------------------------------------------------------
 */

/* By index of the model's networks; all zeros: plain training. The caller writes the named states before the first step
 * (clgen_module_lr_multipliers and clgen_module_anchor_penalty define them). */
typedef struct {
  bool rated[CLGEN_MODEL_MAX_NETWORKS];         /* learning rate multipliers in "<prefix>.rate" */
  const bool *frozen[CLGEN_MODEL_MAX_NETWORKS]; /* by entry of the state dict; read by clgen_trainer_create. Needs `rated` */
  bool anchored[CLGEN_MODEL_MAX_NETWORKS];      /* quadratic penalty: "<prefix>.anchor" and "<prefix>.stiffness" */
} clgen_fine_tuning;

/* ---- The objective of a VAE ---------------------------------------------------------------------------------------------
 */

/* All zeros are the negative ELBO: the reconstruction and the KL divergence, each a mean over the batch. Its likelihood is
 * part of the model. */
typedef struct {
  double beta;                                                                   /* of the divergence; 0: 1 */
  enum { CLGEN_ANNEAL_NONE, CLGEN_ANNEAL_LINEAR, CLGEN_ANNEAL_CYCLICAL } anneal; /* beta rises from 0, ... */
  double anneal_kimg;                                                            /* ... over so many kimg */
  double free_bits;                 /* nats of KL per group of dimensions that are not penalised */
  int free_bits_group;              /* dimensions in a group; 0: 1 */
  double capacity;                  /* the target of the divergence, instead of 0, ... */
  double capacity_kimg;             /* ... which rises from 0 over so many kimg */
  double recon_gamma;               /* of a VAE-GAN: the weight of the reconstruction in G's loss; 0: 0.03 */
  clgen_control_vae_config control; /* sets beta if it has a target */
  bool adapts_beta;                 /* controllers change beta */
  int samples;                      /* per image, of the importance-weighted bound; 0 and 1: the ELBO */
} clgen_vae_objective;
/* The schedules of beta and of the capacity: values after `kimg` thousand images. */
double clgen_vae_beta_at(const clgen_vae_objective *o, double kimg);
double clgen_vae_capacity_at(const clgen_vae_objective *o, double kimg);

/* ---- One training step ------------------------------------------------------------------------------------------------ */

typedef struct {
  int64_t batch;
  clgen_optimizer optimizer;
  double lr, lr_d;  /* of everything, and of the discriminator; lr_d 0: the same */
  double grad_clip; /* maximum gradient norm of a network; 0: no clipping */
  /* Learning rates rise from 0 over warmup_kimg; then they are constant, or fall to 0 at total_kimg. */
  enum { CLGEN_LR_CONSTANT, CLGEN_LR_LINEAR, CLGEN_LR_COSINE } schedule;
  double warmup_kimg, total_kimg;
  double ema_kimg;     /* half-life of the EMA of G's weights, in thousands of images; 0: no EMA */
  double ema_rampup;   /* maximum half-life as a share of the images seen (Karras et al. 2020: 0.05); 0: no limit */
  uint64_t seed;       /* of the latents */
  bool noise_given;    /* latents are given with each step instead of generated on the device */
  int64_t batches_max; /* CLGEN_HYPER_BATCHES may rise to this; 0 and 1: it stays at 1 */
  int64_t batch_gpu;   /* micro-batch size, a divisor of batch: gradients are accumulated; 0: the whole batch at once */
  clgen_gan_objective gan;
  clgen_augmentation augment; /* of all inputs of D */
  clgen_fine_tuning fine_tuning;
  unsigned controllers; /* mask of rows of clgen_controllers: enables their watched values and hyperparameters */
  clgen_vae_objective vae;
} clgen_trainer_config;

/* The step of a GAN is that of the usual PyTorch script: D's forward pass on a batch of images and on fakes, D's update;
 * then G's gradient through the updated D on the same fakes, G's update, and the update of G_ema. With critic_steps N only
 * every Nth step updates G. The step of a VAE is one update by its objective, with one posterior sample per image (or as
 * many as the objective says). The step of a classifier is one update by the cross entropy. A VAE-GAN computes each
 * network's gradient from the same forward passes (Larsen et al. 2016, algorithm 1). The step is one program, or one for
 * each kind of step. Its states are those of the networks and of the optimiser, "<prefix>.grad", and "train.*".
 *
 * With batch_gpu (gradient accumulation) a step is several programs: D's gradient on each micro-batch, accumulated; D's
 * update; G's gradient on each micro-batch, through the updated D; the updates of G and G_ema. Random numbers are drawn for
 * the whole batch, so if images do not depend on each other the step is the same up to rounding. Batch norm takes its
 * statistics from a micro-batch, and updates its running statistics with momentum 1 - (1 - momentum)^(1 / micro-batches).
 * The vectors of spectral normalisation move as for the whole batch. */
typedef struct clgen_trainer clgen_trainer;
/* Compiles for the store's device and allocates nothing there; model and store must outlive it. CLGEN_E_NOMEM says by how
 * much the step does not fit. */
int clgen_trainer_create(clgen_trainer **out, const clgen_model *m, clgen_store *store, const clgen_trainer_config *config);
void clgen_trainer_free(clgen_trainer *t);
const clgen_program_info *clgen_trainer_info(const clgen_trainer *t);
/* Allocates memory and builds the kernels. */
int clgen_trainer_prepare(clgen_trainer *t);
/* Enqueues step number `step` (from 0) on a batch of byte images (batch,C,H,W); noise only with noise_given: (batch,nz);
 * (batch samples,nz) with each image's one after another; or, for a VAE-GAN, (2 batch,nz), for the posterior and then for
 * the prior.
 * Returns without waiting for the device; both may be reused at once. */
int clgen_trainer_step(clgen_trainer *t, uint64_t step, const uint8_t *images, const float *noise);
/* Classifiers and conditional models need the classes (batch) of a step's images before it, 0 .. classes-1; CLGEN_E_INVALID
 * for others. */
int clgen_trainer_set_labels(clgen_trainer *t, const int *labels);
/* With noise_given, a conditional GAN also needs the classes (batch) of the fakes. Without it each step draws them by their
 * frequency (clgen_model_set_classes, before the first step). */
int clgen_trainer_set_fake_labels(clgen_trainer *t, const int *labels);

/* With augment.by_validation, each step needs a batch of validation images before it: bytes (batch,C,H,W), read by the next
 * clgen_trainer_step, and the classes (batch) of a conditional model, else NULL. */
int clgen_trainer_set_validation(clgen_trainer *t, const uint8_t *images, const int *labels);

/* Sets the controllers' hyperparameters, from step `step` on. */
void clgen_trainer_set_hyperparameters(clgen_trainer *t, const float hyper[CLGEN_HYPER_COUNT], uint64_t step);
/* The number of batches of the next step (CLGEN_HYPER_BATCHES). If it is n > 1 (batches_max), a step's images, classes and
 * noise are those of n batches, one after the other, and each network's gradients are accumulated before its update. Step
 * numbers count batches: step s is a multiple of n, and the next one is s + n. Each batch draws the random numbers, and
 * updates the running statistics, as in a step of its own. */
int64_t clgen_trainer_batches(const clgen_trainer *t);
/* The number of updates of the generator (or the only network) and of the discriminator before step `step`. It is part of
 * the training state, since controllers can change the number of critic steps. */
#define CLGEN_PLAYERS 2
void clgen_trainer_get_updates(const clgen_trainer *t, uint64_t step, uint64_t updates[CLGEN_PLAYERS]);
/* The watched values: losses and gradient norms, in the order in which a step computes them. */
typedef struct {
  int n;
  const char *name[CLGEN_MAX_WATCHED]; /* "loss_D_real", "grad_G", ... */
  double mean[CLGEN_MAX_WATCHED];      /* over the steps since the last call that computed the value */
  uint64_t steps;
  int bad;           /* index of the first value that became NaN or infinite, -1: none */
  uint64_t bad_step; /* its step, counted from 0 since the last call */
} clgen_trainer_report;
/* Waits for the device, reads the watched values since the last call, and resets them. */
int clgen_trainer_read(clgen_trainer *t, clgen_trainer_report *out);
/* The same for controllers, independent of clgen_trainer_read: the means over steps first .. last-1, which must be the steps
 * since the last such call. The sums are stored in the state "adapt.window", so a resumed run continues them. */
int clgen_trainer_read_window(clgen_trainer *t, uint64_t first, uint64_t last, clgen_adapt_statistics *out);

/* ---- Fisher information -------------------------------------------------------------------------------------------------
 */

/* The diagonal of the Fisher information of network `network` of a model in `store`: for each parameter, the mean over
 * images of the squared gradient of a log-likelihood. This is log D(image) for a generator, the log-likelihood of real and
 * fake for D, and the evidence lower bound for a VAE. The images are generated by network `generator` from latents (images,
 * 2, nz): the first row is the latent; a VAE uses the second to sample its posterior. */
int clgen_fisher(const clgen_model *m, clgen_store *store, int network, int generator, int64_t images, const float *latents,
                 float *out);

/* ---- The choice of a feature network
 * ----------------------------------------------------------------------------------------------
 */

/* Opens a feature network for evaluating images like those of `data`, on a device that must outlive it; the log says which,
 * and why. `spec`, unless it is empty, is a file (features.h describes its format) or the name of one that comes with clgen.
 * Without it: the network that comes with clgen, if it classifies at least 90% of these images correctly; else a classifier
 * that is trained on the labels ("<data>-cnn-<hash>", saved in the cache folder). CLGEN_E_INVALID with advice if there is no
 * spec and no label. */
int clgen_features_for(clgen_features **out, clgen_device *device, const char *spec, const clgen_dataset *data,
                       const clgen_logger *log);

/* ---- A run ------------------------------------------------------------------------------------------------------------ */

/* Described by the rows of clgen_train_option_rows. */
typedef struct {
  char data[CLGEN_OPTION_TEXT], outdir[CLGEN_OPTION_TEXT], cfg[CLGEN_OPTION_TEXT], resume[CLGEN_OPTION_TEXT],
      device[CLGEN_OPTION_TEXT], desc[CLGEN_OPTION_TEXT], optimizer[CLGEN_OPTION_TEXT], background[CLGEN_OPTION_TEXT],
      metrics[CLGEN_OPTION_TEXT], features[CLGEN_OPTION_TEXT], loss[CLGEN_OPTION_TEXT], reg[CLGEN_OPTION_TEXT],
      lr_schedule[CLGEN_OPTION_TEXT], classes[CLGEN_OPTION_TEXT], adapt[CLGEN_OPTION_TEXT], likelihood[CLGEN_OPTION_TEXT],
      kl_anneal[CLGEN_OPTION_TEXT];
  char d_norm[CLGEN_OPTION_TEXT], cond[CLGEN_OPTION_TEXT], augment[CLGEN_OPTION_TEXT];
  int64_t kimg, batch, batch_gpu, res, channels, ngf, ndf, nz, hidden, mapping_layers, seed, snap, subset, metrics_num,
      critic_steps, reg_interval, pl_interval, batch_max;
  char init[CLGEN_OPTION_TEXT], freeze[CLGEN_OPTION_TEXT], ewc_of[CLGEN_OPTION_TEXT];
  int64_t freezed;
  char ada_by[CLGEN_OPTION_TEXT];
  int64_t validation;
  double augment_p, ada_target, ada_kimg, ada_limit;
  double lr_old, l2_sp, l2_sp_new, ewc;
  double aux_weight, label_smoothing, clip, gp_weight, r1_gamma, pl_weight, fm_weight, ha_weight, bcr_weight;
  int64_t free_bits_group, iwae;
  double recon_gamma, kl_target, control_kp, control_ki, beta_max, scale, beta, kl_anneal_kimg, free_bits, capacity,
      capacity_kimg;
  double weight_decay, warmup_kimg, grad_clip, lr_patience, lr_factor;
  double lr, lr_d, beta1, beta2, momentum, ema, tick;
  bool se, dry_run, strict, bcr_flip;
} clgen_train_options;

const clgen_option *clgen_train_option_rows(size_t *n);

typedef struct {
  uint64_t images, total;            /* trained on so far, and at the end */
  double seconds;                    /* since this call started to train */
  double images_per_s, seconds_left; /* 0 while unknown */
} clgen_train_progress;

typedef struct {
  clgen_logger log;                  /* the plan, one line per tick, the files written; log.txt gets the same */
  const volatile sig_atomic_t *stop; /* once it is not 0: finish the step, write a snapshot, return. May be NULL */
  void (*progress)(void *user, const clgen_train_progress *p); /* a few times a second; may be NULL */
  void (*closing)(void *user, clgen_device *device);           /* before the device is closed (its profile); may be NULL */
  void (*drawn)(void *user, const clgen_image *grid, int across); /* generated images, `across` in a row; may be NULL */
  void *user;                                                     /* of progress, closing and drawn */
  clgen_device_options device;
} clgen_train_calls;

typedef struct {
  char run_dir[2 * CLGEN_OPTION_TEXT], snapshot[2 * CLGEN_OPTION_TEXT], fakes[2 * CLGEN_OPTION_TEXT]; /* "": none */
  uint64_t images;
} clgen_train_result;

/* Trains, or with `resume` continues a run. `given[i]` says whether option row i was given: when resuming, other options are
 * the run's own, and given ones must not change the result (kimg, tick, snap, device and metrics may differ);
 * NULL: all were. Writes nothing with dry_run. `result` may be NULL.
 *
 * Fails with CLGEN_E_INTERRUPTED after `stop` (everything is written), CLGEN_E_NONFINITE when a loss, a gradient or a weight
 * became NaN or infinite (nothing of it is written), CLGEN_E_INVALID for invalid options, CLGEN_E_NOMEM when it
 * does not fit (before anything runs), and what reading the data or writing the files gives. */
int clgen_train(const clgen_train_options *options, const bool *given, const clgen_train_calls *calls,
                clgen_train_result *result);

/* The file of a network: the newest snapshot where `run` is a run's folder, else `run` itself; free(*path).
 * CLGEN_E_NOTFOUND for a folder without snapshots. */
int clgen_run_network(char **path, const char *run);

#ifdef __cplusplus
}
#endif
#endif
