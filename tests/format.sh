#!/bin/sh
# The C code is as clang-format 14 lays it out. Usage: format.sh SOURCE_ROOT. Skipped (77) without that version.
set -u
cd "$1" || exit 2
tool=
for name in clang-format-14 clang-format; do
  case $($name --version 2>/dev/null) in *" 14."*) tool=$name; break ;; esac
done
if [ -z "$tool" ]; then
  echo "clang-format 14 is not here: the layout was not checked"
  exit 77
fi
find src include tools tests cl -name '*.[ch]' -print0 | xargs -0 $tool --dry-run -Werror
