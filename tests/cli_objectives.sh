#!/bin/bash
# clgen train --loss, --reg, --optimizer and what belongs to them: what does not go together, and going on exactly.
# Needs CLGEN, JSON_CHECK, EXAMPLES. Runs are tiny.
. "${0%/*}/cli.sh"
mnist="--data $EXAMPLES/mnist --device host"
gan="$mnist --cfg dcgan --ngf 2 --nz 4 --seed 5"
short="$gan --kimg 1 --batch 32 --tick 0.3"

# ---- Refused, with the reason
refuse_train "only the cross entropy losses" $mnist --loss hinge --label-smoothing 0.1
refuse_train "only --loss wgan clips" $mnist --clip 0.1
refuse_train "clipping already bounds" $mnist --loss wgan --reg gp
refuse_train "slopes of 1" $mnist --loss wgan-gp --reg r1
refuse_train "\"foo\" is not one of gp, r1, dragan, sn, fm, ha, bcr, mbstd, mbdisc, pl" $mnist --reg sn,foo
refuse_train "equal groups of 2 to 4 images, and 25 does not" $mnist --reg mbstd --batch 25
refuse_train "it compares all images" $mnist --reg mbdisc --batch 32 --batch-gpu 16
refuse_train "choose one" $mnist --reg mbstd,mbdisc
refuse_train "option --bcr-flip: needs --reg bcr" $mnist --reg sn --bcr-flip
refuse_train "pl needs styles, and --cfg dcgan has none" $mnist --reg pl
refuse_train "pl needs styles, and --cfg vae-gan has none" $mnist --cfg vae-gan --reg pl
refuse_train "pl: it compares with a mean over whole batches" $mnist --cfg style --reg pl --batch 32 --batch-gpu 16
refuse_train "is not a GAN" $mnist --cfg vae-mlp --reg sn
refuse_train "is not a GAN" $mnist --cfg vae-mlp --loss hinge
refuse_train "option --d-norm: not batch with r1" $mnist --reg r1 --d-norm batch
refuse_train "option --d-norm: not batch with gp" $mnist --loss wgan-gp --d-norm batch
refuse_train "not with --reg sn, which normalises the weights instead" $mnist --reg sn --d-norm layer
refuse_train "is not a GAN" $mnist --cfg vae-mlp --d-norm none
expect 0 train $gan -n --loss wgan --reg fm
expect 0 train $gan -n --loss wgan-gp --d-norm group
expect 0 train $gan -n --reg sn --d-norm none

refuse_train "plateau needs a loss that falls" $mnist --cfg dcgan --lr-schedule plateau
refuse_train "options that change the weight of the KL divergence" $mnist --cfg vae-mlp --lr-schedule plateau --kl-anneal linear
expect 0 train $gan -n --loss wgan --lr-schedule plateau
out_has "adapt:    plateau, a decision every 16 steps"

# ---- Going on from the middle gives the same bytes
resume_exactly a $short --loss wgan-gp --reg sn --critic-steps 2 --optimizer rmsprop --grad-clip 1
resume_exactly b $short --loss ragan --reg r1,fm --reg-interval 4 --optimizer adamw --lr-schedule cosine --warmup-kimg 0.4
resume_exactly c $short --loss wgan --critic-steps 3 --optimizer momentum --lr-schedule linear
resume_exactly d $short --loss hinge --reg sn,ha,bcr --critic-steps 2 --ha-weight 0.1
resume_exactly g $short --loss wgan-gp --d-norm layer --critic-steps 1
resume_exactly e $short --loss hinge --reg r1,mbstd --reg-interval 2
resume_exactly f $short --reg mbdisc
resume_exactly h $mnist --cfg style --ngf 1 --ndf 1 --nz 4 --mapping-layers 1 --seed 5 --subset 64 --kimg 1 --batch 16 --tick 0.3 \
  --reg pl,r1 --reg-interval 4 --pl-interval 3 --critic-steps 2 --cond projection
grep -q '"path_length":.*"pl":' "$run/stats.jsonl" || fail "stats.jsonl has no path_length and pl"
# What D sees of the batch is in the snapshot.
snapshot=$dir/f/00000-mnist-dcgan/network-snapshot-000001.safetensors
expect 0 inspect "$snapshot"
out_has "minibatch_disc 128 -> 32 kernels of 5"
expect 0 explore saliency --network "$snapshot" --data "$EXAMPLES/mnist" --seeds 1,2 --samples 2 --output "$dir/f.png" \
  --device host
expect 0 inspect "$dir/e/00000-mnist-dcgan/network-snapshot-000001.safetensors"
out_has "minibatch_std 8 -> 9"
grep -q '"bcr":.*"ha_D":.*"ha_G":' "$dir/d/00000-mnist-dcgan/stats.jsonl" || fail "stats.jsonl has no bcr, ha_D, ha_G"
grep -q '"r1":' "$dir/b/00000-mnist-dcgan/stats.jsonl" || fail "stats.jsonl has no r1"
# Rates that fall to 0 at the end make the end a part of the run's course.
expect 2 train --resume "$dir/c/00000-mnist-dcgan" --kimg 2
err_has "--kimg"
exit $failed
