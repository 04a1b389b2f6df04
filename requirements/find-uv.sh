#!/bin/sh
# Puts a link to a working uv at $1: the one on the path, else one installed beside the link from its hashes, with
# whatever Python 3 can make an environment. A shim of a version manager may stand on the path and do nothing, so
# each candidate is tried, not looked at.
set -eu

link=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$(dirname "$link")"

works() { "$@" >/dev/null 2>&1; }

own=$(dirname "$link")/../uv
own=$(mkdir -p "$own" && cd "$own" && pwd)
for candidate in $(command -v uv || true) "$own/bin/uv"; do
  if works "$candidate" --version; then
    ln -sf "$candidate" "$link"
    exit 0
  fi
done

for python in python3 /usr/bin/python3 /usr/local/bin/python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
  works "$python" -c 'import sys, venv; assert sys.version_info >= (3, 8)' || continue
  echo "setup: installing uv with $python" >&2
  if "$python" -m venv --clear "$own" >/dev/null &&
    "$own/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
      --requirement "$here/uv.txt"; then
    ln -sf "$own/bin/uv" "$link"
    exit 0
  fi
done

echo "setup: install uv, or a Python 3 with its venv module (Debian: python3-venv), and try again" >&2
exit 1
