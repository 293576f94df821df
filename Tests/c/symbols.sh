#!/bin/sh
# The headers, the list in cmake/arcuate.map, the library and nonsense.c name the same functions.
#
#     symbols.sh REPOSITORY LIBRARY
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Comments and macros aside, a declaration ends with ";" and its name is the first before "(".
cat "$1"/include/arcuate/*.h | tr '\n' ' ' | sed 's:/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/::g' | tr ';' '\n' |
  grep 'ARCUATE_API [a-z]' | grep -oE 'arcuate_[a-z_]+ *\(' | tr -d '( ' | sort -u > "$work/header"
sed -n '/global:/,/local:/p' "$1/cmake/arcuate.map" | grep -oE 'arcuate_[a-z_]+' | sort -u > "$work/list"
nm -D --extern-only --defined-only "$2" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
  sort -u > "$work/library"
grep -ohE 'arcuate_[a-z_]+\(' "$1"/Tests/c/nonsense*.c | tr -d '(' | sort -u |
  comm -12 - "$work/header" > "$work/tried"
[ "$(wc -l < "$work/header")" -gt 50 ] || { echo "the header could not be read"; exit 1; }
for other in list library tried; do
  diff "$work/header" "$work/$other" > "$work/difference" || {
    echo "header and $other differ:"
    cat "$work/difference"
    exit 1
  }
done
echo "$(wc -l < "$work/header") functions in header, list, library and tests"
