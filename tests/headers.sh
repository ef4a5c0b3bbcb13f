#!/bin/sh
# Each public header compiles by itself, strictly, as C11 and as C++. Usage: headers.sh SOURCE_ROOT; CC and CXX from outside.
set -u
cd "$1" || exit 2
failed=0
count=0
strict="-fsyntax-only -Wall -Wextra -Werror -pedantic -Wundef -Wshadow -Iinclude"
[ -n "${CXX:-}" ] || echo "no C++ compiler here: as C only"
for header in include/clgen/*.h; do
  name=clgen/$(basename "$header")
  count=$((count + 1))
  printf '#include <%s>\n#include <%s>\ntypedef int not_empty;\n' "$name" "$name" |
    ${CC:-cc} -x c -std=c11 $strict -Wstrict-prototypes -Wold-style-definition - || { echo "$name fails as C11"; failed=1; }
  [ -n "${CXX:-}" ] || continue
  printf '#include <%s>\n#include <%s>\ntypedef int not_empty;\n' "$name" "$name" |
    $CXX -x c++ -std=c++11 $strict - || { echo "$name fails as C++"; failed=1; }
done
echo "$count headers"
[ "$count" -gt 0 ] || failed=1
exit $failed
