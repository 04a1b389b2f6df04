"""Answers as OSV's service does, from a copy of its advisories on this machine, where no network is."""

import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from sandbox.loopback import Answer, Request


class AdvisoriesUnusable(Exception):
    """The copy has no advisory about a Python package; the message says where it was looked for."""


class Advisories:
    """The advisories in a folder of OSV's JSON files, or in the archive of them that OSV publishes.

    Raises:
        AdvisoriesUnusable: there are none.
    """

    def __init__(self, place: Path) -> None:
        self._by_name: defaultdict[str, list[dict[str, object]]] = defaultdict(list)
        for text in _texts(place):
            advisory: object = json.loads(text)
            if isinstance(advisory, dict):
                for name in {name for name, _ in _affected(advisory)}:
                    self._by_name[name].append(advisory)
        if not self._by_name:
            raise AdvisoriesUnusable(f"expected OSV's JSON files about Python packages in {place}, found none")

    def about(self, name: str, version: str) -> list[dict[str, object]]:
        """Return the advisories that apply to one version of a package."""
        found = self._by_name.get(canonicalize_name(name), [])
        return [each for each in found if any(_applies(entry, name, version) for entry in _affected(each))]

    def __call__(self, request: Request) -> Answer:
        """Answer OSV's `/v1/query`. Source: https://google.github.io/osv.dev/post-v1-query/."""
        query: object = json.loads(request.body)
        match query:
            case {"package": {"name": str() as name, "ecosystem": "PyPI"}, "version": str() as version}:
                found = self.about(name, version)
                return Answer(body=json.dumps({"vulns": found} if found else {}).encode())
            case _:
                return Answer(status=400)


def _texts(place: Path) -> Iterator[bytes]:
    if place.is_file():
        with zipfile.ZipFile(place) as archive:
            yield from (archive.read(name) for name in archive.namelist() if name.endswith(".json"))
    else:
        yield from (path.read_bytes() for path in place.rglob("*.json"))


def _affected(advisory: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the name of each Python package that an advisory is about, with its versions."""
    entries = advisory.get("affected")
    for entry in entries if isinstance(entries, list) else ():
        match entry:
            case {"package": {"name": str() as name, "ecosystem": "PyPI"}}:
                yield canonicalize_name(name), entry


def _applies(affected: tuple[str, Mapping[str, object]], name: str, version: str) -> bool:
    affected_name, entry = affected
    if affected_name != canonicalize_name(name):
        return False
    versions, ranges = entry.get("versions"), entry.get("ranges")
    if isinstance(versions, list) and version in versions:
        return True
    return any(_is_between(each, Version(version)) for each in (ranges if isinstance(ranges, list) else ()))


def _is_between(versions: object, version: Version) -> bool:
    """Return whether a version is in a range. Source: "Evaluation" in OSV's schema."""
    match versions:
        case {"type": "ECOSYSTEM", "events": list(events)}:
            pass
        case _:
            return False
    affected = False
    for kind, bound in sorted(_bounds(events), key=lambda each: (each[1], each[0] != "introduced")):
        if kind == "introduced" and version >= bound:
            affected = True
        elif (kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound):
            affected = False
    return affected


def _bounds(events: list[object]) -> Iterator[tuple[str, Version]]:
    for event in events:
        for kind, text in event.items() if isinstance(event, dict) else ():
            try:
                yield kind, Version("0.dev0" if text == "0" else str(text))
            except InvalidVersion:
                continue  # OSV lists such versions under `versions`
