"""Kubernetes: the token of a service account, for runners in a cluster.

Source: Kubernetes documentation, "Service Accounts" and "Configure Service Accounts for Pods". A cluster has one
issuer: EKS, GKE and AKS make it up (AKS with a slash at its end), an own cluster has `--service-account-issuer`.

The tenant inside a cluster is the namespace: whoever can create a pod there can have the token of each of its service
accounts. A service account that is made again has another `uid`. Nothing names a repository or a branch. A pod's token
still verifies after the pod is gone, until it expires.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import BadSetting, ClaimType, Preset, Provider, Settings
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import ClaimPath, Name, Source
from token_exchange.presets.issuer_url import issuer_host

_K8S: Final = "kubernetes.io"
_ACCOUNT: Final = (_K8S, "serviceaccount")

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim((_K8S, "namespace")),
    # Absent from a token that was made for no pod.
    "run_id": Claim((_K8S, "pod", "uid")),
    "actor": Claim(("sub",)),
    "actor_id": Claim((*_ACCOUNT, "uid")),
}

_NESTED: Final[Mapping[ClaimPath, ClaimType]] = {
    (_K8S, "namespace"): "text",
    (_K8S, "node"): "object",
    (_K8S, "node", "name"): "text",
    (_K8S, "node", "uid"): "text",
    (_K8S, "pod"): "object",
    (_K8S, "pod", "name"): "text",
    (_K8S, "pod", "uid"): "text",
    _ACCOUNT: "object",
    (*_ACCOUNT, "name"): "text",
    (*_ACCOUNT, "uid"): "text",
    (_K8S, "warnafter"): "number",
}


def _preset(_settings: Settings, issuer: str | None) -> Preset:
    if issuer is None:
        raise BadSetting("issuer", "missing; each cluster has one of its own, with its last slash where it has one")
    issuer_host(issuer)
    return Preset(
        provider="kubernetes",
        issuer=issuer,
        algorithms=("RS256", "ES256"),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({(_K8S, "namespace"), (*_ACCOUNT, "name"), (*_ACCOUNT, "uid")}),
        claims={_K8S: "object"},
        public_claims=frozenset({(_K8S, "warnafter")}),
        nested_claims=_NESTED,
        other_claims="any",
        proven=frozenset(_VOCABULARY),
        untrusted_trigger=lambda _claims: None,
        ignores_case=False,
        # The cluster's own API server takes these.
        shared_audience=lambda audience: audience == issuer or audience.startswith("https://kubernetes.default.svc"),
        minted="once-per-job",
        step_line=(
            "cat /var/run/secrets/tokens/ecr   # a projected volume: {serviceAccountToken: {path: ecr, "
            "audience: AUDIENCE}}"
        ),
    )


PROVIDER: Final = Provider(name="kubernetes", preset=_preset)
