#!/bin/bash
# clgen report: what is on the page, that nothing on it acts, runs that went back, runs that go on, bad input. Where there is
# a chromium, the page is opened in it: no error on its console, and the slider obeys the keyboard.
# Needs CLGEN, EXAMPLES.
. "${0%/*}/cli.sh"

has() { grep -qF -e "$1" "$page" || fail "$page lacks '$1'"; }
has_not() { ! grep -qF -e "$1" "$page" || fail "$page has '$1'"; }
count() { # PATTERN NUMBER
  local n
  n=$(grep -oF -e "$1" "$page" | wc -l)
  [ "$n" = "$2" ] || fail "$page has '$1' $n times, not $2"
}

# ---- Of a run
expect 0 train --data "$EXAMPLES/mnist" --cfg vae-mlp --hidden 8 --nz 2 --device host --kimg 3 --outdir "$dir/runs" \
  --tick 1 --snap 1 --desc 'x'
run=$dir/runs/00000-mnist-vae-mlp-x
page=$run/report.html
expect 0 report "$run"
[ "$(cat "$dir/out")" = "$page" ] || fail "report does not say what it wrote"
for text in "<title>00000-mnist-vae-mlp-x</title>" "3 of 3 kimg" "Terms of the negative ELBO" "loss (nats)" \
  "images seen (kimg: thousands)" '<th scope="row">hidden</th><td>8</td>' '<th scope="row">device</th><td>host' \
  'data-name="reconstruction"' "grad" "prefers-color-scheme" 'name="viewport"' 'type="range"'; do
  has "$text"
done
count 'alt="Generated images at' "$(ls "$run"/fakes*.png | wc -l)"
count 'alt="Real images"' 1
has_not "@@"
has_not "Decisions"
# Self-contained: no address but that of SVG's name space.
! grep -v '^<img' "$page" | sed 's|http://www.w3.org/2000/svg||g' | grep -qE 'https?:|//[a-z]|url\(|@import' ||
  fail "$page refers to something outside"
# The first picture, decoded, is the file.
grep -m 1 'at the start' "$page" | sed 's/.*base64,//; s/">$//' | base64 -d | cmp -s - "$run/fakes_init.png" ||
  fail "fakes_init.png is not in the page as it is"

# ---- Elsewhere, and the old page stays when the new one cannot be written
expect 0 report "$run" --output "$dir/other.html"
[ "$(cat "$dir/out")" = "$dir/other.html" ] || fail "report --output does not say what it wrote"
[ "$(grep -v '^<footer' "$page" | cksum)" = "$(grep -v '^<footer' "$dir/other.html" | cksum)" ] ||
  fail "--output gives another page"
expect 1 report "$run" --output "$dir/no/such/folder/r.html"
err_has "$dir/no/such/folder/r.html"
! ls "$run"/*.tmp >/dev/null 2>&1 || fail "a temporary file stays"

# ---- A run that was killed in the middle of a line and went back; metrics; decisions; markup in everything
evil='<script>alert(1)</script><img src=x onerror=alert(2)>"'"'&"
escaped='&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&quot;&#39;&amp;'
json='<script>alert(1)</script><img src=x onerror=alert(2)>\"'"'&"
odd="$dir/odd <b>"
mkdir "$odd"
cp "$run"/*.png "$odd"
cat >"$odd/stats.jsonl" <<END
{"tick":0,"kimg":0,"loss":1,"sec_per_tick":1}
{"tick":1,"kimg":1,"loss":11111,"sec_per_tick":1}
{"kimg":1,"event":{"by":"old course","what":"p","from":0,"to":1}}
{"tick":2,"kimg":2,"loss":22222,"sec_per_tick":1}
{"tick":3,"ki{"tick":1,"kimg":1,"loss":4,"sec_per_tick":1}
{"kimg":1,"event":{"by":"$json","what":"p of $json","from":0.5,"to":"$json","reason":"$json"}}
not JSON
{"tick":2,"kimg":2,"loss":3,"$json":7,"sec_per_tick":1}
{"tick":3,"kimg":3,"loss":99999,"sec_pe
END
truncate -s -1 "$odd/stats.jsonl"
cat >"$odd/metric-fid.jsonl" <<END
{"metric":"fid","results":{"fid":900},"kimg":0,"name":"fid[one]"}
{"metric":"fid","results":{"fid":50},"kimg":2,"name":"fid[two]","scores":{"fid":{"floor":{"value":0.5}}}}
{"metric":"fid","results":{"fid":
END
printf '{"metric":"x","results":{"%s":1},"kimg":1}\n' "$json" >"$odd/metric-<u>.jsonl"
printf '{"cfg":"%s","%s":"%s","kimg":5}' "$json" "$json" "$json" >"$odd/training_options.json"
printf 'run:      %s\ndevice:   %s \xff\x01\n' "$evil" "$evil" >"$odd/log.txt"
printf 'no picture' >"$odd/fakes000002.png"
page=$odd/report.html
expect 0 report "$odd"
for text in "<title>odd &lt;b&gt;</title>" "2 of 5 kimg" "p of $escaped: 0.5" "<td>$escaped</td>" 'data-name="fid[one]"' \
  'data-name="fid[two]"' 'data-name="fid[two] of real images (floor)"' 'fid[two] (log scale)' "<dd>$escaped</dd>" "Decisions" "0 min 03 s"; do
  has "$text"
done
for text in 11111 22222 99999 "old course" "<script>alert" "<img src=x" "<b>" "<u>" "at 2 kimg"; do has_not "$text"; done
count "<script" 1
! LC_ALL=C grep -qP '[\x00-\x08\x0b\x0c\x0e-\x1f\xff]' "$page" || fail "$page has bytes that are no text"

# ---- Nothing yet, and no run
mkdir "$dir/new" "$dir/empty"
echo '{"cfg":"dcgan","kimg":10}' >"$dir/new/training_options.json"
expect 0 report "$dir/new"
page=$dir/new/report.html
has "There is no tick yet"
expect 1 report "$dir/empty"
err_has "$dir/empty"
expect 1 report "$dir/nowhere"
err_has "nowhere"
expect 2 report
expect 2 report a b

# ---- Very many large grids: thinned out, first and last stay
mkdir "$dir/many"
cp "$dir/new/training_options.json" "$dir/many"
head -c 200000 /dev/urandom >"$dir/noise"
for k in $(seq -f %06g 0 199); do cat "$run/reals.png" "$dir/noise" >"$dir/many/fakes$k.png"; done
expect 0 report "$dir/many"
page=$dir/many/report.html
[ "$(wc -c <"$page")" -lt 20000000 ] || fail "the page of 200 large grids is too large: $(wc -c <"$page") bytes"
grep -q 'of 200 grids)' "$page" || fail "the page does not say that grids were left out"
has "at 0 kimg"
has "at 199 kimg"

# ---- In a browser
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
  echo "no chromium here: the page was not opened in a browser"
else
  look() { # FILE: the page's elements after its script ran in $dir/dom, its console in $dir/err
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$dir/profile" --enable-logging=stderr --v=0 \
      --virtual-time-budget=2000 --dump-dom "file://$1" >"$dir/dom" 2>"$dir/err"
  }
  cp "$odd/report.html" "$dir/odd.html"
  for file in "$run/report.html" "$dir/odd.html" "$dir/new/report.html"; do
    look "$file"
    grep -q '<html.*class="js"' "$dir/dom" || fail "$file: its script does not run"
    ! grep 'CONSOLE' "$dir/err" || fail "$file: errors on the console"
  done
  look "$run/report.html"
  grep -q 'id="at">3 kimg</output>' "$dir/dom" || fail "the slider does not begin at the newest grid"
  # Moved as the keyboard moves it: an input event on the focused slider.
  sed 's|</body>|<script>time.focus();time.stepDown();time.dispatchEvent(new Event("input"));document.title=document.activeElement.id+" "+document.getElementById("at").textContent</script></body>|' \
    "$run/report.html" >"$dir/moved.html"
  look "$dir/moved.html"
  grep -q '<title>time 2 kimg</title>' "$dir/dom" || fail "the slider does not follow the keyboard: $(grep -o '<title>[^<]*' "$dir/dom" | head -1)"
fi

[ $failed = 0 ] && echo "cli_report: all good"
exit $failed
