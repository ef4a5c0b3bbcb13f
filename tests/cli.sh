# What the scripts cli_*.sh share, to be sourced: a folder that goes away, running a program, looking at what it said.
# Set program=(PROGRAM [COMMAND]) afterwards where it is not clgen. A script ends with `exit $failed`.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0
last=
program=("${CLGEN:-}")
unset CLGEN_DEVICE CLGEN_PROFILE

fail() {
  echo "FAILED: $*"
  head -n 30 "$dir/out" 2>/dev/null | cut -c 1-200 | sed 's/^/  stdout: /'
  head -n 30 "$dir/err" 2>/dev/null | cut -c 1-300 | sed 's/^/  stderr: /'
  failed=1
}

# expect STATUS ARGUMENT...: runs the program.
expect() {
  local wanted=$1 got
  shift
  "${program[@]}" "$@" >"$dir/out" 2>"$dir/err"
  got=$?
  last="${program[*]##*/} $*"
  [ "$got" = "$wanted" ] || fail "$last: exit status $got, not $wanted"
}
out_has() { grep -qF -e "$1" "$dir/out" || fail "$last: standard output lacks '$1'"; }
out_lacks() { ! grep -qF -e "$1" "$dir/out" || fail "$last: standard output has '$1'"; }
out_matches() { grep -qE -e "$1" "$dir/out" || fail "$last: standard output lacks '$1'"; }
out_matches_not() { ! grep -qE -e "$1" "$dir/out" || fail "$last: standard output has '$1'"; }
err_has() { grep -qF -e "$1" "$dir/err" || fail "$last: standard error lacks '$1'"; }
out_empty() { [ ! -s "$dir/out" ] || fail "$last: standard output is not empty"; }
err_empty() { [ ! -s "$dir/err" ] || fail "$last: standard error is not empty"; }
# json CHECK...: see json_check.c.
json() { "$JSON_CHECK" "$dir/out" "$@" >"$dir/json" 2>&1 || { cat "$dir/json"; fail "$last: wrong JSON"; }; }
there() { [ -s "$1" ] || fail "$last: $1 is missing"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }

# refuse_train WHY ARGUMENT...: as wrong usage, with this reason.
refuse_train() {
  local why=$1
  shift
  expect 2 train -n "$@"
  err_has "$why"
}
# resume_exactly NAME ARGUMENT...: a run in $dir/NAME that goes on from its last state but one ends in the same bytes. Then
# $run is its folder and $snapshot its last network. A script may define before_resuming.
before_resuming() { :; }
resume_exactly() {
  local where=$dir/$1 last
  shift
  expect 0 train "$@" --snap 1 --outdir "$where"
  run=$(echo "$where"/00000-*)
  last=$(ls "$run" | sed -n 's/^training-state-\([0-9]*\)\..*/\1/p' | tail -n 1)
  snapshot=$run/network-snapshot-$last.safetensors
  mkdir "$where/whole"
  mv "$run"/*-"$last".safetensors "$where/whole/"
  before_resuming
  expect 0 train --resume "$run"
  out_has "resumes from"
  for file in "$where"/whole/*; do same "$file" "$run/${file##*/}"; done
}
