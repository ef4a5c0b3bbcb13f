# From Meson's testlog.json, one object a line: lines "passed N", "failed N", "skipped N", and "name WHAT" for each failure.
# A cmocka program tells its cases on standard error; they are counted singly.
function field(key,   text) {
  if (!match($0, "\"" key "\": \"[^\"]*\"")) return ""
  text = substr($0, RSTART, RLENGTH)
  sub("^\"" key "\": \"", "", text)
  return substr(text, 1, length(text) - 1)
}
function total(word,   text, n) {
  text = $0
  while (match(text, "\\[  " word "  \\] [0-9]+ test\\(s\\)")) {
    n += substr(text, RSTART + length(word) + 7) + 0
    text = substr(text, RSTART + RLENGTH)
  }
  return n + 0
}
{
  seen = 1
  result = field("result")
  good = total("PASSED")
  bad = total("FAILED")
  if (result == "OK" || result == "EXPECTEDFAIL") {
    passed += good ? good : 1
    skipped += total("SKIPPED")
  } else if (result == "SKIP") {
    skipped++
  } else {
    passed += good
    failed += bad ? bad : 1
    name = field("name")
    sub(/.*\/ /, "", name)
    print "name " what ": " name " (" tolower(result) ")"
  }
}
END {
  if (seen) printf "passed %d\nfailed %d\nskipped %d\n", passed, failed, skipped
}
