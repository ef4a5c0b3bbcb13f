#!/bin/bash
# clgen plot: lines of text as curves. Needs CLGEN.
. "${0%/*}/cli.sh"
printf 'one\t0\t1\none\t1\t2\n# a remark\n\ntwo <&>\t0\t3\ntwo <&>\t1\tnan\ntwo <&>\t2\t5\n' >"$dir/points"
expect 0 plot -o "$dir/a.svg" --title "A title" --x-label "images (kimg)" --y-label FID "$dir/points"
out_empty
for text in "A title" "images (kimg)" ">one<" "two &lt;&amp;&gt;"; do grep -qF "$text" "$dir/a.svg" || fail "the picture lacks $text"; done
[ "$(tail -c 7 "$dir/a.svg" | tr -d '\n')" = "</svg>" ] || fail "the picture has no end"
last="plot <"
"$CLGEN" plot -o "$dir/b.svg" --title "A title" --x-label "images (kimg)" --y-label FID <"$dir/points" || fail "standard input"
same "$dir/a.svg" "$dir/b.svg"
expect 2 plot "$dir/points"
err_has "--output"
printf 'one\t0\t1\none\t1\tx\n' >"$dir/bad"
expect 1 plot -o "$dir/c.svg" "$dir/bad"
err_has "bad, line 2: x or y is not a number"
[ -e "$dir/c.svg" ] && fail "a picture of bad data"
expect 1 plot -o "$dir/c.svg" "$dir/none"
err_has "none: No such file"
: >"$dir/empty"
expect 1 plot -o "$dir/c.svg" "$dir/empty"
err_has "no point"
exit $failed
