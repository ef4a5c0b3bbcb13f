#!/bin/bash
# The frame of the commands: help, version, exit status, `inspect` on good and broken files, `bench` on the host reference.
# Needs CLGEN, JSON_CHECK, MAKE_SNAPSHOT; MAN, the folder of the manual pages, may be empty.
. "${0%/*}/cli.sh"
mkdir "$dir/none"
export OCL_ICD_VENDORS=$dir/none # only the host reference: what drivers do is tested elsewhere

# ---- The frame
expect 0 --help
out_has "usage: clgen COMMAND"
err_empty
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$dir/out")
for command in inspect bench; do
  grep -qx "$command" <<<"$commands" || fail "--help does not list $command"
done
# At most 40 lines of at most 120 columns, whatever the command.
screen() { awk 'length > 122 || NR > 40 { bad = 1 } END { exit bad }' "$dir/out" || fail "$last: more than a screen"; }
for command in $commands; do
  expect 0 "$command" --help
  out_has "usage: clgen $command"
  out_has "--help"
  err_empty
  screen
  expect 0 help "$command"
  out_has "usage: clgen $command"
  expect 2 "$command" --no-such-option
  out_empty
  grep -q "^clgen $command" "$dir/err" || fail "$last: the message does not begin with the command"
  err_has "--help'"
  [ -z "$MAN" ] || grep -qx "\.SS $command" "$MAN/clgen.1" || fail "the manual does not tell about $command"
done
if [ -n "$MAN" ]; then
  expect 0 bench gemm --help
  options=$(grep -o '^ *--[a-z]*' "$dir/out")
  for option in $options; do
    sed -n '/^\.SS bench gemm/,/^\.fi/p' "$MAN/clgen.1" | sed 's/\\-/-/g' | grep -q -e "$option" ||
      fail "the manual lacks $option of bench gemm"
  done
  grep -q device "$MAN/clgen-devices.1" || fail "no manual of clgen-devices"
fi
for part in gemm ops generate; do
  expect 0 bench "$part" --help
  out_has "usage: clgen bench $part"
  out_has "--device SPEC"
done
# A long table shows what a beginner needs; the rest by --help all or by a word.
expect 0 train --help
for option in --data --outdir --cfg --res --kimg --batch --lr --resume --device --dry-run; do out_has " $option"; done
out_has "--help all"
out_lacks "--beta2"
expect 0 train --help all
out_has "--beta2"
out_has "--data SRC"
[ -z "$MAN" ] || grep -q 'beta2' "$MAN/clgen.1" || fail "the manual lacks options that are not basic"
for word in "--help momentum" "--help=momentum" "-h momentum"; do
  expect 0 train $word
  out_has "--momentum X"
  out_lacks "--data SRC"
done
expect 0 help train momentum
out_has "--momentum X"
expect 0 bench step --help all
out_has "usage: clgen bench step"
expect 2 train --help momentun
out_empty
err_has "did you mean 'momentum'?"
expect 0 --version
[[ $(<"$dir/out") =~ ^clgen\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "--version"
expect 2
out_empty
err_has "usage: clgen COMMAND"
expect 2 inspekt
err_has "did you mean 'inspect'?"
expect 2 xyzzy
err_has "xyzzy"
expect 2 --versoin
err_has "--versoin"
expect 2 bench
expect 2 bench gem
err_has "did you mean 'gemm'?"
if [ -w /dev/full ]; then
  "$CLGEN" --help >/dev/full 2>"$dir/err"
  [ $? = 1 ] || fail "clgen --help on a full disk: success"
fi

# ---- inspect
for arch in dcgan vae-mlp vae-conv; do
  "$MAKE_SNAPSHOT" $arch "$dir/$arch.safetensors" || fail "make_snapshot $arch"
done
expect 0 inspect "$dir/dcgan.safetensors"
err_empty
for text in "model dcgan: images of 32x32 pixels" "G_ema.0.weight" "8x16x4x4" "conv_transpose2d 8 -> 16, 4x4, stride 1, pad 0" \
            "batch_norm 16" "leaky_relu 0.2" "running_mean" "clgen.kimg: 3" "lr: 0.0002"; do
  out_has "$text"
done
expect 0 inspect --json "$dir/dcgan.safetensors"
# G: 8*16*16 + 2*16 + 16*8*16 + 2*8 + 8*4*16 + 2*4 + 4*16 = 4728 parameters.
json .model.arch=dcgan .model.ngf=4 '.networks#3' '.networks[0].name=G' '.networks[0].parameters=4728' \
  '.networks[2].layers[0].tensors[0].name=G_ema.0.weight' '.networks[2].layers[0].tensors[0].shape=[8,16,4,4]' \
  '.networks[2].layers[0].tensors[0].bytes=8192' '.networks[2].layers[1].tensors[4].dtype=I64' '.networks[2].layers[1].parameters=32' '.networks[2].layers[1].bytes=264' '.tensors#0' \
  '.metadata:object'
expect 0 inspect --json "$dir/vae-mlp.safetensors"
# 1024*16+16 + 2*(16*8+8) + 8*16+16 + 16*1024+1024 = 34224 parameters
json '.networks#1' '.networks[0].parameters=34224' '.networks[0].layers[0].tensors[0].name=fc1.weight'
expect 0 inspect "$dir/vae-conv.safetensors"

mkdir "$dir/run" "$dir/empty"
cp "$dir/vae-mlp.safetensors" "$dir/run/network-snapshot-000009.safetensors"
cp "$dir/dcgan.safetensors" "$dir/run/network-snapshot-000010.safetensors"
echo >"$dir/run/network-snapshot-999999.safetensors.1.tmp"
expect 0 inspect "$dir/run"
out_has "network-snapshot-000010.safetensors"
out_has "model dcgan"
expect 1 inspect "$dir/empty"
err_has "network-snapshot-NNNNNN.safetensors"
expect 1 inspect "$dir/nowhere"
err_has "nowhere"
expect 2 inspect
expect 2 inspect a b
err_has "'b'"

head -c 1000 "$dir/dcgan.safetensors" >"$dir/short"
head -c 3 "$dir/dcgan.safetensors" >"$dir/tiny"
: >"$dir/nothing"
head -c 20000 /dev/zero | tr '\0' 'x' >"$dir/noise"
# A tensor by another name than the configuration says: of the same length, so that the file is well formed.
sed 's/G_ema\.0\.weight/G_ema.0.weighT/' "$dir/dcgan.safetensors" >"$dir/renamed"
for bad in short tiny nothing noise renamed; do
  for form in --json --no-json; do
    expect 1 inspect $form "$dir/$bad"
    out_empty
    err_has "$dir/$bad"
  done
done
err_has "G_ema.0.weight"
# Any other safetensors file: its tensors.
printf '\x58\0\0\0\0\0\0\0%-88s\1\2\3\4\5\6\7\10\11\12\13\14' \
  '{"x":{"dtype":"U8","shape":[3,4],"data_offsets":[0,12]},"__metadata__":{"a":"b"}}' >"$dir/other"
expect 0 inspect "$dir/other"
out_has "3x4"
out_has "a: b"
expect 0 inspect --json "$dir/other"
json '.tensors[0].name=x' '.tensors[0].bytes=12' '.tensor_count=1' .metadata.a=b

# ---- bench, on the reference: numbers have to be there, not large
expect 0 bench gemm --device host --m 48 --n 32 --k 16 --seconds 0.01 --json
json .spec=host .device:string .driver:string .version:string '.gemm#1' '.gemm[0].m=48' '.gemm[0].n=32' '.gemm[0].k=16' \
  '.gemm[0].gflops>0' '.gemm[0].median_s>0'
gflops=$("$JSON_CHECK" "$dir/out" '.gemm[0].gflops')
median=$("$JSON_CHECK" "$dir/out" '.gemm[0].median_s')
awk -v g="$gflops" -v s="$median" 'BEGIN { r = g * 1e9 * s / (2 * 48 * 32 * 16); exit !(r > 0.999 && r < 1.001) }' ||
  fail "$last: $gflops GFLOP/s in $median s is not 2 m n k"
err_has "slow"
expect 0 bench gemm --device host --m 8 --n 8 --k 8 --seconds 0.01
out_has "GFLOP/s"
expect 2 bench gemm --device host --m 8
err_has "--k"
expect 2 bench gemm --m 0
err_has "from 1 to"
expect 1 bench gemm --device no-such-device
err_has "no-such-device"
expect 1 bench gemm --device 77:77
expect 0 bench ops --device host --batch 1 --large 2 --seconds 0.001 --json
json .batch=1 '.ops[0].op=copy' '.ops[0].gb_per_s>0' '.ops[26].op=conv2d_weight_grad' '.ops[26].gflops>0'
json .large_batch=2 '.large#23' '.large[20].op=adam' '.large[20].of_copy>0'
expect 0 bench ops --device host --batch 1 --seconds 0.001 --only matmul --json
json '.ops#3' '.large#0'
expect 0 bench generate --device host --cfg vae-mlp --hidden 8 --nz 2 --batch 3 --seconds 0.001 --json
json .batch=3 '.images_per_s>0' '.one_image_s>0' '.launches>0'
expect 2 bench generate --cfg classifier
err_has "classifier does not generate images"
expect 2 bench ops --only nonsense
err_has "nonsense"

[ $failed = 0 ] && echo "cli_basic: all good"
exit $failed
