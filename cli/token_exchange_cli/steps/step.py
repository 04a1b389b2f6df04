"""Renders the login step, which has one shape for all CI systems, and checks what goes into it.

The values become part of a shell script. So each has a form of its own, and none of these has a character that a
shell, a URL's query or the language of a pipeline reads as more than text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, assert_never
from urllib.parse import quote

from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.system import StepFormat, System

EXAMPLE_EXCHANGE: Final = "https://exchange.acme.example"
EXAMPLE_HOST: Final = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
EXAMPLE_REGISTRY: Final = "apps"

_ADDRESS: Final = re.compile(r"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_AUDIENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:/@-]*")
_REGISTRY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_IMAGE: Final = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepValues:
    """What a step is for; each value has passed its check."""

    exchange: str
    audience: str
    registry: str
    host: str
    format: StepFormat
    image: str


class BadValue(ValueError):
    """A value of a step that is none; the text says what is expected."""


def system_named(name: str) -> tuple[str, System]:
    """Return the system that a policy's `provider`, or the name of a page in docs/ci, means.

    Raises:
        BadValue: there is none; the text has those that could be meant, or all.
    """
    wanted = name.lower()
    for provider, system in SYSTEMS.items():
        if wanted in (provider, system.page):
            return provider, system
    names = sorted({*SYSTEMS, *(system.page for system in SYSTEMS.values())})
    close = get_close_matches(wanted, names, n=2)
    advice = f"did you mean {' or '.join(close)}?" if close else f"expected one of {', '.join(SYSTEMS)}"
    raise BadValue(f"{name!r} is no CI system known here; {advice}")


def fixed_audience_of(system: System) -> str | None:
    """Return the audience that no job of `system` can choose, with a word in capitals for what differs by customer."""
    return None if system.fixed_audience is None else system.fixed_audience.replace("{organization}", "ORGANIZATION")


def check_exchange(text: str) -> str:
    """Return the service's address.

    Raises:
        BadValue: it is not an https address.
    """
    if text.lower().startswith("http://"):
        raise BadValue("expected an address that starts with https://: the step sends a token, and only over TLS")
    if not _ADDRESS.fullmatch(text):
        raise BadValue("expected https://HOST or https://HOST/PATH in lower case, without user, query or fragment")
    return text


def check_audience(text: str) -> str:
    """Return the audience.

    Raises:
        BadValue: it is empty, AWS's own, or cannot stand in a script as it is.
    """
    if not text:
        raise BadValue("the audience is empty; choose one string for the service, such as its URL")
    if text == "sts.amazonaws.com":
        raise BadValue("AWS accepts sts.amazonaws.com too, so a token could be used there; choose another audience")
    if not _AUDIENCE.fullmatch(text):
        raise BadValue("expected letters, digits and ._~:/@- only, since it is written into a script")
    return text


def check_registry(text: str) -> str:
    """Return the name of a registry in the policy.

    Raises:
        BadValue: it cannot be one.
    """
    if not _REGISTRY.fullmatch(text):
        raise BadValue("expected the registry's name in the policy: letters, digits and ._-, such as apps")
    return text


def check_host(text: str) -> str:
    """Return the host of a registry.

    Raises:
        BadValue: it is an address or an image, or cannot be a host.
    """
    if "://" in text:
        raise BadValue(f"expected a host name without {text.partition('://')[0]}://, such as {EXAMPLE_HOST}")
    if "/" in text:
        raise BadValue("expected only the host name, without the repository behind the slash")
    if not _HOST.fullmatch(text):
        raise BadValue(f"expected a host name in lower case, such as {EXAMPLE_HOST}")
    return text


def check_image(text: str) -> str:
    """Return a repository with or without a tag, as a registry has it.

    Raises:
        BadValue: it cannot be one.
    """
    if not _IMAGE.fullmatch(text):
        raise BadValue("expected a repository and a tag in the registry, such as acme/shop:latest, without the host")
    return text


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
        f' "${{EXCHANGE%/}}/v1/token?registry={values.registry}&format={values.format}")'
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
