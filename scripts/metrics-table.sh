#!/bin/bash
# The table of docs/metrics.md: what every metric says of real digits, of noise, and of one digit only, and how long it takes.
# usage: scripts/metrics-table.sh CLGEN [FOLDER]
# CLGEN is the program. FOLDER has MNIST's four files; without it ../shared/data/mnist beside the source tree when that is
# there, else examples/mnist, whose 10,000 images are then split in two. Needs perl for cutting the files. Prints Markdown.
set -eu
[ $# -ge 1 ] || { sed -n '3p' "$0" >&2; exit 2; }
clgen=$1
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${2:-}
for candidate in "$root/../shared/data/mnist" "$root/examples/mnist"; do
  [ -n "$folder" ] || [ ! -d "$candidate" ] || folder=$candidate
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
all=fid,kid,is,prdc,ndb,msssim,dup,mem
export CLGEN_DATA_DIR=${CLGEN_DATA_DIR:-$root/models}

# cut_idx IMAGES LABELS FIRST COUNT DIGIT NAME: so many of the images from the first on, of one digit or (-1) of all.
cut_idx() {
  perl -e '
    my ($images, $labels, $first, $count, $digit, $name) = @ARGV;
    local $/;
    open my $f, "-|", "gzip", "-dc", $images or die; my $x = substr(<$f>, 16);
    open my $g, "-|", "gzip", "-dc", $labels or die; my $y = substr(<$g>, 8);
    my ($px, $ly, $n) = ("", "", 0);
    for (my $i = $first; $i < length($y) && $n < $count; ++$i) {
      next if $digit >= 0 && ord(substr($y, $i, 1)) != $digit;
      $px .= substr($x, 784 * $i, 784), $ly .= substr($y, $i, 1), ++$n;
    }
    open my $o, ">:raw", "$name-images-idx3-ubyte" or die; print $o pack("N4", 0x803, $n, 28, 28), $px;
    open my $p, ">:raw", "$name-labels-idx1-ubyte" or die; print $p pack("N2", 0x801, $n), $ly;
  ' "$@"
}
noise() {
  perl -e '
    my ($n, $name) = @ARGV;
    srand(1);
    open my $o, ">:raw", "$name-images-idx3-ubyte" or die;
    print $o pack("N4", 0x803, $n, 28, 28);
    print $o pack("C784", map { int(rand(256)) } 1 .. 784) for 1 .. $n;
  ' "$@"
}

test_images=$folder/t10k-images-idx3-ubyte.gz test_labels=$folder/t10k-labels-idx1-ubyte.gz
if [ -e "$folder/train-images-idx3-ubyte.gz" ]; then
  train_images=$folder/train-images-idx3-ubyte.gz train_labels=$folder/train-labels-idx1-ubyte.gz
  n=10000
  cut_idx "$test_images" "$test_labels" 0 $n -1 "$dir/fresh"
  cut_idx "$train_images" "$train_labels" $n $n 3 "$dir/collapsed"
  what="MNIST: against the first 10,000 training images, the 10,000 test images, the 3s that come later in the training images, and noise"
else
  train_images=$test_images train_labels=$test_labels
  n=5000
  cut_idx "$test_images" "$test_labels" $n $n -1 "$dir/fresh"
  cut_idx "$test_images" "$test_labels" $n $n 3 "$dir/collapsed"
  what="examples/mnist (MNIST's test images only): against the first 5,000, the other 5,000, the 3s among these, and noise"
fi
cut_idx "$train_images" "$train_labels" 0 $n -1 "$dir/real"
noise $n "$dir/noise"

for set in fresh collapsed noise; do
  "$clgen" evaluate --fakes "$dir/$set-images-idx3-ubyte" --data "$dir/real-images-idx3-ubyte" --features mnist-cnn \
    --metrics $all --json >"$dir/$set.json" 2>"$dir/$set.err" || { cat "$dir/$set.err" >&2; exit 1; }
done

perl -e '
  my ($dir, $what) = @ARGV;
  my (%value, %floor, %seconds, %better, @parts, %count);
  for my $set (qw(fresh collapsed noise)) {
    local $/;
    open my $f, "<", "$dir/$set.json" or die;
    my $text = <$f>;
    ($count{$set}) = $text =~ /"images": (\d+)/;
    while ($text =~ /"(\w+)": \{\s*"name": "[^"]*",\s*"value": ([^,]+),(.*?)"seconds": ([\d.e+-]+)/sg) {
      my ($part, $value, $rest, $seconds) = ($1, $2, $3, $4);
      push @parts, $part if $set eq "fresh";
      $value{$set}{$part} = $value;
      $floor{$part} = $rest =~ /"floor": \{\s*"value": ([^,]+),/ ? $1 : "null" if $set eq "fresh";
      ($better{$part}) = $rest =~ /"better": "(\w+)"/;
      $seconds{$part} = $seconds if $set eq "fresh";
    }
  }
  sub say_number { my $x = shift; $x eq "null" ? "-" : abs($x) >= 1000 || $x == int($x) ? sprintf("%.0f", $x) : sprintf(abs($x) < 1e-3 ? "%.2g" : "%.4g", $x) }
  print "$what.\n\n";
  print "| metric | better | floor | fresh ($count{fresh}) | one digit ($count{collapsed}) | noise ($count{noise}) | seconds |\n";
  print "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n";
  for my $part (@parts) {
    my @cells = map { say_number($_) } $floor{$part}, map { $value{$_}{$part} } qw(fresh collapsed noise);
    printf "| %s | %s | %s | %.1f |\n", $part, $better{$part}, join(" | ", @cells), $seconds{$part};
  }
' "$dir" "$what"
