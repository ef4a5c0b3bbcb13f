/* The diagonal of the Fisher information of a trained network, on images that it makes itself: what elastic weight
 * consolidation weighs parameters by (Kirkpatrick et al. 2017, equation 3; Li et al. 2020). */
#include "train/train_internal.h"

#include <stdlib.h>

typedef struct {
  const clgen_model *model;
  clgen_graph *graph;
  clgen_program *program;
  clgen_module *net[CLGEN_MODEL_MAX_NETWORKS];
  clgen_tensor *z, *eps;
} estimate;

/* The log-likelihood of what the discriminator says of a generated image, and what its squared gradient counts for. */
static clgen_tensor *gan_likelihood(estimate *e, int network, int generator, clgen_tensor **weight) {
  const clgen_pass used = {0};
  clgen_tensor *fake = clgen_model_decode(e->model, e->net[generator], e->z, &used);
  clgen_tensor *logit =
      clgen_model_discriminate(e->model, e->net[1], network == 1 ? clgen_stop_gradient(fake) : fake, &used, NULL);
  clgen_tensor *real = clgen_stop_gradient(clgen_sigmoid(logit));
  *weight = NULL;
  /* log p(real | image) = -softplus(-logit): Li et al. 2020. */
  if (network != 1) return clgen_neg(clgen_softplus(clgen_neg(logit)));
  /* D's answer is a Bernoulli variable: over both answers, each as probable as D says, the squared gradients of their
   * logarithms are p (1 - p) times that of the logit. */
  *weight = clgen_mul(real, clgen_affine(real, -1, 1));
  return logit;
}

/* The evidence lower bound of an image as clgen generate makes it, by one draw of the posterior. */
static clgen_tensor *vae_likelihood(estimate *e) {
  const clgen_pass used = {0};
  clgen_tensor *mu, *logvar, *decoded = clgen_model_decode(e->model, e->net[0], e->z, &used);
  clgen_tensor *image = clgen_model_from_bytes(e->model, clgen_model_to_bytes(e->model, clgen_stop_gradient(decoded)));
  if (clgen_model_encode(e->model, e->net[0], image, &used, &mu, &logvar)) return NULL;
  clgen_tensor *z = clgen_model_reparameterize(mu, logvar, e->eps);
  clgen_tensor *nll = clgen_model_nll(e->model, e->net[0], image, z, &used);
  return clgen_neg(clgen_add(nll, clgen_loss_kl(mu, logvar)));
}

/* One image a run: the square is of each gradient by itself. */
static int build(estimate *e, clgen_store *store, int network, int generator) {
  int64_t nz = clgen_model_get_config(e->model)->nz;
  int code = clgen_graph_create(&e->graph);
  for (int i = 0; !code && i < clgen_model_network_count(e->model); ++i) {
    const clgen_model_network *w = clgen_model_network_at(e->model, i);
    code = clgen_net_bind(&e->net[i], w->net, e->graph, w->prefix);
  }
  if (code) return code;
  e->z = clgen_input(e->graph, "z", CLGEN_F32, clgen_shape_of(2, 1, nz));
  e->eps = clgen_input(e->graph, "eps", CLGEN_F32, clgen_shape_of(2, 1, nz));
  clgen_tensor *weight = NULL;
  clgen_tensor *likelihood =
      clgen_model_is_gan(e->model) ? gan_likelihood(e, network, generator, &weight) : vae_likelihood(e);
  clgen_module *b = e->net[network];
  clgen_tensor *squares = clgen_square(clgen_module_grad(b, clgen_sum(likelihood, CLGEN_ALL_AXES, false)));
  if (weight) squares = clgen_mul(squares, weight);
  clgen_tensor *sum = clgen_state(e->graph, "fisher", CLGEN_F32,
                                  clgen_shape_of(1, clgen_net_param_size(clgen_model_network_at(e->model, network)->net)));
  if (!clgen_assign(sum, clgen_add(sum, squares))) return clgen_last_code();
  return clgen_compile(&e->program, e->graph, store);
}

static int run(estimate *e, int64_t images, const float *latents) {
  int64_t nz = clgen_model_get_config(e->model)->nz;
  size_t bytes = (size_t)nz * sizeof *latents;
  int code = CLGEN_OK;
  for (int64_t i = 0; !code && i < images; ++i) {
    code = clgen_program_write(e->program, e->z, latents + 2 * i * nz, bytes);
    if (!code) code = clgen_program_write(e->program, e->eps, latents + (2 * i + 1) * nz, bytes);
    if (!code) code = clgen_program_run(e->program);
  }
  return code;
}

int clgen_fisher(const clgen_model *m, clgen_store *store, int network, int generator, int64_t images, const float *latents,
                 float *out) {
  int64_t n = clgen_net_param_size(clgen_model_network_at(m, network)->net);
  estimate e = {.model = m};
  int code = clgen_store_declare(store, "fisher", CLGEN_F32, clgen_shape_of(1, n));
  for (int64_t i = 0; i < n; ++i) out[i] = 0;
  if (!code) code = clgen_store_write(store, "fisher", 0, n, out);
  if (!code) code = build(&e, store, network, generator);
  if (!code) code = run(&e, images, latents);
  if (!code) code = clgen_store_read(store, "fisher", 0, n, out);
  for (int64_t i = 0; i < n; ++i) out[i] /= (float)images;
  clgen_program_free(e.program);
  for (size_t i = 0; i < CLGEN_COUNT(e.net); ++i) clgen_module_free(e.net[i]);
  clgen_graph_free(e.graph);
  return code;
}
