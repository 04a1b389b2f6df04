#!/bin/sh
# foreign-python.sh ARCHITECTURE FOLDER UV: puts a Python 3.13 of another architecture into FOLDER, and Lambda's
# runtime loop beside it, for qemu to run. The Python is Debian trixie's: apt fetches and verifies it, with lists and
# settings of its own, and nothing is installed on this machine. Needs no root.
set -eu

case $1 in
  arm64) debian=arm64 wheels=aarch64-unknown-linux-gnu ;;
  x86_64) debian=amd64 wheels=x86_64-unknown-linux-gnu ;;
  *) echo "foreign python: no Lambda runs on $1" >&2; exit 1 ;;
esac
folder=$2 uv=$3
here=$(cd "$(dirname "$0")" && pwd)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

[ ! -e "$folder/done" ] || exit 0
# The mirror that this machine itself uses; apt replaces the name in its format.
# shellcheck disable=SC2016
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -m 1 '/debian/*$' || true)}
[ -n "$mirror" ] || { echo "foreign python: this is not Debian; set DEBIAN_MIRROR to a mirror of it" >&2; exit 1; }
[ -e "$keyring" ] || { echo "foreign python: $keyring is missing: apt-get install debian-archive-keyring" >&2; exit 1; }
echo "foreign python: Debian's Python 3.13 for $1, and Lambda's runtime loop, in $folder" >&2
rm -rf "$folder"
mkdir -p "$folder/apt/state/lists/partial" "$folder/apt/archives/partial" "$folder/root/usr/lib" "$folder/root/usr/lib64"
apt=$(cd "$folder/apt" && pwd)
: >"$apt/status"
echo "deb [signed-by=$keyring] $mirror trixie main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONFIGURATION
APT::Architecture "$debian";
APT::Architectures { "$debian"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache::archives "$apt/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
CONFIGURATION
export APT_CONFIG="$apt/apt.conf"
# The runtime loop is compiled against libstdc++.
{ apt-get --quiet update && apt-get --quiet --yes install --download-only python3.13 libstdc++6; } >"$apt/log" 2>&1 || {
  tail -n 5 "$apt/log" >&2
  exit 1
}
# Where programs look for the loader of shared libraries.
ln -s usr/lib "$folder/root/lib"
ln -s usr/lib64 "$folder/root/lib64"
for package in "$apt"/archives/*.deb; do
  dpkg-deb --extract "$package" "$folder/root"
done
rm -rf "$apt"
"$uv" pip install --quiet --require-hashes --only-binary :all: --target "$folder/runtime" \
  --python-version 3.13 --python-platform "$wheels" --requirement "$here/../../requirements/lambda-image.txt"
: >"$folder/done"
