#!/bin/bash
# clgen train --augment, --augment-p, --adapt ada: what is refused, what is told, and going on exactly. Needs CLGEN, EXAMPLES.
# Runs are tiny.
. "${0%/*}/cli.sh"
gan="--data $EXAMPLES/mnist --cfg dcgan --ngf 2 --nz 4 --seed 5 --device host"
short="$gan --kimg 4 --batch 32 --tick 0.7"

refuse_train 'option --augment: how often?' $gan --augment bgc
refuse_train 'option --augment: "blot" is not one of blit' $gan --augment blit,blot --augment-p 0.5
refuse_train 'option --augment-p: --adapt ada chooses it' $gan --augment-p 0.5 --adapt ada
refuse_train "ada uses the sign of the discriminator's logits, which has no meaning with --loss wgan" $gan --loss wgan --adapt ada
refuse_train "ada uses the sign of the discriminator's logits, which has no meaning with --loss lsgan" $gan --loss lsgan --adapt ada
refuse_train 'option --augment-p: --cfg vae-mlp is not a GAN' --data "$EXAMPLES/mnist" --cfg vae-mlp --augment-p 0.5
refuse_train 'needs a GAN' --data "$EXAMPLES/mnist" --cfg vae-mlp --adapt ada
refuse_train 'both would have to see alike' --data "$EXAMPLES/mnist" --cfg vae-gan --ngf 2 --nz 4 --augment-p 0.5
refuse_train 'option --augment-p' $gan --augment-p 1.5
refuse_train 'option --ada-by: rv needs validation images' $gan --adapt ada --ada-by rv
refuse_train 'option --ada-by: needs --adapt ada' $gan --ada-by rv
refuse_train 'option --validation: only --adapt ada with --ada-by rv' $gan --validation 100
refuse_train 'option --validation: only --adapt ada with --ada-by rv' --data "$EXAMPLES/mnist" --cfg vae-mlp --validation 100
refuse_train 'and 20 are fewer than a batch of 64' $gan --adapt ada --ada-by rv --validation 20
refuse_train 'option --validation: of 10000 images 9990 are held out; the rest is less than one batch of 64' $gan --adapt ada --ada-by rv --validation 9990
expect 0 train $gan -n --adapt ada --ada-by rv --validation 1000 --loss wgan
out_has "9000 images of 32x32"
out_has "held out: 1000 images for validation"
expect 0 train $gan -n --loss wgan --augment b --augment-p 0.5

# ---- Every category and every loss that looks at images in a way of its own; p is a number of each tick
expect 0 train $gan --kimg 1 --outdir "$dir/fixed" --augment bgcfnc --augment-p 0.5 --loss ragan --reg gp,fm
grep -q '"sign_real":.*"augment_p":0.5' "$dir"/fixed/*/stats.jsonl || fail "no p: $(cat "$dir"/fixed/*/stats.jsonl)"

# ---- Going on gives the same bytes, p and what it goes by included; it says where p went
resume_exactly ada $short --adapt ada --ada-kimg 6 --ada-target 0.2 --reg r1 --reg-interval 3
grep -q '"event":{"by":"ada","what":"p","from":0.0,"to":0.' "$dir"/ada/*/stats.jsonl ||
  fail "ada says nothing: $(cat "$dir"/ada/*/stats.jsonl)"

# ---- A network that was carried over: p moves five times as fast
p_after() { sed -n 's/.*"augment_p":\([^,}]*\).*/\1/p' "$1"/*/stats.jsonl | tail -n 1; }
up=(--kimg 2 --batch 32 --ada-target -0.999 --adapt ada)
expect 0 train $gan "${up[@]}" --outdir "$dir/new"
expect 0 train $gan "${up[@]}" --outdir "$dir/carried" --init "$(echo "$dir"/ada/00000-*)"
awk -v new="$(p_after "$dir/new")" -v carried="$(p_after "$dir/carried")" \
  'BEGIN { exit !(new > 0 && carried > 4.9 * new && carried < 5.1 * new) }' ||
  fail "p: $(p_after "$dir/new") from nothing, $(p_after "$dir/carried") from a network"
resume_exactly rv $short --adapt ada --ada-by rv --validation 150 --subset 400 --ada-kimg 6 --ada-target -0.5 --cond concat --d-norm batch
grep -q '"by":"ada","what":"p","from":0.0,"to":0.*(r_v ' "$dir"/rv/*/stats.jsonl ||
  fail "ada does not tell r_v: $(cat "$dir"/rv/*/stats.jsonl)"
grep -q '"logit_validation":.*"r_v":' "$dir"/rv/*/stats.jsonl || fail "r_v is not watched"
grep -q '"ada-target": *0.5' <($CLGEN train $gan --kimg 1 --adapt ada --ada-by rv --validation 100 --subset 300 --outdir "$dir/half" > /dev/null 2>&1
  cat "$dir"/half/*/training_options.json) || fail "the target of r_v is not 0.5"
resume_exactly fixed2 $short --augment geom,noise --augment-p 0.3 --critic-steps 2

# ---- clgen explore augment: rows of an image; without probability all are the image
expect 2 explore augment --output "$dir/o.png"
err_has "option --data"
expect 2 explore augment --data "$EXAMPLES/mnist" --output "$dir/o.png" --augment what
err_has 'option --augment: "what" is not one of'
expect 1 explore augment --data "$EXAMPLES/mnist" --output "$dir/o.png" --index 100000000 --device host
err_has "option --index"
expect 0 explore augment --data "$EXAMPLES/mnist" --output "$dir/o.png" --res 16 --count 3 --device host
expect 0 explore augment --data "$EXAMPLES/mnist" --output "$dir/p.png" --res 16 --count 3 --device host --augment-p 0
expect 0 explore augment --data "$EXAMPLES/mnist" --output "$dir/q.png" --res 16 --count 3 --device host --augment-p 0 --seed 5
same "$dir/p.png" "$dir/q.png"
! cmp -s "$dir/o.png" "$dir/p.png" || fail "augmentation changes nothing"

exit $failed
