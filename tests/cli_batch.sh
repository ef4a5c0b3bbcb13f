#!/bin/bash
# clgen train --batch-gpu: going on exactly, less memory, what is refused; what is said when a run does not fit.
# Needs CLGEN, EXAMPLES. CLGEN_TEST_DEVICE, else the device chosen by itself, plays no part: all of it is on host.
. "${0%/*}/cli.sh"
data=$EXAMPLES/mnist
gan="--data $data --cfg dcgan --ngf 2 --nz 4 --seed 5 --batch 20 --device host"

# ---- Less memory, the same plan otherwise
peak() { sed -n 's/^memory: *\([0-9.]*\) MiB at peak.*/\1/p' "$dir/out"; }
expect 0 train --data "$data" --cfg dcgan --batch 64 --device host -n
whole=$(peak)
expect 0 train --data "$data" --cfg dcgan --batch 64 --batch-gpu 16 --device host -n
parts=$(peak)
awk "BEGIN { exit !($parts > 20 && $parts < 0.7 * $whole) }" || fail "$parts MiB in parts, $whole as a whole"

# ---- Stopped and gone on with, the same bytes
lazy="$gan --batch-gpu 5 --reg r1,sn --reg-interval 3 --tick 1 --snap 1"
expect 0 train $lazy --kimg 2 --outdir "$dir/a"
expect 0 train $lazy --kimg 1 --outdir "$dir/b"
expect 0 train --resume "$dir/b/00000-mnist-dcgan" --kimg 2
same "$dir/a/00000-mnist-dcgan/network-snapshot-000002.safetensors" "$dir/b/00000-mnist-dcgan/network-snapshot-000002.safetensors"
there "$dir/a/00000-mnist-dcgan/training-state-000002.safetensors"
expect 2 train --resume "$dir/b/00000-mnist-dcgan" --kimg 3 --batch-gpu 10
err_has "--batch-gpu"

# ---- What makes no sense
expect 2 train $gan --batch-gpu 7 -n
err_has "use 5 or 10"
expect 2 train $gan --batch-gpu 5 --loss ragan -n
err_has "ragan: it compares"
expect 2 train $gan --batch-gpu 5 --reg dragan -n
err_has "dragan: it disturbs"
expect 0 train $gan --batch-gpu 20 --loss ragan -n

# ---- What would fit
huge="--data $data --cfg dcgan --batch 1048576 --device host"
expect 1 train $huge -n
err_has "allocation"
err_has "--batch-gpu"
err_has "and --batch"
at_once=$(sed -n 's/.*--batch-gpu \([0-9]*\) would fit.*/\1/p' "$dir/err")
expect 0 train $huge --batch-gpu "$at_once" -n
expect 1 train $huge --batch-gpu "$((2 * at_once))" -n
err_has "--batch-gpu $at_once would fit"
expect 1 train $huge --loss ragan -n
err_has "--batch "
! grep -q -e "--batch-gpu" "$dir/err" || fail "$last: says --batch-gpu, which ragan does not go with"
expect 1 train --data "$data" --cfg dcgan --ngf 60000 --batch 64 --device host -n
err_has "a micro-batch of one image does not fit either"

[ $failed = 0 ] && echo "cli_batch: all good"
exit $failed
