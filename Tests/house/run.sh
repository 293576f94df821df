#!/bin/sh
# The rules of the house, in seconds: Tests/house/run.sh
#
# Each script is one rule; what they allow, and every exception with its reason, is in tables.py.
set -eu
cd "$(dirname "$0")/../.."
failed=
for rule in imports arrows memory sizes paths errors numbers mirror words; do
  echo "-- $rule"
  python3 "Tests/house/$rule.py" || failed="$failed $rule"
done
[ -z "$failed" ] || { echo "rules of the house that do not hold:$failed"; exit 1; }
