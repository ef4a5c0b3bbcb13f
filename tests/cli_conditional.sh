#!/bin/bash
# Networks that are told a class, as commands: what is refused, going on exactly, images of a class, and that every command
# takes their snapshots. Needs CLGEN, JSON_CHECK, EXAMPLES. Networks are as small as can be.
. "${0%/*}/cli.sh"
data=$EXAMPLES/mnist
export OCL_ICD_VENDORS=$dir/none CLGEN_DEVICE=host
mkdir "$dir/none"

refuse_train "vae-mlp does not support conditioning by \"projection\"; possible: concat" --data "$data" --cfg vae-mlp --cond projection
refuse_train "classifier does not support conditioning by \"concat\"; possible: not at all" --data "$data" --cfg classifier --cond concat
refuse_train "with clipped weights the auxiliary classifier" --data "$data" --cond acgan --loss wgan
refuse_train "only --cond acgan has an auxiliary classifier" --data "$data" --cond concat --aux-weight 2
refuse_train "option --cond needs labels of at least two classes, and the data have one class" --data "$data" --cond concat --classes 3
cp "$data"/t10k-images* "$dir/images.idx3"
refuse_train "option --cond needs labels of at least two classes, and the data have none" --data "$dir/images.idx3" --cond concat

small="--data $data --subset 64 --seed 5 --kimg 1 --batch 16 --tick 0.5"

# An image is a function of its seed and its class, whatever it is made with, and without one its seed draws it.
used() {
  expect 0 inspect "$snapshot"
  out_has "cond: $1"
  out_matches "; latent numbers [24]; classes 10$"
  expect 0 generate --network "$snapshot" --class 7 --seeds 3 --batch 1 --outdir "$dir/one"
  expect 0 generate --network "$snapshot" --class 6-8 --seeds 1-4 --batch 3 --outdir "$dir/many" --grid "$dir/grid.png"
  same "$dir/one/7-seed0003.png" "$dir/many/7-seed0003.png"
  cmp -s "$dir/one/7-seed0003.png" "$dir/many/6-seed0003.png" && fail "classes 6 and 7 are alike"
  expect 0 generate --network "$snapshot" --seeds 1-4 --outdir "$dir/drawn"
  expect 1 generate --network "$snapshot" --class 7,ten --seeds 1 --outdir "$dir/no"
  err_has "'ten' is neither a class nor a range"
  err_has "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
  for part in interpolate truncation directions traverse; do
    expect 0 explore $part --network "$snapshot" --class 4 --steps 3 --output "$dir/o.png"
  done
  expect 0 explore nearest --network "$snapshot" --data "$data" --seeds 1,2 --output "$dir/o.png"
  expect 0 explore project --network "$snapshot" --image "$dir/one/7-seed0003.png" --class 7 --starts 1 --iterations 1 \
    --output "$dir/o.png"
  expect 1 explore nearest --network "$snapshot" --data "$data" --class 1,2 --output "$dir/o.png"
  err_has "expected one"
  rm -r "$dir/one" "$dir/many" "$dir/drawn"
}

# The default cannot be asked for a class.
resume_exactly none $small --ngf 1 --ndf 1 --nz 4
expect 1 generate --network "$snapshot" --class 7 --outdir "$dir/no"
err_has "this dcgan is not conditional (clgen train --cond)"
expect 1 evaluate --network "$snapshot" --data "$data" --metrics gantest --features mnist-cnn --num 20
err_has "gantest needs a conditional network"

resume_exactly concat $small --cond concat --ngf 1 --ndf 1 --nz 4
used concat
resume_exactly projection $small --cond projection --ngf 1 --ndf 1 --nz 4 --loss hinge --reg sn
used projection
for method in gradient grad-cam; do
  expect 0 explore saliency --network "$snapshot" --data "$data" --seeds 1 --method $method --samples 1 --output "$dir/o.png"
done
resume_exactly acgan $small --cond acgan --ngf 1 --ndf 1 --nz 4 --batch-gpu 8 --aux-weight 0.5
used acgan
expect 0 evaluate --network "$snapshot" --data "$data" --metrics gantest,fid --features mnist-cnn --num 40 --json
json ".metrics.class_accuracy.name=class_accuracy[mnist-cnn]" ".metrics.class_accuracy.floor.value>0.9"
resume_exactly resnet $small --cfg resnet --cond projection --ngf 1 --ndf 1 --nz 4
used projection
resume_exactly resnet-acgan $small --cfg resnet --cond acgan --ngf 1 --ndf 1 --nz 4 --loss hinge --reg sn,mbstd
used acgan
expect 0 explore saliency --network "$snapshot" --data "$data" --seeds 1 --method grad-cam --samples 1 --output "$dir/o.png"

# Styles are of a latent and a class: mixing and truncation ask for one too.
style="$small --cfg style --ngf 1 --ndf 1 --nz 4 --mapping-layers 1"
resume_exactly style $style --cond projection --reg r1 --batch-gpu 8
used projection
expect 0 explore mix --network "$snapshot" --seeds 1,2 --class 4 --output "$dir/o.png"
expect 0 explore saliency --network "$snapshot" --data "$data" --seeds 1 --method grad-cam --samples 1 --output "$dir/o.png"
expect 0 train --data "$data" --subset 64 --classes 5-9 --kimg 1 --batch 16 --init "$snapshot" --reg r1 --cond projection --outdir "$dir/init"
out_has "init:     G.mapping.embed.weight 5x4 from G.mapping.embed.weight 10x4: 5 of 5 classes"
out_has "init:     D.embed.weight 5x8 from D.embed.weight 10x8: 5 of 5 classes"
expect 0 generate --network "$dir/init"/00000-* --class 5-9 --seeds 1 --grid "$dir/grid.png"
resume_exactly style-acgan $style --cond acgan --aux-weight 0.5
resume_exactly style-concat $style --cond concat
used concat

# A VAE-GAN's encoder is told the class of the image.
gan="$small --cfg vae-gan --ngf 1 --ndf 1 --nz 4"
resume_exactly vae-gan $gan --cond acgan
used acgan
expect 0 explore latent --network "$snapshot" --data "$data" --count 20 --output "$dir/o.svg"
expect 0 evaluate --network "$snapshot" --data "$data" --metrics gantest --features mnist-cnn --num 40
resume_exactly vae-gan-projection $gan --cond projection --loss wgan-gp
resume_exactly vae-gan-concat $gan --cond concat --loss hinge --reg sn
for cfg in vae-mlp vae-conv vae-res; do
  resume_exactly $cfg $small --cfg $cfg --cond concat --ngf 1 --hidden 4 --nz 2
  used concat
  expect 0 evaluate --network "$snapshot" --data "$data" --metrics elbo,iwae --samples 2 --num 20
  expect 0 explore latent --network "$snapshot" --data "$data" --count 20 --output "$dir/o.svg"
done

# Numbers are those of the names where classes are left out.
resume_exactly some $small --cond concat --cfg vae-mlp --hidden 4 --nz 2 --classes 5-9
expect 0 generate --network "$snapshot" --class 5-9 --seeds 1 --outdir "$dir/some"
test -f "$dir/some/9-seed0001.png" || fail "no image of class 9"
exit $failed
