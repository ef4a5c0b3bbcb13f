#!/bin/bash
# Objectives of VAEs as commands: what does not go together, going on exactly, and networks with other likelihoods in all that
# reads networks. Needs CLGEN, JSON_CHECK, EXAMPLES. Runs are tiny.
. "${0%/*}/cli.sh"
data=$EXAMPLES/mnist
mnist="--data $data --device host"
vae="$mnist --cfg vae-mlp --hidden 12 --nz 4 --seed 5"
short="$vae --kimg 2 --tick 0.5"

# ---- Refused, with the reason
refuse_train "there is no posterior to draw to a prior in --cfg dcgan" $mnist --cfg dcgan --beta 2
refuse_train "option --kl-anneal: there is no posterior" $mnist --cfg dcgan --kl-anneal linear
refuse_train "there is no posterior" $mnist --cfg classifier --free-bits 1
refuse_train "there is no likelihood of pixels in --cfg dcgan" $mnist --cfg dcgan --likelihood gaussian
refuse_train "there is no likelihood of pixels" $mnist --cfg dcgan --iwae 5
refuse_train "control-vae needs a model with an encoder" $mnist --cfg dcgan --adapt control-vae
refuse_train "option --kl-target: there is no posterior" $mnist --cfg dcgan --kl-target 3
refuse_train "has no scale" $mnist --cfg vae-mlp --scale 0.1
refuse_train "options --iwae and --beta cannot be combined" $mnist --cfg vae-mlp --iwae 5 --beta 2
refuse_train "has no separate KL term" $mnist --cfg vae-mlp --iwae 5 --free-bits 1
refuse_train "both set how much KL divergence is not penalised" $mnist --cfg vae-mlp --capacity 5 --free-bits 1
refuse_train "the capacity has its own schedule" $mnist --cfg vae-mlp --capacity 5 --kl-anneal linear
refuse_train "option --free-bits-group: needs --free-bits" $mnist --cfg vae-mlp --free-bits-group 2
refuse_train "20 latent dimensions cannot be divided into groups of 3" $mnist --cfg vae-mlp --free-bits 1 --free-bits-group 3
refuse_train "option --kl-target: needs --adapt control-vae" $mnist --cfg vae-mlp --kl-target 8
refuse_train "control-vae needs --kl-target" $mnist --cfg vae-mlp --adapt control-vae
refuse_train "the controller sets beta" $mnist --cfg vae-mlp --adapt control-vae --kl-target 8 --beta 2
refuse_train "the importance-weighted bound has no beta" $mnist --cfg vae-mlp --adapt control-vae --kl-target 8 --iwae 5
refuse_train "the mean KL divergence of the whole batch" $mnist --cfg vae-mlp --adapt control-vae --kl-target 8 --batch 32 --batch-gpu 16
refuse_train "the mean KL divergence of the whole batch" $mnist --cfg vae-mlp --free-bits 1 --batch 32 --batch-gpu 16
refuse_train "not one of guard" $mnist --cfg vae-mlp --adapt control
refuse_train "--beta" $mnist --cfg vae-mlp --beta 0
expect 0 train $vae -n --iwae 5 --likelihood logistic --batch 32 --batch-gpu 16

refuse_train "two kinds of fakes" $mnist --cfg vae-gan --loss ragan
refuse_train "fm is redundant" $mnist --cfg vae-gan --reg fm
refuse_train "three networks" $mnist --cfg vae-gan --batch 32 --batch-gpu 16
refuse_train "three networks" $mnist --cfg vae-gan --adapt noise-scale
refuse_train "no likelihood of pixels in --cfg vae-gan" $mnist --cfg vae-gan --likelihood logistic
refuse_train "no likelihood of pixels in --cfg vae-gan" $mnist --cfg vae-gan --iwae 3
refuse_train "no reconstruction by a discriminator" $mnist --cfg vae-mlp --recon-gamma 1

# ---- Going on from the middle gives the same bytes
resume_exactly control $short --adapt control-vae --kl-target 0.2 --control-ki 0.05 --likelihood gaussian
resume_exactly cyclical $short --kl-anneal cyclical --kl-anneal-kimg 1.9 --likelihood logistic --free-bits 0.1 --free-bits-group 2
resume_exactly capacity $short --capacity 9 --capacity-kimg 1.5 --beta 20 --likelihood gaussian --scale 0.2
resume_exactly iwae $short --iwae 3 --likelihood logistic
resume_exactly vae-gan $short --cfg vae-gan --ngf 2 --batch 64 --loss hinge --reg sn,r1 --reg-interval 3 --critic-steps 2 --recon-gamma 0.1 \
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
err_has "elbo and iwae need a VAE"
expect 0 train --data "$data" --device host --init "$gan" -n
out_matches '^init: +([0-9]+) of \1 tensors from' # the encoder's too
exit $failed
