#!/bin/bash
# clgen-devices on what this machine has, on nothing, and on a driver with faults.
# Needs CLGEN_DEVICES, JSON_CHECK; CLGEN_TEST_FAKE_ICD (tests/fake_icd.c) where there is OpenCL.
. "${0%/*}/cli.sh"
program=("$CLGEN_DEVICES")
unset RUSTICL_ENABLE FAKE_ICD
export XDG_CACHE_HOME=$dir/cache

# ---- The command line
expect 0 --help
for option in '-l' '-v' '-d' --json --probe --ops --help --version; do out_matches "(^| |,)$option"; done
out_matches 'CLGEN_DEVICE=SPEC'
err_empty
expect 0 --version
out_matches '^clgen-devices [0-9]+\.[0-9]+\.[0-9]+$'
for wrong in --no-such-option operand '-l -v' -d '-x' '--json=perhaps'; do
  # shellcheck disable=SC2086 # two words are two arguments
  expect 2 $wrong
  out_empty
  err_has '--help'
done

# ---- The host reference is there for who names it
expect 0 -d host
out_matches '^host: '
err_empty
expect 0 -d host -v
out_matches 'status +ok'
expect 0 -d host --json
json .schema=1 .devices#0 .host.spec=host .host.status=ok
expect 0 -d host --ops
out_matches '^OPERATION +host$'
[ "$(grep -cE '^[a-z0-9_]+ +yes$' "$dir/out")" -ge 40 ] || fail "--ops lists too few operations"
out_matches '^conv2d_weight_grad +yes$'
expect 0 -d host --ops --json
json .host.ops.supported.tanh=true .host.ops.supported.conv2d=true .host.ops.reasons#0
expect 0 -d host --probe --json
json '.host.probe.gemm_gflops>0' '.host.probe.copy_gb_per_s>0' '.host.probe.launch_us>0' .host.probe.compile_s:number \
  '.host.probe.gemm_max_error<1e-4' '.host.probe.conv_max_error<1e-4' .host.status=ok
expect 1 -d 'no such device'
out_empty
err_has "device 'no such device' was not found"
err_has host
expect 1 -d 'no such device' --json
json .schema=1 .devices#0

# ---- Nothing at all: what to do, and valid JSON
mkdir "$dir/empty"
export OCL_ICD_VENDORS=$dir/empty
for view in '' -l -v --ops --probe; do
  # shellcheck disable=SC2086
  expect 1 $view
  out_matches host
  err_has 'no usable OpenCL device'
  err_has pocl-opencl-icd
  err_has OCL_ICD_VENDORS
done
expect 1 --json
json .schema=1 .devices:array .devices#0 .platforms#0 .host.spec=host .chosen:null
expect 0 -d host
expect 1 -d gpu
err_has pocl-opencl-icd

# ---- A driver with faults
if [ -n "${CLGEN_TEST_FAKE_ICD:-}" ]; then
  export OCL_ICD_VENDORS=$CLGEN_TEST_FAKE_ICD
  export FAKE_ICD=
  expect 1
  out_matches '^platform Fake Platform: no devices'
  err_has 'no usable OpenCL device'
  expect 1 --json
  json .devices#0 .platforms#1
  FAKE_ICD=broken expect 1
  out_matches 'Fake Platform: its devices cannot be listed: CL_OUT_OF_RESOURCES'
  export FAKE_ICD=mute,nocompiler,old
  expect 1
  out_matches '0:0 .*unusable: it does not answer'
  out_matches '0:1 .*unusable: no compiler'
  out_matches '0:2 .*unusable: OpenCL 1.1'
  out_matches_not '^\*'
  err_has 'no usable OpenCL device'
  expect 1 -l
  out_matches '^ +0:1 +nocompiler \(unusable: no compiler\)$'
  expect 1 --ops
  out_matches '^tanh +no +no +no +yes$'
  out_matches '^0:1: constant: no compiler$'
  expect 1 -d 0:1
  err_has 'device 0:1 is unusable: no compiler'
  expect 1 -d nocompiler --json
  json .devices#1 .devices[0].status=unusable '.devices[0].reason=no compiler' .devices[0].chosen=false
  export FAKE_ICD=integrated,garbage,mute,embedded
  expect 0 # garbage is a discrete GPU by its own account, and goes before an integrated one
  out_matches '^\* +0:1 +gpu '
  out_matches '^ +0:3 .*limited: embedded profile'
  expect 0 --json
  json .devices#4 .chosen=0:1 .chosen_by=automatic .devices[0].chosen=false .devices[1].chosen=true .devices[1].name:string \
    '.devices[0].type=integrated gpu' .devices[0].fp16=false .devices[0].fp64=true .devices[0].compute_units=4 \
    .devices[0].global_bytes=8589934592 .devices[0].max_alloc_bytes=2147483648 .devices[3].status=limited
  expect 0 -v
  out_matches 'largest allocation +2.0 GiB'
  out_matches 'fp16|half precision +no'
  CLGEN_DEVICE=0:3 expect 0
  out_matches '^\* +0:3 '
  out_matches 'by CLGEN_DEVICE'
  CLGEN_DEVICE=nonsense expect 1
  out_matches '^ *0:3 '
  err_has "from CLGEN_DEVICE: device 'nonsense' was not found"
  # one that is all right until it is opened
  export FAKE_ICD=gpu
  expect 0
  out_matches '0:0 .* ok$'
  expect 1 --probe
  out_matches '0:0 .*unusable: .*CL_OUT_OF_RESOURCES'
  expect 1 --probe --json
  json .devices[0].status=unusable
  expect 1 --ops -d 0:0
  out_matches '^tanh +no$'
  # what ends the process that asks, or does not answer: the driver is named, and the program lives
  pocl=/etc/OpenCL/vendors/pocl.icd
  mkdir "$dir/both"
  cp "$CLGEN_TEST_FAKE_ICD/fake.icd" "$dir/both/"
  export CLGEN_DRIVER_TIMEOUT=2
  for how in abort exit hang; do
    for when in FAKE_ICD FAKE_ICD_AT_LOAD; do
      export FAKE_ICD='' OCL_ICD_VENDORS=$CLGEN_TEST_FAKE_ICD
      export $when=$how
      expect 1
      err_has "the driver of $CLGEN_TEST_FAKE_ICD/fake.icd ("
      case $how in
        abort) err_has 'is passed over: asked for its devices, it ended the process by signal 6' ;;
        exit) err_has 'is passed over: asked for its devices, it ended the process with exit status 0' ;;
        hang) err_has 'is passed over: asked for its devices, it did not answer within 2 s' ;;
      esac
      err_has "it said: fake driver: about to $how"
      err_has 'no usable OpenCL device'
      expect 0 -d host # which needs none, and asks none
      err_empty
      if [ -f $pocl ] && [ "$how $when" != 'hang FAKE_ICD_AT_LOAD' ]; then # beside one that works
        cp $pocl "$dir/both/"
        OCL_ICD_VENDORS=$dir/both expect 0 --json
        json .platforms#2 .devices#1
        err_has "the driver of $dir/both/fake.icd ("
      fi
      unset FAKE_ICD_AT_LOAD
    done
  done
  export FAKE_ICD=abort
  program=("$CLGEN" bench gemm)
  expect 1 --device cpu
  err_has 'is passed over: asked for its devices, it ended the process by signal 6'
  err_has "device 'cpu' was not found"
  # one that compiles nothing is passed over, and its compiler's words are not lost
  FAKE_ICD=nobuild expect 1
  err_has 'warning: passing over a device: trying device 0:0: nobuild: compiling a program: CL_BUILD_PROGRAM_FAILURE (-11)'
  err_has 'the fake compiler is on strike'
  program=("$CLGEN_DEVICES")
  unset CLGEN_DRIVER_TIMEOUT
fi
unset OCL_ICD_VENDORS FAKE_ICD

# ---- Environments that a driver may not bear: a device is found all the same
if [ -f /etc/OpenCL/vendors/pocl.icd ]; then
  export OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd
  : >"$dir/file"
  for cache in XDG_CACHE_HOME POCL_CACHE_DIR; do
    export $cache="$dir/file"
    expect 0 -l
    err_has "the cache cannot be written ($dir/file"
    unset $cache
  done
  HOME=$dir/file expect 0 -l
  err_has "the cache cannot be written ($dir/file/.cache/clgen: Not a directory); "
  (unset HOME && expect 0 -l && err_has 'neither XDG_CACHE_HOME nor HOME names a folder'; exit $failed) || failed=1
  export XDG_CACHE_HOME=$dir/cache
  unset OCL_ICD_VENDORS
fi

# ---- What is here
"$CLGEN_DEVICES" --json >"$dir/out" 2>"$dir/err"
if [ $? = 0 ]; then
  spec=$("$JSON_CHECK" "$dir/out" .chosen) || fail "no .chosen"
  expect 0
  out_matches "^\* +$spec "
  expect 0 -l
  out_matches "^\* $spec "
  expect 0 -v -d "$spec"
  out_matches "SPEC +$spec"
  (unset PATH && expect 0 -d "$spec" --probe --ops --json; exit $failed) || failed=1 # where PoCL finds its linker
  json .devices#1 ".devices[0].spec=$spec" '.devices[0].probe.gemm_gflops>0' '.devices[0].probe.copy_gb_per_s>0' \
    '.devices[0].probe.launch_us>0' '.devices[0].probe.compile_s>0' .devices[0].ops.supported.tanh=true
  status=$("$JSON_CHECK" "$dir/out" '.devices[0].status')
  if [ "$status" = ok ]; then
    json '.devices[0].probe.gemm_max_error<1e-4' '.devices[0].probe.conv_max_error<1e-4' .devices[0].reason=
  else
    echo "note: $spec is $status: $("$JSON_CHECK" "$dir/out" '.devices[0].reason')"
  fi
else
  echo "note: no OpenCL device on this machine: nothing to probe"
fi
exit $failed
