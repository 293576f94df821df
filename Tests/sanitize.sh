#!/bin/sh
# Runs the runtime's tests under a sanitizer: sanitize.sh thread | address
#
# Every report of a data race or of a bad access fails the command. Readers of files meet
# AddressSanitizer in Tests/fuzz/run.sh.
set -eu
cd "$(dirname "$0")/.."
case "${1:-}" in
thread) tests="ThreadTests|EquivalenceTests" ;;
# Not the recordings and the registry of kernels, which would take most of an hour.
address) tests="Equivalence|Interpreter|Frame|Snapshot|Refusal|Check|Thread" ;;
*)
  sed -n '2,5s/^# \{0,1\}//p' "$0"
  exit 64
  ;;
esac
# What leaks in a test run is XCTest's own.
export SWIFT_BACKTRACE=enable=no TSAN_OPTIONS=halt_on_error=1 ASAN_OPTIONS=detect_leaks=0
exec swift test --sanitize="$1" --scratch-path ".build-$1" --filter "$tests"
