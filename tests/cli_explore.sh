#!/bin/bash
# clgen explore: what each part writes, held against clgen generate where that can make the same pictures; bad input.
# Needs CLGEN, MAKE_SNAPSHOT, EXAMPLES.
. "${0%/*}/cli.sh"
mkdir "$dir/none"
export OCL_ICD_VENDORS=$dir/none CLGEN_DEVICE=host
data=$EXAMPLES/mnist

differ() { ! cmp -s "$1" "$2" || fail "$last: $1 and $2 are the same"; }
# Width and height in the header of a PNG.
size_is() {
  local size
  size=$(od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }')
  [ "$size" = "$2" ] || fail "$last: $1 is $size, not $2"
}
# A float32 NPY of n rows of 8 from little-endian bytes.
latents() { # FILE ROWS BYTES
  printf '\x93NUMPY\x01\0\x76\0%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($2, 8), }" >"$1"
  printf "$3" >>"$1"
}
for arch in dcgan vae-mlp vae-conv style; do
  "$MAKE_SNAPSHOT" $arch "$dir/$arch.safetensors" || fail "make_snapshot $arch"
done
gan=$dir/dcgan.safetensors vae=$dir/vae-mlp.safetensors
o=$dir/o.png

# ---- interpolate: its ends are the seeds' own images
for net in "$gan" "$vae"; do
  expect 0 explore interpolate --network "$net" --seeds 3,5 --steps 2 --output "$o"
  expect 0 generate --network "$net" --seeds 3,5 --grid "$dir/g.png"
  same "$o" "$dir/g.png"
done
expect 0 explore interpolate --network "$gan" --seeds 1-3 --steps 4 --output "$o" --animation "$dir/a.png"
size_is "$o" 128x64
size_is "$dir/a.png" 32x32
[ "$(grep -aoF acTL "$dir/a.png" | wc -l)" = 1 ] || fail "$last: no animation"
[ "$(grep -aoF fcTL "$dir/a.png" | wc -l)" = 12 ] || fail "$last: not 12 frames"
expect 0 explore interpolate --network "$vae" --seeds 7,7 --steps 2 --output "$o" # no circle goes through one point
expect 0 generate --network "$vae" --seeds 7,7 --grid "$dir/g.png"
same "$o" "$dir/g.png"
expect 1 explore interpolate --network "$gan" --seeds 1 --output "$o"
err_has "--seeds"

# ---- traverse: dimension 1 at -2 and 2, the others 0
expect 0 explore traverse --network "$vae" --dims 1 --steps 2 --range 2 --output "$o"
zero='\0\0\0\0' six='\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
latents "$dir/z.npy" 2 "$zero\\0\\0\\0\\xc0$six$zero\\0\\0\\0\\x40$six"
expect 0 generate --network "$vae" --latents "$dir/z.npy" --grid "$dir/g.png"
same "$o" "$dir/g.png"
expect 0 explore traverse --network "$vae" --steps 5 --output "$o"
size_is "$o" 160x256
expect 0 explore traverse --network "$vae" --steps 5 --seeds 4 --output "$dir/p.png"
differ "$o" "$dir/p.png"
expect 1 explore traverse --network "$vae" --dims 8 --output "$o"
err_has "0 to 7"

# ---- truncation
expect 0 explore truncation --network "$vae" --seeds 3,9,11 --steps 2 --range 1 --output "$o"
size_is "$o" 64x96
expect 0 explore truncation --network "$vae" --seeds 3,9,11 --steps 2 --range 2 --output "$dir/p.png"
differ "$o" "$dir/p.png"

# Of a network with styles these are drawn to their mean, where all images are one; of others the latent is multiplied.
style=$dir/style.safetensors
for net in "$style" "$gan"; do
  expect 0 generate --network "$net" --seeds 3,9 --truncation 0 --outdir "$dir/middle"
  same "$dir/middle/seed0003.png" "$dir/middle/seed0009.png"
  expect 0 generate --network "$net" --seeds 3 --truncation 1 --outdir "$dir/one"
  expect 0 generate --network "$net" --seeds 3 --outdir "$dir/plain"
  same "$dir/one/seed0003.png" "$dir/plain/seed0003.png"
  differ "$dir/one/seed0003.png" "$dir/middle/seed0003.png"
done
expect 2 generate --network "$gan" --truncation -1 --grid "$o"
err_has "--truncation"

# ---- mix
expect 0 explore mix --network "$style" --seeds 1,2 --fine 3-5 --output "$o"
size_is "$o" 128x96
expect 0 explore mix --network "$style" --seeds 1,2 --fine 3-5 --from 4 --output "$dir/p.png"
same "$o" "$dir/p.png" # the upper half of eight
expect 0 explore mix --network "$style" --seeds 1,2 --fine 3-5 --from 1 --output "$dir/p.png"
differ "$o" "$dir/p.png"
expect 0 explore mix --network "$style" --seeds 1 --fine 1 --output "$o" # nothing to mix: the same image thrice
expect 0 explore mix --network "$style" --seeds 1 --fine 1 --from 0 --output "$dir/p.png"
same "$o" "$dir/p.png"
expect 1 explore mix --network "$style" --from 8 --output "$o"
err_has "0 to 7"
expect 1 explore mix --network "$gan" --output "$o"
err_has "has no styles"

# ---- directions: with LAPACK
# 9 times the first eigenvector of W^T W, W = fc3.weight of make_snapshot's vae-mlp, by numpy.linalg.eigh: one sign and the other.
minus='\x98\xf9\x89\x3f\x73\xee\x87\x40\xcb\x87\xa9\xc0\x21\xf0\x96\xc0'\
'\x25\x03\x8d\xbf\xe6\x80\xae\x3f\x9e\x33\x3d\xbf\xb2\x6d\x33\x40'
plus='\x98\xf9\x89\xbf\x73\xee\x87\xc0\xcb\x87\xa9\x40\x21\xf0\x96\x40'\
'\x25\x03\x8d\x3f\xe6\x80\xae\xbf\x9e\x33\x3d\x3f\xb2\x6d\x33\xc0'
if "$CLGEN" explore directions --network "$gan" --count 3 --steps 5 --output "$o" >"$dir/out" 2>"$dir/err"; then
  size_is "$o" 160x96
  expect 0 explore directions --network "$dir/vae-conv.safetensors" --count 99 --steps 3 --output "$o"
  size_is "$o" 96x256
  expect 0 explore directions --network "$vae" --seeds "" --count 1 --steps 2 --range 9 --output "$o"
  latents "$dir/z.npy" 2 "$minus$plus"
  expect 0 generate --network "$vae" --latents "$dir/z.npy" --grid "$dir/g.png"
  latents "$dir/z.npy" 2 "$plus$minus"
  expect 0 generate --network "$vae" --latents "$dir/z.npy" --grid "$dir/p.png"
  cmp -s "$o" "$dir/g.png" || same "$o" "$dir/p.png"
else
  err_has "LAPACK"
fi

# ---- nearest: an image that lies in the data is its own nearest
expect 0 generate --network "$gan" --seeds 0-5 --outdir "$dir/made"
expect 0 explore nearest --network "$gan" --data "$dir/made" --seeds 3,4 --count 2 --output "$o"
out_has "seed 3: image 3 at 0.0000"
out_has "seed 4: image 4 at 0.0000"
size_is "$o" 96x64
expect 2 explore nearest --network "$gan" --output "$o"
err_has "--data"
expect 1 explore nearest --network "$gan" --data "$dir/made" --seeds "" --output "$o"
err_has "--seeds"
expect 1 explore nearest --network "$gan" --data "$dir/made" --count 7 --output "$o"

# ---- latent
if "$CLGEN" explore latent --network "$vae" --data "$data" --count 50 --output "$dir/l.svg" >"$dir/out" 2>"$dir/err"; then
  [ "$(grep -o '<circle' "$dir/l.svg" | wc -l)" = 50 ] || fail "$dir/l.svg has not a point an image"
  grep -q '>9</text>' "$dir/l.svg" || fail "$dir/l.svg does not name the classes"
else
  err_has "LAPACK"
fi
expect 1 explore latent --network "$gan" --data "$data" --output "$dir/l.svg"
err_has "encoder"

# ---- project: an image of the network is found where it came from, and descent comes nearer to another
psnr() { sed -n 's/.*PSNR \([0-9.]*\) dB.*/\1/p' "$dir/out"; }
for net in "$gan" "$vae"; do
  rm -rf "$dir/made"
  expect 0 generate --network "$net" --seeds 0,77 --outdir "$dir/made"
  expect 0 explore project --network "$net" --image "$dir/made/seed0000.png" --starts 2 --iterations 0 --output "$o"
  awk "BEGIN { exit !($(psnr) > 50) }" || fail "$last: $(psnr) dB"
done
expect 0 explore project --network "$vae" --image "$dir/made/seed0077.png" --starts 2 --iterations 0 --output "$o"
before=$(psnr)
expect 0 explore project --network "$vae" --image "$dir/made/seed0077.png" --starts 2 --iterations 40 --output "$o"
awk "BEGIN { exit !($(psnr) > $before + 3) }" || fail "$last: $(psnr) dB, $before at the start"
size_is "$o" 32x64
expect 0 explore project --network "$vae" --data "$data" --count 3 --starts 1 --iterations 1 --output "$o"
size_is "$o" 96x64
expect 1 explore project --network "$vae" --output "$o"
err_has "--image"

# ---- saliency
expect 0 explore saliency --network "$gan" --data "$data" --seeds 1,2 --samples 2 --output "$o"
size_is "$o" 64x128
out_has "fake of seed 2: real with probability 0."
cp "$dir/out" "$dir/verdicts"
expect 0 explore saliency --network "$gan" --data "$data" --seeds 1,2 --method grad-cam --output "$dir/cam.png"
size_is "$dir/cam.png" 64x128
same "$dir/out" "$dir/verdicts"
cmp -s "$o" "$dir/cam.png" && fail "the two methods draw the same maps"
expect 1 explore saliency --network "$vae" --data "$data" --output "$o"
err_has "discriminator"

# ---- A run's folder; bad input
mkdir "$dir/run"
cp "$gan" "$dir/run/network-snapshot-000001.safetensors"
expect 0 explore truncation --network "$dir/run" --seeds 1 --output "$o"
expect 2 explore
expect 2 explore interpolat
err_has "did you mean 'interpolate'?"
for part in interpolate traverse directions truncation nearest latent project saliency; do
  expect 0 explore $part --help
  out_has "usage: clgen explore $part"
  expect 2 explore $part --output "$o"
  err_has "--network"
  expect 2 explore $part --network "$gan"
  err_has "--output"
done
expect 1 explore truncation --network "$dir/none" --output "$o"
err_has "$dir/none"
expect 1 explore truncation --network "$gan" --output "$dir/no/folder/x.png"
err_has "$dir/no/folder/x.png"

[ $failed = 0 ] && echo "cli_explore: all good"
exit $failed
