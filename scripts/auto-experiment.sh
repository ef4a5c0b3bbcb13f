#!/bin/bash
# What --cfg auto is worth: runs with its choices beside runs with the default options, on the same data, size, width, number of
# images and seeds. Prints a table for docs/adapting.md and writes its plot.
# Usage: scripts/auto-experiment.sh CLGEN DATA PLOT.svg [OPTION OF clgen train]...
# Options are given to both. SEEDS ("0 1 2"), KIMG (100), NGF (32) and RES (32) may be set.
. "$(dirname "$0")/experiment.sh"

one() { # CFG SEED OPTION...
  local cfg=$1 seed=$2 run
  shift 2
  quietly "$clgen" train --data "$data" --cfg "$cfg" --res "${RES:-32}" --ngf "${NGF:-32}" --kimg "${KIMG:-100}" --snap 5 --seed "$seed" \
    --metrics fid,kid,prdc --outdir "$dir/$cfg-$seed" "$@"
  run=$(echo "$dir/$cfg-$seed"/0*)
  [ "$cfg" != auto ] || [ -e "$dir/choices" ] || sed -n 's/^auto:  *--/--/p' "$dir/log" >"$dir/choices"
  curve "$cfg, seed $seed" "$run/metric-fid.jsonl" >>"$dir/points"
  echo "| $cfg | $seed | $(result fid "$run/metric-fid.jsonl") | $(result kid "$run/metric-kid.jsonl") |" \
    "$(result recall_k5 "$run/metric-prdc.jsonl") | $(result coverage_k5 "$run/metric-prdc.jsonl") |"
}

echo "| --cfg | seed | FID | KID | recall | coverage |"
echo "| --- | ---: | ---: | ---: | ---: | ---: |"
for seed in $seeds; do
  for cfg in dcgan auto; do one "$cfg" "$seed" "$@"; done
done
echo
cat "$dir/choices"
means "$dir/points" | "$clgen" plot --output "$plot" --log-y --title "--cfg auto and the default options, mean of the seeds" \
  --x-label "images seen (kimg)" --y-label "FID"
