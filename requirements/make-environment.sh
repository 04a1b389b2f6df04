#!/bin/sh
# make-environment.sh UV FOLDER LOCK VERSION...: makes the virtual environment FOLDER with the packages of LOCK, on the
# first VERSION of Python that is installed, else on the first one, which uv then downloads.
set -eu

uv=$1 folder=$2 lock=$3
shift 3
wanted=$1

chosen=
for version in "$@"; do
  if "$uv" python find --system --no-project "$version" >/dev/null 2>&1; then
    chosen=$version
    break
  fi
done

if [ -z "$chosen" ]; then
  echo "setup: no Python $wanted is installed; uv downloads one from GitHub's releases" >&2
elif [ "$chosen" != "$wanted" ]; then
  echo "setup: no Python $wanted is installed; $folder is made with Python $chosen" >&2
fi
echo "setup: the packages of $lock, in $folder" >&2

# From nothing: programs in it hold the path it was made at.
rm -rf "$folder"
if ! "$uv" venv --quiet --no-project --python "${chosen:-$wanted}" "$folder"; then
  echo "setup: install Python $wanted, or set UV_PYTHON_INSTALL_MIRROR to a mirror of the releases" \
    "of python-build-standalone that can be reached, and try again" >&2
  exit 1
fi
if ! "$uv" pip sync --quiet --python "$folder/bin/python" --require-hashes "$lock"; then
  echo "setup: uv could not install the packages; UV_DEFAULT_INDEX names another package index to it" >&2
  exit 1
fi
