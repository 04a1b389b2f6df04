#!/bin/sh
# make-environment.sh UV FOLDER LOCK VERSION...: creates the virtual environment FOLDER with the packages of LOCK, for
# the first VERSION of Python that is installed. If none is, uv downloads the first VERSION.
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
  echo "setup: Python $wanted is not installed; uv downloads it from GitHub's releases" >&2
elif [ "$chosen" != "$wanted" ]; then
  echo "setup: Python $wanted is not installed; $folder uses Python $chosen" >&2
fi
echo "setup: the packages of $lock, in $folder" >&2

# Start from an empty folder: programs in an environment contain the path at which it was created.
rm -rf "$folder"
if ! "$uv" venv --quiet --no-project --python "${chosen:-$wanted}" "$folder"; then
  echo "setup: install Python $wanted, or set UV_PYTHON_INSTALL_MIRROR to a reachable mirror of the releases" \
    "of python-build-standalone, and try again" >&2
  exit 1
fi
if ! "$uv" pip sync --quiet --python "$folder/bin/python" --require-hashes "$lock"; then
  echo "setup: uv could not install the packages; set UV_DEFAULT_INDEX to use another package index" >&2
  exit 1
fi
