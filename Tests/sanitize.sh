#!/bin/sh
# Runs tests of the runtime and C programs of Tests/c under a sanitizer: sanitize.sh thread | address
#
# Every report of a data race, of a bad access or, in C programs, of a leak fails the command.
# Readers of files meet AddressSanitizer in Tests/fuzz/run.sh.
set -eu
cd "$(dirname "$0")/.."
case "${1:-}" in
thread)
  tests="ThreadTests|EquivalenceTests"
  programs="threads fork cancel trainer soak"
  ;;
address)
  # Not the recordings and the registry of kernels, which would take most of an hour.
  tests="Equivalence|Interpreter|Frame|Snapshot|Refusal|Check|Thread"
  programs="conformance defaults nonsense nonsense_options program structs hooks threads trainer
    fork cancel trace soak"
  ;;
*)
  sed -n '2,5s/^# \{0,1\}//p' "$0"
  exit 64
  ;;
esac
scratch=$PWD/.build-$1
export SWIFT_BACKTRACE=enable=no ARCUATE_SANITIZE=1
export TSAN_OPTIONS="halt_on_error=1 die_after_fork=0"
# What leaks in a test run is XCTest's own.
ASAN_OPTIONS=detect_leaks=0 \
  swift test --sanitize="$1" --scratch-path "$scratch" --filter "$tests"

# The library of C, and programs that the same compiler builds.
swift build --sanitize="$1" --scratch-path "$scratch" --product arcuate-c
toolchain=$(dirname "$(readlink -f "$(command -v swift)")")
folder=$scratch/c
mkdir -p "$folder"
for name in libarcuate.so libarcuate.so.0.2; do
  ln -sf ../debug/libarcuate-c.so "$folder/$name"
done
cp Tests/c/frame.f32 "$folder"
set -- -std=c99 -g -O1 -fuse-ld=lld "-fsanitize=$1" -Iinclude -L"$folder" "-Wl,-rpath,$folder"
case $programs in
*conformance*) libraries="-larcuate -lpthread -lm" ;;
# ThreadSanitizer's own library needs them.
*) libraries="-larcuate -lpthread -lm -L$toolchain/../lib/swift/linux
     -Wl,-rpath,$toolchain/../lib/swift/linux -ldispatch -lBlocksRuntime" ;;
esac
for program in $programs; do
  "$toolchain/clang" "$@" "Tests/c/$program.c" $libraries -o "$folder/$program"
  more='' instructions=''
  case $program in
  soak) more=20000 ;;
  # Unoptimized and watched, training takes minutes until there is something to cancel.
  cancel) more=sessions ;;
  hooks) instructions=nothing ;;
  esac
  began=$(date +%s)
  (cd "$folder" && ARCUATE_INSTRUCTIONS=$instructions \
    "./$program" "$OLDPWD/examples/digits/digits.nir" "$folder" $more >"$program.log" 2>&1) || {
    cat "$folder/$program.log"
    echo "Tests/c/$program.c failed"
    exit 1
  }
  echo "-- $program: $(($(date +%s) - began)) s"
done
