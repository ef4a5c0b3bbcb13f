#!/bin/bash
# clgen train --metrics: what a run leaves, that training is the same with it, going on exactly, the best snapshot.
# Needs CLGEN, JSON_CHECK, EXAMPLES. Runs are tiny and on the host device.
. "${0%/*}/cli.sh"
data=$EXAMPLES/mnist
export CLGEN_DATA_DIR=$EXAMPLES/../models

lines() { [ "$(wc -l <"$1")" = "$2" ] || fail "$last: $1 has $(wc -l <"$1") lines, not $2"; }
# The value of a member that holds a number or a word.
member() { sed -E "s/.*\"$2\":\"?([^,\"}]*).*/\1/" <<<"$1"; }

vae="--data $data --cfg vae-mlp --device host --hidden 12 --nz 3 --batch 100 --tick 1 --snap 1 --seed 5 --subset 1000"
metrics="--metrics elbo,fid,ndb --metrics-num 60"

# ---- Training is the same, and each snapshot is judged
expect 0 train $vae --kimg 3 --outdir "$dir/plain"
plain=$dir/plain/00000-mnist-vae-mlp
[ ! -e "$plain/best.json" ] || fail "metrics without --metrics"
expect 0 train $vae --kimg 3 --outdir "$dir/judged" $metrics
run=$dir/judged/00000-mnist-vae-mlp
out_has "metrics:  elbo,fid,ndb of 60 images at each snapshot, features mnist-cnn"
out_has "fid[mnist-cnn]"
for kimg in 0 1 2 3; do same "$plain/network-snapshot-00000$kimg.safetensors" "$run/network-snapshot-00000$kimg.safetensors"; done
same "$plain/training-state-000003.safetensors" "$run/training-state-000003.safetensors"
for name in elbo fid ndb; do
  lines "$run/metric-$name.jsonl" 4
  tail -n 1 "$run/metric-$name.jsonl" >"$dir/line"
  "$JSON_CHECK" "$dir/line" .metric=$name .snapshot=network-snapshot-000003.safetensors ".results.$name:real" ".kimg>2.99" ".time>0" .images=60 >"$dir/json" 2>&1 ||
    { cat "$dir/json"; fail "metric-$name.jsonl: wrong line: $(cat "$dir/line")"; }
done

# ---- It is what clgen evaluate says
expect 0 evaluate --network "$run/network-snapshot-000002.safetensors" --data "$data" --device host --metrics elbo,fid --num 60 --json
for name in elbo fid; do
  in_run=$(member "$(sed -n 3p "$run/metric-$name.jsonl")" "results\":\\{\"$name")
  grep -qE "\"value\": ?${in_run:0:7}" "$dir/out" || fail "$last: $name in the run is $in_run"
done

# ---- The best by the first metric
best=0
for kimg in 1 2 3; do
  a=$(member "$(sed -n $((best + 1))p "$run/metric-elbo.jsonl")" 'results":\{"elbo')
  b=$(member "$(sed -n $((kimg + 1))p "$run/metric-elbo.jsonl")" 'results":\{"elbo')
  awk "BEGIN { exit !($b < $a) }" && best=$kimg
done
[ "$(member "$(cat "$run/best.json")" snapshot)" = "network-snapshot-00000$best.safetensors" ] ||
  fail "best.json is not that of $best kimg: $(cat "$run/best.json")"
[ "$(member "$(cat "$run/best.json")" metric)" = elbo ] || fail "best.json is not by the first metric"

# ---- Going on: in two parts as in one; a missing line is written, and none twice
expect 0 train $vae --kimg 2 --outdir "$dir/parts" $metrics
parts=$dir/parts/00000-mnist-vae-mlp
sed -i '$d' "$parts/metric-elbo.jsonl" # killed while it judged
expect 0 train --resume "$parts" --kimg 3
lines "$parts/metric-elbo.jsonl" 4
same "$run/training-state-000003.safetensors" "$parts/training-state-000003.safetensors"
same "$run/best.json" "$parts/best.json"
for k in 1 2 3 4; do
  a=$(sed -n ${k}p "$run/metric-elbo.jsonl" | grep -o '"results":{[^}]*}') b=$(sed -n ${k}p "$parts/metric-elbo.jsonl" | grep -o '"results":{[^}]*}')
  [ "$a" = "$b" ] || fail "line $k of metric-elbo.jsonl in parts: $b, at once: $a"
done
expect 0 train --resume "$parts" --kimg 3
lines "$parts/metric-elbo.jsonl" 4

# Two snapshots in the same thousand share a name; only the newer is there, so it is judged though the name has a line.
sed -i '$d; s/"kimg":2.0/"kimg":2.5/' "$parts/metric-elbo.jsonl" && sed -i 's/000002/000003/' "$parts/metric-elbo.jsonl"
expect 0 train --resume "$parts" --kimg 3
lines "$parts/metric-elbo.jsonl" 4

# ---- A run without may get them, and others; half a line does no harm
printf '{"metric":"kid","res\n' >"$plain/metric-kid.jsonl"
expect 0 train --resume "$plain" --kimg 3 --metrics kid --metrics-num 80
lines "$plain/metric-kid.jsonl" 2
[ "$(member "$(cat "$plain/best.json")" name)" = "kid[mnist-cnn]" ] || fail "best.json: $(cat "$plain/best.json")"

# ---- Bad input, said before anything is written
expect 2 train $vae --kimg 1 --outdir "$dir/bad" --metrics fid,nice
err_has "--metrics"
err_has "'nice'"
expect 2 train --data "$data" --cfg dcgan --ngf 2 --device host --kimg 1 --outdir "$dir/bad" --metrics elbo
err_has "need a VAE"
expect 2 train --data "$data" --cfg classifier --device host --kimg 1 --outdir "$dir/bad" --metrics fid
err_has "a classifier does not generate images"
expect 2 train $vae --kimg 1 --outdir "$dir/bad" --metrics-num 1
err_has "metrics-num"
expect 1 train $vae --kimg 1 --outdir "$dir/bad" --metrics fid --features "$dir/missing.safetensors"
err_has "missing.safetensors"
expect 2 train $vae --kimg 1 --dry-run --metrics nice
[ ! -e "$dir/bad" ] || fail "a refused run wrote something"
exit $failed
