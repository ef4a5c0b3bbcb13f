#!/bin/sh
# `meson install` gives what a program needs to use the library, shared and static, through pkg-config.
# Usage: install.sh BUILD_FOLDER SOURCE_ROOT; CC from outside.
set -u
build=$1
source=$2
cc=${CC:-cc}
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
fail() { echo "$*"; exit 1; }

DESTDIR=$dir/root meson install -C "$build" --no-rebuild >"$dir/log" 2>&1 || { cat "$dir/log"; fail "meson install failed"; }
pc=$(find "$dir/root" -name clgen.pc)
[ -n "$pc" ] || fail "no clgen.pc among: $(cd "$dir/root" && find . -type f)"
prefix=$dir/root$(sed -n 's/^prefix=//p' "$pc")
PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
pkg() { pkg-config --define-variable=prefix="$prefix" "$@" clgen; }
pkg --exists || fail "pkg-config does not accept clgen.pc: $(pkg --print-errors 2>&1)"
libdir=$(pkg --variable=libdir)

cat >"$dir/use.c" <<'END'
#include <clgen/clgen.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  clgen_device_list *list = NULL;
  if (clgen_devices_find(&list)) return 1;
  size_t n = clgen_devices_count(list);
  printf("%s\n", n ? clgen_devices_get(list, n - 1)->spec : "");
  int host_is_last = n && !strcmp(clgen_devices_get(list, n - 1)->spec, "host");
  clgen_devices_free(list);
  return !host_is_last;
}
END
$cc -std=c11 -Wall -Wextra -Werror "$dir/use.c" -o "$dir/use_shared" $(pkg --cflags --libs) || fail "does not build with the shared library"
LD_LIBRARY_PATH=$libdir "$dir/use_shared" || fail "does not run with the shared library"
ldd "$dir/use_shared" | grep -q libclgen.so || fail "the program does not use libclgen.so at all"

# The README's program.
sed -n '/^```c$/,/^```$/p' "$source/README.md" | sed '/^```/d' >"$dir/readme.c"
grep -q main "$dir/readme.c" || fail "the README has no program"
$cc -std=c11 -Wall -Wextra -Werror "$dir/readme.c" -o "$dir/readme" $(pkg --cflags --libs) || fail "the README's program does not build"
(cd "$dir" && LD_LIBRARY_PATH=$libdir ./readme 2>"$dir/err")
[ $? = 1 ] && grep -q network.safetensors "$dir/err" || fail "the README's program says, without a network: $(cat "$dir/err")"

# A library that only others' static libraries need would have to be installed for it.
case " $(pkg --static --libs) " in
  *" -lgfortran "*) fail "a static link asks for Fortran's library, which nothing of clgen's uses: $(pkg --static --libs)" ;;
esac
mkdir "$dir/static"
cp "$libdir/libclgen.a" "$dir/static/" || fail "no static library"
$cc -std=c11 "$dir/use.c" -o "$dir/use_static" $(pkg --static --cflags) -L"$dir/static" \
  $(pkg --static --libs | sed "s#-L$libdir##") || fail "does not build with the static library"
"$dir/use_static" || fail "does not run with the static library"
ldd "$dir/use_static" | grep -q libclgen.so && fail "the static program needs libclgen.so"

# What the headers declare and what the library exports are the same list.
cat "$prefix"/include/clgen/*.h >"$dir/all.h"
awk -f "$source/scripts/exports.awk" "$dir/all.h" | sed -n 's/^  \(.*\);$/\1/p' | sort >"$dir/declared"
nm -D --defined-only "$libdir/libclgen.so" | awk '{ print $3 }' | sort >"$dir/exported"
[ -s "$dir/declared" ] || fail "no function found in the installed headers"
different=$(diff "$dir/declared" "$dir/exported" | grep '^[<>]')
[ -z "$different" ] || fail "declared (<) and exported (>) differ:
$different"
echo "$(wc -l <"$dir/declared") functions declared and exported"
