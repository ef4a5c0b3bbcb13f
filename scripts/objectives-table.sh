#!/bin/bash
# Every allowed pair of a loss and a regulariser of a GAN, trained for 5 kimg in small form: whether it stayed finite, and which
# way D's loss moved from the first tick after the start to the last. Prints a table in Markdown.
# Usage: scripts/objectives-table.sh CLGEN DATA [OPTION OF clgen train]...
set -u
[ $# -ge 2 ] || { sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2; }
clgen=$1 data=$2
shift 2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
options=(--data "$data" --cfg dcgan --ngf 8 --nz 16 --kimg 5 --tick 0.5 --snap 100 --seed 1 "$@")

# loss_D_real + loss_D_fake of the lines of a stats.jsonl, without that of the start
d_loss() {
  sed -n '2,$s/.*"loss_D_real":\([^,}]*\).*"loss_D_fake":\([^,}]*\).*/\1 \2/p' "$1" | awk '{ printf "%.3f\n", $1 + $2 }'
}

failed=0
echo "| loss | regulariser | finite | D's loss, first tick | last | it |"
echo "| --- | --- | --- | --- | --- | --- |"
for loss in ns bce lsgan wgan wgan-gp hinge ragan; do
  for reg in "" gp r1 dragan sn fm; do
    [ "$loss-$reg" = wgan-gp-gp ] && continue # has it anyway
    pair=(--loss "$loss" --reg "$reg")
    "$clgen" train "${options[@]}" "${pair[@]}" --dry-run >"$dir/out" 2>&1
    status=$?
    if [ $status = 2 ] && grep -q "do not go together" "$dir/out"; then continue; fi
    rm -rf "$dir/run"
    finite=yes
    if ! "$clgen" train "${options[@]}" "${pair[@]}" --outdir "$dir/run" >"$dir/out" 2>&1; then
      finite=no failed=1
      tail -n 1 "$dir/out" >&2
    fi
    values=$(d_loss "$dir/run/"*/stats.jsonl)
    first=$(head -n 1 <<<"$values") last=$(tail -n 1 <<<"$values")
    way=$(awk -v a="$first" -v b="$last" 'BEGIN { print (b < a ? "fell" : (b > a ? "rose" : "stayed")) }')
    echo "| $loss | ${reg:-none} | $finite | $first | $last | $way |"
  done
done
exit $failed
