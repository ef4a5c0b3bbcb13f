#!/bin/sh
# How the cost of a DCGAN's training step grows with its batch, its width and the images' size: time, rate and memory, measured
# with `clgen bench step` and drawn with `clgen plot`. docs/performance.md shows the picture.
set -eu

usage() {
  cat <<END
usage: scripts/growth.sh [--clgen FILE] [--device SPEC] [--seconds X] [--out PREFIX] [--short]

Writes PREFIX.tsv (what was measured) and PREFIX.svg (the same as six plots). Needs jq.
  --clgen FILE   the program to measure (clgen)
  --device SPEC  as for clgen (CLGEN_DEVICE, else the best)
  --seconds X    measure each step so long (3)
  --out PREFIX   where to (growth)
  --short        a few small sizes for 0.1 s each: a check that everything runs
END
}

clgen=clgen seconds=3 out=growth short=no
bad() { echo "growth.sh: $1; --help tells more" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --short) short=yes seconds=0.1; shift ;;
    --clgen | --device | --seconds | --out)
      [ $# -gt 1 ] || bad "$1 needs a value"
      case $1 in
        --clgen) clgen=$2 ;;
        --device) CLGEN_DEVICE=$2; export CLGEN_DEVICE ;;
        --seconds) seconds=$2 ;;
        --out) out=$2 ;;
      esac
      shift 2 ;;
    *) bad "there is no option '$1'" ;;
  esac
done
command -v jq >/dev/null || { echo "growth.sh: jq is not installed" >&2; exit 77; }
command -v "$clgen" >/dev/null || { echo "growth.sh: there is no program '$clgen'; --clgen names one" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

sizes='32 64' batches='8 16 32 64 128 256' widths='16 32 48 64 80 96' batch=64 width=64
if [ $short = yes ]; then
  sizes=32 batches='2 4' widths='2 4' batch=4 width=4
fi

# measure AXIS RES BATCH WIDTH: one line of the table.
measure() {
  echo "growth.sh: $2x$2 pixels, batch $3, width $4 ..." >&2
  "$clgen" bench step --res "$2" --batch "$3" --ngf "$4" --seconds "$seconds" --json >"$work/last" 2>"$work/err" ||
    { echo "growth.sh: 'clgen bench step' failed:" >&2; cat "$work/err" >&2; exit 1; }
  jq -r --arg axis "$1" --arg res "$2" --arg batch "$3" --arg width "$4" \
    'def hundredths: . * 100 | round / 100;
     [$axis, $res, $batch, $width, (1e3 * .median_s, .gflops, .peak_bytes / 1048576, .images_per_s | hundredths)] | @tsv' \
    "$work/last" >>"$work/rows"
}
for res in $sizes; do
  for n in $batches; do measure batch "$res" "$n" "$width"; done
  for n in $widths; do measure width "$res" "$batch" "$n"; done
done
machine=$(jq -r '"clgen \(.version) on \(.device), \(.driver)"' "$work/last")
{ printf '# %s\n# grows\tpixels\tbatch\tngf\tms\tGFLOP/s\tMiB\timages/s\n' "$machine" && cat "$work/rows"; } >"$work/growth.tsv"

# panel NUMBER AXIS COLUMN TITLE UNIT: one of the plots, in its place in the picture.
panel() {
  x=3 label="images in a batch"
  [ "$2" = batch ] || x=4 label="channels (ngf)"
  awk -F '\t' -v axis="$2" -v x=$x -v y="$3" '$1 == axis { printf "%sx%s pixels\t%s\t%s\n", $2, $2, $x, $y }' "$work/rows" |
    "$clgen" plot --output "$work/panel.svg" --title "$4" --x-label "$label" --y-label "$5" --width 420 --height 260
  size=$(sed -n '1s/.*viewBox="0 0 \([0-9]*\) \([0-9]*\)".*/width="\1" height="\2"/p' "$work/panel.svg")
  sed "1s/<svg /<svg x=\"$((430 * ($1 % 3)))\" y=\"$((300 * ($1 / 3)))\" $size /" "$work/panel.svg" >>"$work/panels"
}
panel 0 batch 5 "Time of a step, by its batch (ngf $width)" ms
panel 1 batch 6 "Rate" GFLOP/s
panel 2 batch 7 "Memory" MiB
panel 3 width 5 "Time of a step, by its width (batch $batch)" ms
panel 4 width 6 "Rate" GFLOP/s
panel 5 width 7 "Memory" MiB
{
  echo '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1290 600" width="1290" height="600">'
  cat "$work/panels"
  echo '</svg>'
} >"$work/growth.svg"
for form in tsv svg; do cp "$work/growth.$form" "$out.$form.part" && mv "$out.$form.part" "$out.$form"; done
