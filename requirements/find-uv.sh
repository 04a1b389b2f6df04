#!/bin/sh
# Creates a link to a working uv at $1: the one on the path, or else the one in requirements/uv.txt, fetched with the
# first Python that is new enough. A version manager's shim on the path may do nothing, so each candidate is run, not
# only found.
set -eu

link=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$(dirname "$link")"
fetched=$(dirname "$link")/../uv/uv

works() { "$@" >/dev/null 2>&1; }

uv=$(command -v uv || true)
if works "$uv" --version; then
  ln -sf "$uv" "$link"
  exit 0
fi

if ! works "$fetched" --version; then
  for python in python3 /usr/bin/python3 /usr/local/bin/python3 \
    python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 none; do
    ! works "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || break
  done
  if [ "$python" = none ]; then
    echo "setup: found neither uv nor Python 3.9 or later; install one of them and try again" >&2
    exit 1
  fi
  echo "setup: uv of requirements/uv.txt, in .tools" >&2
  "$python" -I "$here/fetch_uv.py" "$here/uv.txt" "$fetched"
  if ! works "$fetched" --version; then
    echo "setup: the uv in requirements/uv.txt does not run on this machine; install uv and try again" >&2
    exit 1
  fi
fi
# Relative, so that the link still works after the checkout is moved.
ln -sf ../uv/uv "$link"
