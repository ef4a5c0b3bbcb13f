#!/bin/bash
# Objectives of VAEs as commands: what does not go together, going on exactly, and networks with other likelihoods in all that
# reads networks. Needs CLGEN, JSON_CHECK, EXAMPLES. Runs are tiny.
. "${0%/*}/cli.sh"
data=$EXAMPLES/mnist
vae="--data $data --cfg vae-mlp --hidden 12 --nz 4 --seed 5 --device host"

# ---- Refused, with the reason
refuse() {
  local why=$1
  shift
  expect 2 train --data "$data" --device host -n "$@"
  err_has "$why"
}
refuse "there is no posterior to draw to a prior in --cfg dcgan" --cfg dcgan --beta 2
refuse "option --kl-anneal: there is no posterior" --cfg dcgan --kl-anneal linear
refuse "there is no posterior" --cfg classifier --free-bits 1
refuse "there is no likelihood of pixels in --cfg dcgan" --cfg dcgan --likelihood gaussian
refuse "there is no likelihood of pixels" --cfg dcgan --iwae 5
refuse "control-vae is for models with an encoder" --cfg dcgan --adapt control-vae
refuse "option --kl-target: there is no posterior" --cfg dcgan --kl-target 3
refuse "has no scale" --cfg vae-mlp --scale 0.1
refuse "options --iwae and --beta do not go together" --cfg vae-mlp --iwae 5 --beta 2
refuse "no term for the divergence to weigh" --cfg vae-mlp --iwae 5 --free-bits 1
refuse "each says how much divergence is for nothing" --cfg vae-mlp --capacity 5 --free-bits 1
refuse "the capacity rises by itself" --cfg vae-mlp --capacity 5 --kl-anneal linear
refuse "there are no --free-bits to give to groups" --cfg vae-mlp --free-bits-group 2
refuse "a latent of 20 numbers has no groups of 3" --cfg vae-mlp --free-bits 1 --free-bits-group 3
refuse "only --adapt control-vae brings the divergence to it" --cfg vae-mlp --kl-target 8
refuse "control-vae needs --kl-target" --cfg vae-mlp --adapt control-vae
refuse "the controller sets beta" --cfg vae-mlp --adapt control-vae --kl-target 8 --beta 2
refuse "the importance-weighted bound has no beta" --cfg vae-mlp --adapt control-vae --kl-target 8 --iwae 5
refuse "the whole batch's mean divergence" --cfg vae-mlp --adapt control-vae --kl-target 8 --batch 32 --batch-gpu 16
refuse "the whole batch's mean divergence" --cfg vae-mlp --free-bits 1 --batch 32 --batch-gpu 16
refuse "none of guard" --cfg vae-mlp --adapt control
refuse "--beta" --cfg vae-mlp --beta 0
expect 0 train $vae -n --iwae 5 --likelihood logistic --batch 32 --batch-gpu 16

refuse "two kinds of fakes" --cfg vae-gan --loss ragan
refuse "fm is what the reconstruction does already" --cfg vae-gan --reg fm
refuse "three networks" --cfg vae-gan --batch 32 --batch-gpu 16
refuse "three networks" --cfg vae-gan --adapt noise-scale
refuse "no likelihood of pixels in --cfg vae-gan" --cfg vae-gan --likelihood logistic
refuse "no likelihood of pixels in --cfg vae-gan" --cfg vae-gan --iwae 3
refuse "no reconstruction by a discriminator" --cfg vae-mlp --recon-gamma 1

# ---- Going on from the middle gives the same bytes
exact() {
  local where=$dir/$1 run
  shift
  expect 0 train $vae --kimg 2 --tick 0.5 --snap 1 --outdir "$where" "$@"
  run=$(echo "$where"/00000-mnist-*)
  mkdir "$where/whole" && mv "$run"/*-000002.safetensors "$where/whole/"
  expect 0 train --resume "$run/training-state-000001.safetensors"
  out_has "goes on from"
  for file in network-snapshot-000002.safetensors training-state-000002.safetensors; do
    same "$where/whole/$file" "$run/$file"
  done
}
exact control --adapt control-vae --kl-target 0.2 --control-ki 0.05 --likelihood gaussian
exact cyclical --kl-anneal cyclical --kl-anneal-kimg 1.9 --likelihood logistic --free-bits 0.1 --free-bits-group 2
exact capacity --capacity 9 --capacity-kimg 1.5 --beta 20 --likelihood gaussian --scale 0.2
exact iwae --iwae 3 --likelihood logistic
exact vae-gan --cfg vae-gan --ngf 2 --batch 64 --loss hinge --reg sn,r1 --reg-interval 3 --critic-steps 2 --recon-gamma 0.1 \
  --adapt control-vae,guard --kl-target 0.5
grep -q '"beta":' "$dir/control/00000-mnist-vae-mlp/stats.jsonl" || fail "stats.jsonl has no beta"
grep -q 'control-vae: beta' "$dir/control/00000-mnist-vae-mlp/log.txt" || fail "the log does not say what the controller does"
expect 2 train --resume "$dir/control/00000-mnist-vae-mlp" --kl-target 4 --kimg 3
err_has "--kl-target"

# ---- The snapshot knows its likelihood
logistic=$dir/cyclical/00000-mnist-vae-mlp
fixed=$dir/capacity/00000-mnist-vae-mlp
expect 0 inspect "$logistic/network-snapshot-000002.safetensors"
out_has "log_scale"
for run in "$logistic" "$fixed"; do
  expect 0 evaluate --network "$run" --data "$data" --num 200 --metrics elbo,iwae --samples 3 --json --device host
  json ".metrics.elbo.kl>0" ".metrics.iwae.samples=3"
  expect 0 generate --network "$run" --seeds 0-3 --grid "$dir/grid.png" --device host
  there "$dir/grid.png"
  expect 0 report "$run" --output "$dir/report.html"
  grep -q 'data-name="reconstruction"' "$dir/report.html" || fail "the report has no reconstruction"
  expect 0 explore latent --network "$run" --data "$data" --count 50 --output "$dir/latent.svg" --device host
  expect 0 explore project --network "$run" --data "$data" --count 2 --starts 2 --iterations 3 --output "$dir/project.png" --device host
done

# Of bytes there are bits; of a density none.
expect 0 evaluate --network "$logistic" --data "$data" --num 200 --metrics elbo,iwae --samples 3 --json --device host
json ".metrics.elbo_bits_per_dim.value>0" ".metrics.iwae_bits_per_dim.value>0"
nats=$(sed -n 's/.*"negative_elbo": \([0-9.]*\).*/\1/p' "$dir/out")
bits=$(tr -d '\n' <"$dir/out" | sed -n 's/.*"elbo_bits_per_dim": *{[^}]*"value": \([0-9.]*\).*/\1/p')
awk "BEGIN { d = $nats / 784 / log(2) / $bits - 1; exit !(d < 1e-6 && d > -1e-6) }" || fail "$nats nats are not $bits bits"
expect 0 evaluate --network "$logistic" --data "$data" --num 200 --metrics elbo --device host
out_has "bits/dimension"
expect 0 evaluate --network "$fixed" --data "$data" --num 200 --metrics elbo --device host
out_matches_not "bits/dimension"

# ---- A VAE-GAN has an encoder and a discriminator
gan=$dir/vae-gan/00000-mnist-vae-gan
expect 0 inspect "$gan/network-snapshot-000002.safetensors"
out_has "E.logvar.weight"
out_has "G_ema.0.weight"
expect 0 generate --network "$gan" --seeds 0-3 --grid "$dir/grid.png" --device host
expect 0 explore latent --network "$gan" --data "$data" --count 50 --output "$dir/latent.svg" --device host
expect 0 explore saliency --network "$gan" --data "$data" --seeds 0-1 --samples 2 --output "$dir/saliency.png" --device host
expect 0 report "$gan" --output "$dir/report.html"
expect 1 evaluate --network "$gan" --data "$data" --metrics elbo --num 100 --device host
err_has "no ELBO"
expect 0 train --data "$data" --device host --init "$gan" -n
out_matches '^init: +([0-9]+) of \1 tensors from' # the encoder's too
exit $failed
