"""Kubernetes: service account tokens, for runners in a cluster.

Source: Kubernetes documentation, "Service Accounts" and "Configure Service Accounts for Pods". A cluster has one
issuer: EKS, GKE and AKS generate it (AKS with a trailing slash), a self-managed cluster sets
`--service-account-issuer`.

The tenant within a cluster is the namespace: anyone who can create a pod in it can get the token of each of its service
accounts. A service account that is deleted and created again has another `uid`. No claim names a repository or a
branch. A pod's token verifies until it expires, also after the pod is deleted.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import ClaimPath, Name, Source
from token_exchange.presets.provider import BadSetting, Provider, Settings, issuer_host

_K8S: Final = "kubernetes.io"
_ACCOUNT: Final = (_K8S, "serviceaccount")

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim((_K8S, "namespace")),
    # Absent if the token was not issued for a pod.
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
        raise BadSetting("issuer", "missing; each cluster has its own issuer, with a trailing slash if it has one")
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
        # The cluster's own API server accepts these.
        shared_audience=lambda audience: audience == issuer or audience.startswith("https://kubernetes.default.svc"),
        minted="once-per-job",
    )


PROVIDER: Final = Provider(name="kubernetes", preset=_preset)
