#!/bin/sh
# Makes sure that the container engine holds Lambda's base image for Python 3.13: uses what is there, else pulls
# it, else builds a stand-in under the same name: Debian trixie, whose python3 is 3.13, and Lambda's own runtime loop.
# The stand-in needs debootstrap and root; it runs functions, it is no copy of Amazon Linux.
set -eu

# Printable ASCII, one step a line, so that a minute of silence is never taken for a hang.
say() { printf '%s\n' "lambda image: $*" >&2; }
fail() { say "$*"; exit 1; }

here=$(cd "$(dirname "$0")" && pwd)
lock=$here/../../requirements/lambda-image.txt
uv=${UV:-uv}

case $(uname -m) in
  x86_64 | amd64) sam=x86_64 debian=amd64 platform=linux/amd64 wheels=x86_64-unknown-linux-gnu ;;
  aarch64 | arm64) sam=arm64 debian=arm64 platform=linux/arm64 wheels=aarch64-unknown-linux-gnu ;;
  *) fail "no Lambda runs on $(uname -m)" ;;
esac
tag=public.ecr.aws/lambda/python:3.13-$sam

docker info >/dev/null 2>&1 || fail "no container engine answers; start docker"
if docker image inspect "$tag" >/dev/null 2>&1; then
  say "$tag is there"
  exit 0
fi
say "pulling $tag"
if docker pull "$tag"; then
  exit 0
fi

say "it cannot be pulled; building a stand-in under that name"
command -v debootstrap >/dev/null || fail "debootstrap is not installed: apt-get install debootstrap"
[ "$(id -u)" = 0 ] || fail "debootstrap needs root: run 'sudo make sam-image' once, or pull the image elsewhere"

root=$(mktemp -d)
# A half-made tree is never imported, and none is left behind.
trap 'rm -rf "$root" "$root.log" "$root.failed"' EXIT
trap 'exit 130' INT TERM

say "1/3 Debian trixie (about a minute)"
# A pipeline has the status of its end, so the beginning leaves a mark when it fails.
{ debootstrap --arch="$debian" --variant=minbase --include=python3,ca-certificates trixie "$root" 2>&1 ||
  : >"$root.failed"; } | tee "$root.log" |
  awk '/^I: (Retrieving|Unpacking|Configuring)/ { if (++seen % 50 == 0) print "lambda image:   " seen " steps done" }' >&2
if [ -e "$root.failed" ]; then
  tail -n 5 "$root.log" >&2
  fail "debootstrap failed"
fi

say "2/3 Lambda's runtime loop"
mkdir -p "$root/var/runtime" "$root/var/task" "$root/opt"
"$uv" pip install --quiet --require-hashes --only-binary :all: --target "$root/var/runtime" \
  --python-version 3.13 --python-platform "$wheels" --requirement "$lock"
cat >"$root/var/runtime/bootstrap" <<'BOOTSTRAP'
#!/bin/sh
# The layer before the runtime, as in Lambda; the function's folder comes first, being the working directory.
export PYTHONPATH="/var/task:/opt/python:/var/runtime"
exec /usr/bin/python3 -m awslambdaric "$_HANDLER"
BOOTSTRAP
chmod 755 "$root/var/runtime/bootstrap"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*

say "3/3 importing it"
tar -C "$root" -c . | docker import --platform "$platform" \
  --change 'WORKDIR /var/task' --change 'ENV LANG=C.UTF-8 TZ=:UTC PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin' \
  --change 'ENTRYPOINT ["/var/runtime/bootstrap"]' \
  --message 'stand-in for the Lambda base image, for tests alone' - "$tag" >/dev/null
say "$tag is a local stand-in; 'docker image rm $tag' removes it"
