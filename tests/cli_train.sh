#!/bin/bash
# clgen train, generate and evaluate: what a run writes, going on exactly, stopping and being killed, bad input.
# Needs CLGEN, JSON_CHECK, EXAMPLES. Runs are tiny; CLGEN_TEST_DEVICE, else the device chosen by itself, is tested beside host.
. "${0%/*}/cli.sh"
data=$EXAMPLES/mnist

# The shape in the header of an NPY file.
shape_is() { grep -aqF "'shape': $2" <<<"$(head -c 128 "$1" | tr -d '\0')" || fail "$last: $1 is not of shape $2"; }

# The statistics of a run without what a clock tells.
stats() { sed -E 's/"(time_s|sec_per_tick|images_per_s)":[^,}]*,?//g' "$1/stats.jsonl"; }
same_stats() { [ "$(stats "$1")" = "$(stats "$2")" ] || fail "$last: other lines in stats.jsonl: $(diff <(stats "$1") <(stats "$2"))"; }

vae="--data $data --cfg vae-mlp --hidden 12 --nz 3 --seed 5"
gan="--data $data --cfg dcgan --ngf 2 --nz 4 --seed 5"

# ---- A plan
expect 0 train $vae --device host --kimg 2 --outdir "$dir/plan" --dry-run
out_has "10000 images of 28x28, 1 channel, 10 classes"
grep -A 1 '^data: ' "$dir/out" | grep -q '^left out: nothing$' || fail "$last: what is left out is not said after what was read"
out_has "parameters"
out_has "MiB at peak"
out_has "2 kimg = 16 steps"
[ ! -e "$dir/plan" ] || fail "--dry-run wrote something"
expect 0 train $vae --device host -n

# ---- A run, and what it leaves
expect 0 train $vae --device host --kimg 3 --outdir "$dir/a" --tick 1 --snap 1 --desc "first try"
run="$dir/a/00000-mnist-vae-mlp-first-try"
for file in training_options.json log.txt stats.jsonl reals.png fakes_init.png fakes000000.png fakes000003.png \
  network-snapshot-000000.safetensors network-snapshot-000002.safetensors network-snapshot-000003.safetensors \
  training-state-000002.safetensors training-state-000003.safetensors; do
  there "$run/$file"
done
[ "$(ls "$run"/training-state-* | wc -l)" = 2 ] || fail "old training states stay: $(ls "$run")"
[ "$(wc -l <"$run/stats.jsonl")" = 4 ] || fail "stats.jsonl has not a line a tick"
grep -q '"loss":' "$run/stats.jsonl" || fail "stats.jsonl has no losses"
out_has "tick 3 "
out_has "snapshot: $run/network-snapshot-000003.safetensors"
grep -qF "tick 3 " "$run/log.txt" || fail "log.txt lacks the ticks"
expect 0 inspect "$run/network-snapshot-000003.safetensors"
out_has "fc21.weight"
expect 0 train $vae --device host --kimg 1 --outdir "$dir/a"
there "$dir/a/00001-mnist-vae-mlp/network-snapshot-000001.safetensors"
last_loss=$(sed -n 's/.*"loss":\([0-9.]*\).*/\1/p' "$run/stats.jsonl" | tail -n 1)
first_loss=$(sed -n 's/.*"loss":\([0-9.]*\).*/\1/p' "$run/stats.jsonl" | head -n 1)
awk "BEGIN { exit !($last_loss < $first_loss) }" || fail "the loss does not fall: $first_loss to $last_loss"

# ---- An epoch is every image once: without learning, its mean KL is that of one batch of all images
still="--data $data --cfg vae-mlp --hidden 4 --nz 2 --seed 5 --kimg 10 --tick 10 --optimizer sgd --lr 1e-30 --device host"
mean_of() { sed -n 's/.*"kl":\([0-9.e-]*\).*/\1/p' "$1/00000-mnist-vae-mlp/stats.jsonl" | awk "$2"; }
expect 0 train $still --batch 10000 --outdir "$dir/at-once"
expect 0 train $still --batch 100 --outdir "$dir/in-turn"
at_once=$(mean_of "$dir/at-once" '{ print }')
in_turn=$(mean_of "$dir/in-turn" 'NR == 1 { s = $1 } NR == 2 { printf "%.9g", (s + 99 * $1) / 100 }')
awk "BEGIN { d = $at_once / $in_turn - 1; exit !(d < 1e-5 && d > -1e-5) }" || fail "the mean KL is $at_once at once, $in_turn in turn"

# ---- Going on is exact, wherever the run was cut
devices=host
if [ -n "${CLGEN_TEST_DEVICE:-}" ]; then
  [ "$CLGEN_TEST_DEVICE" = host ] || devices="host $CLGEN_TEST_DEVICE"
else
  "$CLGEN" train $vae -n >"$dir/out" 2>"$dir/err"
  devices="host $(sed -n 's/.*CLGEN_DEVICE=\([^ ]*\) pins.*/\1/p' "$dir/err")"
fi
for device in $devices; do
  for cfg in vae-mlp dcgan; do
    options=$vae
    [ $cfg = dcgan ] && options=$gan
    where=$dir/exact-$device-$cfg
    expect 0 train $options --device "$device" --kimg 2 --outdir "$where/whole" --tick 0.7 --snap 1
    expect 0 train $options --device "$device" --kimg 1 --outdir "$where/parts" --tick 0.7 --snap 2
    expect 0 train --resume "$where/parts/00000-mnist-$cfg" --kimg 2
    out_has "resumes from 1.0"
    for file in network-snapshot-000002.safetensors training-state-000002.safetensors fakes000002.png; do
      same "$where/whole/00000-mnist-$cfg/$file" "$where/parts/00000-mnist-$cfg/$file"
    done
    same_stats "$where/parts/00000-mnist-$cfg" "$where/whole/00000-mnist-$cfg"
    cmp -s "$where/whole/00000-mnist-$cfg/network-snapshot-000002.safetensors" \
      "$where/whole/00000-mnist-$cfg/network-snapshot-000001.safetensors" && fail "snapshots do not change"
  done
done
parts=$dir/exact-host-vae-mlp/parts/00000-mnist-vae-mlp whole=$dir/exact-host-vae-mlp/whole/00000-mnist-vae-mlp
grep -q "resumes from" "$parts/log.txt" || fail "log.txt does not go on"
expect 0 train --resume "$parts/training-state-000001.safetensors" --kimg 2
same "$parts/network-snapshot-000002.safetensors" "$whole/network-snapshot-000002.safetensors"
expect 0 train --resume "$parts"
err_has "larger --kimg"

# ---- What changes a run's course is refused, what does not is taken
before=$(cat "$parts"/*.safetensors "$parts/training_options.json" | cksum)
expect 2 train --resume "$parts" --batch 32 --kimg 3
err_has "--batch: '32' differs from the value of the run, '128'"
expect 2 train --resume "$parts" --cfg dcgan
err_has "--cfg"
expect 2 train --resume "$parts" --seed 6
expect 1 train --resume "$parts" --data "$EXAMPLES/mnist/t10k-labels-idx1-ubyte.gz"
mkdir "$dir/other" && "$CLGEN" generate --network "$parts/network-snapshot-000002.safetensors" --seeds 0-99 \
  --outdir "$dir/other" --device host 2>"$dir/err" || fail "generate"
expect 2 train --resume "$parts" --kimg 3 --data "$dir/other"
err_has "the data changed"
expect 1 train --resume "$dir/nothing"
err_has "$dir/nothing"
expect 1 train --resume "$dir/other"
err_has "training_options.json"
expect 1 train --resume "$whole/network-snapshot-000000.safetensors" --kimg 3
err_has "only the newest are kept"
expect 0 train --resume "$parts" --kimg 4 --dry-run
out_has "4 kimg = 32 steps"
[ "$before" = "$(cat "$parts"/*.safetensors "$parts/training_options.json" | cksum)" ] || fail "a refusal changed the run"
expect 0 train --resume "$parts" --batch 128 --seed 5 --kimg 2 --tick 9 --device host

# ---- Ctrl-C and SIGTERM finish the step, save, say how to go on
long="$vae --device host --kimg 40 --tick 0.5 --snap 1"
expect 0 train $long --outdir "$dir/long"
whole=$dir/long/00000-mnist-vae-mlp
wait_for() { for _ in $(seq 600); do [ -e "$1" ] && return; sleep 0.02; done; fail "$1 does not come"; }
for name in INT TERM HUP; do
  set -m # else what runs in the background ignores SIGINT, and clgen would leave it so
  env --default-signal=HUP "$CLGEN" train $long --outdir "$dir/$name" >"$dir/out" 2>"$dir/err" & # also under nohup
  pid=$!
  set +m
  stopped=$dir/$name/00000-mnist-vae-mlp last="clgen train, SIG$name"
  wait_for "$stopped/network-snapshot-000001.safetensors"
  if [ $name = INT ]; then # two processes would write the same files
    "$CLGEN" train --resume "$stopped" 2>"$dir/second" && fail "two processes train in one folder"
    grep -q "process $pid is training in this folder" "$dir/second" || fail "a second process says: $(cat "$dir/second")"
  fi
  kill -$name $pid
  wait $pid
  status=$?
  [ $status = $((128 + $(kill -l $name))) ] || fail "SIG$name: exit status $status"
  err_has "stopping: a snapshot is written"
  err_has "resume with: clgen train --resume $stopped"
  [ ! -e "$stopped/network-snapshot-000040.safetensors" ] || fail "SIG$name came too late to be a test"
  expect 0 train --resume "$stopped"
  same "$stopped/network-snapshot-000040.safetensors" "$whole/network-snapshot-000040.safetensors"
  same_stats "$stopped" "$whole"
done

# ---- Before the first step is done, however long it takes, a signal ends the program at once
set -m
"$CLGEN" train --data $data --cfg dcgan --ngf 64 --device host --kimg 1 --outdir "$dir/early" >"$dir/out" 2>"$dir/err" &
pid=$!
set +m
wait_for "$dir/early/00000-mnist-dcgan/training_options.json"
before=$(date +%s)
kill -INT $pid
wait $pid
[ $? = 130 ] || fail "SIGINT before the first step: another exit status than 130"
[ $(($(date +%s) - before)) -le 5 ] || fail "SIGINT before the first step is not heeded at once"
err_has "stopped before the first step"

# ---- A closed pipe stops it with a snapshot, too; what nohup had ignored stays ignored
"$CLGEN" train $long --outdir "$dir/pipe" 2>"$dir/err" | sed -n '/^tick 3 /q' >"$dir/out"
[ "${PIPESTATUS[0]}" = 1 ] || fail "a closed pipe: exit status ${PIPESTATUS[0]}"
err_has "standard output was closed: stopped at"
expect 0 train --resume "$dir/pipe/00000-mnist-vae-mlp"
same "$dir/pipe/00000-mnist-vae-mlp/network-snapshot-000040.safetensors" "$whole/network-snapshot-000040.safetensors"
(trap '' HUP; exec "$CLGEN" train $vae --device host --kimg 4 --tick 0.5 --outdir "$dir/nohup" >"$dir/out" 2>"$dir/err") &
pid=$!
wait_for "$dir/nohup/00000-mnist-vae-mlp/fakes_init.png"
kill -HUP $pid
wait $pid || fail "SIGHUP ends what was started to ignore it"

# ---- Nothing is trained by a smaller length, so nothing of it is kept
expect 0 train --resume "$whole" --kimg 1
grep -q '"kimg": 40' "$whole/training_options.json" || fail "$last: options of a run that did not train were written"

# ---- A damaged state: the one before it is offered, and works
cp -r "$whole" "$dir/damaged"
newest=$(ls "$dir"/damaged/training-state-* | tail -n 1)
head -c 1000 "$newest" >"$dir/part" && cp "$dir/part" "$newest"
expect 1 train --resume "$dir/damaged"
err_has "to resume from the state before it: clgen train --resume $dir/damaged/network-snapshot-"
older=$(sed -n 's/.*clgen train --resume //p' "$dir/err")
expect 0 train --resume "$older"
same "$dir/damaged/network-snapshot-000040.safetensors" "$whole/network-snapshot-000040.safetensors"

# ---- A snapshot of another step under the name of this one is written again
cp -r "$whole" "$dir/stale"
cp "$dir/stale/network-snapshot-000039.safetensors" "$dir/stale/network-snapshot-000040.safetensors"
expect 0 train --resume "$dir/stale"
same "$dir/stale/network-snapshot-000040.safetensors" "$whole/network-snapshot-000040.safetensors"

# ---- kill -9 at any moment costs only what came after the last snapshot
killed=$dir/killed/00000-mnist-vae-mlp
"$CLGEN" train $long --outdir "$dir/killed" >"$dir/out" 2>"$dir/err" &
pid=$!
wait_for "$killed/network-snapshot-000001.safetensors"
for pause in 0.05 0.15 0.1 0.07 0.2; do
  sleep $pause
  kill -9 $pid 2>/dev/null
  wait $pid 2>/dev/null
  newest=$(ls "$killed"/network-snapshot-*.safetensors | tail -n 1)
  printf '{"tick":99,"kimg":' >>"$killed/stats.jsonl" # half a line
  expect 0 inspect "$newest"
  "$CLGEN" train --resume "$killed" >"$dir/out" 2>"$dir/err" &
  pid=$!
done
wait $pid || fail "going on after kill -9"
touch "$killed/fakes000099.png.12345.tmp"
expect 0 train --resume "$killed"
same "$killed/network-snapshot-000040.safetensors" "$whole/network-snapshot-000040.safetensors"
same_stats "$killed" "$whole"
[ -z "$(ls "$killed" | grep tmp)" ] || fail "leftovers stay: $(ls "$killed" | grep tmp)"
rm "$killed/network-snapshot-000040.safetensors" # as if killed between the state and the snapshot
expect 0 train --resume "$killed"
same "$killed/network-snapshot-000040.safetensors" "$whole/network-snapshot-000040.safetensors"
head -c 1000 "$whole/training-state-000040.safetensors" >"$killed/training-state-000040.safetensors"
expect 1 train --resume "$killed"
err_has "training-state-000040.safetensors"

# ---- Other labels are other data
mkdir "$dir/labelled"
cp "$data/t10k-images-idx3-ubyte.gz" "$dir/labelled/"
gzip -dc "$data/t10k-labels-idx1-ubyte.gz" >"$dir/labelled/t10k-labels-idx1-ubyte"
expect 0 train ${vae/$data/$dir/labelled} --device host --kimg 1 --outdir "$dir/relabel"
printf '\001' | dd of="$dir/labelled/t10k-labels-idx1-ubyte" bs=1 seek=5008 conv=notrunc 2>/dev/null
expect 2 train --resume "$dir"/relabel/0* --kimg 2
err_has "the data"
mv "$dir/labelled" "$dir/elsewhere"
expect 1 train --resume "$dir"/relabel/0* --kimg 2
err_has "--data"

# ---- What is not finite stops a run and is not written
expect 1 train $vae --device host --kimg 2 --outdir "$dir/nan" --lr 1e30 --optimizer sgd --tick 0.3 --snap 1
err_has "became NaN or infinite"
err_has "step 2 (0.256 kimg)"
err_has "last good snapshot: $dir/nan/00000-mnist-vae-mlp/network-snapshot-000000.safetensors"
[ "$(ls "$dir"/nan/*/network-snapshot-*)" = "$dir/nan/00000-mnist-vae-mlp/network-snapshot-000000.safetensors" ] ||
  fail "a snapshot of nonsense: $(ls "$dir"/nan/*)"
grep -q "became NaN" "$dir/nan/00000-mnist-vae-mlp/log.txt" || fail "log.txt does not say why it ended"

# ---- Images
network=$whole/network-snapshot-000040.safetensors
expect 0 generate --network "$network" --seeds 0-4,9 --outdir "$dir/g" --grid "$dir/g/grid.png" --npy "$dir/g/all.npy" --device host
for file in seed0000.png seed0004.png seed0009.png grid.png; do there "$dir/g/$file"; done
shape_is "$dir/g/all.npy" "(6, 28, 28)"
expect 0 generate --network "$network" --seeds 9 --npy "$dir/g/one.npy" --batch 3 --device host
tail -c 784 "$dir/g/all.npy" | cmp -s - <(tail -c 784 "$dir/g/one.npy") || fail "an image depends on more than its seed"
expect 0 generate --network "$whole" --seeds 0-4,9 --npy "$dir/g/run.npy" --device host
same "$dir/g/run.npy" "$dir/g/all.npy" # a run's folder stands for its newest snapshot
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" >"$dir/z.npy"
head -c 24 /dev/zero >>"$dir/z.npy"
expect 0 generate --network "$network" --latents "$dir/z.npy" --npy "$dir/g/z.npy" --outdir "$dir/g" --device host
shape_is "$dir/g/z.npy" "(2, 28, 28)"
there "$dir/g/latent0001.png"
cp "$dir/g/z.npy" "$dir/g/kept.npy"
sed "s/(2, 3)/(3, 2)/" "$dir/z.npy" >"$dir/z2.npy"
expect 1 generate --network "$network" --latents "$dir/z2.npy" --npy "$dir/g/z.npy" --device host
err_has "this network takes (N, 3)"
same "$dir/g/z.npy" "$dir/g/kept.npy"
"$CLGEN" train --data "$dir/g/grid.png" --outdir "$dir/x" >"$dir/out" 2>"$dir/err" && fail "trained on one picture file"
expect 0 generate --network "$dir/exact-host-dcgan/whole/00000-mnist-dcgan/network-snapshot-000002.safetensors" \
  --grid "$dir/g/gan.png" --device host
there "$dir/g/gan.png"
expect 0 train --data "$dir/other" --channels 3 --cfg vae-mlp --hidden 4 --nz 2 --kimg 1 --outdir "$dir/rgb" --device host
expect 0 generate --network "$dir/rgb/00000-other-vae-mlp/network-snapshot-000001.safetensors" --seeds 1,2 --npy "$dir/rgb.npy" --device host
shape_is "$dir/rgb.npy" "(2, 28, 28, 3)"
expect 2 generate --network "$network" --seeds 3
err_has "nothing to write"
expect 2 generate --network "$network" --seeds 5-2 --grid "$dir/x.png"
err_has "5-2"
expect 2 generate --seeds 3 --grid "$dir/x.png"
expect 1 generate --network "$dir/z.npy" --grid "$dir/x.png" --device host
err_has "$dir/z.npy"
expect 1 generate --network "$dir/g" --grid "$dir/x.png" --device host
err_has "$dir/g"
err_has "network-snapshot-NNNNNN.safetensors"
expect 1 generate --network "$network" --grid "$dir/no/such/x.png" --device host
err_has "$dir/no/such/x.png"
[ ! -e "$dir/x.png" ] || fail "a failure wrote a picture"

# ---- Judging
expect 0 evaluate --network "$network" --data "$data" --metrics elbo --num 500 --json --device host
json ".metrics.elbo.negative_elbo>60" ".metrics.elbo.kl>0" ".metrics.elbo.images=500" ".split=test"
for name in negative_elbo standard_error reconstruction kl images device driver version; do out_has "\"$name\":"; done
bound=$(sed -n 's/.*"negative_elbo": \([0-9.]*\).*/\1/p' "$dir/out")
awk "BEGIN { exit !($bound > 60 && $bound < 400) }" || fail "-ELBO $bound"
expect 0 evaluate --network "$network" --data "$data" --num 500 --device host
out_has "nats/image"
out_has "$(printf %.3f "$bound")"
expect 1 evaluate --network "$dir/exact-host-dcgan/whole/00000-mnist-dcgan/network-snapshot-000002.safetensors" --data "$data" --metrics elbo --device host
err_has "need a VAE"
expect 2 evaluate --network "$network" --data "$data" --metrics beauty
err_has "beauty"
expect 2 evaluate --network "$network"

# ---- Bad input
expect 2 train --data "$data" --cfg vae-mlp
err_has "--outdir"
expect 2 train --outdir "$dir/x"
err_has "--data"
expect 1 train --data "$dir/nowhere" --outdir "$dir/x"
err_has "$dir/nowhere"
expect 2 train --data "$data" --outdir "$dir/x" --cfg dcgan --res 30 --device host
err_has "--res 32"
expect 2 train --data "$data" --outdir "$dir/x" --kimg 0
err_has "--kimg"
expect 2 train --data "$data" --outdir "$dir/x" --cfg stylegan
err_has "dcgan"
expect 2 train --data "$data" --outdir "$dir/x" --background green
err_has "RRGGBB"
expect 1 train --data "$data" --outdir "$dir/x" --device "no such device"
expect 1 train $vae --outdir "$dir/x" --hidden 4000 --batch 1048576 --device host
err_has "would fit" # in all memory, or in one allocation
touch "$dir/file"
expect 1 train $vae --outdir "$dir/file" --device host
err_has "$dir/file"
[ ! -e "$dir/x" ] || fail "a refusal made a folder: $(ls "$dir/x")"

# ---- How fast
expect 0 bench step --cfg vae-mlp --hidden 8 --nz 2 --batch 4 --seconds 0.1 --device host --json
json ".images_per_s>0" ".gflops>0" ".peak_bytes>1000" ".launches>10"
for name in images_per_s median_s gflops peak_bytes launches device driver version; do out_has "\"$name\":"; done

[ $failed = 0 ] && echo "cli_train: all good"
exit $failed
