#!/bin/bash
# clgen train --init and what belongs to it: what is said of what is carried over, going on exactly, what is refused.
# Needs CLGEN, EXAMPLES. Runs are tiny.
. "${0%/*}/cli.sh"
data=$EXAMPLES/mnist
on="--data $data --classes 5-9 --subset 500 --seed 5 --device host"

expect 0 train --data "$data" --classes 0-4 --cfg dcgan --ngf 2 --nz 4 --reg r1 --kimg 2 --tick 1 --snap 1 --outdir "$dir/old" \
  --device host
old=$dir/old/00000-mnist-dcgan
expect 0 train --data "$data" --cfg vae-mlp --hidden 6 --nz 3 --likelihood gaussian --kimg 1 --outdir "$dir/old" --device host
vae=$dir/old/00001-mnist-vae-mlp
expect 0 train --data "$data" --cfg classifier --ndf 2 --hidden 6 --kimg 1 --outdir "$dir/old" --device host
classifier=$dir/old/00002-mnist-classifier

# ---- Everything fits: the folder stands for its newest snapshot, the options are the network's
expect 0 train $on --init "$old" -n
out_has "500 images of 32x32"
out_has "network:  D, 7 layers, 815 parameters" # without batch norm, as r1 left it
out_matches "^init: +40 of 40 tensors from .*/network-snapshot-000002.safetensors$"
expect 0 train $on --init "$old/network-snapshot-000001.safetensors" -n
out_has "network-snapshot-000001.safetensors"
expect 0 train $on --init "$vae" -n
out_matches "^init: +11 of 11 tensors from"
expect 0 train $on --init "$classifier" -n
out_has "init:     fc2.weight 5x6 from fc2.weight 10x6: 5 of 5 classes"

# ---- What does not, is told
expect 0 train --data "$data" --device host --init "$old" --res 64 --channels 3 --nz 6 -n --freeze 'G.3' --freezed 1
out_has "init:     G.0.weight 6x16x4x4 is initialised"
out_has "init:     G.12.weight 2x3x4x4 from G.9.weight 2x1x4x4: repeated for the colours: 3 channels from 1"
out_has "init:     D.8.weight 1x16x4x4 is initialised"
out_has "init:     D.6.weight 1x8x4x4 of the file is not used"
out_has "frozen:   98 of"
err_has "G.3.weight is frozen, so it keeps its random initialisation"

# ---- The first images of a run are those of the network's average
expect 0 train $on --init "$old" --kimg 1 --outdir "$dir/new" --seed 0
same "$dir/new/00000-mnist-dcgan/fakes_init.png" "$old/fakes000002.png"

# ---- Going on from the middle gives the same bytes, though the network is gone
from_source() {
  cp -r "$old" "$dir/source"
  resume_exactly "$1" $on --init "$dir/source" --kimg 1 --batch 32 --tick 0.3 "${@:2}"
}
before_resuming() { rm -r "$dir/source"; }
from_source a --freeze 'D.2,G.3.weight' --lr-old 0.5 --optimizer adamw
from_source b --ewc 1e6 --ewc-of both --grad-clip 1
from_source c --l2-sp 0.1 --freezed 1 --nz 6 --optimizer rmsprop
from_source d --ewc 1e6 --batch-gpu 16 --freezed 2
grep -q '"penalty_D":' "$dir/b/00000-mnist-dcgan/stats.jsonl" || fail "stats.jsonl has no penalty_D"
expect 2 train --resume "$dir/a/00000-mnist-dcgan" --init "$vae"
err_has "--init"
expect 2 train --resume "$dir/a/00000-mnist-dcgan" --lr-old 0.25
err_has "--lr-old"

# ---- Refused, with the reason
refuse_train "needs --init" $on --freeze 'D.*'
refuse_train "needs --init" $on --lr-old 0.1
refuse_train "needs --init" $on --ewc 1
refuse_train "needs --init" $on --l2-sp 1
refuse_train "needs --init" $on --freezed 1
refuse_train "use --freeze to keep parameters unchanged" $on --init "$old" --lr-old 0
refuse_train "contains a dcgan" $on --init "$old" --cfg vae-mlp
refuse_train "no tensor of" $on --init "$classifier" --ndf 3 --hidden 7
refuse_train "no parameter matches 'D.7*'; the layers are G.0, G.1, G.3, G.4, G.6, G.7, G.9, D.0, D.2, D.4, D.6" $on \
  --init "$old" --freeze 'D.0,D.7*'
refuse_train "no parameter matches ''" $on --init "$old" --freeze 'D.0,'
refuse_train "all parameters of D would be frozen" $on --init "$old" --freeze 'D.*'
refuse_train "has 4 layers, so at most 3 can be frozen, not 4" $on --init "$old" --freezed 4
refuse_train "there is no discriminator in --cfg vae-mlp" $on --init "$vae" --freezed 1
refuse_train "use --l2-sp" $on --init "$classifier" --ewc 1
refuse_train "needs --ewc and a GAN" $on --init "$vae" --ewc 1 --ewc-of both
refuse_train "needs --ewc and a GAN" $on --init "$old" --ewc-of D
expect 1 train $on -n --init "$dir/nowhere"
err_has "nowhere"
expect 1 train $on -n --init "$dir"
err_has "without a network-snapshot"
expect 1 train $on -n --init "$data/t10k-images-idx3-ubyte.gz"
err_has "$data/t10k-images"
exit $failed
