"""Writes a policy in its compiled form, which `token_exchange.loading.compiled` reads and describes.

The same source always gives the same bytes, so anyone who has the source can check a compiled file.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import accumulate
from operator import eq

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.loading.compiled import (
    ENTRY,
    FORMAT,
    HASH_BYTES,
    HEADER,
    PAGE_BYTES,
    SlotPlaces,
    list_key,
    value_key,
)
from token_exchange.loading.document import COMPILED_MARK, NamedFiles, read_document
from token_exchange.loading.fields import Node, Unquoted
from token_exchange.loading.load import ExactValueIndex, load_policy
from token_exchange.loading.problems import Problems
from token_exchange.loading.store import PolicyDocument


def compiled_form(source: PolicyDocument, policy: Policy) -> bytes:
    """Return the compiled form of `policy`, which was loaded from `source`, a text."""
    main, grants = _documents(source)
    records = [_json(grant) for grant in grants]
    files = NamedFiles(source.read_file)
    buckets = len(policy.grants)
    entries = list(_entries(policy))
    head: dict[str, Json] = {
        "made_by": "token-exchange policy compile",
        "source_sha256": policy.sha256,
        "document": _json(main).decode(),
        "files": {path: base64.b64encode(files.content(path)).decode() for path in policy.files},
        "uses_single_use": any(grant.single_use for grant in policy.grants),
        "claims_in_conditions": [*sorted(policy.claims_in_conditions)],
        "record_bytes": sum(map(len, records)),
        "grants": len(records),
        "buckets": buckets,
        "slots": {name: [[[*path], strip] for path, strip in _index(policy, name).slots] for name in policy.issuers},
    }
    body = b"".join([*records, _ends(map(len, records), bytes_each=8), _table(entries, buckets)])
    compiled = whole_file(_json(head), body)
    _check(compiled, policy)
    return compiled


def _documents(source: PolicyDocument) -> tuple[dict[str, Json], list[Json]]:
    """Return the main document without what is about grants, and the grants of all files, in the loader's order."""
    main = _mapping(bytes(source.content))
    if source.grant_files is None:
        return main, _list(main.pop("grants"))
    main.pop("files")
    files = sorted(source.grant_files.items())
    return main, [grant for _, content in files for grant in _list(_mapping(content)["grants"])]


def _mapping(content: bytes) -> dict[str, Json]:
    # What is wrong with it was reported when it was loaded.
    match _plain(read_document(content, Problems())):
        case dict(read):
            return read
        case _:
            raise AssertionError("a policy that is not a mapping was loaded")


def _list(value: Json) -> list[Json]:
    match value:
        case list():
            return value
        case _:
            raise AssertionError("a policy whose grants are not a list was loaded")


def _plain(node: Node) -> Json:
    """Return `node` as JSON: the loader accepts a date without quotes, and reads it as the same date with them."""
    match node:
        case Unquoted(text, _):
            return text
        case dict():
            return {key: _plain(value) for key, value in node.items()}
        case list():
            return [_plain(value) for value in node]
        case _:
            return node


def _json(value: Json) -> bytes:
    # Escaped: a policy may contain some characters only as escapes.
    return json.dumps(value, separators=(",", ":")).encode()


def _index(policy: Policy, issuer: str) -> ExactValueIndex:
    index = policy.indexes[issuer]
    if not isinstance(index, ExactValueIndex):
        raise TypeError(f"a policy with an index of the type {type(index).__name__} was loaded")
    return index


def _entries(policy: Policy) -> Iterator[tuple[bytes, int]]:
    """Yield each key of the index with the place of a grant, each key's places in ascending order."""
    for place, grant in enumerate(policy.grants):
        yield list_key("name", grant.name), place
    for issuer in policy.issuers:
        index = _index(policy, issuer)
        yield from ((list_key("all", issuer), place) for place in index.all)
        yield from ((list_key("unindexed", issuer), place) for place in index.unindexed)
        for slot, places in index.slots.items():
            if not isinstance(places, SlotPlaces):
                yield from ((value_key(issuer, slot, key), place) for key in places for place in places[key])


def _table(entries: Iterable[tuple[bytes, int]], buckets: int) -> bytes:
    """Return where each bucket's entries end, and the entries."""
    sorted_in: list[list[bytes]] = [[] for _ in range(buckets)]
    for key, place in entries:
        sorted_in[int.from_bytes(key) % buckets].append(ENTRY.pack(key, place))
    return b"".join([_ends(map(len, sorted_in), bytes_each=4), *(entry for bucket in sorted_in for entry in bucket)])


def _ends(lengths: Iterable[int], *, bytes_each: int) -> bytes:
    """Return where each of the items of these lengths ends, after where the first begins."""
    return b"".join(end.to_bytes(bytes_each, "little") for end in accumulate(lengths, initial=0))


def whole_file(head: bytes, body: bytes) -> bytes:
    """Return the file of these parts, with the hashes that go with them."""
    hashes = b"".join(sha256(body[at : at + PAGE_BYTES]).digest() for at in range(0, len(body), PAGE_BYTES))
    length = HEADER.size + len(head) + len(hashes) + len(body)
    unsigned = HEADER.pack(COMPILED_MARK, FORMAT, len(head), length, bytes(HASH_BYTES))[:-HASH_BYTES]
    return unsigned + sha256(unsigned + head + hashes).digest() + head + hashes + body


def _check(compiled: bytes, policy: Policy) -> None:
    """Read the whole compiled form, and compare it with its source.

    Raises:
        AssertionError: it is not the same policy, which would be a defect of this program.
    """
    found = load_policy(compiled, name="compiled", read_file=None)
    same = replace(
        found,
        files=policy.files,
        # Two presets with their own functions are never equal.
        issuers={name: replace(one, preset=policy.issuers[name].preset) for name, one in found.issuers.items()},
        grants=policy.grants,
        grant_names=policy.grant_names,
        indexes=policy.indexes,
    )
    if same != policy or not all(map(eq, found.grants, policy.grants)) or len(found.grants) != len(policy.grants):
        raise AssertionError("the compiled form is not the same policy")
