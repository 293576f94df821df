# shellcheck shell=sh
# Shell functions for the scripts that install, build and test; to be read with `.`.
#
# prepare_packages PACKAGE...   Debian packages that are missing are installed, as root or by sudo
# prepare_swift                 says what is wrong where there is no Swift 6.2 or later
# prepare_venv FOLDER ARG...    a virtual environment with what pip installs by these arguments

prepare_packages() {
  missing=
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
      missing="$missing $package"
  done
  [ -z "$missing" ] && return
  echo "-- installing:$missing"
  as=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null ||
      { echo "Please install these Debian packages as root:$missing" >&2; exit 1; }
    as=sudo
  fi
  $as apt-get install -y -qq $missing >/dev/null 2>&1 || {
    $as apt-get update -qq && $as apt-get install -y -qq $missing >/dev/null
  }
}

prepare_swift() {
  version=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | head -n 1)
  case $version in
    "Swift version 6."[2-9]* | "Swift version "[7-9]* | "Swift version "[1-9][0-9]*) ;;
    *)
      echo "Swift 6.2 or later is needed on the PATH; found: ${version:-none}" >&2
      exit 1
      ;;
  esac
}

prepare_venv() {
  folder=$1
  shift
  [ -x "$folder/bin/pip" ] || python3 -m venv "$folder" || {
    prepare_packages python3-venv
    python3 -m venv --clear "$folder"
  }
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
}
