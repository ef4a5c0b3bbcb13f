#!/bin/sh
# Installs what is missing here. Usage: scripts/setup.sh [build|test|full]
#   build  compiler, Meson, libraries, and PoCL (OpenCL on the CPU) where no other driver is found
#   test   and cmocka, PoCL in any case
#   full   and what ./run-tests --full needs: clang, clang-format, oclgrind, Mesa's OpenCL
# Does nothing when all is there. Needs root or sudo only when something is missing.
set -eu
level=${1:-build}
case $level in build | test | full) ;; *) echo "usage: scripts/setup.sh [build|test|full]" >&2; exit 2 ;; esac

has() { command -v "$1" >/dev/null 2>&1; }
lib() { has pkg-config && pkg-config --exists "$1"; }
# A driver besides Mesa's two, which often come with a desktop and have no device.
driver() {
  for icd in "${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}"/*.icd; do
    case $icd in *'*.icd' | */mesa.icd | */rusticl.icd) ;; *"$1"*.icd) return 0 ;; esac
  done
  return 1
}

# libFuzzer, which some distributions package apart from clang.
fuzzer() {
  echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null
}

missing=
need() { # PACKAGE CHECK...
  package=$1
  shift
  "$@" || missing="$missing $package"
}

need build-essential has cc
need build-essential has c++
need pkg-config has pkg-config
need meson has meson
need ninja-build has ninja
need zlib1g-dev lib zlib
need libpng-dev lib libpng
need libjpeg-dev lib libjpeg
need libjansson-dev lib jansson
need libutf8proc-dev lib libutf8proc
need ocl-icd-opencl-dev lib OpenCL
need libclblast-dev lib clblast
need liblapacke-dev lib lapacke
need libopenblas-dev lib openblas
if [ "$level" = build ]; then need pocl-opencl-icd driver ""; else need pocl-opencl-icd driver pocl; fi
if [ "$level" != build ]; then
  need libcmocka-dev lib cmocka
fi
if [ "$level" = full ]; then
  need clang has clang
  clang=$( (clang -dumpversion || apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p') 2>/dev/null)
  clang=${clang%%.*}
  need "libclang-rt-${clang:-14}-dev" fuzzer
  need clang-format has clang-format
  need oclgrind has oclgrind
  need mesa-opencl-icd test -e /etc/OpenCL/vendors/rusticl.icd
fi
[ -n "$missing" ] || exit 0
missing=$(echo "$missing" | tr ' ' '\n' | sort -u | tr '\n' ' ')

if ! has apt-get; then
  cat >&2 <<END
Missing here, by Debian's names: $missing
Fedora: sudo dnf install gcc gcc-c++ meson ninja-build pkgconf-pkg-config zlib-devel libpng-devel libjpeg-turbo-devel \\
          jansson-devel utf8proc-devel ocl-icd-devel opencl-headers clblast-devel lapack-devel openblas-devel pocl libcmocka-devel
Arch:   sudo pacman -S base-devel meson zlib libpng libjpeg-turbo jansson libutf8proc ocl-icd opencl-headers clblast lapacke openblas pocl cmocka
CLBlast, the OpenCL headers and the OpenCL loader may be missing: Meson then builds them from subprojects/.
END
  exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  has sudo || { echo "Missing: $missing
There is no sudo here. As root: apt-get install $missing" >&2; exit 1; }
  as_root=sudo
fi
echo "Installing: $missing" >&2
$as_root apt-get -q update >&2
# shellcheck disable=SC2086 -- a list of packages
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing >&2
