#!/bin/sh
# Fails where a formatter would change a file or a linter complains; lint.sh fix formats instead.
#
# Versions are fixed, so that two machines agree: clang-format and ruff come from Python packages
# into build/lint, swift-format with the compiler, shellcheck from Debian.
set -eu
cd "$(dirname "$0")/../.."
. cmake/prepare.sh
prepare_packages shellcheck
if ! cmp -s build/lint/requirements.txt Tests/house/requirements.txt; then
  prepare_venv build/lint -r Tests/house/requirements.txt
  cp Tests/house/requirements.txt build/lint/
fi
# The header, and what is compiled beside it; paths have no spaces (paths.py).
c_files=$(git ls-files include Sources/CShims Sources/CPrograms Tests examples experiments |
  grep -E '\.(c|h|cc|cpp)$')
scripts=$(git ls-files '*.sh' .ci/run)
swift_files="Package.swift Sources Tests"

if [ "${1:-}" = fix ]; then
  swift format --in-place --parallel --recursive $swift_files
  build/lint/bin/clang-format -i $c_files
  build/lint/bin/ruff check --quiet --fix .
  build/lint/bin/ruff format --quiet .
else
  swift format lint --strict --parallel --recursive $swift_files
  build/lint/bin/clang-format --dry-run -Werror $c_files
  build/lint/bin/ruff check --quiet .
  build/lint/bin/ruff format --quiet --check .
  shellcheck --external-sources $scripts
fi
