#!/bin/bash
# Transfer: a DCGAN trained on the digits 0 to 4 goes on with 500 images of 5 to 9, beside training on those 500 from nothing;
# each three times, with other images and numbers. FID is against the test images of 5 to 9. Prints the table of
# docs/transfer.md and writes its plot.
# Usage: scripts/transfer-experiment.sh CLGEN DATA PLOT.svg [OPTION OF clgen train]...
# DATA are digits with labels and a test split. SEEDS ("0 1 2"), BEFORE (the first training, 150 kimg), KIMG (96, a multiple of 16)
# and NGF (32) may be set. About ten minutes on two cores.
. "$(dirname "$0")/experiment.sh"
before=${BEFORE:-150} kimg=${KIMG:-96} ngf=${NGF:-32}

# points NAME RUN: FID over kimg, the first step left out.
points() { curve "$1" "$2/metric-fid.jsonl" | awk '$(NF-1) >= 1'; }

quietly "$clgen" train --data "$data" --classes 0-4 --cfg dcgan --res 32 --ngf "$ngf" --kimg "$before" --snap 1000 --seed 100 \
  --outdir "$dir/source" "$@"
source=$(echo "$dir"/source/0*)
for seed in $seeds; do
  for way in scratch transfer; do
    start=(--ngf "$ngf")
    [ $way = scratch ] || start=(--init "$source")
    quietly "$clgen" train --data "$data" --classes 5-9 --subset 500 --cfg dcgan --res 32 "${start[@]}" --kimg "$kimg" \
      --tick "$((kimg / 16))" --snap 1 --seed "$seed" --metrics fid --features mnist-cnn --outdir "$dir/$way-$seed" "$@"
    points "$way, seed $seed" "$dir/$way-$seed"/0* >>"$dir/points"
  done
done

# The table: FID at a sixteenth, a quarter, half and all of the budget and at its lowest; when transfer is where scratch ever gets.
awk -F '\t' '
  { split($1, name, ", seed "); way = name[1]; seed = name[2]; seeds[seed]; n[way, seed]++
    x[way, seed, n[way, seed]] = $2; y[way, seed, n[way, seed]] = $3
    if (!((way, seed) in low) || $3 < low[way, seed]) low[way, seed] = $3 }
  END {
    print "| seed | start | FID at 1/16 | at 1/4 | at 1/2 | at the end | lowest | kimg to the lowest of scratch |"
    print "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for (seed = 0; seed < 100; ++seed) {
      if (!(seed in seeds)) continue
      for (k = 1; k <= 2; ++k) {
        way = k == 1 ? "scratch" : "transfer"; m = n[way, seed]; when = "never"
        for (i = m; i >= 1; --i) if (y[way, seed, i] <= low["scratch", seed]) when = sprintf("%.1f", x[way, seed, i])
        printf "| %d | %s | %.1f | %.1f | %.1f | %.1f | %.1f | %s |\n", seed, way, y[way, seed, 1], y[way, seed, int(m / 4)],
               y[way, seed, int(m / 2)], y[way, seed, m], low[way, seed], when
      }
    }
  }' "$dir/points"
"$clgen" plot --output "$plot" --log-y --title "500 images of 5 to 9: from nothing, and from a network of 0 to 4" \
  --x-label "images seen (kimg)" --y-label "FID of the digits' classifier" "$dir/points"
