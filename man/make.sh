#!/bin/sh
# make.sh VERSION CLGEN CLGEN_DEVICES TEMPLATE: a manual page on standard output, its options from the programs' own --help, so
# that it cannot be out of date. @HELP clgen-devices@ is that help; @COMMANDS@ is that of every command of clgen.
set -eu
version=$1 clgen=$2 devices=$3 template=$4

# Text as it is, for roff.
verbatim() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"; }

# The first words of the lines below a heading.
words_below() { awk -v heading="$1" '$0 == heading { on = 1; next } on && !/^  / { exit } on { print $1 }'; }

command_help() {
  echo ".SS $*" | sed 's/-/\\-/g'
  echo .nf
  "$clgen" "$@" --help all >"$help"
  verbatim <"$help"
  echo .fi
}

help=$(mktemp)
trap 'rm -f "$help"' EXIT
while IFS= read -r line; do
  case $line in
    @COMMANDS@)
      list=$("$clgen" --help | words_below "Commands:")
      [ -n "$list" ]
      for command in $list; do
        command_help "$command"
        for part in $("$clgen" "$command" --help | words_below "Parts:"); do command_help "$command" "$part"; done
      done ;;
    "@HELP clgen-devices@")
      "$devices" --help all >"$help"
      echo .nf
      verbatim <"$help"
      echo .fi ;;
    *) printf '%s\n' "$line" | sed "s/@VERSION@/$version/" ;;
  esac
done <"$template"
