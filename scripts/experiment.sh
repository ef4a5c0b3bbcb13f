# What the experiments share; they source it. Their words are CLGEN DATA PLOT.svg [OPTION OF clgen train]..., of which it
# takes the first three: clgen, data and plot are set, seeds from SEEDS, and dir, an empty folder that goes when they end.
set -eu
[ $# -ge 3 ] || { sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2; }
clgen=$1 data=$2 plot=$3
shift 3
seeds=${SEEDS:-0 1 2}
export CLGEN_DATA_DIR=${CLGEN_DATA_DIR:-$(cd "$(dirname "$0")/.." && pwd)/models}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

quietly() { "$@" >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }; }
# result KEY FILE: its last value in a metric-*.jsonl. least FILE: the least FID. curve NAME FILE: FID over kimg.
result() { sed -n "s/.*\"results\":{[^}]*\"$1\":\([^,}]*\).*/\1/p" "$2" | tail -n 1; }
least() { sed -n 's/.*"results":{"fid":\([^,}]*\)}.*/\1/p' "$1" | sort -g | head -n 1; }
curve() { sed -n "s/.*\"results\":{\"fid\":\([^,}]*\)}.*\"kimg\":\([^,}]*\).*/$1\t\2\t\1/p" "$2"; }
# means FILE: of curves "NAME, seed N" one NAME each, over the seeds; the start, which is of no use on the same axis, left out.
means() {
  awk -F '\t' '{ sub(/, seed .*/, "", $1); key = $1 "\t" $2; if (!(key in n)) order[++keys] = key; n[key]++; sum[key] += $3 }
    END { for (k = 1; k <= keys; ++k) { split(order[k], at, "\t"); if (at[2] >= 1) print order[k] "\t" sum[order[k]] / n[order[k]] } }' "$1"
}
# last KEY FILE: the last value of a number in stats.jsonl.
last() { grep -oE "\"$1\":[-0-9.e]+" "$2" | tail -n 1 | sed 's/.*://'; }
