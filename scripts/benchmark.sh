#!/bin/sh
# The comparison table: clgen beside PyTorch in each of its settings, and OpenBLAS, in one run on one machine. Each measurement is
# made in turn with its peer's, several times over, and the medians are compared: what else the machine does then affects both
# alike. Close other programs all the same.
set -eu

usage() {
  cat <<END
usage: scripts/benchmark.sh [--clgen FILE] [--torch CMD] [--device SPEC] [--out PREFIX] [--rounds N] [--seconds X]
                            [--only WORK,...] [--settings NAME,...] [--short]

Prints the table as Markdown; with --out it also writes PREFIX.md and PREFIX.json. Needs jq; PyTorch and libopenblas.so.0 are
compared with where they are installed. Every setting of PyTorch is measured (eager, channels-last, compile, bf16, and
together; frozen weights for generating), and the best one in fp32 and the best of all are reported: compare with those.
  --clgen FILE   the program to measure (clgen)
  --torch CMD    the command of a Python with PyTorch, such as '/opt/venv/bin/python' (python3, if it has PyTorch). It may have
                 arguments, and 'env NAME=VALUE' before it
  --device SPEC  as for clgen (CLGEN_DEVICE, else the best)
  --rounds N     measure everything N times (3); settings that are 1.5 times slower than the best are measured once
  --seconds X    and each time for X seconds (3)
  --only LIST    only these works: gemm, step-16, step-64, step-256, vae, generate, ops
  --settings LIST  only these settings of PyTorch, such as eager,compile+channels-last (all; bench_peer.py lists them)
  --short        one round of 0.2 s of the main rows, PyTorch as it is (eager) only: a check that everything runs
END
}

here=$(cd "$(dirname "$0")" && pwd)
peer=$here/../tests/pytorch/bench_peer.py
clgen=clgen torch='' out='' rounds=3 seconds=3 short=no only='' chosen=''
bad() { echo "benchmark.sh: $1; --help tells more" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --short) short=yes rounds=1 seconds=0.2; shift ;;
    --clgen | --torch | --device | --out | --rounds | --seconds | --only | --settings)
      [ $# -gt 1 ] || bad "$1 needs a value"
      case $1 in
        --clgen) clgen=$2 ;;
        --torch) torch=$2 ;;
        --device) CLGEN_DEVICE=$2; export CLGEN_DEVICE ;;
        --out) out=$2 ;;
        --rounds) rounds=$2 ;;
        --seconds) seconds=$2 ;;
        --only) only=$2 ;;
        --settings) chosen=$2 ;;
      esac
      shift 2 ;;
    *) bad "there is no option '$1'" ;;
  esac
done
case $rounds in '' | *[!0-9]* | 0) bad "--rounds '$rounds': a number of at least 1 is wanted" ;; esac
[ -n "$only" ] || { only=gemm,step-64,vae,generate; [ $short = yes ] || only=gemm,step-16,step-64,step-256,vae,generate,ops; }
for work in $(echo "$only" | tr , ' '); do
  case $work in gemm | step-16 | step-64 | step-256 | vae | generate | ops) ;; *) bad "--only: there is no work '$work'" ;; esac
done
command -v jq >/dev/null || { echo "benchmark.sh: jq is not installed" >&2; exit 77; }
command -v "$clgen" >/dev/null || { echo "benchmark.sh: there is no program '$clgen'; --clgen names one" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export PYTHONDONTWRITEBYTECODE=1

# The Python with PyTorch: what --torch says, else one that has it (a distribution's may not be the first one). $python is a
# command of several words.
python='' pytorch='' torch_cpu=''
for p in "${torch:-python3}" "${torch:-/usr/bin/python3}"; do
  command -v "${p%% *}" >/dev/null || continue
  [ -n "$python" ] || python=$p
  if $p "$peer" versions >"$work/versions" 2>"$work/no-torch"; then
    python=$p pytorch=$(jq -r .pytorch "$work/versions") torch_cpu=$(jq -r .cpu "$work/versions")
    break
  fi
done
if [ -n "$torch" ] && [ -z "$pytorch" ]; then
  echo "benchmark.sh: '$torch' has no PyTorch:" >&2
  cat "$work/no-torch" >&2
  exit 1
fi
openblas=''
[ -n "$python" ] && $python "$peer" gemm 8 8 8 --seconds 0.001 >"$work/try" 2>"$work/no-blas" && openblas=OpenBLAS

# measure NAME clgen|peer COMMAND...: appends JSON objects to NAME.clgen or NAME.peer
measure() {
  name=$1 side=$2
  shift 2
  "$@" >"$work/last" 2>"$work/err" || { echo "benchmark.sh: '$*' failed:" >&2; cat "$work/err" >&2; exit 1; }
  cat "$work/last" >>"$work/$name.$side"
}
ours() { name=$1; shift; measure "$name" clgen "$clgen" bench "$@" --seconds "$seconds" --json; }
blas() { name=$1; shift; [ -z "$openblas" ] || measure "$name" peer $python "$peer" "$@" --seconds "$seconds"; }
# The settings of PyTorch that are measured again: those near the best of their precision so far.
near() {
  [ $short = no ] || { echo eager; return; }
  [ -e "$1" ] || { echo "$chosen"; return; }
  jq -s -r '[.[] | select(.median_s)] | group_by(.precision) | map((map(.median_s) | min) as $best | .[] |
    select(.median_s <= 1.5 * $best) | .setting) | unique | join(",")' "$1"
}
theirs() {
  name=$1
  shift
  [ -n "$pytorch" ] || return 0
  settings=$(near "$work/$name.peer")
  measure "$name" peer $python "$peer" "$@" --seconds "$seconds" ${settings:+--settings "$settings"}
}

gemms='1024,1024,1024'
[ $short = yes ] || gemms="$gemms 128,4096,1024 128,1024,4096 1024,4096,128 64,16384,16 128,784,400"
round=0
while [ $round -lt "$rounds" ]; do
  round=$((round + 1))
  echo "benchmark.sh: round $round of $rounds ..." >&2
  for work_name in $(echo "$only" | tr , ' '); do
    case $work_name in
      gemm)
        for size in $gemms; do
          m=${size%%,*} rest=${size#*,}
          n=${rest%,*} k=${rest#*,}
          ours "gemm-$size" gemm --m "$m" --n "$n" --k "$k"
          blas "gemm-$size" gemm "$m" "$n" "$k"
        done ;;
      step-*)
        ours "$work_name" step --batch "${work_name#step-}"
        theirs "$work_name" dcgan "${work_name#step-}" ;;
      vae)
        ours vae-128 step --cfg vae-mlp --batch 128
        theirs vae-128 vae 128 ;;
      generate)
        ours generate-64 generate --batch 64
        theirs generate-64 generate 64
        ours generate-1 generate --batch 1
        theirs generate-1 generate 1 ;;
      ops) ours ops ops ;;
    esac
  done
done

cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)
cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
for f in "$work"/*.clgen "$work"/*.peer; do
  [ -e "$f" ] || continue
  jq -s --arg key "$(basename "$f")" '{($key): .}' "$f"
done | jq -s --arg cpu "$cpu" --arg cores "$cores" --arg system "$(uname -sr)" --arg pytorch "$pytorch" --arg torch_cpu "$torch_cpu" \
  --arg rounds "$rounds" --arg seconds "$seconds" '
  def median: sort | .[length / 2 | floor];
  add as $all |
  def of($key; f): ($all[$key] // []) | map(f) | if length > 0 then median else null end;
  def ratio($a; $b): if $a and $b then $a / $b else null end;
  def first_clgen(f): [$all | to_entries[] | select(.key | endswith(".clgen")) | .value[0] | f] | first;
  # {setting, precision, s} of each setting, the fastest first
  def settings($key): ($all[$key + ".peer"] // []) | map(select(.median_s and .setting)) | group_by(.setting) |
    map({setting: .[0].setting, precision: .[0].precision, s: (map(.median_s) | median)}) | sort_by(.s);
  def failed($key): ($all[$key + ".peer"] // []) | map(select(.error) | {setting, error}) | unique_by(.setting);
  of("gemm-1024,1024,1024.peer"; .median_s) as $blas |
  (if $blas then 2.147483648 / $blas else of("gemm-1024,1024,1024.clgen"; .gemm[0].gflops) end) as $limit |
  # Of a time per run: `amount` per second (images), or the time itself where amount is null.
  def beside($key; $name; $title; $amount; $s):
    settings($key) as $of | ($of | map(select(.precision == "fp32"))[0]) as $fp32 | $of[0] as $any | select($s) |
    def shown: if . == null then null elif $amount then $amount / . else . * 1e3 end;
    {work: $title, unit: (if $amount then "images/s" else "ms" end), clgen: ($s | shown),
     peer_name: "PyTorch", fp32: ($fp32.s | shown), fp32_setting: $fp32.setting, fp32_ratio: ratio($fp32.s; $s),
     best: ($any.s | shown), best_setting: $any.setting, best_ratio: ratio($any.s; $s),
     settings: ($of | map({setting, value: (.s | shown)})), failed: failed($key),
     gflops: of($name; .gflops), of_limit: (if $limit and $amount then ratio(of($name; .gflops); $limit) else null end),
     launches: of($name; .launches), peak_bytes: of($name; .peak_bytes)};
  def step($key; $title; $batch): beside($key; $key + ".clgen"; $title; $batch; of($key + ".clgen"; .median_s));
  def gemm($size):
    ($size | split(",") | map(tonumber)) as $s | (2e-9 * $s[0] * $s[1] * $s[2]) as $gflop |
    of("gemm-" + $size + ".clgen"; .gemm[0].gflops) as $us | of("gemm-" + $size + ".peer"; .median_s) as $p | select($us) |
    {work: ("GEMM " + ($size | gsub(","; "x"))), unit: "GFLOP/s", clgen: $us, peer_name: "OpenBLAS",
     fp32: (if $p then $gflop / $p else null end), fp32_setting: (if $p then "OpenBLAS" else null end),
     fp32_ratio: ratio($us; if $p then $gflop / $p else null end)};
  def bandwidth($op; $list; $size):
    def row(f): of("ops.clgen"; .[$list][]? | select(.op == $op) | f);
    row(.gb_per_s) as $us | row(.of_copy) as $share |
    select($us) | {work: ($op + ", " + $size), unit: "GB/s", clgen: $us, peer_name: "clgen copy", fp32: ($us / $share),
                   fp32_setting: "clgen copy", fp32_ratio: $share};
  {machine: {cpu: $cpu, cores: ($cores | tonumber), system: $system},
   versions: {clgen: first_clgen(.version), device: first_clgen(.device), driver: first_clgen(.driver),
              device_version: first_clgen(.device_version), pytorch: (if $pytorch == "" then null else $pytorch end),
              pytorch_cpu: $torch_cpu},
   rounds: ($rounds | tonumber), seconds: ($seconds | tonumber), limit_gflops: $limit,
   limit_of: (if $blas then "OpenBLAS" else "clgen" end),
   rows: [step("step-16"; "DCGAN step, batch 16"; 16), step("step-64"; "DCGAN step, batch 64"; 64),
          step("step-256"; "DCGAN step, batch 256"; 256), step("vae-128"; "VAE step, batch 128"; 128),
          step("generate-64"; "DCGAN generating, batch 64"; 64),
          beside("generate-1"; "generate-1.clgen"; "DCGAN generating one image"; null; of("generate-1.clgen"; .one_image_s)),
          gemm("1024,1024,1024"), gemm("128,4096,1024"), gemm("128,1024,4096"), gemm("1024,4096,128"),
          gemm("64,16384,16"), gemm("128,784,400"),
          (("add", "bias+leaky_relu", "tanh", "to_u8", "transpose", "slice", "sum_channels", "sum_rows", "sum_columns", "batch_norm", "adam") |
            bandwidth(.; "ops"; "as in training"), bandwidth(.; "large"; "beyond the caches"))]}' \
  >"$work/table.json"

jq -r '
  def number: if . == null then "" elif . >= 100 then round | tostring elif . >= 10 then . * 10 | round / 10 | tostring
              else . * 100 | round / 100 | tostring end;
  def peer($value; $setting): if $value then "\($value | number) (\($setting))" else "" end;
  "\(.machine.cpu), \(.machine.cores) cores, \(.machine.system); clgen \(.versions.clgen) on \(.versions.device), driver \(.versions.driver);",
  "PyTorch \(.versions.pytorch // "is not installed")\(if .versions.pytorch_cpu != "" then " (\(.versions.pytorch_cpu))" else "" end). Limit: \(if .limit_gflops then "\(.limit_gflops | number) GFLOP/s, \(.limit_of) at 1024x1024x1024" else "not measured" end). Medians of \(.rounds) rounds of \(.seconds) s.",
  "",
  "| work | clgen | peer, fp32 | times | peer, best of all | times | GFLOP/s | of the limit | launches |",
  "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
  (.rows[] | "| \(.work) | \(.clgen | number) \(.unit) | \(peer(.fp32; .fp32_setting)) | \(.fp32_ratio | number) | \(peer(.best; .best_setting)) | \(.best_ratio | number) | \(.gflops | number) | \(if .of_limit then "\(.of_limit * 100 | round)%" else "" end) | \(.launches // "") |"),
  "",
  (.rows[] | select((.settings // []) | length > 1) | "\(.work), PyTorch in \(.unit): \(.settings | map("\(.setting) \(.value | number)") | join(", "))."),
  (.rows[] | select((.failed // []) | length > 0) | "\(.work): \(.failed | map("\(.setting) failed (\(.error))") | join("; ")).")' \
  "$work/table.json" >"$work/table.md"
cat "$work/table.md"
if [ -n "$out" ]; then
  for form in md json; do cp "$work/table.$form" "$out.$form.part" && mv "$out.$form.part" "$out.$form"; done
fi
