#!/bin/sh
# The comparison table: clgen beside PyTorch and OpenBLAS, where they are installed, in one run on one machine.
# Each measurement is made in turn with its peer's, several times over, and the medians are compared: what else the machine does
# then meets both alike. Close other programs all the same.
set -eu

usage() {
  cat <<END
usage: scripts/benchmark.sh [--clgen FILE] [--device SPEC] [--out PREFIX] [--rounds N] [--seconds X] [--short]

Prints the table as Markdown; with --out it also writes PREFIX.md and PREFIX.json. Needs jq; python3 with PyTorch and
libopenblas.so.0 are compared with where they are there (PYTHON names another python3).
  --clgen FILE   the program to measure (clgen)
  --device SPEC  as for clgen (CLGEN_DEVICE, else the best)
  --rounds N     measure everything so often (3)
  --seconds X    and each time so long (3)
  --short        one round of 0.2 s of the main rows: a check that everything runs
END
}

here=$(cd "$(dirname "$0")" && pwd)
peer=$here/../tests/pytorch/bench_peer.py
clgen=clgen out='' rounds=3 seconds=3 short=no
bad() { echo "benchmark.sh: $1; --help tells more" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --short) short=yes rounds=1 seconds=0.2; shift ;;
    --clgen | --device | --out | --rounds | --seconds)
      [ $# -gt 1 ] || bad "$1 needs a value"
      case $1 in
        --clgen) clgen=$2 ;;
        --device) CLGEN_DEVICE=$2; export CLGEN_DEVICE ;;
        --out) out=$2 ;;
        --rounds) rounds=$2 ;;
        --seconds) seconds=$2 ;;
      esac
      shift 2 ;;
    *) bad "there is no option '$1'" ;;
  esac
done
case $rounds in '' | *[!0-9]* | 0) bad "--rounds '$rounds': a number of at least 1 is wanted" ;; esac
command -v jq >/dev/null || { echo "benchmark.sh: jq is not installed" >&2; exit 77; }
command -v "$clgen" >/dev/null || { echo "benchmark.sh: there is no program '$clgen'; --clgen names one" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export PYTHONDONTWRITEBYTECODE=1

# Which python3 has PyTorch (a distribution's may not be the first one).
python='' pytorch=''
for p in "${PYTHON:-}" python3 /usr/bin/python3; do
  [ -n "$p" ] && command -v "$p" >/dev/null || continue
  [ -n "$python" ] || python=$p
  if pytorch=$("$p" "$peer" versions 2>"$work/no-torch" | jq -r .pytorch) && [ -n "$pytorch" ]; then
    python=$p
    break
  fi
done
openblas=''
[ -n "$python" ] && "$python" "$peer" gemm 8 8 8 --seconds 0.001 >"$work/try" 2>"$work/no-blas" && openblas=OpenBLAS

# measure NAME clgen|peer COMMAND...: appends one JSON object to NAME.clgen or NAME.peer
measure() {
  name=$1 side=$2
  shift 2
  "$@" >"$work/last" 2>"$work/err" || { echo "benchmark.sh: '$*' failed:" >&2; cat "$work/err" >&2; exit 1; }
  cat "$work/last" >>"$work/$name.$side"
}
ours() { name=$1; shift; measure "$name" clgen "$clgen" bench "$@" --seconds "$seconds" --json; }
theirs() { name=$1 which=$2; shift 2; [ -z "$which" ] || measure "$name" peer "$python" "$peer" "$@" --seconds "$seconds"; }

gemms='1024,1024,1024'
batches=64
if [ $short = no ]; then
  gemms="$gemms 128,4096,1024 128,1024,4096 1024,4096,128 64,16384,16 128,784,400"
  batches='64 16 256'
fi
round=0
while [ $round -lt "$rounds" ]; do
  round=$((round + 1))
  echo "benchmark.sh: round $round of $rounds ..." >&2
  for size in $gemms; do
    m=${size%%,*} rest=${size#*,}
    n=${rest%,*} k=${rest#*,}
    ours "gemm-$size" gemm --m "$m" --n "$n" --k "$k"
    theirs "gemm-$size" "$openblas" gemm "$m" "$n" "$k"
  done
  for batch in $batches; do
    ours "dcgan-$batch" step --batch "$batch"
    theirs "dcgan-$batch" "$pytorch" dcgan "$batch"
  done
  ours vae-128 step --cfg vae-mlp --batch 128
  theirs vae-128 "$pytorch" vae 128
  ours generate-64 generate --batch 64
  theirs generate-64 "$pytorch" generate 64
  theirs generate-1 "$pytorch" generate 1
  [ $short = yes ] || ours ops ops
done

cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)
cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
for f in "$work"/*.clgen "$work"/*.peer; do
  [ -e "$f" ] || continue
  jq -s --arg key "$(basename "$f")" '{($key): .}' "$f"
done | jq -s --arg cpu "$cpu" --arg cores "$cores" --arg system "$(uname -sr)" --arg pytorch "$pytorch" \
  --arg rounds "$rounds" --arg seconds "$seconds" '
  def median: sort | .[length / 2 | floor];
  add as $all |
  def of($key; f): ($all[$key] // []) | map(f) | if length > 0 then median else null end;
  def ratio($a; $b): if $a and $b then $a / $b else null end;
  ($all["gemm-1024,1024,1024.peer"] // null) as $blas |
  (if $blas then 2.147483648 / of("gemm-1024,1024,1024.peer"; .median_s)
   else of("gemm-1024,1024,1024.clgen"; .gemm[0].gflops) end) as $limit |
  def step($name; $title; $batch; $asked; $part):
    of($name + ".clgen"; .images_per_s) as $us | of($name + ".peer"; .median_s) as $p |
    of($name + ".clgen"; .gflops) as $g | select($us) |
    {work: $title, unit: "images/s", clgen: $us, peer: (if $p then $batch / $p else null end), peer_name: "PyTorch",
     ratio: ratio($us; if $p then $batch / $p else null end), asked_ratio: $asked, gflops: $g, of_limit: ($g / $limit),
     asked_of_limit: $part, launches: of($name + ".clgen"; .launches), peak_bytes: of($name + ".clgen"; .peak_bytes)};
  def gemm($size; $asked):
    ($size | split(",") | map(tonumber)) as $s | (2e-9 * $s[0] * $s[1] * $s[2]) as $gflop |
    of("gemm-" + $size + ".clgen"; .gemm[0].gflops) as $us | of("gemm-" + $size + ".peer"; .median_s) as $p | select($us) |
    {work: ("GEMM " + ($size | gsub(","; "x"))), unit: "GFLOP/s", clgen: $us, peer: (if $p then $gflop / $p else null end),
     peer_name: "OpenBLAS", ratio: ratio($us; if $p then $gflop / $p else null end), asked_ratio: $asked};
  def bandwidth($op; $list; $size):
    def row(f): of("ops.clgen"; .[$list][]? | select(.op == $op) | f);
    row(.gb_per_s) as $us | row(.of_copy) as $share |
    select($us) | {work: ($op + ", " + $size), unit: "GB/s", clgen: $us, peer: ($us / $share), peer_name: "clgen copy",
                   ratio: $share, asked_ratio: 0.8};
  {machine: {cpu: $cpu, cores: ($cores | tonumber), system: $system},
   versions: {clgen: of("dcgan-64.clgen"; .version), device: of("dcgan-64.clgen"; .device), driver: of("dcgan-64.clgen"; .driver),
              device_version: of("dcgan-64.clgen"; .device_version), pytorch: (if $pytorch == "" then null else $pytorch end)},
   rounds: ($rounds | tonumber), seconds: ($seconds | tonumber), limit_gflops: $limit,
   limit_of: (if $blas then "OpenBLAS" else "clgen" end),
   rows: [step("dcgan-64"; "DCGAN step, batch 64"; 64; 2.5; 0.55), step("dcgan-16"; "DCGAN step, batch 16"; 16; 2; null),
          step("dcgan-256"; "DCGAN step, batch 256"; 256; 2; null), step("vae-128"; "VAE step, batch 128"; 128; 4; null),
          step("generate-64"; "DCGAN generating, batch 64"; 64; 2; 0.55),
          (of("generate-64.clgen"; .one_image_s) as $us | of("generate-1.peer"; .median_s) as $p |
           {work: "DCGAN generating one image", unit: "ms", clgen: ($us * 1e3), peer: (if $p then $p * 1e3 else null end),
            peer_name: "PyTorch", ratio: ratio($p; $us), asked_ms: 3}),
          gemm("1024,1024,1024"; null), gemm("128,4096,1024"; 0.6), gemm("128,1024,4096"; 0.6), gemm("1024,4096,128"; 0.6),
          gemm("64,16384,16"; 0.5), gemm("128,784,400"; 0.5),
          (("add", "bias+leaky_relu", "tanh", "to_u8", "transpose", "slice", "sum_channels", "sum_rows", "sum_columns", "batch_norm", "adam") |
            bandwidth(.; "ops"; "as in training"), bandwidth(.; "large"; "beyond the caches"))]}' \
  >"$work/table.json"

jq -r '
  def number: if . == null then "" elif . >= 100 then round | tostring elif . >= 10 then . * 10 | round / 10 | tostring
              else . * 100 | round / 100 | tostring end;
  "\(.machine.cpu), \(.machine.cores) cores, \(.machine.system); clgen \(.versions.clgen) on \(.versions.device), driver \(.versions.driver);",
  "PyTorch \(.versions.pytorch // "is not installed"). Limit: \(.limit_gflops | number) GFLOP/s, \(.limit_of) at 1024x1024x1024. Medians of \(.rounds) rounds of \(.seconds) s.",
  "",
  "| work | clgen | peer | times | asked | GFLOP/s | of the limit | launches |",
  "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
  (.rows[] | "| \(.work) | \(.clgen | number) \(.unit) | \(if .peer then "\(.peer | number) (\(.peer_name))" else "" end) | \(.ratio | number) | \(if .asked_ms then "under \(.asked_ms) ms" else .asked_ratio | number end)\(if .asked_of_limit then ", \(.asked_of_limit * 100 | round)%" else "" end) | \(.gflops | number) | \(if .of_limit then "\(.of_limit * 100 | round)%" else "" end) | \(.launches // "") |")' \
  "$work/table.json" >"$work/table.md"
cat "$work/table.md"
if [ -n "$out" ]; then
  for form in md json; do cp "$work/table.$form" "$out.$form.part" && mv "$out.$form.part" "$out.$form"; done
fi
