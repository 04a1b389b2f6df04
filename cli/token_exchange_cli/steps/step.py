"""Renders the login step, which has one shape for all CI systems.

The values become part of a shell script; `values.py` accepts none with a character that a shell, a URL's query or the
language of a pipeline reads as more than text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, assert_never
from urllib.parse import quote

from token_exchange.loading.fields import did_you_mean
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.system import StepFormat, System
from token_exchange_cli.values import BadValue

EXAMPLE_EXCHANGE: Final = "https://exchange.acme.example"
EXAMPLE_REGISTRY: Final = "apps"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepValues:
    """What a step is for; each value has passed its check."""

    exchange: str
    audience: str
    registry: str
    host: str
    format: StepFormat
    image: str


def system_named(name: str) -> tuple[str, System]:
    """Return the system that a policy's `provider`, or the name of a page in docs/ci, means.

    Raises:
        BadValue: there is none; the text has those that could be meant, or all.
    """
    wanted = name.lower()
    for provider, system in SYSTEMS.items():
        if wanted in (provider, system.page):
            return provider, system
    names = {*SYSTEMS, *(system.page for system in SYSTEMS.values())}
    advice = did_you_mean(wanted, names) or f"; expected one of {', '.join(SYSTEMS)}"
    raise BadValue(f"{name!r} is not a known CI system{advice}")


def systems_from(_context: object, _parameter: object, typed: str) -> list[str]:
    """Return the systems whose names begin as `typed`, for a shell's completion."""
    return [name for name in SYSTEMS if name.startswith(typed)]


def fixed_audience_of(system: System) -> str | None:
    """Return the audience that no job of `system` can choose, with a word in capitals for what differs by customer."""
    return None if system.fixed_audience is None else system.fixed_audience.replace("{organization}", "ORGANIZATION")


def variables(system: System, values: StepValues) -> dict[str, str]:
    """Return what the step reads from variables, by their names."""
    found = {"EXCHANGE": values.exchange}
    if system.audience_variable:
        found["AUDIENCE"] = values.audience
    if values.format == "docker-config" or "$REGISTRY" in system.host:
        found["REGISTRY"] = values.host
    return found


def setup(system: System, values: StepValues) -> list[str]:
    """Return what to configure outside of the step."""
    return [_filled(line, values) for line in system.setup]


def shell(system: System, values: StepValues) -> str:
    """Return the step itself, as the system's pipeline writes it down; docs/ci/README.md explains each line."""
    lines = "\n".join(["(", *(f"  {line}" for line in _lines(system, values)), ")"])
    for sign, escape in system.template_signs.items():
        lines = lines.replace(sign, escape)
    return lines


def document(system: System, values: StepValues) -> str:
    """Return what to paste: comments on what it needs, the variables, and the step."""
    assigned = " ".join(f"{name}={value}" for name, value in variables(system, values).items())
    comments = [f"# Needs: {line}." for line in setup(system, values)]
    return "\n".join([*comments, assigned, shell(system, values), ""])


def _lines(system: System, values: StepValues) -> Iterator[str]:
    mask_token, mask_login = system.masks
    yield "set +x -eu; umask 077"
    yield """login=$(mktemp); trap 'rm -f "$login"' EXIT; trap 'exit 1' HUP INT TERM"""
    yield (
        "https() { curl -sS --proto '=https' --connect-timeout 10 --max-time 30"
        ' --retry 4 --retry-max-time 60 -H @- "$@"; }'
    )
    yield from (_filled(line, values) for line in system.token)
    yield from mask_token
    yield """status=$(printf 'Authorization: Bearer %s' "$token" |"""
    yield (
        """  https --retry-all-errors -X POST -o "$login" -w '%{http_code}'"""
        f' "${{EXCHANGE%/}}/v1/token?registry={values.registry}&format={values.format}&errors=text")'
    )
    yield """case $status in 200) ;; [45]*) cat "$login"; exit 1 ;; *) echo "HTTP $status"; exit 1 ;; esac"""
    yield from _login(system, values, mask_login)


def _login(system: System, values: StepValues, mask: tuple[str, ...]) -> Iterator[str]:
    match values.format:
        case "password":
            yield from mask
            yield f'docker login --username AWS --password-stdin {_filled(system.host, values)} < "$login"'
        case "docker-config":
            # What the mask would hide is a whole file here, and nothing prints it.
            yield f'skopeo copy --authfile "$login" docker-archive:image.tar "docker://$REGISTRY/{values.image}"'
        case unknown:
            assert_never(unknown)


def _filled(text: str, values: StepValues) -> str:
    filled: Mapping[str, str] = {
        "{audience}": values.audience,
        "{url_audience}": quote(values.audience, safe=":/@"),
        "{host}": values.host,
    }
    for placeholder, value in filled.items():
        text = text.replace(placeholder, value)
    return text
