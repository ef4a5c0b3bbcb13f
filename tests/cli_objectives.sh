#!/bin/bash
# clgen train --loss, --reg, --optimizer and what belongs to them: what does not go together, and going on exactly.
# Needs CLGEN, JSON_CHECK, EXAMPLES. Runs are tiny.
. "${0%/*}/cli.sh"
gan="--data $EXAMPLES/mnist --cfg dcgan --ngf 2 --nz 4 --seed 5 --device host"

# ---- Refused, with the reason
refuse() {
  local why=$1
  shift
  expect 2 train --data "$EXAMPLES/mnist" --device host -n "$@"
  err_has "$why"
}
refuse "only the cross entropies" --loss hinge --label-smoothing 0.1
refuse "only --loss wgan clips" --clip 0.1
refuse "clipping already bounds" --loss wgan --reg gp
refuse "slopes of 1" --loss wgan-gp --reg r1
refuse "\"foo\" is none of gp, r1, dragan, sn, fm, ha, bcr, mbstd, mbdisc" --reg sn,foo
refuse "no such groups" --reg mbstd --batch 25
refuse "it compares all images" --reg mbdisc --batch 32 --batch-gpu 16
refuse "choose one" --reg mbstd,mbdisc
refuse "only --reg bcr" --reg sn --bcr-flip
refuse "no two players" --cfg vae-mlp --reg sn
refuse "no two players" --cfg vae-mlp --loss hinge
refuse "mixes the images of a batch, and r1" --reg r1 --d-norm batch
refuse "mixes the images of a batch, and gp" --loss wgan-gp --d-norm batch
refuse "normalises the weights in place of it" --reg sn --d-norm layer
refuse "no two players" --cfg vae-mlp --d-norm none
expect 0 train $gan -n --loss wgan --reg fm
expect 0 train $gan -n --loss wgan-gp --d-norm group
expect 0 train $gan -n --reg sn --d-norm none

refuse "plateau watches a loss that falls" --cfg dcgan --lr-schedule plateau
refuse "moves the loss by itself" --cfg vae-mlp --lr-schedule plateau --kl-anneal linear
expect 0 train $gan -n --loss wgan --lr-schedule plateau
out_has "adapt:    plateau, deciding every 16 steps"

# ---- Going on from the middle gives the same bytes
exact() {
  local where=$dir/$1 run
  shift
  expect 0 train $gan --kimg 1 --batch 32 --tick 0.3 --snap 1 --outdir "$where" "$@"
  run=$where/00000-mnist-dcgan
  mkdir "$where/whole" && mv "$run"/*-000001.safetensors "$where/whole/"
  expect 0 train --resume "$run/training-state-000000.safetensors"
  out_has "goes on from"
  for file in network-snapshot-000001.safetensors training-state-000001.safetensors; do
    same "$where/whole/$file" "$run/$file"
  done
}
exact a --loss wgan-gp --reg sn --critic-steps 2 --optimizer rmsprop --grad-clip 1
exact b --loss ragan --reg r1,fm --reg-interval 4 --optimizer adamw --lr-schedule cosine --warmup-kimg 0.4
exact c --loss wgan --critic-steps 3 --optimizer momentum --lr-schedule linear
exact d --loss hinge --reg sn,ha,bcr --critic-steps 2 --ha-weight 0.1
exact g --loss wgan-gp --d-norm layer --critic-steps 1
exact e --loss hinge --reg r1,mbstd --reg-interval 2
exact f --reg mbdisc
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
