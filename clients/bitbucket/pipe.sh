#!/bin/sh
# A Bitbucket pipe: pushes the step's images to ECR with the step's OIDC token.
#
#   EXCHANGE       the service's base URL, such as https://exchange.acme.example; several are separated by spaces
#   REGISTRY_NAME  the registry's name or host in the policy
#   IMAGES         what to push, with host and tag; several are separated by spaces
set -eu
: "${IMAGES:?name the images to push}"
(
  set +x -eu; umask 077
  login=$(mktemp); trap 'rm -f "$login"' EXIT; trap 'exit 1' HUP INT TERM
  https() { curl -sS --proto '=https' --connect-timeout 10 --max-time 30 --retry 4 --retry-max-time 60 -H @- "$@"; }
  token=${BITBUCKET_STEP_OIDC_TOKEN:?the step needs oidc}
  for address in ${EXCHANGE:?set it to the address of the service, or to several}; do
    status=$(printf 'Authorization: Bearer %s' "$token" |
      https --retry-all-errors -X POST -o "$login" -w '%{http_code}' "${address%/}/v1/token?registry=$REGISTRY_NAME&format=shell") || status=000
    case $status in 000|408|429|5*) echo "no login from $address: HTTP $status" >&2 ;; *) break ;; esac
  done
  case $status in 200) ;; [45]*) cat "$login"; exit 1 ;; *) echo "HTTP $status"; exit 1 ;; esac
  . "$login"
  printf %s "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USERNAME" --password-stdin "$REGISTRY"
)
for image in $IMAGES; do
  docker push "$image"
done
