#!/bin/sh
# Runs the fuzz targets. Usage: scripts/fuzz.sh MINUTES [TARGET...]
# MINUTES (a fraction too) are spread over the targets, which run one after another. The build lies in ./build-fuzz
# (CLGEN_FUZZ_BUILD names another folder); in it are corpus/TARGET, which grows from run to run, findings/TARGET, and logs.
# Prints for each target its executions, the edges of the program that its corpus reaches, and its findings.
# Exits with 1 when there are findings. docs/fuzzing.md tells what to do with them.
set -u
cd "$(dirname "$0")/.." || exit 1
case ${1:-} in
  '' | -h | --help) sed -n '2,7s/^# //p' "scripts/fuzz.sh"; [ $# -gt 0 ]; exit ;;
  *[!0-9.]*) echo "fuzz.sh: '$1' is not a number of minutes" >&2; exit 2 ;;
esac
minutes=$1
shift
build=${CLGEN_FUZZ_BUILD:-$PWD/build-fuzz}
log=$build/fuzz-build.log
mkdir -p "$build" || exit 1
if [ ! -f "$build/build.ninja" ]; then
  CC=clang CXX=clang++ meson setup "$build" -Doptimization=1 -Ddebug=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dfuzz=true -Dtools=false -Dtests=disabled >"$log" 2>&1 || { tail -20 "$log" >&2; exit 1; }
fi
ninja -C "$build" fuzzers >"$log" 2>&1 || { tail -40 "$log" >&2; exit 1; }

if [ $# -eq 0 ]; then set -- $(cd "$build/tests/fuzz" && ls | sed -n 's/^fuzz_\([a-z_]*\)$/\1/p'); fi
for target in "$@"; do
  [ -x "$build/tests/fuzz/fuzz_$target" ] || { echo "fuzz.sh: there is no target '$target'" >&2; exit 2; }
done
seconds=$(awk -v m="$minutes" -v n=$# 'BEGIN { s = int(m * 60 / n); print s < 1 ? 1 : s }')
export ASAN_OPTIONS=quarantine_size_mb=8:malloc_context_size=8:allocator_may_return_null=1:detect_leaks=1
export UBSAN_OPTIONS=print_stacktrace=1
TMPDIR=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/clgen-fuzz.XXXXXX") || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
count() { find "$1" -type f | wc -l; }
found=0
printf '%-14s %12s %8s %8s %9s\n' target executions edges corpus findings
for target in "$@"; do
  corpus=$build/corpus/$target
  findings=$build/findings/$target
  mkdir -p "$corpus" "$findings"
  seeds=
  for folder in corpus regressions; do
    [ ! -d "tests/fuzz/$folder/$target" ] || seeds="$seeds tests/fuzz/$folder/$target"
  done
  case $target in
    png) seeds="$seeds tests/data/pngsuite" ;;
    jpeg) seeds="$seeds tests/data/jpeg" ;;
    npy | npz) seeds="$seeds tests/data/numpy" ;;
  esac
  dictionary=
  [ ! -f "tests/fuzz/$target.dict" ] || dictionary=-dict=tests/fuzz/$target.dict
  # A reader may take 256 MiB; sanitizers and their shadow take as much again.
  "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -malloc_limit_mb=256 -rss_limit_mb=768 -timeout=30 \
    -max_len=65536 -len_control=50 -print_final_stats=1 -artifact_prefix="$findings/" $dictionary "$corpus" $seeds \
    >"$build/fuzz-$target.log" 2>&1
  status=$?
  n=$(count "$findings")
  [ $status -eq 0 ] || [ "$n" -gt 0 ] || n="? (exit $status)"
  [ "$n" = 0 ] || found=1
  printf '%-14s %12s %8s %8s %9s\n' "$target" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/fuzz-$target.log")" \
    "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$build/fuzz-$target.log" | tail -1)" "$(count "$corpus")" "$n"
done
[ $found -eq 0 ] || echo "findings are in $build/findings, logs in $build/fuzz-TARGET.log" >&2
exit $found
