#!/bin/bash
# clgen train --cfg resnet, style, vae-res: what is refused, going on exactly, and that every command takes their snapshots.
# Needs CLGEN, JSON_CHECK, EXAMPLES. Networks are as small as can be.
. "${0%/*}/cli.sh"
data=$EXAMPLES/mnist
export OCL_ICD_VENDORS=$dir/none CLGEN_DEVICE=host
mkdir "$dir/none"

refuse_train "resnet makes images of 32x32 or 64x64" --data "$data" --cfg resnet --res 28
refuse_train "style makes images of 32x32 or 64x64" --data "$data" --cfg style --res 16
refuse_train "vae-res needs sides that are multiples of 4" --data "$data" --cfg vae-res --res 30
refuse_train "dcgan has no residual blocks" --data "$data" --cfg dcgan --se
refuse_train "vae-conv has none" --data "$data" --cfg vae-conv --mapping-layers 3
refuse_train "style has no discriminator with normalisation \"batch\"" --data "$data" --cfg style --d-norm batch
refuse_train "style has no discriminator with normalisation \"spectral\"" --data "$data" --cfg style --reg sn

expect 0 train --data "$data" -n --cfg resnet --ngf 2 --ndf 2 --nz 4 --reg gp --d-norm group --batch 4

small="--data $data --subset 64 --seed 5 --kimg 1 --batch 16 --tick 0.5"

# One image is a function of its seed, whatever it is made with.
used() {
  expect 0 inspect "$snapshot"
  expect 0 generate --network "$snapshot" --seeds 3 --batch 1 --outdir "$dir/one"
  expect 0 generate --network "$snapshot" --seeds 1-4 --batch 3 --outdir "$dir/four"
  same "$dir/one/seed0003.png" "$dir/four/seed0003.png"
  expect 0 explore interpolate --network "$snapshot" --seeds 1,2 --steps 3 --output "$dir/o.png"
  expect 0 explore project --network "$snapshot" --image "$dir/one/seed0003.png" --starts 1 --iterations 1 --output "$dir/o.png"
}
resume_exactly resnet $small --cfg resnet --ngf 1 --ndf 1 --nz 4 --loss hinge --reg sn --se
used
expect 0 explore saliency --network "$snapshot" --data "$data" --seeds 1 --samples 1 --output "$dir/o.png"
expect 0 explore saliency --network "$snapshot" --data "$data" --seeds 1 --method grad-cam --output "$dir/o.png"
resume_exactly parts $small --cfg style --ngf 1 --ndf 1 --nz 4 --mapping-layers 1 --reg r1 --batch-gpu 8
resume_exactly style $small --cfg style --ngf 1 --ndf 1 --nz 4 --mapping-layers 2 --reg r1
used
expect 0 inspect "$snapshot"
out_has "buffer mapping.w_avg"
# Another run that starts from it has its number of layers.
expect 0 train --data "$data" --subset 64 --kimg 1 --batch 16 --tick 5 --init "$snapshot" --reg r1 --outdir "$dir/init"
expect 0 inspect "$dir/init"/00000-*
out_has "mapping_layers: 2"
resume_exactly vae $small --cfg vae-res --ngf 1 --nz 2 --se --likelihood gaussian
used
expect 0 report "$dir/vae"/00000-*
exit $failed
