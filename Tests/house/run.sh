#!/bin/sh
# The rules of the house, in seconds: Tests/house/run.sh
#
# Each script is one rule; what they allow, and every exception with its reason, is in tables.py.
set -eu
cd "$(dirname "$0")/../.."
# Rules that do not hold yet are reported and fail nothing.
reported="arrows memory sizes"
failed=
for rule in imports arrows memory sizes paths errors mirror words; do
  echo "-- $rule"
  python3 "Tests/house/$rule.py" && continue
  case " $reported " in
  *" $rule "*) echo "-- $rule: reported only" ;;
  *) failed="$failed $rule" ;;
  esac
done
[ -z "$failed" ] || { echo "rules of the house that do not hold:$failed"; exit 1; }
