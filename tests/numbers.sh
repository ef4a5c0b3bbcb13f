#!/bin/sh
# The library formats and reads fractions with clgen_snprintf, clgen_fprintf and clgen_strtod, and compares words with
# clgen_same_word, which the program's locale does not change. Usage: numbers.sh SOURCE_ROOT
set -u
cd "$1" || exit 2

files=$(find src -name '*.[ch]' ! -path src/base/locale.c)
[ -n "$files" ] || { echo "no sources: wrong folder '$1'?"; exit 1; }

# A statement a record, its conversions without what is "%%".
bad=$(awk '
  BEGIN { RS = ";[ \t]*\n" }
  { statement = $0; gsub(/%%/, "", statement) }
  statement ~ /(^|[^_a-z])v?(snprintf|fprintf|printf|sprintf)\(/ && statement ~ /%[-+ 0#]*[0-9*]*(\.[0-9*]*)?[lL]?[aefgAEFG]/ {
    sub(/^[ \t\n]+/, "", $0)
    print FILENAME ": depends on the locale: " substr($0, 1, 120)
  }' $files
  grep -nE '(^|[^_a-z])(vsnprintf|vfprintf|strto(d|f|ld)|atof|strn?casecmp|strcoll)\(|scanf\([^;]*%l?[aefg]' $files)
[ -z "$bad" ] && exit 0
echo "$bad"
echo "base/base.h has what the locale does not change"
exit 1
