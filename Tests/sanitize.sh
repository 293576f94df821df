#!/bin/sh
# Runs the runtime's tests under a sanitizer: sanitize.sh thread | address
#
# Every report of a data race or of a bad access fails the command. Readers of files meet
# AddressSanitizer in Tests/fuzz/run.sh.
set -eu
cd "$(dirname "$0")/.."
case "${1:-}" in
thread) tests="ThreadTests|EquivalenceTests" ;;
address) tests="ArcuateRuntimeTests|ArcuateKernelsTests|ArcuateModelTests" ;;
*)
  sed -n '2,5s/^# \{0,1\}//p' "$0"
  exit 64
  ;;
esac
export SWIFT_BACKTRACE=enable=no TSAN_OPTIONS=halt_on_error=1
exec swift test --sanitize="$1" --scratch-path ".build-$1" --filter "$tests"
