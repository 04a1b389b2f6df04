"""Systems whose tokens speak of no repository, and the mapping of an unknown issuer."""

from collections.abc import Mapping

from fuzz.reference.reading import Claims, Entry, Read, System, SystemOf, claim, event_is_not, fixed, flag
from fuzz.reference.values import Json

_STS = "https://sts.amazonaws.com/"


_K8S = "kubernetes.io"


_IDS = frozenset({"organization_id", "repository_id", "pipeline_id", "run_id", "job_id", "actor_id"})


def _aws(_entry: Entry) -> System:
    return System(
        names={
            "organization": claim(_STS, "org_id"),
            "organization_id": claim(_STS, "aws_account"),
            "actor": claim("sub"),
            "actor_id": claim("sub"),
        },
        marks={(_STS, "aws_account"): None},
    )


def _google(_entry: Entry) -> System:
    return System(
        names={"organization": Read((("email",),), _google_project), "actor": claim("email"), "actor_id": claim("sub")},
        marks={("email",): "*.gserviceaccount.com", ("email_verified",): True},
    )


def _google_project(claims: Claims) -> Json:
    email = str(claims.get("email"))
    name, _, host = email.partition("@")
    project = host.removesuffix(".iam.gserviceaccount.com")
    fine = name and host.endswith(".iam.gserviceaccount.com") and "@" not in host
    return project if fine and project and not name.split()[1:] else None


def _terraform(_entry: Entry) -> System:
    prefix = "terraform_"
    return System(
        names={
            "organization": claim(f"{prefix}organization_name"),
            "organization_id": claim(f"{prefix}organization_id"),
            "pipeline": claim(f"{prefix}workspace_name"),
            "pipeline_id": claim(f"{prefix}workspace_id"),
            "run_id": claim(f"{prefix}run_id"),
        },
        marks={(f"{prefix}{name}",): None for name in ("organization_id", "workspace_id", "run_id", "run_phase")},
        outsiders=event_is_not("apply", name=f"{prefix}run_phase"),
    )


def _spacelift(entry: Entry) -> System:
    return System(
        names={
            "organization": fixed(str(entry["account"])),
            "pipeline_id": claim("callerId"),
            "event": claim("runType"),
            "run_id": claim("runId"),
        },
        marks={(name,): None for name in ("callerId", "callerType", "runId", "runType")},
        outsiders=event_is_not("TRACKED", "TASK", "DESTROY", name="runType"),
    )


def _kubernetes(_entry: Entry) -> System:
    return System(
        names={
            "organization": claim(_K8S, "namespace"),
            "run_id": claim(_K8S, "pod", "uid"),
            "actor": claim("sub"),
            "actor_id": claim(_K8S, "serviceaccount", "uid"),
        },
        marks={
            (_K8S, "namespace"): None,
            (_K8S, "serviceaccount", "name"): None,
            (_K8S, "serviceaccount", "uid"): None,
        },
    )


def _generic(entry: Entry) -> System:
    mapped = entry.get("claims")
    names = dict(mapped) if isinstance(mapped, dict) else {}
    if "organization_claim" in entry:
        names["organization"] = entry["organization_claim"]
    reads: dict[str, Read] = {}
    for name, place in names.items():
        path = [str(part) for part in place] if isinstance(place, list) else [str(place)]
        reads[name] = flag(path[0]) if name == "ref_protected" else claim(*path)
    fillable = _IDS | {"organization", "repository"}
    return System(names=reads, not_for_push=frozenset(names) - fillable)


SYSTEMS: Mapping[str, SystemOf] = {
    "aws-sts": _aws,
    "google": _google,
    "hcp-terraform": _terraform,
    "spacelift": _spacelift,
    "kubernetes": _kubernetes,
    "generic": _generic,
}
