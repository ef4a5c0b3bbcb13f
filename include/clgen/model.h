/* Models: generators, discriminators, VAEs and classifiers, built from a configuration; their snapshots; images made by
 * them. */
#ifndef CLGEN_MODEL_H
#define CLGEN_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <clgen/device.h>
#include <clgen/graph.h>
#include <clgen/nn.h>
#include <clgen/safetensors.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Configurations ---------------------------------------------------------------------------------------------- */

/* What there is to train, one a line: its constant, its name, and its row of the table in src/model (arch.c), which says
 * all else of it. */
#define CLGEN_ARCHS(X)                                                                                                   \
  X(DCGAN, "dcgan", dcgan)          /* Radford, Metz, Chintala 2015, for 32x32 and 64x64 */                              \
  X(VAE_MLP, "vae-mlp", vae_mlp)    /* Kingma & Welling 2013, as in PyTorch's example: pixels-hidden-nz-hidden-pixels */ \
  X(VAE_CONV, "vae-conv", vae_conv) /* two convolutions of stride 2 each way */                                          \
  X(VAE_RES, "vae-res", vae_res)    /* the same of residual blocks */                                                    \
  X(RESNET, "resnet", resnet)       /* a GAN: Gulrajani et al. 2017, Miyato et al. 2018, for 32x32 and 64x64 */          \
  X(STYLE, "style", style)          /* a small StyleGAN2: Karras et al. 2020, for 32x32 and 64x64 */                     \
  X(VAE_GAN, "vae-gan", vae_gan)    /* Larsen et al. 2016: an encoder, and a DCGAN whose generator is its decoder */     \
  X(CLASSIFIER, "classifier", classifier) /* convolutions, batch norm, two linear layers: it judges images */

#define CLGEN_ARCH_CONSTANT(id, name, row) CLGEN_ARCH_##id,
#define CLGEN_ARCH_CHOICE(id, name, row) "|" name
typedef enum { CLGEN_ARCHS(CLGEN_ARCH_CONSTANT) CLGEN_ARCH_COUNT } clgen_arch;
#define CLGEN_ARCH_CHOICES (&(CLGEN_ARCHS(CLGEN_ARCH_CHOICE))[1]) /* "dcgan|vae-mlp|..." */
const char *clgen_arch_name(clgen_arch arch);
int clgen_arch_parse(const char *name, clgen_arch *out);

/* GAN: a generator and a discriminator, perhaps an encoder too. VAE: an encoder and a decoder in one network. Classifier:
 * one that makes no images.
 */
typedef enum { CLGEN_GAN, CLGEN_VAE, CLGEN_CLASSIFIER } clgen_model_kind;
clgen_model_kind clgen_arch_kind(clgen_arch arch);
bool clgen_arch_has_styles(clgen_arch arch); /* its generator's layers take styles */
bool clgen_arch_encodes(clgen_arch arch);    /* there is an encoder: a VAE, or a GAN that has one beside */

/* What is meant where nothing is said. */
typedef struct {
  int res;                  /* of square images; 0: whatever the data have */
  int ngf, ndf, nz, hidden; /* 0: it has no such thing */
  int mapping_layers;
  int batch;
  double lr, beta1, beta2; /* of Adam */
  double lr_d;             /* of the discriminator; 0: the same as lr */
  double tick;             /* thousands of images between reports */
  double clip;             /* of wgan, where it is not 0.01 */
} clgen_arch_defaults;
const clgen_arch_defaults *clgen_arch_get_defaults(clgen_arch arch);

/* What is between a discriminator's convolutions: whatever the architecture has by itself; batch norm; nothing; nothing,
 * with the weights spectrally normalised; or what normalises each image by itself: layer, instance and group norm (groups of
 * at most 16 channels). What needs the gradient of each image's logit by itself goes with all but batch norm. */
typedef enum {
  CLGEN_D_AUTO,
  CLGEN_D_BATCH_NORM,
  CLGEN_D_PLAIN,
  CLGEN_D_SPECTRAL,
  CLGEN_D_LAYER_NORM,
  CLGEN_D_INSTANCE_NORM,
  CLGEN_D_GROUP_NORM,
  CLGEN_D_NORMS
} clgen_d_norm;
#define CLGEN_D_NORM_CHOICES "auto|batch|none|layer|instance|group" /* spectral is a regulariser's */
int clgen_d_norm_parse(const char *name, clgen_d_norm *out);
const char *clgen_d_norm_name(clgen_d_norm norm);
/* What a discriminator sees of the batch beside each image, before its last layer: nothing; how much images differ (Karras
 * et al. 2018, section 3); or how near each is to all others (Salimans et al. 2016, section 3.2). */
typedef enum { CLGEN_MINIBATCH_NONE, CLGEN_MINIBATCH_STD, CLGEN_MINIBATCH_DISC, CLGEN_MINIBATCHES } clgen_minibatch;
/* How the class of an image is told to the networks, as a 1 among zeros: not at all; joined to the latent, and to what the
 * other network gets, which is the images of a discriminator, as planes of their size (Mirza & Osindero 2014), and what a
 * VAE's encoder makes of them (Sohn, Lee, Yan 2015); by G's batch norms, which have a scale and a shift for each class
 * (de Vries et al. 2017), and D's logit, to which the projection of its features on the class is added (Miyato & Koyama
 * 2018, equation 3); or joined to the latent, while D is to tell the class (Odena, Olah, Shlens 2017). */
typedef enum { CLGEN_COND_NONE, CLGEN_COND_CONCAT, CLGEN_COND_PROJECTION, CLGEN_COND_ACGAN, CLGEN_CONDS } clgen_cond;
#define CLGEN_COND_CHOICES "none|concat|projection|acgan"
int clgen_cond_parse(const char *name, clgen_cond *out);
/* What an architecture's discriminator has by itself; CLGEN_D_AUTO: there is no discriminator. */
clgen_d_norm clgen_arch_d_norm(clgen_arch arch);

typedef struct {
  clgen_arch arch;
  int channels, height, width;
  int ngf;     /* channels of the generator's widest picture; of vae-conv's first convolution */
  int ndf;     /* of the discriminator's, or the classifier's, first convolution */
  int nz;      /* latent numbers an image */
  int hidden;  /* width of vae-mlp's hidden layers; how many features a classifier has */
  int classes; /* of a classifier and of a conditional model, at least 2; 0 otherwise */
  clgen_d_norm d_norm;
  clgen_minibatch minibatch;
  clgen_likelihood_kind likelihood; /* of a VAE's pixels */
  float scale;                      /* of its Gaussians or logistics, 1 is black against white; 0: learned, one for all */
  int mapping_layers;               /* linear layers between latents and styles */
  int se;                           /* squeeze and excitation (Hu et al. 2018) in residual blocks: 1 or 0 */
  clgen_cond cond;
} clgen_model_config;

/* Fills in what is 0 (ngf, ndf, nz, hidden, d_norm) with the architecture's own, and checks the rest: CLGEN_E_INVALID with
 * what to do. What an architecture does not have becomes 0. */
int clgen_model_config_complete(clgen_model_config *config);
char *clgen_model_config_to_json(const clgen_model_config *config); /* free() it */
int clgen_model_config_from_json(clgen_model_config *config, const char *json, const char *source_name);

/* ---- Models -------------------------------------------------------------------------------------------------------- */

typedef struct clgen_model clgen_model;

/* One of a model's networks: its states are "<prefix>.param" and so on, its tensors in a snapshot "<prefix>.<name>", or,
 * when `bare`, just "<name>". */
typedef struct {
  const char *prefix;
  const clgen_net *net;
  bool bare;
  int forwards; /* training forward passes a step, for num_batches_tracked */
} clgen_model_network;

int clgen_model_create(clgen_model **out, const clgen_model_config *config);
void clgen_model_free(clgen_model *m);
const clgen_model_config *clgen_model_get_config(const clgen_model *m);
clgen_model_kind clgen_model_get_kind(const clgen_model *m);
bool clgen_model_is_gan(const clgen_model *m);
bool clgen_model_is_vae(const clgen_model *m);
bool clgen_model_is_classifier(const clgen_model *m);
/* As an architecture: there is an encoder. */
bool clgen_model_encodes(const clgen_model *m);
/* GAN: G, D, (an encoder E,) G_ema. VAE and classifier: one network. */
#define CLGEN_MODEL_MAX_NETWORKS 4
int clgen_model_network_count(const clgen_model *m);
const clgen_model_network *clgen_model_network_at(const clgen_model *m, int index);
/* The network that makes images: G_ema, or the VAE; the classifier, where there is nothing else. */
const clgen_model_network *clgen_model_generator_network(const clgen_model *m);
/* The network that encodes; NULL: there is none. */
const clgen_model_network *clgen_model_encoder(const clgen_model *m);
/* The layer of the generator that takes the latent: its weight is the layer's first tensor. */
int clgen_model_latent_layer(const clgen_model *m);
/* How many of the generator's layers take a style, each its own; 0: it knows no styles. */
int clgen_model_style_layers(const clgen_model *m);
/* Starting values of every network, a function of the seed; G_ema starts as G. */
int clgen_model_init(const clgen_model *m, clgen_store *store, uint64_t seed);

/* How a network is run, and what it gets beside its input. All zeros: as it is used. */
typedef struct {
  bool training; /* batch statistics, moving averages that move */
  /* In training, numbers that a network draws for itself, normal or uniform, the first axis that of the images; NULL: it
   * takes what it has in use. */
  clgen_tensor *(*draw)(void *user, bool normal, uint32_t stream, clgen_shape shape);
  void *user;
  /* In training, where the generator knows styles and this is not NULL: gets those of all layers, (N,layers,nz), of which
   * the images are a function, so that a gradient with respect to each layer's can be taken. */
  clgen_tensor **styles;
  /* In use, where the generator knows styles: how far from their mean they are, (N,1), 1 is as trained (Karras et al. 2019,
   * appendix B); and latents (N,nz) whose styles the layers take from number fine_from (a scalar) on. NULL: neither. */
  clgen_tensor *truncation, *fine, *fine_from;
  clgen_tensor *labels; /* of a conditional model: (N,classes), a 1 among zeros for the class of each image */
} clgen_pass;

/* Nodes. Images are F32 (N,C,H,W), on [-1,1] for GANs and [0,1] for VAEs and classifiers. What a model has no part for fails
 * with CLGEN_E_INVALID: only GANs judge, only what has an encoder encodes, only classifiers classify. */
clgen_tensor *clgen_model_from_bytes(const clgen_model *m, clgen_tensor *u8);
/* z (N,nz) to images (a GAN) or to the numbers that its likelihood reads (a VAE), (N,C,H,W). */
clgen_tensor *clgen_model_decode(const clgen_model *m, clgen_bound *b, clgen_tensor *z, const clgen_pass *pass);
/* What decode gave, as images on [0,1] (a logistic's mean may lie outside), and as bytes. */
clgen_tensor *clgen_model_to_unit(const clgen_model *m, clgen_tensor *decoded);
clgen_tensor *clgen_model_to_bytes(const clgen_model *m, clgen_tensor *decoded);
/* The discriminator's logits, (N). *features, unless NULL, gets the last picture in it: (N,C,h,w). */
clgen_tensor *clgen_model_discriminate(const clgen_model *m, clgen_bound *b, clgen_tensor *images, const clgen_pass *pass,
                                       clgen_tensor **features);
/* Of CLGEN_COND_ACGAN: the logits of classes (N,classes) from the features that judge gave. */
clgen_tensor *clgen_model_class_logits(const clgen_model *m, clgen_bound *b, clgen_tensor *features, const clgen_pass *pass);
/* The classifier's logits, (N,classes). *features, unless NULL, gets what its last layer sees: (N,hidden), not negative. */
clgen_tensor *clgen_model_classify(const clgen_model *m, clgen_bound *b, clgen_tensor *images, const clgen_pass *pass,
                                   clgen_tensor **features);
/* The posterior: mean and log variance (N,nz); b is the encoder's network. */
int clgen_model_encode(const clgen_model *m, clgen_bound *b, clgen_tensor *images, const clgen_pass *pass, clgen_tensor **mu,
                       clgen_tensor **logvar);
/* z = mu + eps exp(logvar / 2): eps is (N K,nz), K draws for an image one after another, and so is z. */
clgen_tensor *clgen_model_reparameterize(clgen_tensor *mu, clgen_tensor *logvar, clgen_tensor *eps);
/* -log p(image | z) of a VAE, the sum over an image's pixels, for each of its draws: z (N K,nz), images (N,C,H,W) -> (N,K),
 * or (N) where there is one.
 * With the KL divergence (clgen_loss_kl) it is the negative ELBO. */
clgen_tensor *clgen_model_nll(const clgen_model *m, clgen_bound *b, clgen_tensor *images, clgen_tensor *z,
                              const clgen_pass *pass);
/* log p(image, z) - log q(z | image) of such draws, (N,K) or (N): an importance weight's logarithm. */
clgen_tensor *clgen_model_log_weight(clgen_tensor *logvar, clgen_tensor *eps, clgen_tensor *z, clgen_tensor *nll);
/* The logarithm of the scale that a VAE learns, (1); NULL: it learns none. */
clgen_tensor *clgen_model_log_scale(const clgen_model *m, clgen_bound *b);

/* ---- Classes
 * ---------------------------------------------------------------------------------------------------------------
 */

/* Whether a class is asked of what it makes. */
bool clgen_model_is_conditional(const clgen_model *m);
/* What the classes of a conditional model or a classifier are called, and how many of the images it is trained on are of
 * each; copied, and part of its snapshots. Until then they are called "0", "1" and so on and are equally frequent. */
int clgen_model_set_classes(clgen_model *m, const char *const *names, const int64_t *counts);
const char *clgen_model_class_name(const clgen_model *m, int k);
int clgen_model_find_class(const clgen_model *m, const char *name); /* the one that is called so, or -1 */
/* Classes by a list of names, numbers and ranges, "animals,0-4", in its order; free(*classes). CLGEN_E_INVALID names what
 * there is; a model that is not conditional has none to ask for. */
int clgen_model_parse_classes(const clgen_model *m, const char *list, int **classes, size_t *n);
/* The class at a number on [0,1), where each takes a stretch as long as it is frequent. */
int clgen_model_class_at(const clgen_model *m, float uniform);
/* The class of a seed, with those frequencies. */
int clgen_model_class_of_seed(const clgen_model *m, uint64_t seed);
/* Rows of a 1 among zeros: (n,classes). CLGEN_E_INVALID for what is no class. */
int clgen_model_one_hot(const clgen_model *m, int64_t n, const int *classes, float *rows);

/* ---- Network snapshots -------------------------------------------------------------------------------------------------
 */

/* Writes every network as safetensors with PyTorch's names; `meta` beside the metadata "clgen.cfg" and "clgen.version". */
int clgen_model_save(const clgen_model *m, clgen_store *store, uint64_t steps, const char *path, const clgen_st_meta *meta,
                     size_t n_meta);
/* Builds the model that a snapshot's metadata describes. */
int clgen_model_open(clgen_model **out, const clgen_safetensors *file);
/* Copies networks' tensors into the store: one network, or all (NULL). */
int clgen_model_load(const clgen_model *m, clgen_store *store, const clgen_safetensors *file,
                     const clgen_model_network *only);

/* ---- From one network into another ------------------------------------------------------------------------------------
 */

/* What of a snapshot fits into a model of the same architecture that may have other channels, another resolution, other
 * latents or classes. Tensors meet by name; those of a DCGAN by their place counted from the image, so that a layer meets
 * the one of the same spatial meaning. Of the same shape they are carried over as they are. Where only the latents or the
 * classes differ in number, so many as both have; where only the channels do, grey becomes colour or the other way round:
 * where images go in, the weights are divided among the colours or added up, where they come out, repeated or averaged.
 * What fits in none of these ways starts afresh. A snapshot without G has its G_ema serve for both. */
typedef struct clgen_weight_transfer clgen_weight_transfer;
typedef struct {
  char name[96], from[96]; /* in the snapshots of the model ("G.0.weight") and in the file; from "": there is none */
  clgen_shape shape, was;  /* here, and in the file */
  enum { CLGEN_TRANSFER_NOT, CLGEN_TRANSFER_PART, CLGEN_TRANSFER_WHOLE } how;
  char note[96]; /* of a part: what was done */
} clgen_transferred;
/* The file must be open as long as it is used. CLGEN_E_INVALID for another architecture, CLGEN_E_FORMAT for a file that is
 * not what it says. */
int clgen_weight_transfer_create(clgen_weight_transfer **out, const clgen_model *m, const clgen_safetensors *file);
void clgen_weight_transfer_free(clgen_weight_transfer *c);
/* One row for each parameter and statistic of the model; `n` of `whole` and `part`. */
int clgen_weight_transfer_count(const clgen_weight_transfer *c);
const clgen_transferred *clgen_weight_transfer_at(const clgen_weight_transfer *c, int row);
const clgen_model *clgen_weight_transfer_source(const clgen_weight_transfer *c); /* what the file holds */
/* Whether the file holds this network of its model. */
bool clgen_weight_transfer_has(const clgen_weight_transfer *c, const clgen_model_network *of_source);
/* Writes what is carried over into a store in which the model has been initialised. */
int clgen_weight_transfer_apply(const clgen_weight_transfer *c, clgen_store *store);
/* For each parameter of network `index`, as it lies in "<prefix>.param": 0, it starts afresh (or is a gap of alignment); 1,
 * it was made from the file's; 2, it is one of the file's, as it is. */
int clgen_weight_transfer_marks(const clgen_weight_transfer *c, int index, uint8_t *mark);
/* Takes numbers that belong to the file's parameters, as they lie in the states of its model, to where those of mark 2 have
 * gone; 0 elsewhere. `values` is by network of the file's model, NULL where there are none. */
int clgen_weight_transfer_numbers(const clgen_weight_transfer *c, int index, float *const values[CLGEN_MODEL_MAX_NETWORKS],
                                  float *out);

/* ---- Images from latents ------------------------------------------------------------------------------------------------
 */

typedef struct clgen_generator clgen_generator;
/* For a model whose networks are in the store; both must outlive it. Images are made `batch` at a time. A classifier makes
 * none: CLGEN_E_INVALID. */
int clgen_generator_create(clgen_generator **out, const clgen_model *m, clgen_store *store, int64_t batch);
/* From a snapshot, on a device that must outlive it. */
int clgen_generator_open(clgen_generator **out, clgen_device *device, const char *path, int64_t batch);
void clgen_generator_free(clgen_generator *g);
const clgen_model *clgen_generator_model(const clgen_generator *g);
const clgen_program_info *clgen_generator_info(const clgen_generator *g);
/* z: n rows of nz numbers; classes: n, of a conditional model (NULL: those of other models); pixels: n images of channels x
 * height x width bytes, planes one after another. */
int clgen_generator_run(clgen_generator *g, int64_t n, const float *z, const int *classes, uint8_t *pixels);
/* More than latents: `truncation` (n) says how far from the middle each image is, 1 as trained; styles are drawn to their
 * mean where the generator knows styles, else latents are multiplied. The layers from number fine_from on take the styles of
 * `fine` (n rows of nz); CLGEN_E_INVALID where the generator knows none. NULL: neither. */
typedef struct {
  const float *z, *truncation, *fine;
  int fine_from;
  const int *classes; /* as above */
} clgen_styled_latents;
int clgen_generator_run_styled(clgen_generator *g, int64_t n, const clgen_styled_latents *latents, uint8_t *pixels);
/* The latent of a seed: nz standard normal numbers, the same on every device. */
void clgen_latent_of_seed(uint64_t seed, int64_t nz, float *z);

#ifdef __cplusplus
}
#endif
#endif
