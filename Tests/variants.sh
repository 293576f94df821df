#!/bin/sh
# The variants of the microkernels may not define the same functions, of which the linker would
# keep one, perhaps the one that this processor cannot run: variants.sh BUILD_FOLDER
#
# Weak functions of the wide and the narrow variant must bear their names; the narrow one may not use
# the registers of the wide one, and the plain one those of neither.
set -eu
[ "$(uname -m)" = x86_64 ] || { echo "one variant on $(uname -m)"; exit 0; }
narrow=$1/ArcuateMicrokernels.build wide=$1/ArcuateMicrokernelsAVX512.build
plain=$1/ArcuateMicrokernelsBaseline.build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for link in ArcuateMicrokernelsAVX512 ArcuateMicrokernelsBaseline; do
  [ "$(readlink "$(dirname "$0")/../Sources/$link")" = ArcuateMicrokernels ] || {
    echo "Sources/$link is not a link to ArcuateMicrokernels"
    exit 1
  }
done
nm "$wide"/*.o | awk '$2 == "W"' > "$work/weak"
# Or, for a method of a type of ArcuateKernelTypes, that of an extension in the variant.
own=' [$]s(25ArcuateMicrokernelsAVX512|18ArcuateKernelTypes[0-9]+[A-Za-z]+V0A18MicrokernelsAVX512E)'
if grep -vE "$own" "$work/weak"; then
  echo "the AVX-512 variant defines the functions above, which others may define too"
  exit 1
fi
nm "$narrow"/*.o | awk '$2 == "W"' > "$work/weak-narrow"
own=' [$]s(19ArcuateMicrokernels|18ArcuateKernelTypes[0-9]+[A-Za-z]+V0A12MicrokernelsE)'
if grep -vE "$own" "$work/weak-narrow"; then
  echo "the AVX2 variant defines the functions above, which others may define too"
  exit 1
fi
# What makes these checks mean something: objects with code, for two kinds of processor.
objdump -d --no-show-raw-insn "$narrow"/*.o > "$work/narrow"
objdump -d --no-show-raw-insn "$wide"/*.o > "$work/wide"
if ! grep -q '%ymm' "$work/narrow" || ! grep -q '%zmm' "$work/wide" ||
  ! grep -q '{%k[1-7]}' "$work/wide"; then
  echo "the variants are not what they should be"
  exit 1
fi
if grep -E '%zmm|%[xy]mm(1[6-9]|2[0-9]|3[01])|%k[0-7]' "$work/narrow"; then
  echo "the AVX2 variant uses AVX-512"
  exit 1
fi
objdump -d --no-show-raw-insn "$plain"/*.o > "$work/plain"
if ! grep -q '%xmm' "$work/plain" || grep -m1 -E '%[yz]mm|%k[0-7]' "$work/plain"; then
  echo "the plain variant uses AVX"
  exit 1
fi
echo "$(wc -l < "$work/weak") weak functions of the AVX-512 variant, all its own"
