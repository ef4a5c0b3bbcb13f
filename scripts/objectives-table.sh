#!/bin/bash
# Whether everything trains: every network with every loss or likelihood that it takes; every single regulariser that is allowed
# with every loss on the first GAN, and with hinge on the others (ALL=1: with every loss on all of them, three times as long); some
# combinations on the first; for 5 kimg in small form. Prints tables in Markdown; docs/objectives.md says how to read them. Exits
# with 1 when a number became NaN or infinite, or something did not improve.
# Usage: scripts/objectives-table.sh CLGEN DATA [OPTION OF clgen train]...
# JOBS (2) run at a time. ONLY, a pattern like 'dcgan hinge*' or '@(vae*|classifier)', leaves the rest out.
set -u
shopt -s extglob
[ $# -ge 2 ] || { sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2; }
clgen=$1 data=$2
shift 2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
jobs=${JOBS:-2}
options=(--data "$data" --ngf 4 --nz 16 --hidden 32 --ndf 4 --batch 16 --kimg 5 --tick 1.25 --snap 100 --seed 1 "$@")
combinations=("hinge sn,bcr" "ns r1,mbstd" "wgan-gp fm,mbstd" "ragan sn,ha,fm" "lsgan r1,fm,bcr")
export POCL_MAX_PTHREAD_COUNT=1 # the jobs share the cores among them

# What an option takes, as the program says it.
choices() { "$clgen" train --data "$data" --dry-run --"$1" '?' 2>&1 | sed -n 's/.*\(one of\|none of\) //p' | tr '|,' '  '; }
# takes CFG OPTION...: whether the network knows such an option.
takes() {
  local cfg=$1
  shift
  "$clgen" train "${options[@]}" --dry-run --cfg "$cfg" "$@" >/dev/null 2>&1
}

# D's loss without penalties, or the network's loss, a line a tick: "kimg loss". The first is that of the first step, the last
# the mean over the last quarter.
losses() {
  sed -n -e 's/.*"kimg":\([^,]*\),.*"loss_D_real":\([^,}]*\).*"loss_D_fake":\([^,}]*\).*/\1 \2 \3/p' \
    -e 's/.*"kimg":\([^,]*\),.*"loss":\([^,}]*\).*/\1 \2 0/p' "$1" | awk '{ printf "%s %.9g\n", $1, $2 + $3 }'
}
# The loss of a D that says the same of everything, as well as it can; nothing for other networks.
blind() {
  case $1 in
    ns | bce | ragan) echo 1.386294 ;;
    lsgan) echo 0.25 ;;
    hinge) echo 2 ;;
    wgan | wgan-gp) echo 0 ;;
  esac
}

# job NAME OPTION...: its cell of the table goes to $dir/NAME.
job() {
  local name=$1 status stats
  shift
  mkdir "$dir/$name.run"
  "$clgen" train "${options[@]}" --outdir "$dir/$name.run" "$@" >"$dir/$name.out" 2>&1
  status=$?
  stats=$(echo "$dir/$name.run"/*/stats.jsonl)
  if [ $status = 2 ]; then
    echo "-" >"$dir/$name"
  elif [ $status != 0 ]; then
    echo "**failed**" >"$dir/$name"
    echo "$*: $(tail -n 1 "$dir/$name.out")" >&2
  else
    losses "$stats" | awk -v blind="$(blind "${4:-}")" -v clipped=$([ "${4:-}" = wgan ] && echo 1) '
      NR == 1 { first = $2 }
      { last = $2 } # clipped: the first weights were not, and their scale means nothing
      END {
        better = (clipped || last < first) && (blind == "" || last < blind)
        printf "%s%.3g → %.3g\n", better ? "" : "**no** ", first, last
      }' >"$dir/$name"
  fi
  rm -rf "$dir/$name.run"
}
# later NAME OPTION...: as soon as fewer than $jobs run.
later() {
  case $1 in ${ONLY:-*}) ;; *) return ;; esac
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  job "$@" &
}

all_losses=$(choices loss) regs="none $(choices reg)" gans= vaes= others=
for cfg in $(choices cfg); do
  [ "$cfg" = auto ] && continue # it chooses one of the others
  if takes "$cfg" --loss hinge; then
    gans+="$cfg "
  elif takes "$cfg" --likelihood gaussian; then
    vaes+=" $cfg"
  else
    others+=" $cfg"
  fi
done

first=${gans%% *}
for cfg in $gans; do
  for loss in $all_losses; do
    for reg in $regs; do
      [ "$reg" = none ] || [ "$loss" = hinge ] || [ "$cfg" = "$first" ] || [ -n "${ALL:-}" ] || continue
      later "$cfg $loss $reg" --cfg "$cfg" --loss "$loss" --reg "${reg#none}"
    done
  done
done
for pair in "${combinations[@]}"; do later "$first $pair" --cfg "$first" --loss "${pair% *}" --reg "${pair#* }"; done
for cfg in $vaes; do
  for likelihood in $(choices likelihood); do later "$cfg $likelihood" --cfg "$cfg" --likelihood "$likelihood"; done
done
for cfg in $others; do later "$cfg" --cfg "$cfg"; done
wait

row() { printf '| %s ' "$@" && echo "|"; }
cell() { if [ -e "$dir/$1" ]; then cat "$dir/$1"; else echo " "; fi; }
# table FIRST COLUMNS ROWS: the cells "FIRST ROW COLUMN"
table() {
  local first=$1 columns=$2 rows=$3 cells
  row "$first" $columns
  row $(for _ in x $columns; do echo "---"; done)
  for r in $rows; do
    cells=()
    for c in $columns; do cells+=("$(cell "$first $r $c")"); done
    row "$r" "${cells[@]}"
  done
  echo
}
for cfg in $gans; do table "$cfg" "$regs" "$all_losses"; done
row combinations "${combinations[@]}"
row --- $(for _ in "${combinations[@]}"; do echo "---"; done)
cells=()
for pair in "${combinations[@]}"; do cells+=("$(cell "$first $pair")"); done
row "$first" "${cells[@]}"
echo
row network loss
row --- ---
for cfg in $vaes; do
  for likelihood in $(choices likelihood); do row "$cfg $likelihood" "$(cell "$cfg $likelihood")"; done
done
for cfg in $others; do row "$cfg" "$(cell "$cfg")"; done
! grep -q '\*\*' "$dir"/* 2>/dev/null
