#!/bin/bash
# Plain DCGAN beside other objectives, settings and networks at the same budget of images, by metrics of clgen evaluate: a table in Markdown, a line a
# configuration and seed. Runs that are there already in OUTDIR are not trained again.
# Usage: scripts/best-config.sh CLGEN DATA OUTDIR [OPTION OF clgen train]...
# KIMG (200), NGF (32) and SEEDS ("0") are the budget, the width and the seeds; NUM (10000) images are judged; ONLY, a pattern
# like 'plain|hinge-*', leaves candidates out.
set -u
shopt -s extglob
[ $# -ge 3 ] || { sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2; }
clgen=$1 data=$2 outdir=$3
shift 3
mkdir -p "$outdir" || exit 1
chosen="@(${ONLY:-*})"
metrics=(fid kid recall_k5 coverage_k5 ndb ndb_jsd)

# NAME OPTION...
candidates='
plain
batch32              --batch 32
lr4e-4               --lr 4e-4
lr1e-3               --lr 1e-3
lr2e-3               --lr 2e-3
lr2e-3-cosine        --lr 2e-3 --lr-schedule cosine
lr2e-3-mbstd         --lr 2e-3 --reg mbstd
smoothing            --label-smoothing 0.1
lsgan                --loss lsgan
ragan                --loss ragan
fm                   --reg fm
mbstd                --reg mbstd
ns-r1                --reg r1 --r1-gamma 1
ns-r1-mbstd          --reg r1,mbstd --r1-gamma 1
ns-sn                --reg sn
hinge-sn             --loss hinge --reg sn
hinge-sn-ttur        --loss hinge --reg sn --lr 1e-4 --lr-d 4e-4
hinge-sn-fast        --loss hinge --reg sn --lr 4e-4 --lr-d 4e-4
batch16              --batch 16
batch16-cosine       --batch 16 --lr-schedule cosine
batch16-smoothing    --batch 16 --label-smoothing 0.1
batch32-fm           --batch 32 --reg fm
batch32-mbstd        --batch 32 --reg mbstd
batch32-hinge-sn     --batch 32 --loss hinge --reg sn
batch32-ns-sn        --batch 32 --reg sn
batch16-hinge-sn     --batch 16 --loss hinge --reg sn
batch32-sn-mbstd     --batch 32 --loss hinge --reg sn,mbstd
resnet-hinge-sn      --cfg resnet --loss hinge --reg sn
'

# figure FILE METRIC: its value in the JSON of clgen evaluate
figure() {
  awk -v key="\"$2\":" '$1 == key { inside = 1 } inside && $1 == "\"value\":" { sub(",", "", $2); print $2; exit }' "$1"
}

row() { printf '| %s ' "$@" && echo "|"; }
row configuration options seed "${metrics[@]}" "seconds of training"
row --- --- --- $(for _ in "${metrics[@]}"; do echo ---; done) ---
while read -r name options; do
  [ -n "$name" ] || continue
  case $name in $chosen) ;; *) continue ;; esac
  for seed in ${SEEDS:-0}; do
    run=$outdir/$name-$seed
    if [ ! -e "$run/seconds" ]; then
      rm -rf "$run"
      begin=$(date +%s)
      # shellcheck disable=SC2086 # options are words
      "$clgen" train --data "$data" --cfg dcgan --ngf "${NGF:-32}" --kimg "${KIMG:-200}" --seed "$seed" --outdir "$run" \
        $options "$@" >"$run.log" 2>&1 || { row "$name" "$options" "$seed" "$(tail -n 1 "$run.log")"; continue; }
      echo $(($(date +%s) - begin)) >"$run/seconds"
    fi
    if [ ! -s "$run/metrics.json" ]; then
      "$clgen" evaluate --network "$(echo "$run"/00000-*)" --data "$data" --metrics fid,kid,prdc,ndb --num "${NUM:-10000}" \
        --json >"$run/metrics.json" 2>>"$run.log" || exit 1
    fi
    figures=()
    for metric in "${metrics[@]}"; do figures+=("$(figure "$run/metrics.json" "$metric")"); done
    row "$name" "${options:+\`$options\`}" "$seed" "${figures[@]}" "$(cat "$run/seconds")"
  done
done <<<"$candidates"
