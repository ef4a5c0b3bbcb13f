#!/bin/bash
# clgen evaluate: every metric on small sets, other programs' images, features, JSON, what is refused.
# Needs CLGEN, JSON_CHECK, MAKE_SNAPSHOT, EXAMPLES. On the host: what is computed there is computed alike everywhere.
. "${0%/*}/cli.sh"
export CLGEN_DATA_DIR=$EXAMPLES/../models XDG_CACHE_HOME=$dir/cache
data=$EXAMPLES/mnist

judge() { expect 0 evaluate --device host "$@"; }
refuse() { expect "$1" evaluate --device host "${@:2}"; out_empty; }
# The metrics of a JSON report, without what differs from run to run.
figures() { sed -n '/"metrics"/,$p' "$1" | grep -v '"seconds"'; }
npy() { printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': $1, }"; }

# ---- Images of another program: every metric, as text and as JSON
{ npy "(200, 28, 28)"; gzip -dc "$data/t10k-images-idx3-ubyte.gz" | tail -c +17 | head -c 156800; } >"$dir/digits.npy"
{ npy "(200, 28, 28)"; gzip -dc "$data/t10k-images-idx3-ubyte.gz" | tail -c +1568017 | head -c 156800; } >"$dir/more.npy"
all="fid kid is precision_k5 recall_k5 density_k5 coverage_k5 precision_k3 recall_k3 density_k3 coverage_k3 ndb ndb_jsd msssim
  dup_share dup_rate dup_support mem_authentic mem_ratio mem_copying mem_exact"
judge --fakes "$dir/digits.npy" --data "$dir/more.npy" --features mnist-cnn --metrics fid,kid,is,prdc,ndb,msssim,dup,mem
out_matches '^200 images of .*digits.npy against 200 of .*more.npy \(test\)$'
out_matches '^metric +value +\+- +95% +floor +better$'
for part in $all; do out_matches "^$part\[(mnist-cnn|pixels)\] "; done
out_matches '^mem_exact\[pixels\] +0\.0000 '
! grep -qE '\[[0-9.]*e-[12][0-9],' "$dir/out" || fail "$last: a 0 with rounding in an interval"
err_has "the floor uses halves of 100 real images"
judge --fakes "$dir/digits.npy" --data "$dir/more.npy" --features mnist-cnn --metrics fid,kid,is,prdc,ndb,msssim,dup,mem --json
json .device:string .version:string .fakes="$dir/digits.npy" .data="$dir/more.npy" .split=test .seed=0 .images=200 .reals=200 \
  .features=mnist-cnn ".metrics#21"
for part in $all; do
  json .metrics.$part.name:string .metrics.$part.value .metrics.$part.se .metrics.$part.low .metrics.$part.high \
    .metrics.$part.better:string .metrics.$part.warnings:array .metrics.$part.seconds:real
  [ $part = mem_copying ] || json .metrics.$part.floor:object .metrics.$part.floor.value # nothing was held out
done
json .metrics.fid.value:real ".metrics.fid.value>1" ".metrics.fid.floor.value>1" ".metrics.precision_k5.value>0.5" \
  .metrics.fid.better=lower .metrics.is.better=higher .metrics.dup_rate.better=floor ".metrics.is.value>5" \
  ".metrics.mem_authentic.value<1" .metrics.mem_copying.value:null ".metrics.fid.name=fid[mnist-cnn]"
cp "$dir/out" "$dir/first"
judge --fakes "$dir/digits.npy" --data "$dir/more.npy" --features "$CLGEN_DATA_DIR/mnist-cnn.safetensors" --json \
  --metrics fid,kid,is,prdc,ndb,msssim,dup,mem
cmp -s <(figures "$dir/first") <(figures "$dir/out") || fail "the features by name and by file give different figures"
judge --fakes "$dir/digits.npy" --data "$dir/more.npy" --metrics ndb --seed 1 --json
json ".metrics#2"
! grep -q '"features"' "$dir/out" || fail "$last: features where none are needed"

# A set against itself, and some images of many.
judge --fakes "$dir/digits.npy" --data "$dir/digits.npy" --metrics mem,dup --num 50 --json
json .images=50 .metrics.mem_exact.value=50.0 .metrics.mem_authentic.value=0.0
judge --fakes "$data" --data "$data" --num 60 --json # labels: the features that fit are found
json .images=60 .reals=60 .features=mnist-cnn ".metrics#11"
err_has "mnist-cnn, which classifies"

# By some of the classes.
judge --fakes "$data" --data "$data" --classes 5-9 --num 60 --metrics mem,fid --json
json .classes=5-9 ".metrics.mem_exact.value>10" ".metrics.mem_exact.value<50" .features=mnist-cnn
refuse 1 --fakes "$dir/digits.npy" --data "$dir/more.npy" --classes 1 --metrics dup
err_has "no labels"

# ---- A network's images are what clgen generate makes of the seeds, and a folder of PNGs is judged like an NPY file
for arch in vae-mlp dcgan; do "$MAKE_SNAPSHOT" $arch "$dir/$arch.safetensors" || fail "make_snapshot $arch"; done
mkdir "$dir/png"
expect 0 generate --network "$dir/dcgan.safetensors" --seeds 0-59 --outdir "$dir/png" --npy "$dir/made.npy" --device host
judge --network "$dir/dcgan.safetensors" --data "$data" --num 60 --metrics fid,prdc --json
json .network="$dir/dcgan.safetensors" .images=60 ".metrics.fid.value>100"
for source in --network="$dir/dcgan.safetensors" --fakes="$dir/made.npy" --fakes="$dir/png"; do
  judge "$source" --data "$data" --num 60 --metrics fid,kid,prdc,msssim --json
  figures "$dir/out" >"$dir/figures.$((n = ${n:-0} + 1))"
done
cmp -s "$dir/figures.1" "$dir/figures.2" || fail "a network and its images as NPY are judged differently"
cmp -s "$dir/figures.2" "$dir/figures.3" || fail "NPY and PNG of the same images are judged differently"
[ -s "$dir/figures.1" ] || fail "no figures were compared"

# ---- Bounds beside metrics of images; a VAE's own when nothing is said
judge --network "$dir/vae-mlp.safetensors" --data "$data" --num 50 --metrics iwae,msssim,elbo --samples 3 --json
json ".metrics#5" .metrics.iwae.samples=3 .metrics.iwae.images=50 .metrics.elbo.images=50 .metrics.iwae.floor:null .images=50 \
  ".metrics.iwae.value>100" ".metrics.elbo.seconds>0"
judge --network "$dir/vae-mlp.safetensors" --data "$data" --num 50
out_matches '^-ELBO [0-9.]+ \+- [0-9.]+ nats/image .*50 images'

# ---- Features of a classifier trained here; its name stands beside the figures
expect 0 train --data "$data" --subset 500 --cfg classifier --ndf 2 --hidden 6 --kimg 1 --outdir "$dir/runs" --device host
run=$(ls -d "$dir"/runs/*)
judge --fakes "$dir/digits.npy" --data "$dir/more.npy" --metrics fid,is --features "$run/network-snapshot-000001.safetensors" --json
json .features="$(basename "$run")-000001"
grep -qF "\"fid[$(basename "$run")-000001]\"" "$dir/out" || fail "$last: the features' name is missing"

# ---- Features of a network that a file describes: one with every kind of layer, and one that is written here
eyes=$CLGEN_TEST_GOLDEN/features.safetensors
judge --fakes "$dir/digits.npy" --data "$dir/more.npy" --metrics fid,kid,is,prdc --features "$eyes" --json
json .features=every-layer ".metrics.fid.name=fid[every-layer]" ".metrics.fid.value>0" ".metrics.is.value>1" ".metrics#11"
judge --fakes "$dir/digits.npy" --data "$dir/digits.npy" --metrics fid --features "$eyes" --json
json ".metrics.fid.value<0.001"
# describe LAYERS: a file without tensors, whose features are the layer f
describe() {
  local json='{"version":1,"name":"mean grey","input":{"channels":1,"height":9,"width":9},"layers":['$1'],"features":"f"}'
  local header='{"__metadata__":{"clgen.features":"'${json//\"/\\\"}'"}}'
  printf '%b%s' "$(printf '\\x%02x\\x%02x' $((${#header} % 256)) $((${#header} / 256)))\0\0\0\0\0\0" "$header" >"$dir/mean.safetensors"
}
describe '{"name":"f","type":"global_avg_pool"}'
judge --fakes "$dir/digits.npy" --data "$dir/more.npy" --metrics fid --features "$dir/mean.safetensors"
out_matches '^fid\[mean grey\] '
refuse 1 --fakes "$dir/digits.npy" --data "$dir/more.npy" --metrics fid,is --features "$dir/mean.safetensors"
err_has "the feature network mean grey has no logits"
describe '{"name":"f","type":"global_avg_pool","input":"g"},{"name":"g","type":"relu"}'
refuse 1 --fakes "$dir/digits.npy" --data "$dir/more.npy" --metrics fid --features "$dir/mean.safetensors"
err_has "$dir/mean.safetensors: layer 'f': its input 'g' is a later layer"
# While a network trains, too.
expect 0 train --data "$data" --subset 200 --cfg vae-mlp --hidden 8 --kimg 1 --outdir "$dir/watched" --device host --metrics fid \
  --metrics-num 50 --features "$eyes"
grep -qF '"fid[every-layer]"' "$dir"/watched/*/metric-fid.jsonl || fail "$last: the features' name is missing"

# ---- Transparent images are laid on a colour
mkdir "$dir/clear"
for name in basn4a08 basn6a08 basi4a08 basi6a08; do cp "$CLGEN_TEST_DATA/pngsuite/$name.png" "$dir/clear"; done
judge --fakes "$dir/clear" --data "$dir/clear" --metrics msssim --json
figures "$dir/out" >"$dir/black"
judge --fakes "$dir/clear" --data "$dir/clear" --metrics msssim --json --background ffffff
! cmp -s "$dir/black" <(figures "$dir/out") || fail "the background changes nothing"

# ---- What is refused
refuse 1 --fakes "$dir/digits.npy" --data "$dir/more.npy" # no labels: which features?
err_has "has no labels"
err_has "--features mnist-cnn"
err_has "clgen train --cfg classifier"
refuse 1 --fakes "$dir/digits.npy" --data "$dir/more.npy" --features nothing
err_has "'nothing'"
refuse 1 --fakes "$dir/digits.npy" --data "$dir/more.npy" --features "$dir/vae-mlp.safetensors"
err_has "features come from a classifier"
refuse 1 --fakes "$dir/digits.npy" --data "$dir/more.npy" --features "$dir/digits.npy"
err_has "$dir/digits.npy"
refuse 1 --fakes "$dir/digits.npy" --data "$dir/more.npy" --metrics elbo
err_has "need a VAE"
refuse 1 --network "$CLGEN_DATA_DIR/mnist-cnn.safetensors" --data "$data"
err_has "a classifier does not generate images"
refuse 1 --network "$dir/nowhere" --data "$data"
err_has "$dir/nowhere"
refuse 1 --fakes "$dir/nowhere" --data "$data"
err_has "$dir/nowhere"
refuse 1 --fakes "$dir/digits.npy" --data "$dir/nowhere" --features mnist-cnn
err_has "$dir/nowhere"
refuse 2 --fakes "$dir/digits.npy"
err_has "--data"
refuse 2 --data "$data"
err_has "--fakes"
refuse 2 --fakes "$dir/digits.npy" --network "$dir/dcgan.safetensors" --data "$data"
err_has "exclude each other"
refuse 2 --fakes "$dir/digits.npy" --data "$data" --metrics fid,beauty
err_has "'beauty'"
err_has "msssim"
refuse 2 --fakes "$dir/digits.npy" --data "$data" --num 1
err_has "--num"
refuse 2 --fakes "$dir/digits.npy" --data "$data" --background red
err_has "--background"
refuse 2 --fakes "$dir/digits.npy" --data "$data" --split validation
expect 0 evaluate --help
for word in fid kid prdc gantest ndb msssim dup mem elbo iwae; do out_matches "^  $word +"; done

# ---- Fakes of several sizes: brought to the least side among them, or to the size that is asked for
mkdir "$dir/sizes"
cp "$EXAMPLES"/../tests/data/pngsuite/{basn0g08,basn2c08,s09n3p02,cdfn2c08}.png "$dir/sizes/"
expect 0 evaluate --device host --fakes "$dir/sizes" --data "$dir/sizes" --metrics msssim,dup
err_has "several sizes, 8 to 32 wide and 9 to 32 high: brought to 8x8, as by --res 8"
judge --fakes "$dir/sizes" --data "$dir/sizes" --metrics dup --res 16
refuse 2 --network "$dir/nowhere" --data "$data" --res 16
err_has "--res is for --fakes"

exit $failed
