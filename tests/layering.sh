#!/bin/sh
# Dependencies point one way, and OpenCL stays where it belongs. Usage: layering.sh SOURCE_ROOT
set -u
cd "$1" || exit 2

# What each room may include of the others; its own files, public headers of these rooms, and config are free.
allowed() {
  case $1 in
    base) ;;
    image) echo base ;;
    device) echo base ;;
    backend) echo device base ;;
    graph) echo backend device base ;;
    nn) echo graph backend device base ;;
    data) echo image graph device base ;;
    model | adapt) echo nn graph backend device base ;;
    metrics) echo model adapt data image nn graph backend device base ;;
    train) echo metrics model adapt data image nn graph backend device base ;;
    tools) echo train metrics model adapt data image nn graph backend device base ;;
    *) echo "no rule for the room '$1': say in tests/layering.sh what it may use" >&2; return 1 ;;
  esac
}

# The room that stands behind a public header.
room_of_header() {
  case $1 in
    error | options | safetensors) echo base ;;
    augment) echo adapt ;;
    npy) echo data ;;
    blocks) echo nn ;;
    plot) echo image ;;
    report) echo train ;;
    elbo | features | evaluator) echo metrics ;;
    assess) echo train ;;
    clgen) echo everything ;;
    *) echo "$1" ;;
  esac
}

# Files that are words for all rooms rather than a room's insides: the table of functions that a device is, and the
# types (device description, shape, element type) that the table is written in.
shared_words() {
  case "$1:$2" in
    device:backend/backend.h) return 0 ;;
    base:clgen/device.h | image:clgen/device.h | data:clgen/device.h) return 0 ;;
    base:clgen/graph.h | device:clgen/graph.h | backend:clgen/graph.h) return 0 ;;
  esac
  return 1
}

failed=0
seen=0
for folder in src/*/ tools/; do
  room=$(basename "$folder")
  may=" $room $(allowed "$room") " || failed=1
  for file in $(find "$folder" -name '*.[ch]'); do
    for header in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*["<]\([^">]*\)[">].*/\1/p' "$file"); do
      case $header in
        CL/* | OpenCL/* | clblast*)
          case $file in
            src/device/* | src/backend/opencl/*) seen=$((seen + 1)) ;;
            *) echo "$file includes <$header>: OpenCL belongs in src/device and src/backend/opencl"; failed=1 ;;
          esac
          continue ;;
        clgen/*) used=$(room_of_header "$(basename "$header" .h)") ;;
        cl/*) continue ;;
        */*) used=${header%%/*}
             [ -d "src/$used" ] || continue ;;
        *) continue ;;
      esac
      seen=$((seen + 1))
      [ "$used" = everything ] && [ "$room" = tools ] && continue
      case $may in *" $used "*) continue ;; esac
      shared_words "$room" "$header" && continue
      echo "$file includes $header: '$room' may use only:$may"
      failed=1
    done
  done
done

for file in $(find include -name '*.h'); do
  if grep -nE '^[ 	]*#[ 	]*include[ 	]*["<](CL/|OpenCL/|clblast)|\bcl_(mem|context|device_id|command_queue|event|program|kernel)\b' "$file"; then
    echo "$file: no OpenCL type belongs in a public header"
    failed=1
  fi
done

long=$(find src include tools tests cl -name '*.[ch]' -o -name '*.cl' -o -name '*.sh' | xargs awk 'FNR == 901 { print FILENAME ": more than 900 lines" }')
[ -n "$long" ] && { echo "$long"; failed=1; }

if [ "$seen" -eq 0 ]; then
  echo "no include was found: wrong folder '$1'?"
  failed=1
fi
echo "$seen includes looked at"
exit $failed
