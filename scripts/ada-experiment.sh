#!/bin/bash
# Augmentation with few images: DCGANs on 500 images, without augmentation, with fixed probabilities, and with --adapt ada, on
# the same seeds. Prints a table for docs/adapting.md and writes its plot.
# Usage: scripts/ada-experiment.sh CLGEN DATA PLOT.svg [OPTION OF clgen train]...
# DATA are digits with a test split, by which FID and coverage are taken. SEEDS ("0 1 2"), KIMG (200), IMAGES (500) and
# FIXED ("0.2 0.4") may be set.
set -eu
[ $# -ge 3 ] || { sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2; }
clgen=$1 data=$2 plot=$3
shift 3
seeds=${SEEDS:-0 1 2}
export CLGEN_DATA_DIR=${CLGEN_DATA_DIR:-$(cd "$(dirname "$0")/.." && pwd)/models}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# result KEY FILE: its last value. curve NAME FILE: FID over kimg.
result() { sed -n "s/.*\"results\":{[^}]*\"$1\":\([^,}]*\).*/\1/p" "$2" | tail -n 1; }
curve() { sed -n "s/.*\"results\":{\"fid\":\([^,}]*\)}.*\"kimg\":\([^,}]*\).*/$1\t\2\t\1/p" "$2"; }
least() { sed -n 's/.*"results":{"fid":\([^,}]*\)}.*/\1/p' "$1" | sort -g | head -n 1; }
p_at_end() { sed -n 's/.*"augment_p":\([^,}]*\).*/\1/p' "$1" | tail -n 1; }

# one NAME SEED OPTION...
one() {
  local name=$1 seed=$2 out run
  shift 2
  out=$dir/${name// /-}-$seed
  "$clgen" train --data "$data" --cfg dcgan --res 32 --ngf 16 --subset "${IMAGES:-500}" --reg r1 --r1-gamma 0.1 \
    --kimg "${KIMG:-200}" --snap 5 --seed "$seed" --metrics fid,prdc --outdir "$out" "$@" >"$dir/log" 2>&1 ||
    { cat "$dir/log" >&2; exit 1; }
  run=$(echo "$out"/0*)
  curve "$name, seed $seed" "$run/metric-fid.jsonl" >>"$dir/points"
  echo "| $name | $seed | $(result fid "$run/metric-fid.jsonl") | $(least "$run/metric-fid.jsonl") |" \
    "$(result coverage_k5 "$run/metric-prdc.jsonl") | $(p_at_end "$run/stats.jsonl") |"
}

echo "| augmentation | seed | FID | least FID | coverage | p at the end |"
echo "| --- | ---: | ---: | ---: | ---: | ---: |"
for seed in $seeds; do
  one none "$seed" "$@"
  for p in ${FIXED:-0.2 0.4}; do one "p $p" "$seed" --augment-p "$p" "$@"; done
  one ada "$seed" --adapt ada --ada-kimg 100 "$@"
done
"$clgen" plot --output "$plot" --log-y --title "${IMAGES:-500} images, with and without augmentation" \
  --x-label "images seen (kimg)" --y-label "FID of the digits' classifier" "$dir/points"
