// Logs docker in to ECR: ecrLogin(credentialsId: 'exchange', exchange: 'https://exchange.acme.example', registry: 'apps')
def call(Map settings) {
  for (name in ['credentialsId', 'exchange', 'registry']) {
    if (!settings[name]) {
      error "ecrLogin: ${name} is missing"
    }
  }
  withCredentials([string(credentialsId: settings.credentialsId, variable: 'TOKEN')]) {
    // In the environment: a value written into a script could change the script.
    withEnv(["EXCHANGE=${settings.exchange}", "REGISTRY_NAME=${settings.registry}"]) {
      sh '''
        (
          set +x -eu; umask 077
          login=$(mktemp); trap 'rm -f "$login"' EXIT; trap 'exit 1' HUP INT TERM
          https() { curl -sS --proto '=https' --connect-timeout 10 --max-time 30 --retry 4 --retry-max-time 60 -H @- "$@"; }
          token=${TOKEN:?the credential is empty}
          for address in ${EXCHANGE:?set it to the address of the service, or to several}; do
            status=$(printf 'Authorization: Bearer %s' "$token" |
              https --retry-all-errors -X POST -o "$login" -w '%{http_code}' "${address%/}/v1/token?registry=$REGISTRY_NAME&format=shell") || status=000
            case $status in 000|408|429|5*) echo "no login from $address: HTTP $status" >&2 ;; *) break ;; esac
          done
          case $status in 200) ;; [45]*) cat "$login"; exit 1 ;; *) echo "HTTP $status"; exit 1 ;; esac
          . "$login"
          printf %s "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USERNAME" --password-stdin "$REGISTRY"
        )
      '''
    }
  }
}
