"""Reads a compiled policy: one file, of which a decision reads only the parts that it needs.

The file consists of a header with a magic number, the format, two lengths and a hash; the head, which is JSON; the hash
of each page of the body; and the body, which has the grants as they are in the source, and an index of them. The hash
in the header covers the header, the head and the hashes of the pages, so it identifies every byte. Each page is checked
against its hash whenever it is read, so no byte is used that the hash in the header does not cover.

The file has the source's own text. The loader reads issuers, registries and deny rules from it, and each grant when a
decision needs it, so a compiled file cannot grant what a source could not. The index only says which grants to
evaluate; `core/evaluate.py` decides whether one of them wins.

The hash does not prove who wrote the file, or that its source had the SHA-256 that it states: see
`docs/decisions/0017-compiled-policies.md`.
"""

import base64
import json
import struct
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal, overload, override

from token_exchange.core.conditions import Key
from token_exchange.core.policy import Grant, Issuer, Policy, Registry
from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record, record
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.strict_json import parse_object
from token_exchange.loading.document import Content, NotJson, read_json, readable_text
from token_exchange.loading.fields import Fields, unreadable
from token_exchange.loading.grants import read_grants
from token_exchange.loading.problems import PolicyUnusable, Problems

FORMAT: Final = 1
"""Must change if the content of the head, the body or the index's keys changes."""

HEADER: Final = struct.Struct("<8sIIQ32s")
PAGE_BYTES: Final = 4096
ENTRY: Final = struct.Struct("<8sI")
HASH_BYTES: Final = 32
MAX_KEPT_GRANTS: Final = 2000
"""Grants that stay in memory once they are read; each takes about 3 KB."""

type Slot = tuple[tuple[str, ...], bool]
"""What a condition reads, and whether it strips a UUID's braces."""


@record
class Head:
    """The part of a compiled policy before its grants.

    `document` is the source without its grants, `files` are the files that it names, and `source_sha256` is the
    identity of all of them. `record_bytes`, `grants` and `buckets` are the sizes of the body's tables. `slots` has, for
    each issuer, what the indexed conditions read.
    """

    source_sha256: str
    document: str
    files: Mapping[str, bytes]
    uses_single_use: bool
    claims_in_conditions: frozenset[str]
    record_bytes: int
    grants: int
    buckets: int
    slots: Mapping[str, tuple[Slot, ...]]


def hashed_key(*parts: Json) -> bytes:
    """Return the hash of a key for the index; a collision makes a decision evaluate more grants, not fewer."""
    return sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()[:8]


def value_key(issuer: str, slot: Slot, key: Key) -> bytes:
    """Return the key of the grants that `issuer`'s callers with this value can match; 1 and 1.0 are the same value."""
    kind, value = key
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return hashed_key("value", issuer, [*slot[0]], slot[1], kind, value)


def list_key(kind: Literal["all", "name", "unindexed"], name: str) -> bytes:
    """Return the key of an issuer's grants, of those of them without an exact condition, or of the grant of a name."""
    return hashed_key(kind, name)


class CompiledFile:
    """An open compiled policy, whose header, head and page hashes are checked."""

    def __init__(self, content: Content) -> None:
        """Open it.

        Raises:
            PolicyUnusable: it is truncated, altered or of another format.
        """
        if len(content) < HEADER.size:
            raise unreadable("a compiled policy that ends within its header; copy the whole file")
        _, found, head_bytes, length, digest = HEADER.unpack(content[: HEADER.size])
        if found != FORMAT:
            raise unreadable(
                f"a compiled policy of format {found}, expected {FORMAT}; compile the policy with this version"
            )
        if length != len(content):
            raise unreadable(f"a compiled policy of {length} bytes, found {len(content)}; copy the whole file")
        self._content = content
        head_end = HEADER.size + head_bytes
        pages = -(-max(0, length - head_end) // (PAGE_BYTES + HASH_BYTES))
        self._body_start = head_end + HASH_BYTES * pages
        before_body = content[: self._body_start]
        if sha256(before_body[: HEADER.size - HASH_BYTES] + before_body[HEADER.size :]).digest() != digest:
            raise unreadable("a compiled policy that was altered: its hash differs; compile the policy again")
        self._page_hashes = before_body[head_end:]
        self._body_bytes = length - self._body_start
        self.sha256 = digest.hex()
        try:
            self.head = _read_head(parse_object(before_body[HEADER.size : head_end], max_values=None))
        except ValueError as error:
            raise unreadable("a compiled policy with an unreadable head; compile the policy again") from error

    def record(self, place: int) -> bytes:
        """Return the grant at `place`, as JSON."""
        start, end = struct.unpack("<2Q", self._read(self.head.record_bytes + 8 * place, 16))
        return self._read(start, end - start)

    def places(self, key: bytes) -> tuple[int, ...]:
        """Return the indexes of the grants that the index has for `key`, in ascending order."""
        buckets, bucket = self.head.record_bytes + 8 * (self.head.grants + 1), int.from_bytes(key) % self.head.buckets
        first, last = struct.unpack("<2I", self._read(buckets + 4 * bucket, 8))
        entries = buckets + 4 * (self.head.buckets + 1)
        found = self._read(entries + ENTRY.size * first, ENTRY.size * (last - first))
        return tuple(place for hashed, place in ENTRY.iter_unpack(found) if hashed == key)

    def read_named(self, path: str) -> bytes:
        """Return the bytes of a file that the source names.

        Raises:
            OSError: it is not there.
        """
        if path not in self.head.files:
            raise FileNotFoundError(2, "not in the compiled policy")
        return self.head.files[path]

    def _read(self, start: int, length: int) -> bytes:
        """Return a part of the body, after its pages are checked.

        Raises:
            Refused: `policy-unavailable`, if a page is not what it was when the policy was compiled.
        """
        if start < 0 or length < 0 or start + length > self._body_bytes:
            raise _damaged()
        first, last = start // PAGE_BYTES, -(-(start + length) // PAGE_BYTES)
        # Copied before it is checked: a mapped file can change at any moment.
        pages = bytes(
            self._content[
                self._body_start + first * PAGE_BYTES : self._body_start + min(last * PAGE_BYTES, self._body_bytes)
            ]
        )
        for page in range(last - first):
            expected = self._page_hashes[HASH_BYTES * (first + page) : HASH_BYTES * (first + page + 1)]
            if sha256(pages[PAGE_BYTES * page : PAGE_BYTES * (page + 1)]).digest() != expected:
                raise _damaged()
        return pages[start - first * PAGE_BYTES :][:length]


def _damaged() -> Refused:
    return Refused(Reason.POLICY_UNAVAILABLE, "the compiled policy is damaged; compile the policy again")


def _read_head(head: Mapping[str, Json]) -> Head:
    match head:
        case {
            "source_sha256": str(source_sha256),
            "document": str(document),
            "files": dict(files),
            "uses_single_use": bool(uses_single_use),
            "claims_in_conditions": list(claims),
            "record_bytes": int(record_bytes),
            "grants": int(grants),
            "buckets": int(buckets),
            "slots": dict(slots),
        } if buckets > 0:
            return Head(
                source_sha256=source_sha256,
                document=document,
                files={path: base64.b64decode(str(content), validate=True) for path, content in files.items()},
                uses_single_use=uses_single_use,
                claims_in_conditions=frozenset(map(str, claims)),
                record_bytes=record_bytes,
                grants=grants,
                buckets=buckets,
                slots={issuer: tuple(_read_slots(of_issuer)) for issuer, of_issuer in slots.items()},
            )
        case _:
            raise ValueError("a member is missing or of another type")


def _read_slots(slots: Json) -> Iterator[Slot]:
    for slot in slots if isinstance(slots, list) else []:
        match slot:
            case [list(path), bool(strip_braces)]:
                yield tuple(map(str, path)), strip_braces
            case _:
                raise ValueError("expected a path, and whether braces are left out")


@positional_record
class SlotPlaces:
    """The grants that an issuer has for the values of one slot."""

    file: CompiledFile
    issuer: str
    slot: Slot

    def get(self, key: Key, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return the indexes of the grants that require the value `key`, or `default`."""
        return self.file.places(value_key(self.issuer, self.slot, key)) or default


class CompiledGrants(Sequence[Grant]):
    """The grants of a compiled policy, each read when it is needed.

    To read one raises `Refused` with `policy-unavailable` if the file does not have what it was compiled with.
    """

    def __init__(
        self,
        file: CompiledFile,
        issuers: Mapping[str, Issuer | None],
        registries: Mapping[str, Registry | None],
        *,
        has_state: bool,
    ) -> None:
        self.file = file
        self._issuers = issuers
        self._registries = registries
        self._has_state = has_state
        self._kept = lru_cache(maxsize=MAX_KEPT_GRANTS)(self._grant)

    @override
    def __len__(self) -> int:
        return self.file.head.grants

    @overload
    def __getitem__(self, place: int) -> Grant: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Grant]: ...
    @override
    def __getitem__(self, place: int | slice) -> Grant | Sequence[Grant]:
        found = range(len(self))[place]
        return self._kept(found) if isinstance(found, int) else [self._kept(one) for one in found]

    def _grant(self, place: int) -> Grant:
        problems = Problems()
        try:
            node = read_json(readable_text(self.file.record(place)), problems)
            fields = Fields({"grants": [node]}, (), problems)
            read = list(read_grants(fields, self._issuers, self._registries, has_state=self._has_state))
            problems.raise_if_any()
        except (NotJson, PolicyUnusable) as error:
            raise _damaged() from error
        grant = read[0][1]
        # Names are unique in a policy, which one record cannot show.
        if self.file.places(list_key("name", grant.name)) != (place,):
            raise _damaged()
        return grant


@positional_record
class CompiledNames(Container[str]):
    """The names of the grants of a compiled policy."""

    grants: CompiledGrants

    @override
    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        return any(self.grants[place].name == name for place in self.grants.file.places(list_key("name", name)))


def read_all(policy: Policy) -> None:
    """Read every grant of `policy`; a compiled policy reads a grant only when it is needed.

    Raises:
        PolicyUnusable: one cannot be read.
    """
    try:
        for _ in policy.grants:
            pass
    except Refused as refused:
        raise unreadable(refused.description) from refused
