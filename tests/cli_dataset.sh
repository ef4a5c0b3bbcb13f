#!/bin/bash
# clgen dataset: what it prints of each kind, as text and as JSON, and what it refuses.
# Needs CLGEN, JSON_CHECK, EXAMPLES, CLGEN_TEST_DATA.
. "${0%/*}/cli.sh"
program=("$CLGEN" dataset)
mnist=$EXAMPLES/mnist suite=$CLGEN_TEST_DATA/pngsuite numpy=$CLGEN_TEST_DATA/numpy

# ---- MNIST
expect 0 "$mnist"
out_matches '^format: +IDX$'
out_matches '^images: +10,000$'
out_matches '1 x 28 x 28 .*grey'
out_matches '^mean: +33\.7912 of 255 \(0\.1325\)$'
out_matches '^std: +79\.1725 of 255 \(0\.3105\)$'
out_matches '^classes: +10$'
out_matches '^ +1 +1 +1,135$'
out_matches '^passed over: 0$'
err_has 'used for training and for testing'
expect 0 "$mnist/t10k-images-idx3-ubyte.gz" --split test --json
json .format=IDX .count=10000 .channels=1 .height=28 .width=28 '.shape#3' '.shape[0]=1' '.shape[2]=28' .split=test '.classes#10' \
  '.classes[9].count=1009' '.classes[9].name=9' '.mean>33.79' '.mean<33.792' '.std>79.17' '.std<79.173' '.passed_over#0'
expect 0 "$mnist" --subset 500 --seed 3 --res 32 --channels 3
out_matches '^images: +500$'
out_matches '3 x 32 x 32 .*RGB'
out_matches 'resized from 28 x 28'
cp "$dir/out" "$dir/first"
expect 0 "$mnist" --subset 500 --seed 3 --res 32 --channels 3
cmp -s "$dir/out" "$dir/first" || fail "the same subset gives different numbers"
expect 0 "$mnist" --subset 500 --seed 4 --res 32 --channels 3
! cmp -s "$dir/out" "$dir/first" || fail "another seed gives the same subset"

# ---- Some of the classes
expect 0 "$mnist" --classes 5-9,1 --json
json .count=5996 '.classes#6' '.classes[0].name=1' '.classes[5].name=9' '.classes[5].count=1009'
expect 0 "$mnist" --classes 5-9 --subset 500
out_matches '^images: +500$'
expect 2 "$mnist" --classes 5-12
err_has "'5-12' is neither a class nor a range of numbers: 0 to 9"

# ---- PngSuite: all sizes, 14 broken files
expect 0 "$suite"
out_matches '^images: +161$'
out_matches 'different sizes, 1 to 40 wide and 1 to 40 high; .*--res N'
out_matches '^passed over: 14$'
out_matches '^  xcsn0g01\.png: .*CRC'
out_matches '^  xs1n0g01\.png: neither a PNG nor a JPEG'
[ "$(grep -c '^  x' "$dir/out")" = 14 ] || fail "$last: not 14 reasons"
expect 0 "$suite" --json
json .count=161 .mixed_sizes=true
expect 0 "$suite" --res 32 --json
json .count=161 .height=32 .mixed_sizes=false .sizes_found.max_width=40 '.passed_over#14' '.passed_over[13]:string' '.channel_means#3'
expect 1 "$suite" --res 32 --strict
err_has 'xc1n0g08.png'
out_empty

# ---- Classes, NumPy
mkdir -p "$dir/set/b & c" "$dir/set/a"
cp "$suite/basn2c08.png" "$dir/set/a/1.png"
cp "$suite/basn6a08.png" "$dir/set/b & c/1.png"
cp "$suite/basi4a08.png" "$dir/set/b & c/2.png"
expect 0 "$dir/set"
out_matches '^ +0 +a +1$'
out_matches '^ +1 +b & c +2$'
expect 0 "$dir/set" --json
json '.format=image folder' '.classes[1].name=b & c' '.classes#2' .name=set
cp "$dir/out" "$dir/black"
expect 0 "$dir/set" --json --background ffffff
! cmp -s "$dir/out" "$dir/black" || fail "the background changes nothing"
expect 0 "$numpy/keras.npz" --split test --json
json .format=NPZ .count=2 .height=5 .width=4 '.classes[2].count=1' '.classes[1].count=0'

# ---- Names that a terminal would obey, or that break a table
broken=$dir/$(printf 'lines/a\nb')
mkdir -p "$broken" "$dir/lines/c" && cp "$suite/basn2c08.png" "$broken/1.png" && cp "$suite/basn2c08.png" "$dir/lines/c/1.png"
expect 0 "$dir/lines"
out_matches '^ +0 +a.x0ab +1$'
odd=$dir/$(printf 'c\033[31mred')
mkdir "$odd" && cp "$suite/basn2c08.png" "$odd/a" && printf 'no picture' >"$odd/b.txt"
expect 0 "$odd"
out_matches '^.*/c.x1b.31mred$'
out_has 'other files: 1'
! grep -q "$(printf '\033')" "$dir/out" || fail "$last: an escape sequence reaches the terminal"
expect 1 "$odd/nowhere"
! grep -q "$(printf '\033')" "$dir/err" || fail "$last: an escape sequence reaches the terminal"

# ---- What is refused
expect 2
err_has 'which dataset'
expect 2 "$mnist" "$suite"
expect 2 "$mnist" --split validation
expect 2 "$mnist" --res x
expect 2 "$mnist" --background red
err_has "'red'"
expect 2 "$mnist" --subset 10001
err_has 'there are 10000'
out_empty
expect 1 "$dir/nowhere"
err_has "$dir/nowhere"
out_empty
mkdir "$dir/empty"
expect 1 "$dir/empty"
err_has 'found no dataset'
head -c 100000 "$mnist/t10k-images-idx3-ubyte.gz" >"$dir/t10k-images-idx3-ubyte.gz"
expect 1 "$dir/t10k-images-idx3-ubyte.gz" --json
err_has 'truncated'
out_empty
expect 1 "$mnist/t10k-labels-idx1-ubyte.gz"
err_has 'these are labels'
expect 0 --help
out_matches '^usage: clgen dataset SRC'
out_matches '\-\-background RRGGBB'

exit $failed
