#!/bin/sh
# Copies the tracked files to a file system that ignores case and counts them: clone.sh
#
# An image of FAT, made and read by mtools, so that neither root nor a mount is needed.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
# As git does where links are not known: a link becomes a file with its target.
git -c core.symlinks=false checkout-index --all --prefix="$work/tree/"
size=$(du -sm "$work/tree" | cut -f 1)
truncate -s $((size * 2 + 64))M "$work/image"
mkfs.vfat -F 32 "$work/image" >/dev/null
# -D s: a file whose name is there already is skipped, which the count shows.
mcopy -i "$work/image" -s -m -Q -D s "$work/tree" ::/ </dev/null
mdir -i "$work/image" -/ -a -b ::/ | sed -n 's|^::/tree/||p' | grep '[^/]$' | sort >"$work/kept"
(cd "$work/tree" && find . -type f | sed 's|^\./||' | sort) >"$work/given"
if ! diff "$work/given" "$work/kept"; then
  echo "a clone that ignores case loses the files above"
  exit 1
fi
echo "$(wc -l <"$work/given") files kept by a file system that ignores case"
