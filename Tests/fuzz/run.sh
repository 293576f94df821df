#!/bin/sh
# Fuzzing with libFuzzer and AddressSanitizer.
#
#   run.sh replay          run every committed input once, all targets (seconds; CI does this)
#   run.sh TARGET SECONDS  look for new failures and store them in Tests/fuzz/found/
#
# Targets are the folders of Tests/fuzz/corpus; every format of ModelFormat.all is one.
set -eu
cd "$(dirname "$0")/../.."
export SWIFT_BACKTRACE=enable=no ARCUATE_FUZZ=1
swift build --scratch-path .build-fuzz -c release --product fuzz -Xswiftc -sanitize=fuzzer,address
fuzz=.build-fuzz/release/fuzz
limits="-timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024"

case "${1:-}" in
replay)
  for folder in Tests/fuzz/corpus/*/; do
    name=$(basename "$folder")
    echo "replaying $name: $(ls "$folder" | wc -l) inputs"
    ARCUATE_FUZZ_TARGET=$name "$fuzz" $limits -runs=0 "$folder"
  done
  ;;
"")
  sed -n '2,7s/^# \{0,1\}//p' "$0"
  exit 64
  ;;
*)
  name=$1
  work=.build-fuzz/work/$name
  mkdir -p "$work" Tests/fuzz/found
  ARCUATE_FUZZ_TARGET=$name "$fuzz" $limits -max_total_time="${2:-60}" -max_len="${3:-4096}" \
    -artifact_prefix=Tests/fuzz/found/ -print_final_stats=1 "$work" "Tests/fuzz/corpus/$name"
  ;;
esac
