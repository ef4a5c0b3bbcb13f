#!/bin/bash
# clgen train --adapt: what is refused, going back to a good state, and going on exactly. Needs CLGEN, EXAMPLES. Runs are tiny.
. "${0%/*}/cli.sh"
gan="--data $EXAMPLES/mnist --cfg dcgan --ngf 2 --nz 4 --seed 5 --device host"
short="--kimg 4 --batch 32 --tick 0.7"

expect 2 train $gan -n --adapt gard
err_has "option --adapt: \"gard\" is not one of"
expect 2 train --data "$EXAMPLES/mnist" --cfg vae-mlp --device host -n --adapt balance
err_has "needs a GAN"
expect 0 train $gan -n --adapt none
out_matches_not '^adapt:'
expect 0 train $gan -n --adapt guard,balance
out_has "adapt:    guard,balance, a decision every 16 steps"

expect 2 train $gan -n --adapt noise-scale --optimizer rmsprop
err_has "which --optimizer rmsprop does not have"
refuse_train 'option --batch-max: only --adapt noise-scale changes the batch' $gan --batch-max 128
refuse_train 'use 128 or 256' $gan --batch-max 200 --adapt noise-scale
refuse_train 'option --batch-max: not with ragan: it compares' $gan --batch-max 128 --adapt noise-scale --loss ragan
refuse_train 'option --batch-max: not with --adapt ada' $gan --batch-max 128 --adapt noise-scale,ada
refuse_train 'option --batch-max: not with --free-bits' --data "$EXAMPLES/mnist" --cfg vae-mlp --batch-max 512 --adapt noise-scale --free-bits 0.1
refuse_train 'guard and balance compare the images of a micro-batch with each other; 4 images are too few' $gan --batch-gpu 4 --adapt guard
refuse_train 'option --batch-gpu: not with --adapt control-vae' --data "$EXAMPLES/mnist" --cfg vae-mlp --batch-gpu 16 --adapt control-vae --kl-target 5
expect 0 train $gan -n --adapt noise-scale --batch-max 2048
out_has "a decision every 32 steps"

# ---- --adapt none and no --adapt are one and the same program
expect 0 train $gan --kimg 1 --outdir "$dir/plain"
expect 0 train $gan --kimg 1 --outdir "$dir/none" --adapt none
cmp -s <(tail -c 100000 "$dir"/plain/*/network-snapshot-000001.safetensors | tail -c 2000) \
  <(tail -c 100000 "$dir"/none/*/network-snapshot-000001.safetensors | tail -c 2000) || fail "--adapt none changes the weights"

# ---- A rate at which nothing stays finite: it goes back five times, each time at half the rate, and then gives up
expect 1 train $gan --lr 1e30 --kimg 1 --outdir "$dir/lost" --adapt guard
run=$dir/lost/00000-mnist-dcgan
err_has "became NaN or infinite"
[ "$(grep -c '"what":"learning rates"' "$run/stats.jsonl")" = 5 ] || fail "not five tries: $(cat "$run/stats.jsonl")"
grep -q '"event":{"by":"guard","what":"learning rates","from":0.0625,"to":0.03125' "$run/stats.jsonl" || fail "the fifth halves no more"
there "$run/training-state-good.safetensors"

# ---- A rate that is too high at first and right after some halvings: it ends well
expect 0 train $gan --optimizer sgd --lr 10 --kimg 2 --outdir "$dir/saved" --adapt guard
grep -q '"by":"guard"' "$dir"/saved/*/stats.jsonl || fail "there was nothing to go back from: $(cat "$dir"/saved/*/stats.jsonl)"
out_has "network-snapshot-000002.safetensors"

# ---- Going on from the middle of a window gives the same bytes
resume_exactly all $short $gan --adapt guard,balance,noise-scale --loss hinge --reg r1
resume_exactly grows $gan --adapt noise-scale,balance --batch 4 --batch-max 32 --kimg 26 --tick 6 --ngf 1 --lr 0.002 --loss lsgan --reg r1 \
  --reg-interval 3
grep -q '"event":{"by":"noise-scale","what":"batch","from":4.0,"to":8.0' "$run/stats.jsonl" ||
  fail "the batch does not grow: $(grep event "$run/stats.jsonl")"
resume_exactly collapse --data "$EXAMPLES/mnist" --cfg vae-mlp --hidden 4 --nz 2 --res 12 --seed 5 --device host --beta 300 --adapt guard \
  --kimg 28 --batch 64 --tick 6
grep -q '"event":{"by":"guard","what":"beta.s factor","from":1.0,"to":0.5' "$run/stats.jsonl" ||
  fail "the collapse is not seen: $(cat "$run/stats.jsonl")"
tail -n 1 "$run/stats.jsonl" | grep -q '"active_units":' || fail "no active units"
resume_exactly plateau $short --data "$EXAMPLES/mnist" --cfg vae-mlp --hidden 12 --nz 3 --seed 5 --device host --optimizer sgd --lr 1e-6 --lr-schedule plateau \
  --lr-patience 0.5 --lr-factor 0.7
grep -q '"by":"plateau","what":"learning rates","from":1.0,"to":0.' "$dir"/plateau/*/stats.jsonl ||
  fail "no plateau: $(cat "$dir"/plateau/*/stats.jsonl)"

# ---- --cfg auto says what it chose and why, keeps to what is given, and the run goes on with the choice
auto="--data $EXAMPLES/mnist --cfg auto --device host --seed 5 --ngf 2 --nz 4"
expect 2 train --cfg auto --device host -n
err_has "option --data"
# With few images also how they may be augmented: digits not mirrored, turned or negated; noise, which is noise after that, all ways.
expect 0 train $auto -n --subset 500
out_matches '^auto: +--augment xint,scale,aniso,xfrac,brightness,contrast: '
{ printf '\0\0\10\3\0\0\0\144\0\0\0\34\0\0\0\34' && head -c 78400 /dev/urandom; } >"$dir/noise-idx3-ubyte"
expect 0 train --data "$dir/noise-idx3-ubyte" --cfg auto --device host -n
out_matches '^auto: +--augment xflip,rotate90,rotate,xint,scale,aniso,xfrac,brightness,contrast,lumaflip: '
expect 0 train $auto -n --subset 500 --adapt guard
out_matches_not '^auto: +--augment'
expect 0 train $auto --kimg 2 --tick 1 --snap 1 --adapt none --r1-gamma 0 --outdir "$dir/auto"
out_has "auto:     10000 grey pictures, at least 28x28"
out_matches '^auto: +--lr '
out_matches_not '^auto: +--(ngf|kimg|adapt) '
run=$dir/auto/00000-mnist-dcgan
grep -q '"cfg": *"dcgan"' "$run/training_options.json" || fail "the choice is not saved: $(cat "$run/training_options.json")"
grep -q '"r1-gamma": *0.0032' "$run/training_options.json" || fail "0.0002 x 32 x 32 / 64 is not 0.0032"
expect 0 train --resume "$run" --kimg 3
out_matches_not '^auto:'
exit $failed
