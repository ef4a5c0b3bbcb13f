/* The options of a training run: their table, and what they are when not said. */
#include "train/train_internal.h"

#include <clgen/image.h>

#include <string.h>

#define AT(member) offsetof(clgen_train_options, member)

static const clgen_option rows[] = {
    {"data", 0, CLGEN_OPTION_STRING, AT(data), "", 0, 0, NULL, "SRC", "Data",
     "images: an IDX file or a folder of them, CIFAR-10, a folder of PNG and JPEG files, NPY or NPZ"},
    {"res", 0, CLGEN_OPTION_INT, AT(res), "0", 0, 4096, NULL, "N", "Data",
     "resize to N x N pixels; 0: GANs 32, others the data's own size"},
    {"channels", 0, CLGEN_OPTION_INT, AT(channels), "0", 0, 4, NULL, "N", "Data",
     "1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; 0: as the data are, without alpha"},
    {"background", 0, CLGEN_OPTION_STRING, AT(background), "000000", 0, 0, NULL, "RRGGBB", "Data",
     "transparent images are laid on this colour"},
    {"classes", 0, CLGEN_OPTION_STRING, AT(classes), "", 0, 0, NULL, "LIST", "Data",
     "only the images of these classes: numbers, ranges and names with commas, as 0-4,7; without it all"},
    {"subset", 0, CLGEN_OPTION_INT, AT(subset), "0", 0, 1e15, NULL, "N", "Data",
     "train on N images, chosen by the seed; 0: on all"},
    {"validation", 0, CLGEN_OPTION_INT, AT(validation), "0", 0, 1e15, NULL, "N", "Data",
     "hold out N of the images, chosen by the seed: they are never trained on, and --ada-by rv looks at them"},
    {"strict", 0, CLGEN_OPTION_FLAG, AT(strict), "no", 0, 0, NULL, NULL, "Data",
     "refuse data with files that cannot be read, instead of passing over them"},
    {"cfg", 0, CLGEN_OPTION_CHOICE, AT(cfg), "dcgan", 0, 0, "auto" CLGEN_ARCHS(CLGEN_ARCH_CHOICE), "NAME", "Model",
     "what to train; auto: a dcgan whose options follow from the data and the device, which it tells"},
    {"ngf", 0, CLGEN_OPTION_INT, AT(ngf), "0", 0, 65536, NULL, "N", "Model",
     "channels of the generator's last hidden layer; 0: style and VAEs 32, others 64"},
    {"ndf", 0, CLGEN_OPTION_INT, AT(ndf), "0", 0, 65536, NULL, "N", "Model",
     "channels of the discriminator's first layer; 0: as many as ngf, classifier 16"},
    {"nz", 0, CLGEN_OPTION_INT, AT(nz), "0", 0, 65536, NULL, "N", "Model",
     "numbers in a latent; 0: dcgan 100, resnet and style 128, VAEs 20"},
    {"hidden", 0, CLGEN_OPTION_INT, AT(hidden), "0", 0, 1048576, NULL, "N", "Model",
     "width of vae-mlp's hidden layers; a classifier's features; 0: vae-mlp 400, classifier 64"},
    {"mapping-layers", 0, CLGEN_OPTION_INT, AT(mapping_layers), "0", 0, 64, NULL, "N", "Model",
     "between the latents and the styles of --cfg style; 0: 4"},
    {"se", 0, CLGEN_OPTION_FLAG, AT(se), "no", 0, 0, NULL, NULL, "Model",
     "squeeze and excitation in the residual blocks of resnet and vae-res"},
    {"init", 0, CLGEN_OPTION_STRING, AT(init), "", 0, 0, NULL, "NETWORK", "Transfer",
     "start from this trained network, a snapshot or a run's folder; --cfg, --ngf, --ndf, --nz, --hidden, "
     "--mapping-layers, --se, --d-norm and, for GANs, --res are its own unless they are given"},
    {"freeze", 0, CLGEN_OPTION_STRING, AT(freeze), "", 0, 0, NULL, "LIST", "Transfer",
     "leave these parameters as they are: patterns of layers or tensors by their names in snapshots, with commas, as "
     "'D.0,G.3.*'"},
    {"freezed", 0, CLGEN_OPTION_INT, AT(freezed), "0", 0, 1000, NULL, "N", "Transfer",
     "leave the first N layers of the discriminator as they are, from the image on"},
    {"lr-old", 0, CLGEN_OPTION_REAL, AT(lr_old), "1", 0, 1e9, NULL, "X", "Transfer",
     "parameters that were carried over learn at X times the rate of new ones"},
    {"l2-sp", 0, CLGEN_OPTION_REAL, AT(l2_sp), "0", 0, 1e9, NULL, "X", "Transfer",
     "X / 2 |w - start|^2 holds the parameters that were carried over"},
    {"l2-sp-new", 0, CLGEN_OPTION_REAL, AT(l2_sp_new), "0.01", 0, 1e9, NULL, "X", "Transfer",
     "with --l2-sp, X / 2 |w|^2 holds those that were not"},
    {"ewc", 0, CLGEN_OPTION_REAL, AT(ewc), "0", 0, 1e300, NULL, "X", "Transfer",
     "elastic weight consolidation: X times the sum of F (w - start)^2, F the Fisher information of NETWORK on images that "
     "it makes"},
    {"ewc-of", 0, CLGEN_OPTION_CHOICE, AT(ewc_of), "G", 0, 0, "G|D|both", "NETS", "Transfer",
     "which networks of a GAN --ewc holds"},
    {"loss", 0, CLGEN_OPTION_CHOICE, AT(loss), "ns", 0, 0, CLGEN_GAN_LOSS_CHOICES, "NAME", "Objective of a GAN",
     "cross entropy, non-saturating (ns) or minimax (bce); lsgan; wgan clips weights; wgan-gp; hinge; ragan compares"},
    {"reg", 0, CLGEN_OPTION_STRING, AT(reg), "", 0, 0, NULL, "LIST", "Objective of a GAN",
     "some of gp, r1, dragan, sn, fm, ha, bcr, mbstd, mbdisc, pl, with commas; the first four make a discriminator without "
     "batch norm; pl is for style"},
    {"d-norm", 0, CLGEN_OPTION_CHOICE, AT(d_norm), "auto", 0, 0, CLGEN_D_NORM_CHOICES, "NAME", "Objective of a GAN",
     "between the discriminator's convolutions; auto: batch for dcgan and vae-gan, none for others and where a regulariser "
     "forbids it"},
    {"label-smoothing", 0, CLGEN_OPTION_REAL, AT(label_smoothing), "0", 0, 0.5, NULL, "X", "Objective of a GAN",
     "with ns and bce the discriminator is to say 1 - X of images"},
    {"critic-steps", 0, CLGEN_OPTION_INT, AT(critic_steps), "0", 0, 1000, NULL, "N", "Objective of a GAN",
     "updates of the discriminator, each on a batch, for one of the generator; 0: wgan and wgan-gp 5, others 1"},
    {"clip", 0, CLGEN_OPTION_REAL, AT(clip), "0", 0, 1e9, NULL, "X", "Objective of a GAN",
     "wgan keeps the discriminator's weights within X; 0: style 0.5, others 0.01"},
    {"gp-weight", 0, CLGEN_OPTION_REAL, AT(gp_weight), "10", 0, 1e9, NULL, "X", "Objective of a GAN", "of gp and dragan"},
    {"r1-gamma", 0, CLGEN_OPTION_REAL, AT(r1_gamma), "10", 0, 1e9, NULL, "X", "Objective of a GAN",
     "r1 weighs X / 2; 0: 0.0002 times the pixels of an image, divided by the batch"},
    {"reg-interval", 0, CLGEN_OPTION_INT, AT(reg_interval), "16", 1, 100000, NULL, "N", "Objective of a GAN",
     "compute r1 every N steps, weighing N times as much"},
    {"pl-weight", 0, CLGEN_OPTION_REAL, AT(pl_weight), "2", 0, 1e9, NULL, "X", "Objective of a GAN", "of pl"},
    {"pl-interval", 0, CLGEN_OPTION_INT, AT(pl_interval), "8", 1, 100000, NULL, "N", "Objective of a GAN",
     "compute pl at every Nth update of the generator, weighing N times as much"},
    {"fm-weight", 0, CLGEN_OPTION_REAL, AT(fm_weight), "1", 0, 1e9, NULL, "X", "Objective of a GAN", "of fm"},
    {"ha-weight", 0, CLGEN_OPTION_REAL, AT(ha_weight), "0.01", 0, 1e9, NULL, "X", "Objective of a GAN", "of ha"},
    {"bcr-weight", 0, CLGEN_OPTION_REAL, AT(bcr_weight), "10", 0, 1e9, NULL, "X", "Objective of a GAN", "of bcr"},
    {"bcr-flip", 0, CLGEN_OPTION_FLAG, AT(bcr_flip), "no", 0, 0, NULL, NULL, "Objective of a GAN",
     "bcr mirrors images beside moving them: for pictures whose left and right are alike"},
    {"augment", 0, CLGEN_OPTION_STRING, AT(augment), "", 0, 0, NULL, "LIST", "Augmentation of what the discriminator sees",
     "with --adapt ada or --augment-p: some of " CLGEN_AUGMENT_GROUPS
     ", with commas; b, bg, bgc, bgcf, bgcfn, bgcfnc for the "
     "first so many of them; or single transformations of theirs, xflip, rotate90, xint, scale, rotate, aniso, xfrac, "
     "brightness, "
     "contrast, lumaflip, hue, saturation; without it bgc"},
    {"augment-p", 0, CLGEN_OPTION_REAL, AT(augment_p), "0", 0, 1, NULL, "X", "Augmentation of what the discriminator sees",
     "each transformation is applied with this probability"},
    {"ada-by", 0, CLGEN_OPTION_CHOICE, AT(ada_by), "rt", 0, 0, "rt|rv", "NAME",
     "Augmentation of what the discriminator sees",
     "what ada goes by: the mean sign of the discriminator's logits of images (rt), or how far those of --validation images "
     "lie from those of trained ones towards those of fakes, 0 to 1 (rv)"},
    {"ada-target", 0, CLGEN_OPTION_REAL, AT(ada_target), "-1", -1, 1, NULL, "X",
     "Augmentation of what the discriminator sees", "ada raises the probability while that is above X; -1: rt 0.6, rv 0.5"},
    {"ada-kimg", 0, CLGEN_OPTION_REAL, AT(ada_kimg), "0", 0, 1e9, NULL, "KIMG",
     "Augmentation of what the discriminator sees",
     "ada takes so many thousand images from 0 to 1; 0: 500, with --init 100"},
    {"ada-limit", 0, CLGEN_OPTION_REAL, AT(ada_limit), "0.8", 0, 1, NULL, "X", "Augmentation of what the discriminator sees",
     "ada goes no higher"},
    {"likelihood", 0, CLGEN_OPTION_CHOICE, AT(likelihood), "bernoulli", 0, 0, CLGEN_LIKELIHOOD_CHOICES, "NAME",
     "Objective of a VAE", "of pixels: bytes as probabilities, a Gaussian, or a discretised logistic"},
    {"scale", 0, CLGEN_OPTION_REAL, AT(scale), "0", 0, 1000, NULL, "X", "Objective of a VAE",
     "of gaussian and logistic, where 1 is black against white; 0: one number that is learned"},
    {"beta", 0, CLGEN_OPTION_REAL, AT(beta), "1", 1e-9, 1e9, NULL, "X", "Objective of a VAE", "weight of the KL divergence"},
    {"kl-anneal", 0, CLGEN_OPTION_CHOICE, AT(kl_anneal), "none", 0, 0, "none|linear|cyclical", "NAME", "Objective of a VAE",
     "let beta rise from 0, once or in four cycles"},
    {"kl-anneal-kimg", 0, CLGEN_OPTION_REAL, AT(kl_anneal_kimg), "20", 1e-3, 1e9, NULL, "KIMG", "Objective of a VAE",
     "over so many thousand images"},
    {"free-bits", 0, CLGEN_OPTION_REAL, AT(free_bits), "0", 0, 1e9, NULL, "X", "Objective of a VAE",
     "nats of the divergence that each dimension of the latent has for nothing"},
    {"free-bits-group", 0, CLGEN_OPTION_INT, AT(free_bits_group), "1", 1, 65536, NULL, "N", "Objective of a VAE",
     "each N dimensions together"},
    {"capacity", 0, CLGEN_OPTION_REAL, AT(capacity), "0", 0, 1e9, NULL, "X", "Objective of a VAE",
     "nats that the divergence is drawn to, with --beta as the force"},
    {"capacity-kimg", 0, CLGEN_OPTION_REAL, AT(capacity_kimg), "20", 0, 1e9, NULL, "KIMG", "Objective of a VAE",
     "the capacity rises from 0 over so many thousand images"},
    {"kl-target", 0, CLGEN_OPTION_REAL, AT(kl_target), "0", 0, 1e9, NULL, "X", "Objective of a VAE",
     "nats of divergence that --adapt control-vae brings about, by changing beta"},
    {"control-kp", 0, CLGEN_OPTION_REAL, AT(control_kp), "0.01", 0, 1e9, NULL, "X", "Objective of a VAE",
     "of control-vae: the proportional gain"},
    {"control-ki", 0, CLGEN_OPTION_REAL, AT(control_ki), "0.005", 0, 1e9, NULL, "X", "Objective of a VAE",
     "the integral gain: the share by which beta moves in a step for each nat that the divergence is off"},
    {"beta-max", 0, CLGEN_OPTION_REAL, AT(beta_max), "100", 1e-9, 1e9, NULL, "X", "Objective of a VAE",
     "the most that control-vae sets beta to"},
    {"recon-gamma", 0, CLGEN_OPTION_REAL, AT(recon_gamma), "0", 0, 1e9, NULL, "X", "Objective of a VAE",
     "of vae-gan: what the reconstruction weighs for the decoder, beside fooling the discriminator; 0: 0.03"},
    {"iwae", 0, CLGEN_OPTION_INT, AT(iwae), "1", 1, 1024, NULL, "K", "Objective of a VAE",
     "train by the importance-weighted bound of K samples an image; 1: the ELBO"},
    {"cond", 0, CLGEN_OPTION_CHOICE, AT(cond), "none", 0, 0, CLGEN_COND_CHOICES, "WAY", "Classes",
     "make images of the class that is asked for: it is joined to the latent and to what the other network sees (concat); "
     "scales G's batch norms and projects D's features; or D tells it too (acgan). VAEs: concat"},
    {"aux-weight", 0, CLGEN_OPTION_REAL, AT(aux_weight), "1", 1e-9, 1e9, NULL, "X", "Classes",
     "of acgan's cross entropy of classes, in both players' losses"},
    {"kimg", 0, CLGEN_OPTION_INT, AT(kimg), "60", 1, 1e9, NULL, "N", "Training", "train for N thousand images"},
    {"batch", 'b', CLGEN_OPTION_INT, AT(batch), "0", 0, 1048576, NULL, "N", "Training",
     "images in a step; 0: GANs 64, style 32, others 128"},
    {"batch-gpu", 0, CLGEN_OPTION_INT, AT(batch_gpu), "0", 0, 1048576, NULL, "N", "Training",
     "only N of them in the device's memory at a time, their gradients added up: the same step in less memory, but that "
     "batch "
     "norm takes its statistics from N images; 0: all"},
    {"batch-max", 0, CLGEN_OPTION_INT, AT(batch_max), "0", 0, 1048576, NULL, "N", "Training",
     "with --adapt noise-scale: updates by the gradients of several batches together, up to N images, where larger ones "
     "save "
     "steps; 0: the batch stays"},
    {"optimizer", 0, CLGEN_OPTION_CHOICE, AT(optimizer), "adam", 0, 0, "sgd|momentum|rmsprop|adam|adamw", "NAME", "Training",
     "how to descend; sgd is momentum without any"},
    {"lr", 0, CLGEN_OPTION_REAL, AT(lr), "0", 0, 1e300, NULL, "X", "Training",
     "learning rate; 0: dcgan and resnet 0.0002, style 0.002, others 0.001, with sgd and momentum 0.01"},
    {"lr-d", 0, CLGEN_OPTION_REAL, AT(lr_d), "0", 0, 1e300, NULL, "X", "Training",
     "learning rate of the discriminator; 0: the same, but 0.0002 where vae-gan's --lr is 0"},
    {"beta1", 0, CLGEN_OPTION_REAL, AT(beta1), "-1", -1, 0.9999, NULL, "X", "Training",
     "Adam's decay of the mean gradient; -1: dcgan 0.5, resnet and style 0, others 0.9"},
    {"beta2", 0, CLGEN_OPTION_REAL, AT(beta2), "-1", -1, 0.999999, NULL, "X", "Training",
     "decay of the squared gradient; -1: Adam 0.999, with resnet 0.9 and style 0.99, rmsprop 0.99"},
    {"momentum", 0, CLGEN_OPTION_REAL, AT(momentum), "0.9", 0, 0.9999, NULL, "X", "Training", "of --optimizer momentum"},
    {"weight-decay", 0, CLGEN_OPTION_REAL, AT(weight_decay), "0.01", 0, 1e9, NULL, "X", "Training",
     "adamw shortens the weights by X times the learning rate"},
    {"lr-schedule", 0, CLGEN_OPTION_CHOICE, AT(lr_schedule), "constant", 0, 0, "constant|linear|cosine|plateau", "NAME",
     "Training",
     "how the learning rates fall: to 0 at --kimg, or (plateau) where the loss, or a wgan's distance, no longer does"},
    {"lr-patience", 0, CLGEN_OPTION_REAL, AT(lr_patience), "20", 0.001, 1e9, NULL, "KIMG", "Training",
     "plateau compares the means over so many thousand images"},
    {"lr-factor", 0, CLGEN_OPTION_REAL, AT(lr_factor), "0.5", 0.001, 0.999, NULL, "X", "Training",
     "what plateau multiplies the learning rates by, down to a thousandth of what they were"},
    {"warmup-kimg", 0, CLGEN_OPTION_REAL, AT(warmup_kimg), "0", 0, 1e9, NULL, "KIMG", "Training",
     "learning rates rise from 0 over so many thousand images"},
    {"grad-clip", 0, CLGEN_OPTION_REAL, AT(grad_clip), "0", 0, 1e9, NULL, "NORM", "Training",
     "shorten a network's gradient to this length; 0: leave it"},
    {"ema", 0, CLGEN_OPTION_REAL, AT(ema), "10", 0, 1e9, NULL, "KIMG", "Training",
     "half-life of the average of the generator's weights, at most a twentieth of the images seen; 0: no average"},
    {"adapt", 0, CLGEN_OPTION_STRING, AT(adapt), "", 0, 0, NULL, "LIST", "Training",
     "controllers that adjust training while it runs, with commas: " CLGEN_CONTROLLER_NAMES
     "; none: nothing changes itself"},
    {"seed", 0, CLGEN_OPTION_INT, AT(seed), "0", 0, 4294967295.0, NULL, "N", "Training",
     "of everything random; the same seed on the same device gives the same bytes"},
    {"outdir", 'o', CLGEN_OPTION_STRING, AT(outdir), "", 0, 0, NULL, "DIR", "Run",
     "where to make the run's folder, 00000-DATA-CFG and so on"},
    {"desc", 0, CLGEN_OPTION_STRING, AT(desc), "", 0, 0, NULL, "TEXT", "Run", "added to the name of the folder"},
    {"resume", 0, CLGEN_OPTION_STRING, AT(resume), "", 0, 0, NULL, "RUN", "Run",
     "go on with a run: its folder, or one of its snapshots"},
    {"tick", 0, CLGEN_OPTION_REAL, AT(tick), "0", 0, 1e9, NULL, "KIMG", "Run",
     "report after so many thousand images; 0: GANs 4, others 20"},
    {"snap", 0, CLGEN_OPTION_INT, AT(snap), "5", 1, 1e9, NULL, "N", "Run", "write a snapshot every N ticks"},
    {"metrics", 0, CLGEN_OPTION_STRING, AT(metrics), "", 0, 0, NULL, "LIST", "Metrics",
     "judge each snapshot by these, as 'clgen evaluate' does, on the test images where there are some: " CLGEN_METRIC_NAMES
     "; a line each in metric-NAME.jsonl, and the best by the first in best.json"},
    {"metrics-num", 0, CLGEN_OPTION_INT, AT(metrics_num), "2000", 2, 1e9, NULL, "N", "Metrics",
     "on N images; fewer are faster, and compare only with as many"},
    {"features", 0, CLGEN_OPTION_STRING, AT(features), "", 0, 0, NULL, "FILE", "Metrics",
     "by the features of a classifier or another network (docs/features.md), a file or mnist-cnn; without it mnist-cnn "
     "where it knows the images, else one "
     "trained on the data's labels"},
    {"device", 'd', CLGEN_OPTION_STRING, AT(device), "", 0, 0, NULL, "SPEC", "Run",
     "P:D, gpu, cpu, accel, host or a piece of a name; see clgen-devices"},
    {"dry-run", 'n', CLGEN_OPTION_FLAG, AT(dry_run), "no", 0, 0, NULL, NULL, "Run",
     "say what would be done and how much memory it takes, and write nothing"},
};

const clgen_option *clgen_train_option_rows(size_t *n) {
  *n = CLGEN_COUNT(rows);
  return rows;
}

/* ---- Values not said ---- */

int clgen_train_options_complete(clgen_train_options *o, clgen_arch *arch) {
  int code = clgen_arch_parse(o->cfg, arch);
  if (code) return code;
  const clgen_arch_defaults *d = clgen_arch_get_defaults(*arch);
  bool sgd = !strcmp(o->optimizer, "sgd") || !strcmp(o->optimizer, "momentum");
  if (!o->batch) o->batch = d->batch;
  if (!(o->lr > 0)) {
    o->lr = sgd ? 0.01 : d->lr;
    if (!sgd && !(o->lr_d > 0)) o->lr_d = d->lr_d;
  }
  if (o->beta1 < 0) o->beta1 = d->beta1;
  if (o->beta2 < 0) o->beta2 = strcmp(o->optimizer, "rmsprop") ? d->beta2 : 0.99;
  if (!(o->ada_target > -1)) o->ada_target = strcmp(o->ada_by, "rv") ? 0.6 : 0.5;
  if (!(o->tick > 0)) o->tick = d->tick;
  if (!o->res) o->res = d->res;
  if (!(o->r1_gamma > 0)) o->r1_gamma = clgen_auto_r1_gamma((int)o->res, o->batch);
  clgen_model_config c = {.arch = *arch, .channels = 1, .height = 32, .width = 32};
  c.ngf = (int)o->ngf, c.ndf = (int)(o->ndf ? o->ndf : o->ngf), c.nz = (int)o->nz, c.hidden = (int)o->hidden;
  c.se = o->se, c.mapping_layers = (int)o->mapping_layers;
  if (clgen_arch_kind(*arch) == CLGEN_CLASSIFIER) c.ndf = (int)o->ndf;
  code = clgen_cond_parse(o->cond, &c.cond);
  c.classes = 2; /* the data say how many */
  if (!code) code = clgen_model_config_complete(&c);
  clgen_gan_objective objective;
  clgen_vae_objective vae;
  if (!code) code = clgen_train_objective(o, &objective);
  clgen_augmentation augment;
  if (!code) code = clgen_train_augmentation(o, &augment);
  if (!code) code = clgen_batch_gpu_check(o->batch, o->batch_gpu, &objective);
  if (!code) code = clgen_train_check_transfer(o, *arch);
  o->ngf = c.ngf, o->ndf = c.ndf, o->nz = c.nz, o->hidden = c.hidden;
  if (!code) code = clgen_train_likelihood(o, &c);
  if (!code) code = clgen_train_vae_objective(o, &vae);
  if (!code) code = clgen_vae_batch_gpu_check(o->batch, o->batch_gpu, &vae);
  int64_t batches;
  unsigned mask;
  if (!code) code = clgen_train_controllers(o, &mask);
  if (!code && clgen_arch_kind(*arch) == CLGEN_GAN) code = clgen_controllers_batch_gpu_check(o->batch, o->batch_gpu, mask);
  if (!code) code = clgen_train_batches_max(o, &batches);
  return code;
}

int clgen_train_background(const clgen_train_options *o, unsigned char rgb[3]) {
  int code = clgen_colour_parse(rgb, o->background);
  return code ? clgen_fail_prefix(code, "option --background") : CLGEN_OK;
}

clgen_optimizer clgen_train_optimizer(const clgen_train_options *o) {
  clgen_optimizer opt = {.kind = CLGEN_SGD, .beta1 = o->beta1, .beta2 = o->beta2, .eps = 1e-8};
  if (!strcmp(o->optimizer, "adam")) opt.kind = CLGEN_ADAM;
  if (!strcmp(o->optimizer, "adamw")) opt.kind = CLGEN_ADAMW;
  if (!strcmp(o->optimizer, "rmsprop")) opt.kind = CLGEN_RMSPROP;
  if (!strcmp(o->optimizer, "momentum")) opt.momentum = o->momentum;
  opt.weight_decay = o->weight_decay;
  return opt;
}

void clgen_train_schedule(const clgen_train_options *o, clgen_trainer_config *out) {
  out->schedule = CLGEN_LR_CONSTANT;
  if (!strcmp(o->lr_schedule, "linear")) out->schedule = CLGEN_LR_LINEAR;
  if (!strcmp(o->lr_schedule, "cosine")) out->schedule = CLGEN_LR_COSINE;
  out->warmup_kimg = o->warmup_kimg;
  out->total_kimg = (double)o->kimg;
}
