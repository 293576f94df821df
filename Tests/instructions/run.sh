#!/bin/sh
# Counts the instructions of small workloads and fails where there are more than expected.
#
#     sh Tests/instructions/run.sh                 builds the library, counts and compares
#     sh Tests/instructions/run.sh --update        also writes expected.txt anew from what was counted
#     sh Tests/instructions/run.sh --where NAME    the functions in which a workload spends its own
#
# Once the library is built it takes a quarter of a minute.
#
# count.c runs each workload under callgrind, which counts what arcuate_session_run, _step and
# _run_events execute and nothing else: the same number on a busy machine as on an idle one, but
# nothing of caches and memory, which `arcuate-bench` is for. Two tables are compared with it:
#
# expected.txt  What was counted last, for the compilers and tools of its second line; with others
#               it is passed over. More than 5 % above it for each unit of work fails, and so does
#               other work. 10 % below asks for --update, so that the gain cannot be lost again.
#               Commit it with the change that explains it.
# bounds.txt    What must hold with any compiler: workloads compared with each other, and with what
#               a loop of single numbers would need. It is written by hand.
set -eu
cd "$(dirname "$0")/../.."
. cmake/prepare.sh
case "${1:-compare}" in
compare | --update) ;;
--where) [ $# = 2 ] || { echo "--where needs the name of a workload" >&2; exit 64; } ;;
*)
  sed -n '2,20s/^# \{0,1\}//p' "$0"
  exit 64
  ;;
esac
[ "$(uname -m)" = x86_64 ] || { echo "-- the tables are for x86-64: nothing is counted"; exit 0; }
tables=Tests/instructions
folder=build/instructions
mkdir -p "$folder"
prepare_swift
prepare_packages valgrind binutils gcc libc6-dev

swift build -c release --product arcuate-c
# Valgrind cannot read what Swift's compiler says of its lines; the names of functions stay.
strip --strip-debug -o "$folder/libarcuate.so.0.2" \
  "$(swift build -c release --show-bin-path)/libarcuate-c.so"
"${CC:-cc}" -std=c99 -O1 -Wall -Wextra -pedantic -Werror -Iinclude "$tables/count.c" \
  "$tables/network.c" "$folder/libarcuate.so.0.2" -Wl,-rpath,"$PWD/$folder" -o "$folder/count"

# callgrind FILE ARGUMENT...: runs count.c under it. There is no environment, since its length
# decides where the stack begins, which moves counts by parts in ten thousand.
callgrind() {
  out=$1
  shift
  rm -f "$out" "$out".*
  env -i SWIFT_DETERMINISTIC_HASHING=1 "$(command -v valgrind)" --quiet --tool=callgrind \
    --instr-atstart=no --callgrind-out-file="$out" "$@"
}

if [ "${1:-}" = --where ]; then
  callgrind "$folder/where" "$folder/count" examples/digits/digits.nir "$2" >/dev/null
  callgrind_annotate "$folder/where.1" | swift demangle --simplified | sed -n '/^Ir/,$p' | head -n 40
  exit
fi
callgrind "$folder/callgrind" --combine-dumps=yes "$folder/count" examples/digits/digits.nir \
  >"$folder/work.txt"

tools="$(swift --version 2>/dev/null | grep -oE 'Swift version [^)]*\)'), $(
  getconf GNU_LIBC_VERSION), $(valgrind --version), $(uname -m)"
awk -v tools="$tools" -f "$tables/join.awk" "$folder/callgrind" "$folder/work.txt" \
  >"$folder/counted.txt"
if [ "${1:-}" = --update ]; then
  cp "$folder/counted.txt" "$tables/expected.txt.new"
  mv "$tables/expected.txt.new" "$tables/expected.txt"
  echo "-- $tables/expected.txt is new"
fi
awk -f "$tables/compare.awk" "$folder/counted.txt" "$tables/expected.txt" "$tables/bounds.txt"
