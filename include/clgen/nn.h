/* Networks: layers with PyTorch's names and layouts, initialisers, losses and optimisers, all as nodes of a graph.
 *
 * All parameters of a network are stored in one state "<prefix>.param", its running statistics in "<prefix>.stat", its
 * gradients in "<prefix>.grad", and an optimiser's moments in one state each. So an update is one pass over each buffer. */
#ifndef CLGEN_NN_H
#define CLGEN_NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clgen/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Networks ------------------------------------------------------------------------------------------------------- */

/* Initialisation of weights: PyTorch's defaults (uniform within 1/sqrt(fan in); batch norm 1 and 0), those of DCGAN
 * (Radford, Metz, Chintala 2015: weights N(0, 0.02), batch norm N(1, 0.02) and 0), or Glorot & Bengio 2010, equation 16
 * (uniform within sqrt(6 / (fan in + fan out)), biases 0). */
typedef enum { CLGEN_INIT_PYTORCH, CLGEN_INIT_DCGAN, CLGEN_INIT_XAVIER } clgen_init_scheme;

typedef enum { CLGEN_NET_PARAM, CLGEN_NET_STAT, CLGEN_NET_COUNTER } clgen_net_kind;

/* One entry of the state dict, in PyTorch's order. A counter (num_batches_tracked) has no memory of its own. */
typedef struct {
  char name[64]; /* "0.weight" */
  clgen_net_kind kind;
  clgen_shape shape;
  int64_t offset;      /* elements into "<prefix>.param" or "<prefix>.stat" */
  double mean, spread; /* starts as N(mean, spread), or uniform on mean +- spread */
  bool uniform;
} clgen_net_tensor;

typedef struct clgen_net clgen_net;
int clgen_net_create(clgen_net **out, clgen_init_scheme scheme);
void clgen_net_free(clgen_net *net);

/* The weights of layers added from now on are divided by their largest singular value, as PyTorch's spectral_norm does
 * (Miyato et al. 2018, algorithm 1): each forward pass in training takes one step of the power iteration, whose vectors
 * "weight_u" and "weight_v" last; what is trained is "weight_orig". Not for transposed convolutions: CLGEN_E_INVALID there.
 */
void clgen_net_spectral_norm(clgen_net *net);
/* Layers with weights added from now on have equalised learning rates (Karras et al. 2018, section 4.1): weights start as
 * N(0, 1) / multiplier and biases as 0; what is applied is the weight times multiplier / sqrt(fan in), and the bias times
 * the multiplier. 0: not any more. */
void clgen_net_equalize(clgen_net *net, float multiplier);

/* Each adds a layer and returns its index, or a negative code. Names are copied: "0", "fc1". */
int clgen_net_linear(clgen_net *net, const char *name, int64_t in, int64_t out); /* with a bias; weight (out,in) */
/* PyTorch's Embedding: weight (count,size). The forward pass multiplies features with all rows: (N,size) -> (N,count). */
int clgen_net_embedding(clgen_net *net, const char *name, int64_t count, int64_t size);
int clgen_net_conv2d(clgen_net *net, const char *name, int64_t in, int64_t out, int kernel, int stride, int pad, bool bias);
/* Weight (in,out,kernel,kernel); the result is (size - 1) stride - 2 pad + kernel. */
int clgen_net_conv_transpose2d(clgen_net *net, const char *name, int64_t in, int64_t out, int kernel, int stride, int pad,
                               bool bias);
int clgen_net_batch_norm(clgen_net *net, const char *name, int64_t channels); /* eps 1e-5, momentum 0.1 */
/* PyTorch's GroupNorm (Wu & He 2018), eps 1e-5, on (N,C,...): each image is normalised over groups of its channels. One
 * group is layer norm (Ba, Kiros, Hinton 2016) with one scale and shift per channel, as in Gulrajani et al. 2017's critics;
 * groups of one channel are instance norm (Ulyanov, Vedaldi, Lempitsky 2016), PyTorch's InstanceNorm2d(affine=True). */
int clgen_net_group_norm(clgen_net *net, const char *name, int64_t groups, int64_t channels);
/* One of them, or batch norm, by its kind; group norm in groups of at most 16 channels (Wu & He 2018, table 3). */
typedef enum { CLGEN_NORM_NONE, CLGEN_NORM_BATCH, CLGEN_NORM_LAYER, CLGEN_NORM_INSTANCE, CLGEN_NORM_GROUP } clgen_norm;
int clgen_net_norm(clgen_net *net, clgen_norm norm, const char *name, int64_t channels);
/* Batch norm with a scale and a shift for each class (de Vries et al. 2017; Dumoulin, Shlens, Kudlur 2017): the tables
 * "gamma.weight" and "beta.weight" (classes,C). Only for clgen_module_forward_labelled. */
int clgen_net_conditional_batch_norm(clgen_net *net, const char *name, int64_t classes, int64_t channels);
/* Virtual batch norm (Salimans et al. 2016, section 3.5): the first `references` images of the input are a fixed reference
 * batch. Each other image is normalised by the statistics of the reference batch and itself, so it depends on no other. */
int clgen_net_virtual_batch_norm(clgen_net *net, const char *name, int64_t references, int64_t channels);
/* A parameter of the network itself, as nn.Parameter in a PyTorch module: `name` in the state dict, initialised to `start`.
 * As a layer it is the identity. */
int clgen_net_parameter(clgen_net *net, const char *name, clgen_shape shape, double start);
/* A buffer of the network itself, not trained, initialised from N(mean, deviation). */
int clgen_net_buffer(clgen_net *net, const char *name, clgen_shape shape, double mean, double deviation);
/* Initialises an entry of the state dict from N(mean, deviation), in place of the scheme. */
void clgen_net_init_normal(clgen_net *net, int tensor, double mean, double deviation);
int clgen_net_relu(clgen_net *net);
int clgen_net_leaky_relu(clgen_net *net, float slope);
int clgen_net_tanh(clgen_net *net);
/* Minibatch standard deviation for a discriminator (Karras et al. 2018, section 3): appends one channel to the `in`
 * channels, the mean standard deviation of the features over a group of clgen_minibatch_group(N) images. */
#define CLGEN_MINIBATCH_GROUP 4
int64_t clgen_minibatch_group(int64_t batch); /* the largest divisor that is not above CLGEN_MINIBATCH_GROUP */
int clgen_net_minibatch_std(clgen_net *net, int64_t in);
/* Minibatch discrimination (Salimans et al. 2016, section 3.2): appends `kernels` features, the closeness of an image to
 * all images of the batch in `dims` learned projections per kernel. The weight is (kernels * dims, in), without a bias; `in`
 * is channels times positions. */
int clgen_net_minibatch_disc(clgen_net *net, const char *name, int64_t in, int kernels, int dims);
int clgen_net_layer_count(const clgen_net *net);
/* "conv2d 3 -> 64, 4x4, stride 2, pad 1" into buf (96 bytes hold every one), which is returned. */
const char *clgen_net_layer_text(const clgen_net *net, int layer, char *buf, size_t size);
/* How many entries of the state dict a layer has (0: an activation), and the index of the first. */
int clgen_net_layer_tensors(const clgen_net *net, int layer, int *first);

int clgen_net_tensor_count(const clgen_net *net);
const clgen_net_tensor *clgen_net_tensor_at(const clgen_net *net, int index);
int64_t clgen_net_param_size(const clgen_net *net);  /* elements of "<prefix>.param", gaps of alignment included */
int64_t clgen_net_stat_size(const clgen_net *net);   /* 0 without batch norm: then there is no "<prefix>.stat" */
int64_t clgen_net_param_count(const clgen_net *net); /* trainable numbers */

/* Declares the states and writes the starting values: a function of (seed, prefix, tensor name, index). */
int clgen_net_init(const clgen_net *net, clgen_store *store, const char *prefix, uint64_t seed);

/* ---- A network in a graph -------------------------------------------------------------------------------------------- */

typedef struct clgen_module clgen_module;
int clgen_net_bind(clgen_module **out, const clgen_net *net, clgen_graph *graph, const char *prefix);
void clgen_module_free(clgen_module *b);
/* The forward pass of layers first .. first+count-1. In training mode batch norm uses the batch's statistics and updates the
 * running ones. A linear layer flattens its input. NULL with a message on failure. */
clgen_tensor *clgen_module_forward(clgen_module *b, int first, int count, clgen_tensor *x, bool training);
/* Updates a running statistic, as batch norm does in training: buffer `index` of the state dict becomes
 * (1 - momentum) buffer + momentum value, of the same shape. */
int clgen_module_update_running_stats(clgen_module *b, int index, clgen_tensor *value, double momentum);
/* The same for layers with conditional batch norm. labels are one-hot (N,classes): a product with them selects the class's
 * row of gamma and beta. */
clgen_tensor *clgen_module_forward_labelled(clgen_module *b, int first, int count, clgen_tensor *x, clgen_tensor *labels,
                                            bool training);
/* The newest version of an entry of the state dict (NULL for a counter), and of all parameters. */
clgen_tensor *clgen_module_tensor(const clgen_module *b, int index);
clgen_tensor *clgen_module_param(const clgen_module *b);
clgen_graph *clgen_module_graph(const clgen_module *b);
/* d(loss)/d(parameters), packed into "<prefix>.grad"; NULL on failure. */
clgen_tensor *clgen_module_grad(clgen_module *b, clgen_tensor *loss);

/* Gradient accumulation: the batch is processed in `micro_batches` training passes, one run of the graph each. `first` (one
 * element) is not 0 in the run of the first micro-batch. Together the passes move the running statistics as far as one pass
 * over the whole batch, and each starts with the spectral normalisation vectors of the first. With freeze_stats running
 * statistics are not updated. Call it before the first pass, and clgen_module_grad_add in place of clgen_module_grad. */
int clgen_module_accumulate_grads(clgen_module *b, int64_t micro_batches, clgen_tensor *first, bool freeze_stats);
/* Training passes from now on do not (frozen) or do again (!frozen) update running statistics and the vectors of spectral
 * normalisation. */
void clgen_module_freeze_stats(clgen_module *b, bool frozen);
/* Adds d(loss)/d(parameters) to "<prefix>.grad", which is set to 0 before if `first` is not 0. */
int clgen_module_grad_add(clgen_module *b, clgen_tensor *loss, clgen_tensor *first);
/* The accumulated gradient, for a graph that runs after the micro-batches. NULL on failure. */
clgen_tensor *clgen_module_grad_sum(const clgen_module *b);

/* Clips every parameter to [-limit, limit] (weight clipping, Arjovsky et al. 2017). */
int clgen_module_clip(clgen_module *b, double limit);
/* Historical averaging (Salimans et al. 2016, section 3.3): all parameters minus the mean of their values so far, the
 * present ones included. The state "<prefix>.history" keeps the mean; share is 1 / (number of calls so far, this one
 * included), one element. NULL on failure. */
clgen_tensor *clgen_module_history_residual(clgen_module *b, clgen_tensor *share);
/* Parameters and running statistics of `average` move towards those of b: average = b + beta (average - b). */
int clgen_module_average(clgen_module *average, const clgen_module *b, clgen_tensor *beta);

/* Adaptive instance norm (Huang & Belongie 2017, equation 8): instance norm with a scale and a shift (N,C) per image. In the
 * paper they are the statistics of another image, in StyleGAN linear functions of a style. x is (N,C,H,W). */
clgen_tensor *clgen_adaptive_instance_norm(clgen_tensor *x, clgen_tensor *scale, clgen_tensor *shift);

/* ---- Fine-tuning --------------------------------------------------------------------------------------------------------
 */

/* The state "<prefix>.rate" contains a learning rate multiplier for each parameter. A parameter with multiplier 0 never
 * changes, whatever the optimiser, weight decay and clipping do. frozen[i] (frozen NULL: none) says that all multipliers of
 * entry i of the state dict are 0: its gradient is not computed. A layer with only frozen parameters runs in evaluation
 * mode, so its running statistics do not change either. Call it before the first pass. */
int clgen_module_lr_multipliers(clgen_module *b, const bool *frozen);
/* The quadratic penalty of L2-SP (Li et al. 2018) and EWC (Kirkpatrick et al. 2017): half the sum over all parameters of
 * weight (parameter - anchor)^2, a scalar. The weights are the state "<prefix>.stiffness", the anchors "<prefix>.anchor".
 * Adds its gradient to *grad, packed as by clgen_module_grad. NULL on failure. */
clgen_tensor *clgen_module_anchor_penalty(const clgen_module *b, clgen_tensor **grad);

/* ---- Losses ------------------------------------------------------------------------------------------------------------
 */

/* What the two players of a GAN minimise, from the discriminator's logits (N) of images and of fakes. */
typedef struct {
  const char *name;
  /* *on_real + *on_fake is D's loss, scalars. smoothing (one-sided label smoothing, if `smooths`): the target of real images
   * is 1 - smoothing. */
  void (*discriminator)(clgen_tensor *real, clgen_tensor *fake, float smoothing, clgen_tensor **on_real,
                        clgen_tensor **on_fake);
  clgen_tensor *(*generator)(clgen_tensor *real, clgen_tensor *fake); /* G's loss; real is NULL unless `compares` */
  bool smooths, compares, measures; /* measures: D's loss is minus an estimate of a distance between the distributions */
} clgen_gan_loss;
/* The rows of the table, and one by its name: CLGEN_E_INVALID for others. */
#define CLGEN_GAN_LOSS_CHOICES "ns|bce|lsgan|wgan|wgan-gp|hinge|ragan"
const clgen_gan_loss *clgen_gan_losses(size_t *n);
int clgen_gan_loss_find(const clgen_gan_loss **out, const char *name);

/* The maximum of each row: (N,D) -> (N,1). */
clgen_tensor *clgen_row_max(clgen_tensor *x);
/* Logarithm of the softmax of each row, without overflow: (N,D) -> (N,D). */
clgen_tensor *clgen_log_softmax(clgen_tensor *logits);
/* -sum target log softmax(logits): (N,D), (N,D) -> (N); a row of target is a distribution, one-hot for a class. */
clgen_tensor *clgen_loss_classes(clgen_tensor *logits, clgen_tensor *target);
/* KL(N(mu, exp(logvar)) || N(0, 1)): (N,D) -> (N); clgen_kl_per_dim: of each dimension, (N,D). */
clgen_tensor *clgen_loss_kl(clgen_tensor *mu, clgen_tensor *logvar);
clgen_tensor *clgen_kl_per_dim(clgen_tensor *mu, clgen_tensor *logvar);
/* Logarithm of the sum of the exponentials of each row, without overflow: (N,D) -> (N,1). */
clgen_tensor *clgen_log_sum_exp(clgen_tensor *x);

/* The likelihood of pixels on [0,1], given the decoder's output. */
typedef enum {
  CLGEN_LIKELIHOOD_BERNOULLI, /* logits; pixels are read as probabilities, as PyTorch's example does */
  CLGEN_LIKELIHOOD_GAUSSIAN,  /* the mean is the sigmoid of the output; one scale for all (Rybkin et al. 2021) */
  CLGEN_LIKELIHOOD_LOGISTIC   /* discretised: Kingma et al. 2016, Salimans et al. 2017; the mean is (1 + output) / 2 */
} clgen_likelihood_kind;
#define CLGEN_LIKELIHOOD_CHOICES "bernoulli|gaussian|logistic"
typedef struct {
  const char *name;
  bool scaled;   /* has a scale, in units of the pixels' range */
  bool discrete; /* a distribution over the 256 values of a byte: nats can be converted to bits per dimension */
  double start;  /* of the logarithm of a scale that is learned */
  /* -log p of each pixel; the shapes of output and pixels broadcast; log_scale is NULL or has one element. */
  clgen_tensor *(*nll)(clgen_tensor *output, clgen_tensor *pixels, clgen_tensor *log_scale);
  clgen_tensor *(*mean)(clgen_tensor *output); /* the image; a logistic's may be outside of [0,1] */
} clgen_likelihood;
/* By kind; and one by its name: CLGEN_E_INVALID for others. */
const clgen_likelihood *clgen_likelihood_of(clgen_likelihood_kind kind);
int clgen_likelihood_find(clgen_likelihood_kind *out, const char *name);

/* ---- Optimisers ----------------------------------------------------------------------------------------------------------
 */

typedef struct {
  enum { CLGEN_ADAM, CLGEN_SGD, CLGEN_RMSPROP, CLGEN_ADAMW } kind;
  double beta1, beta2, eps; /* Adam (Kingma & Ba 2014); RMSprop (Hinton 2012) decays its squares by beta2; as in PyTorch */
  double momentum;          /* SGD; 0: none */
  double weight_decay;      /* AdamW (Loshchilov & Hutter 2019), times the learning rate */
} clgen_optimizer;

#define CLGEN_OPTIMIZER_SCALARS 3
/* What changes from step to step (counted from 1), for the `scalars` below. */
void clgen_optimizer_scalars(const clgen_optimizer *o, double lr, uint64_t step, float out[CLGEN_OPTIMIZER_SCALARS]);
/* The mean gradient that Adam keeps, as it is before this step's update; NULL without a message for other optimisers. */
clgen_tensor *clgen_optimizer_mean_gradient(const clgen_optimizer *o, const clgen_module *b);
/* One update of b's parameters; its moments are the states "<prefix>.adam.m" and ".adam.v", ".rmsprop.v", or ".sgd.m".
 * scalars is (CLGEN_OPTIMIZER_SCALARS). Afterwards b's handles are those of the new parameters. */
int clgen_optimizer_apply(const clgen_optimizer *o, clgen_module *b, clgen_tensor *grad, clgen_tensor *scalars);

/* Gradient clipping: grad scaled to norm `limit` where its norm (a scalar) is larger (Pascanu et al. 2013, algorithm 1). */
clgen_tensor *clgen_clip_grad_norm(clgen_tensor *grad, clgen_tensor *norm, double limit);

#ifdef __cplusplus
}
#endif
#endif
