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

/* The architectures, one per line: constant, name, and row of the table in src/model/arch.c, which has all the rest. */
#define CLGEN_ARCHS(X)                                                                                                   \
  X(DCGAN, "dcgan", dcgan)          /* Radford, Metz, Chintala 2015, for 32x32 and 64x64 */                              \
  X(VAE_MLP, "vae-mlp", vae_mlp)    /* Kingma & Welling 2013, as in PyTorch's example: pixels-hidden-nz-hidden-pixels */ \
  X(VAE_CONV, "vae-conv", vae_conv) /* two convolutions of stride 2 each way */                                          \
  X(VAE_RES, "vae-res", vae_res)    /* the same of residual blocks */                                                    \
  X(RESNET, "resnet", resnet)       /* a GAN: Gulrajani et al. 2017, Miyato et al. 2018, for 32x32 and 64x64 */          \
  X(STYLE, "style", style)          /* a small StyleGAN2: Karras et al. 2020, for 32x32 and 64x64 */                     \
  X(VAE_GAN, "vae-gan", vae_gan)    /* Larsen et al. 2016: an encoder, and a DCGAN whose generator is its decoder */     \
  X(CLASSIFIER, "classifier", classifier) /* convolutions, batch norm, two linear layers */

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

/* The default options of an architecture. */
typedef struct {
  int res;                  /* of square images; 0: whatever the data have */
  int ngf, ndf, nz, hidden; /* 0: the architecture does not have it */
  int mapping_layers;
  int batch;
  double lr, beta1, beta2; /* of Adam */
  double lr_d;             /* of the discriminator; 0: the same as lr */
  double tick;             /* thousands of images between reports */
  double clip;             /* of wgan; 0: 0.01 */
} clgen_arch_defaults;
const clgen_arch_defaults *clgen_arch_get_defaults(clgen_arch arch);

/* The normalisation of a discriminator: the architecture's default; batch norm; none; none, with spectral normalisation of
 * the weights; layer, instance or group norm (groups of at most 16 channels). Gradient penalties need each image's logit to
 * be independent of the others, so they work with all but batch norm. */
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
/* The minibatch layer before a discriminator's last layer: none; minibatch standard deviation (Karras et al. 2018, section
 * 3); or minibatch discrimination (Salimans et al. 2016, section 3.2). */
typedef enum { CLGEN_MINIBATCH_NONE, CLGEN_MINIBATCH_STD, CLGEN_MINIBATCH_DISC, CLGEN_MINIBATCHES } clgen_minibatch;
/* Class conditioning by one-hot labels:
 * NONE;
 * CONCAT: labels concatenated to the latent, to a discriminator's images as constant planes (Mirza & Osindero 2014), or to
 * the features of a VAE's encoder (Sohn, Lee, Yan 2015); PROJECTION: conditional batch norm in G (de Vries et al. 2017); the
 * projection of D's features on the class is added to its logit (Miyato & Koyama 2018, equation 3); ACGAN: labels
 * concatenated to the latent; D has an auxiliary classifier (Odena, Olah, Shlens 2017). */
typedef enum { CLGEN_COND_NONE, CLGEN_COND_CONCAT, CLGEN_COND_PROJECTION, CLGEN_COND_ACGAN, CLGEN_CONDS } clgen_cond;
#define CLGEN_COND_CHOICES "none|concat|projection|acgan"
int clgen_cond_parse(const char *name, clgen_cond *out);
/* The default of an architecture; CLGEN_D_AUTO: it has no discriminator. */
clgen_d_norm clgen_arch_d_norm(clgen_arch arch);

typedef struct {
  clgen_arch arch;
  int channels, height, width;
  int ngf;     /* channels of the generator's largest feature map; of vae-conv's first convolution */
  int ndf;     /* of the discriminator's, or the classifier's, first convolution */
  int nz;      /* size of the latent vector */
  int hidden;  /* width of vae-mlp's hidden layers; number of features of a classifier */
  int classes; /* of a classifier and of a conditional model, at least 2; 0 otherwise */
  clgen_d_norm d_norm;
  clgen_minibatch minibatch;
  clgen_likelihood_kind likelihood; /* of a VAE's pixels */
  float scale;                      /* of its Gaussians or logistics, for pixels on [0,1]; 0: a learned scalar */
  int mapping_layers;               /* linear layers between latents and styles */
  int se;                           /* squeeze and excitation (Hu et al. 2018) in residual blocks: 1 or 0 */
  clgen_cond cond;
} clgen_model_config;

/* Replaces 0 (ngf, ndf, nz, hidden, d_norm) by the architecture's default and checks the rest: CLGEN_E_INVALID with what to
 * do. Members that an architecture does not use become 0. */
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
/* Whether the architecture has an encoder. */
bool clgen_model_encodes(const clgen_model *m);
/* GAN: G, D, (an encoder E,) G_ema. VAE and classifier: one network. */
#define CLGEN_MODEL_MAX_NETWORKS 4
int clgen_model_network_count(const clgen_model *m);
const clgen_model_network *clgen_model_network_at(const clgen_model *m, int index);
/* The network that generates images: G_ema, or the VAE; of a classifier, the classifier. */
const clgen_model_network *clgen_model_generator_network(const clgen_model *m);
/* The network with the encoder; NULL: none. */
const clgen_model_network *clgen_model_encoder(const clgen_model *m);
/* The layer of the generator that takes the latent: its weight is the layer's first tensor. */
int clgen_model_latent_layer(const clgen_model *m);
/* The number of layers of the generator that take a style; 0: it has no styles. */
int clgen_model_style_layers(const clgen_model *m);
/* Initialises every network, as a function of the seed; G_ema is a copy of G. */
int clgen_model_init(const clgen_model *m, clgen_store *store, uint64_t seed);

/* The mode of a forward pass, and its inputs beside the main one. All zeros: evaluation mode. */
typedef struct {
  bool training; /* batch norm uses the batch's statistics and updates the running ones */
  /* In training: random numbers for a network's noise, normal or uniform, the first axis that of the images; NULL: it uses
   * the constants of evaluation mode. */
  clgen_tensor *(*draw)(void *user, bool normal, uint32_t stream, clgen_shape shape);
  void *user;
  /* In training, for a generator with styles: if not NULL, gets the styles of all layers, (N,layers,nz). The images are a
   * function of them, so the gradient with respect to each layer's style can be computed. */
  clgen_tensor **styles;
  /* In evaluation mode, for a generator with styles: the truncation psi, (N,1), 1 is none (Karras et al. 2019, appendix B);
   * and, for style mixing, latents (N,nz) whose styles the layers from number fine_from (a scalar) on take. NULL: neither.
   */
  clgen_tensor *truncation, *fine, *fine_from;
  clgen_tensor *labels; /* of a conditional model: (N,classes), one-hot */
} clgen_pass;

/* Nodes. Images are F32 (N,C,H,W), on [-1,1] for GANs and [0,1] for VAEs and classifiers. A function that
 * the model does not have fails with CLGEN_E_INVALID: discriminate needs a GAN, encode an encoder, classify a classifier. */
clgen_tensor *clgen_model_from_bytes(const clgen_model *m, clgen_tensor *u8);
/* The forward pass of a generator, or of a VAE's decoder: z (N,nz) to images, or to the parameters of its likelihood,
 * (N,C,H,W). */
clgen_tensor *clgen_model_decode(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass);
/* The result of decode as images on [0,1] (a logistic's mean may lie outside), and as bytes. */
clgen_tensor *clgen_model_to_unit(const clgen_model *m, clgen_tensor *decoded);
clgen_tensor *clgen_model_to_bytes(const clgen_model *m, clgen_tensor *decoded);
/* The forward pass of the discriminator: logits (N). *features, unless NULL, gets its last feature map: (N,C,h,w). */
clgen_tensor *clgen_model_discriminate(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                       clgen_tensor **features);
/* The auxiliary classifier of CLGEN_COND_ACGAN: class logits (N,classes) from the features of clgen_model_discriminate. */
clgen_tensor *clgen_model_class_logits(const clgen_model *m, clgen_module *b, clgen_tensor *features,
                                       const clgen_pass *pass);
/* The classifier's logits, (N,classes). *features, unless NULL, gets the input of its last layer: (N,hidden), not negative.
 */
clgen_tensor *clgen_model_classify(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                   clgen_tensor **features);
/* The posterior: mean and log variance (N,nz); b is the encoder's network. */
int clgen_model_encode(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                       clgen_tensor **mu, clgen_tensor **logvar);
/* The reparameterisation z = mu + eps exp(logvar / 2) (Kingma & Welling 2014): eps and z are (N K,nz), K samples per image
 * one after another. */
clgen_tensor *clgen_model_reparameterize(clgen_tensor *mu, clgen_tensor *logvar, clgen_tensor *eps);
/* -log p(image | z) of a VAE, summed over the pixels, for each sample: z (N K,nz), images (N,C,H,W) -> (N,K), or (N) for one
 * sample. Plus the KL divergence (clgen_loss_kl) it is the negative ELBO. */
clgen_tensor *clgen_model_nll(const clgen_model *m, clgen_module *b, clgen_tensor *images, clgen_tensor *z,
                              const clgen_pass *pass);
/* log p(image, z) - log q(z | image) of such samples, (N,K) or (N): the logarithm of the importance weights. */
clgen_tensor *clgen_model_log_weight(clgen_tensor *logvar, clgen_tensor *eps, clgen_tensor *z, clgen_tensor *nll);
/* The logarithm of a VAE's learned scale, (1); NULL: the scale is not learned. */
clgen_tensor *clgen_model_log_scale(const clgen_model *m, clgen_module *b);

/* ---- Classes
 * ---------------------------------------------------------------------------------------------------------------
 */

/* Whether the model is class-conditional. */
bool clgen_model_is_conditional(const clgen_model *m);
/* Sets the names of the classes of a conditional model or a classifier, and the number of training images of each; copied,
 * and part of its snapshots. Before, they are called "0", "1" and so on and have equal frequencies. */
int clgen_model_set_classes(clgen_model *m, const char *const *names, const int64_t *counts);
const char *clgen_model_class_name(const clgen_model *m, int k);
int clgen_model_find_class(const clgen_model *m, const char *name); /* its number, or -1 */
/* Parses a list of names, numbers and ranges, "animals,0-4", in its order; free(*classes). CLGEN_E_INVALID lists the
 * classes; so does a model that is not conditional. */
int clgen_model_parse_classes(const clgen_model *m, const char *list, int **classes, size_t *n);
/* Samples a class by its frequency: `uniform` is on [0,1). */
int clgen_model_class_at(const clgen_model *m, float uniform);
/* The class of a seed, by the same frequencies. */
int clgen_model_class_of_seed(const clgen_model *m, uint64_t seed);
/* One-hot labels: (n,classes). CLGEN_E_INVALID for a number that is no class. */
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

/* ---- Transfer of weights ------------------------------------------------------------------------------------
 */

/* Transfers a snapshot's weights to a model of the same architecture, which may have other channels, image sizes, latents or
 * classes. Tensors are matched by name; those of a DCGAN by their distance from the image, so that layers of the same
 * resolution match. Tensors of the same shape are copied. If only the number of latents or classes differs, the common rows
 * are copied. If only the colour channels differ, grey becomes RGB or the reverse: at the input, weights are divided among
 * the channels or summed; at the output, repeated or averaged. All other tensors keep their initialisation. If a snapshot
 * has no G, its G_ema is used for both. */
typedef struct clgen_weight_transfer clgen_weight_transfer;
typedef struct {
  char name[96], from[96]; /* in the snapshots of the model ("G.0.weight") and in the file; from "": no match */
  clgen_shape shape, was;  /* here, and in the file */
  enum { CLGEN_TRANSFER_NOT, CLGEN_TRANSFER_PART, CLGEN_TRANSFER_WHOLE } how;
  char note[96]; /* for PART: what was done */
} clgen_transferred;
/* The file must stay open. CLGEN_E_INVALID: another architecture; CLGEN_E_FORMAT: tensors that do not match the file's own
 * configuration. */
int clgen_weight_transfer_create(clgen_weight_transfer **out, const clgen_model *m, const clgen_safetensors *file);
void clgen_weight_transfer_free(clgen_weight_transfer *c);
/* One row for each parameter and running statistic of the model. */
int clgen_weight_transfer_count(const clgen_weight_transfer *c);
const clgen_transferred *clgen_weight_transfer_at(const clgen_weight_transfer *c, int row);
const clgen_model *clgen_weight_transfer_source(const clgen_weight_transfer *c); /* the file's model */
/* Whether the file contains this network of its model. */
bool clgen_weight_transfer_has(const clgen_weight_transfer *c, const clgen_model_network *of_source);
/* Writes the transferred values to a store in which the model has been initialised. */
int clgen_weight_transfer_apply(const clgen_weight_transfer *c, clgen_store *store);
/* For each parameter of network `index`, in the order of "<prefix>.param": 0: new (or padding for alignment); 1: computed
 * from the file's parameters; 2: copied. */
int clgen_weight_transfer_marks(const clgen_weight_transfer *c, int index, uint8_t *mark);
/* Maps values that belong to the file's parameters (in the order of its model's states) to the positions of the parameters
 * that were copied (mark 2); 0 elsewhere. `values` is by network of the file's model, NULL where there are none. */
int clgen_weight_transfer_numbers(const clgen_weight_transfer *c, int index, float *const values[CLGEN_MODEL_MAX_NETWORKS],
                                  float *out);

/* ---- Images from latents ------------------------------------------------------------------------------------------------
 */

typedef struct clgen_generator clgen_generator;
/* For a model whose networks are in the store; both must outlive it. Images are generated in batches of `batch`.
 * CLGEN_E_INVALID for a classifier. */
int clgen_generator_create(clgen_generator **out, const clgen_model *m, clgen_store *store, int64_t batch);
/* From a snapshot, on a device that must outlive it. */
int clgen_generator_open(clgen_generator **out, clgen_device *device, const char *path, int64_t batch);
void clgen_generator_free(clgen_generator *g);
const clgen_model *clgen_generator_model(const clgen_generator *g);
const clgen_program_info *clgen_generator_info(const clgen_generator *g);
/* z: n rows of nz numbers; classes: n, of a conditional model (NULL: those of other models); pixels: n images of channels x
 * height x width bytes, planes one after another. */
int clgen_generator_run(clgen_generator *g, int64_t n, const float *z, const int *classes, uint8_t *pixels);
/* Latents with truncation and style mixing. `truncation` (n): psi of each image, 1 is none; it interpolates styles towards
 * their mean, or multiplies latents if the generator has no styles. The layers from number fine_from on take the styles of
 * `fine` (n rows of nz); CLGEN_E_INVALID if the generator has no styles. NULL: neither. */
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
