# From the public headers to a linker script: the functions declared there are what the shared library exports.
{
  gsub(/"[^"]*"/, "")
  text = text " " $0
}
/^#/ { text = substr(text, 1, length(text) - length($0)) }
END {
  while ((start = index(text, "/*")) > 0) {
    rest = substr(text, start + 2)
    end = index(rest, "*/")
    text = substr(text, 1, start - 1) " " substr(rest, end ? end + 2 : length(rest) + 1)
  }
  print "{ global:"
  while (match(text, /clgen_[a-z0-9_]+ *\(/)) {
    name = substr(text, RSTART, RLENGTH - 1)
    sub(/ +$/, "", name)
    if (!(name in seen)) print "  " name ";"
    seen[name] = 1
    text = substr(text, RSTART + RLENGTH)
  }
  print "local: *; };"
}
