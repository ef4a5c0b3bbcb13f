#!/bin/bash
# ControlVAE against fixed beta at the same KL divergence: for each beta and seed a VAE with that beta, then one whose beta the
# controller sets so that the divergence becomes what the first had over its last tick. Prints the table of docs/objectives.md:
# bounds on all test images, FID of 10000 samples; and writes a plot of the divergence while training, of the first seed.
# Usage: scripts/control-vae-experiment.sh CLGEN DATA PLOT.svg [OPTION OF clgen train]...
# DATA are digits with a test split. SEEDS ("0 1 2"), BETAS ("0.5 1 4") and KIMG (120) may be set. Under six minutes on two cores.
. "$(dirname "$0")/experiment.sh"

# value KEY FILE: its last value in JSON.
value() { tr -d '\n' <"$2" | grep -oE "\"$1\": *[-0-9.e]+" | tail -n 1 | sed 's/.*: *//'; }
# first_after METRIC FILE: its figure, which comes before that of its floor.
first_after() { tr -d '\n' <"$2" | grep -oE "\"$1\": *\{[^{}]*" | grep -oE '"value": *[-0-9.e]+' | head -n 1 | sed 's/.*: *//'; }
curve() { sed -n "s/.*\"kimg\":\([^,}]*\).*\"kl\":\([^,}]*\).*/$1\t\1\t\2/p" "$2"; }

# one NAME SEED BETA OPTION...: trains and judges; a line of results goes to $dir/results.
one() {
  local name=$1 seed=$2 beta=$3 out=$dir/$1-$2-$3 run
  shift 3
  quietly "$clgen" train --data "$data" --cfg vae-mlp --kimg "${KIMG:-120}" --tick 10 --snap 1000 --seed "$seed" --outdir "$out" "$@"
  run=$(echo "$out"/0*)
  "$clgen" evaluate --network "$run" --data "$data" --metrics elbo,fid --json >"$dir/json" 2>"$dir/log" ||
    { cat "$dir/log" >&2; exit 1; }
  kl=$(last kl "$run/stats.jsonl")
  echo "$beta $name $kl $(value kl "$dir/json") $(value reconstruction "$dir/json") $(value negative_elbo "$dir/json")" \
    "$(first_after fid "$dir/json") ${last_beta:-$(last beta "$run/stats.jsonl" || true)}" \
    >>"$dir/results"
  [ "$seed" != "${seeds%% *}" ] || curve "$name, beta $beta" "$run/stats.jsonl" >>"$dir/points"
}

for seed in $seeds; do
  for beta in ${BETAS:-0.5 1 4}; do
    last_beta=$beta
    one fixed "$seed" "$beta" --beta "$beta" "$@"
    last_beta=
    one controlled "$seed" "$beta" --adapt control-vae --kl-target "$kl" "$@"
  done
done

# Means over the seeds, and their standard deviations.
echo "| beta | run | KL, last tick | test KL | reconstruction | -ELBO | FID | beta at the end |"
echo "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
awk '
  { key = $1 " | " $2; if (!(key in n)) order[++keys] = key; ++n[key]
    for (i = 3; i <= NF; ++i) { sum[key, i] += $i; square[key, i] += $i * $i } }
  function cell(key, i,   mean, spread) {
    mean = sum[key, i] / n[key]; spread = square[key, i] / n[key] - mean * mean
    spread = n[key] > 1 && spread > 0 ? sqrt(spread * n[key] / (n[key] - 1)) : 0
    return sprintf("%.2f ± %.2f", mean, spread) }
  END { for (k = 1; k <= keys; ++k) { line = "| " order[k] " |"
    for (i = 3; i <= 8; ++i) line = line " " cell(order[k], i) " |"
    print line } }' "$dir/results"
"$clgen" plot --output "$plot" --title "The divergence while training" --x-label "images seen (kimg)" \
  --y-label "KL divergence (nats)" "$dir/points"
