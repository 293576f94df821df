#!/bin/sh
# The same bits on processors of every kind, emulated: processors.sh BUILD_FOLDER
#
# BUILD_FOLDER is that of the release build, with the library of C and the command.
set -eu
cd "$(dirname "$0")/.."
[ "$(uname -m)" = x86_64 ] || { echo "-- one set of kernels on $(uname -m)"; exit 0; }
library=$1/libarcuate-c.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$library" "$work/libarcuate.so.0.2"
gcc -std=c99 -Iinclude Tests/c/processors.c -o "$work/program" "$work/libarcuate.so.0.2" \
  -Wl,-rpath,"$work"

# run CPU: the bits on this processor, then the kernels that it uses.
run() { qemu-x86_64 -cpu "$1" "$work/program" examples/digits/digits.nir; }
wanted=$("$work/program" examples/digits/digits.nir)
echo "here $wanted"
for pair in qemu64:baseline Nehalem:baseline SandyBridge:baseline Haswell:avx2 max:avx2; do
  found=$(run "${pair%:*}" 2>/dev/null) || { echo "$pair: ends with status $?"; exit 1; }
  echo "${pair%:*} $found"
  [ "${found%% *}" = "${wanted%% *}" ] || { echo "other bits"; exit 1; }
  case $found in
  *" ${pair#*:}"*) ;;
  *) echo "these are not the kernels ${pair#*:}"; exit 1 ;;
  esac
done
# The command, too.
for cpu in qemu64 SandyBridge; do
  [ "$(qemu-x86_64 -cpu $cpu "$1/arcuate" --version)" = "$("$1/arcuate" --version)" ]
  qemu-x86_64 -cpu $cpu "$1/arcuate" explain examples/digits/digits.nir >/dev/null
done
# Nothing but the kernels for newer processors uses their registers.
for folder in "$1"/Arcuate*.build "$1"/CShims.build; do
  case $folder in
  *Microkernels.build | *MicrokernelsAVX512.build | *CShims.build) continue ;;
  esac
  if objdump -d --no-show-raw-insn "$folder"/*.o | grep -m1 -E '%[yz]mm|%k[0-7]'; then
    echo "$folder uses registers that older processors lack"
    exit 1
  fi
done
