#!/bin/sh
# The two variants of the microkernels may not define the same functions, of which the linker would
# keep one, perhaps the one that this processor cannot run: variants.sh BUILD_FOLDER
#
# Weak functions of the wide variant must bear its name; the narrow one may not use its registers.
set -eu
[ "$(uname -m)" = x86_64 ] || { echo "one variant on $(uname -m)"; exit 0; }
narrow=$1/ArcuateMicrokernels.build wide=$1/ArcuateMicrokernelsAVX512.build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ "$(readlink "$(dirname "$0")/../Sources/ArcuateMicrokernelsAVX512")" = ArcuateMicrokernels ] || {
  echo "Sources/ArcuateMicrokernelsAVX512 is not a link to ArcuateMicrokernels"
  exit 1
}
nm "$wide"/*.o | awk '$2 == "W"' > "$work/weak"
# Or, for a method of a type of ArcuateKernelTypes, that of an extension in the variant.
own=' [$]s(25ArcuateMicrokernelsAVX512|18ArcuateKernelTypes[0-9]+[A-Za-z]+V0A18MicrokernelsAVX512E)'
if grep -vE "$own" "$work/weak"; then
  echo "the AVX-512 variant defines the functions above, which others may define too"
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
echo "$(wc -l < "$work/weak") weak functions of the AVX-512 variant, all its own"
