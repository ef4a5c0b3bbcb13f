/* Augmentation in a step: random numbers for each place where D sees images, and the strength that adapts. */
#include "train/train_internal.h"

#include <string.h>

/* Karras et al. 2020, section 3 and, for a network that was carried over, their code: p has to get there sooner. */
#define ADA_KIMG 500
#define ADA_KIMG_CARRIED 100

enum { UNIFORM, NORMAL, NOISE, DRAWS };

static clgen_tensor *strength(clgen_step_program *s) {
  const clgen_augmentation *a = &s->config->augment;
  if (!a->adaptive) return clgen_constant(s->graph, (float)a->p, clgen_shape_of(1, 1));
  if (!s->ada) s->ada = clgen_state(s->graph, CLGEN_ADA_STATE, CLGEN_F32, clgen_ada_state_shape(a));
  return clgen_ada_p(s->ada);
}

static clgen_tensor *augmented(clgen_step_program *s, clgen_tensor *images, clgen_seen seen) {
  const clgen_augmentation *a = &s->config->augment;
  if (!a->transformations) return images;
  uint32_t stream = CLGEN_STREAM_AUGMENT + DRAWS * (uint32_t)seen;
  clgen_shape uniforms = clgen_shape_of(2, CLGEN_AUGMENT_UNIFORMS, s->images_n),
              normals = clgen_shape_of(2, CLGEN_AUGMENT_NORMALS, s->images_n);
  clgen_tensor *noise = NULL;
  if (a->transformations & CLGEN_AUGMENT_NOISE) noise = clgen_step_normal(s, stream + NOISE, *clgen_tensor_shape(images), 0);
  return clgen_augment(s->graph, images, a->transformations, strength(s),
                       clgen_step_uniform(s, stream + UNIFORM, uniforms, 1),
                       clgen_step_normal(s, stream + NORMAL, normals, 1), noise);
}

clgen_tensor *clgen_step_discriminate(clgen_step_program *s, clgen_tensor *images, clgen_seen seen,
                                      clgen_tensor **features) {
  const clgen_pass *pass = seen == CLGEN_SEEN_FAKE || seen == CLGEN_SEEN_G_FAKE ? &s->fake_pass : &s->pass;
  return clgen_model_discriminate(s->model, s->net[1], augmented(s, images, seen), pass, features);
}

static clgen_tensor *mean(clgen_tensor *x) { return clgen_mean(x, CLGEN_ALL_AXES, false); }

/* What D makes of images that it is never trained on. It only looks: they leave no trace in its statistics. */
static clgen_tensor *of_validation(clgen_step_program *s) {
  const clgen_model_config *c = clgen_model_get_config(s->model);
  clgen_pass pass = s->pass;
  s->validation =
      clgen_input(s->graph, "validation", CLGEN_U8, clgen_shape_of(4, s->images_n, c->channels, c->height, c->width));
  if (c->classes)
    s->validation_labels = clgen_input(s->graph, "validation_labels", CLGEN_F32, *clgen_tensor_shape(pass.labels));
  pass.labels = s->validation_labels;
  clgen_tensor *images = augmented(s, clgen_model_from_bytes(s->model, s->validation), CLGEN_SEEN_VALIDATION);
  clgen_module_freeze_stats(s->net[1], true);
  clgen_tensor *logits = clgen_model_discriminate(s->model, s->net[1], images, &pass, NULL);
  clgen_module_freeze_stats(s->net[1], false);
  return mean(logits);
}

static clgen_tensor *see_validation(clgen_step_program *s, clgen_tensor *real_logits, clgen_tensor *fake_logits) {
  clgen_tensor *real = mean(real_logits), *held_out = of_validation(s), *fake = mean(fake_logits);
  clgen_step_watch(s, "logit_real", real);
  clgen_step_watch(s, "logit_validation", held_out);
  clgen_step_watch(s, "logit_fake", fake);
  return clgen_ada_add_logits(s->ada, clgen_step_scale_loss(s, real), clgen_step_scale_loss(s, held_out),
                              clgen_step_scale_loss(s, fake));
}

int clgen_step_ada_see(clgen_step_program *s, clgen_tensor *real_logits, clgen_tensor *fake_logits) {
  const clgen_augmentation *a = &s->config->augment;
  if (!a->transformations) return CLGEN_OK;
  clgen_tensor *r = mean(clgen_sign(real_logits));
  clgen_step_watch(s, "sign_real", r);
  if (!a->adaptive) return CLGEN_OK;
  (void)strength(s);
  s->ada =
      a->by_validation ? see_validation(s, real_logits, fake_logits) : clgen_ada_add(s->ada, clgen_step_scale_loss(s, r));
  return s->ada ? CLGEN_OK : clgen_last_code();
}

int clgen_step_ada_end(clgen_step_program *s) {
  const clgen_augmentation *a = &s->config->augment;
  if (!a->transformations || !clgen_step_ends(s)) return CLGEN_OK;
  clgen_tensor *p = strength(s);
  if (a->adaptive) {
    s->ada = clgen_ada_end(s->ada, a, s->config->batch);
    p = s->ada ? clgen_ada_p(s->ada) : NULL;
  }
  clgen_step_watch(s, "augment_p", p);
  if (a->by_validation && s->ada) clgen_step_watch(s, "r_v", clgen_ada_r_v(s->ada));
  return p ? CLGEN_OK : clgen_last_code();
}

/* ---- From the options ---- */

static int refuse(const char *option, const char *why) {
  return clgen_fail(CLGEN_E_INVALID, "option --%s: %s", option, why);
}

/* Whether a discriminator that minimises this loss is at 0 where it cannot tell. */
static bool has_a_middle(const char *loss) {
  static const char *const names[] = {"ns", "bce", "hinge"};
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i)
    if (strcmp(names[i], loss) == 0) return true;
  return false;
}

static int check_validation(const clgen_train_options *o, const clgen_augmentation *a) {
  if (a->by_validation && !a->adaptive) return refuse("ada-by", "needs --adapt ada");
  if (a->by_validation && !o->validation) return refuse("ada-by", "rv needs validation images: --validation N");
  if (o->validation && !a->by_validation)
    return refuse("validation", "only --adapt ada with --ada-by rv uses validation images");
  if (o->validation && o->validation < o->batch)
    return clgen_fail(CLGEN_E_INVALID,
                      "option --validation: each step uses a batch of validation images, and %lld are fewer than a batch of "
                      "%lld",
                      (long long)o->validation, (long long)o->batch);
  return CLGEN_OK;
}

int clgen_train_augmentation(const clgen_train_options *o, clgen_augmentation *out) {
  *out = (clgen_augmentation){0};
  clgen_arch arch;
  unsigned controllers;
  int code = clgen_arch_parse(o->cfg, &arch);
  bool gan = !code && clgen_arch_kind(arch) == CLGEN_GAN;
  if (!code) code = clgen_train_controllers(o, &controllers);
  if (code) return code;
  const char *option = o->augment[0] ? "augment" : o->augment_p > 0 ? "augment-p" : NULL;
  if (option && !gan) return clgen_fail(CLGEN_E_INVALID, "option --%s: --cfg %s is not a GAN", option, o->cfg);
  out->adaptive = controllers & clgen_adapt_mask("ada");
  if ((option || out->adaptive) && clgen_arch_encodes(arch))
    return clgen_fail(
        CLGEN_E_INVALID,
        "option --%s: --cfg %s compares images with their reconstructions by what the discriminator sees, which "
        "both would have to see alike",
        option ? option : "adapt", o->cfg);
  if (out->adaptive && o->augment_p > 0) return refuse("augment-p", "--adapt ada chooses it; leave one of them out");
  out->by_validation = strcmp(o->ada_by, "rv") == 0;
  code = check_validation(o, out);
  if (code) return code;
  if (out->adaptive && !out->by_validation && !has_a_middle(o->loss))
    return clgen_fail(
        CLGEN_E_INVALID,
        "option --adapt: ada uses the sign of the discriminator's logits, which has no meaning with --loss %s; "
        "use ns, bce or hinge, or --ada-by rv, or --augment-p",
        o->loss);
  if (!out->adaptive && !(o->augment_p > 0))
    return o->augment[0] ? refuse("augment", "how often? --augment-p X says it, or --adapt ada finds it") : CLGEN_OK;
  code = clgen_augment_parse(&out->transformations, o->augment[0] ? o->augment : "bgc");
  out->p = o->augment_p;
  out->target = o->ada_target;
  out->kimg = o->ada_kimg > 0 ? o->ada_kimg : o->init[0] ? ADA_KIMG_CARRIED : ADA_KIMG;
  out->limit = o->ada_limit;
  return code ? clgen_fail_prefix(code, "option --augment") : CLGEN_OK;
}
