#!/bin/bash
# The collapse guard on runs provoked to collapse: DCGANs at 1500 times the usual rate, with and without --adapt guard,
# three seeds each. Prints the table of docs/adapting.md and writes its plot.
# Usage: scripts/guard-experiment.sh CLGEN DATA PLOT.svg [OPTION OF clgen train]...
# DATA are digits with a test split. SEEDS ("0 1 2") and KIMG (60) may be set. About three minutes on two cores.
. "$(dirname "$0")/experiment.sh"

echo "| seed | guard | FID | recall | coverage | went back |"
echo "| ---: | --- | ---: | ---: | ---: | ---: |"
for seed in $seeds; do
  for adapt in none guard; do
    out=$dir/$adapt-$seed
    "$clgen" train --data "$data" --cfg dcgan --res 32 --ngf 16 --lr 0.3 --kimg "${KIMG:-60}" --snap 2 --seed "$seed" \
      --metrics fid,prdc --adapt $adapt --outdir "$out" "$@" >"$dir/log" 2>&1 || [ $adapt = none ] || { cat "$dir/log" >&2; exit 1; }
    run=$(echo "$out"/0*)
    curve "$([ $adapt = none ] && echo without || echo with), seed $seed" "$run/metric-fid.jsonl" >>"$dir/points"
    echo "| $seed | $([ $adapt = none ] && echo no || echo yes) | $(result fid "$run/metric-fid.jsonl") |" \
      "$(result recall_k5 "$run/metric-prdc.jsonl") | $(result coverage_k5 "$run/metric-prdc.jsonl") |" \
      "$(grep -c '"by":"guard","what":"learning rates"' "$run/stats.jsonl" || true) |"
  done
done
"$clgen" plot --output "$plot" --log-y --title "Provoked to collapse, with and without the guard" --x-label "images seen (kimg)" \
  --y-label "FID of the digits' classifier" "$dir/points"
