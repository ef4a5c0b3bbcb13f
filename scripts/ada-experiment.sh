#!/bin/bash
# Augmentation with few images: DCGANs on 500 images, without augmentation, with fixed probabilities, and with --adapt ada, on
# the same seeds. Prints a table for docs/adapting.md and writes its plot.
# Usage: scripts/ada-experiment.sh CLGEN DATA PLOT.svg [OPTION OF clgen train]...
# DATA are digits with a test split, by which FID and coverage are taken. SEEDS ("0 1 2"), KIMG (240), IMAGES (500),
# FIXED ("0.1 0.4") and AUGMENT (what leaves digits upright) may be set. About 40 minutes on two cores.
. "$(dirname "$0")/experiment.sh"
augment=${AUGMENT:-xint,scale,aniso,xfrac}

# one NAME SEED OPTION...
one() {
  local name=$1 seed=$2 out run
  shift 2
  out=$dir/${name// /-}-$seed
  quietly "$clgen" train --data "$data" --cfg dcgan --res 32 --ngf 32 --lr 1e-3 --subset "${IMAGES:-500}" \
    --kimg "${KIMG:-240}" --snap 10 --seed "$seed" --metrics fid,prdc --outdir "$out" "$@"
  run=$(echo "$out"/0*)
  curve "$name, seed $seed" "$run/metric-fid.jsonl" >>"$dir/points"
  echo "| $name | $seed | $(result fid "$run/metric-fid.jsonl") | $(least "$run/metric-fid.jsonl") |" \
    "$(result recall_k5 "$run/metric-prdc.jsonl") | $(result coverage_k5 "$run/metric-prdc.jsonl") | $(last augment_p "$run/stats.jsonl") |"
}

echo "| augmentation | seed | FID | least FID | recall | coverage | p at the end |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
for seed in $seeds; do
  one none "$seed" "$@"
  for p in ${FIXED:-0.1 0.4}; do one "p $p" "$seed" --augment "$augment" --augment-p "$p" "$@"; done
  one ada "$seed" --augment "$augment" --adapt ada --ada-kimg 100 "$@"
done
means "$dir/points" | "$clgen" plot --output "$plot" --log-y --title "${IMAGES:-500} images, mean of the seeds" \
  --x-label "images seen (kimg)" --y-label "FID of the digits' classifier"
