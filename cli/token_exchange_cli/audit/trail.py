"""Load CloudTrail's files into the relations `trail` and `pulled`.

Forms: files as CloudTrail writes them to S3, `{"Records": [...]}`; what `aws cloudtrail lookup-events` prints,
`{"Events": [...]}`, each with the event as text under `CloudTrailEvent`; and events one to a line, as exports have
them. Digest files and other objects beside them have no events, and are counted.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from token_exchange.core.ports import Json
from token_exchange_cli.audit.doubtful import remove_repeated
from token_exchange_cli.audit.relations import PULLED, TRAIL, Column
from token_exchange_cli.audit.store import MAX_OBJECT_BYTES, ChunkLoader, selected, stage, structure, unread
from token_exchange_cli.inputs import input_name
from token_exchange_cli.logs.files import Damaged, files_of, opened
from token_exchange_cli.safe_text import escape_non_ascii

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


_MOST_PROBLEMS: Final = 20


@dataclass(slots=True, kw_only=True)
class ReadTrail:
    """What was read of CloudTrail.

    `nameless` counts entries of lists of events that say of no event what it is.
    """

    files: int = 0
    other_files: int = 0
    nameless: int = 0
    _named: list[str] = field(default_factory=list)
    _unnamed: int = 0

    def problem(self, text: str) -> None:
        """Keep a problem with its place; of too many, only how many there are."""
        if len(self._named) < _MOST_PROBLEMS:
            self._named.append(text)
        else:
            self._unnamed += 1

    @property
    def problems(self) -> Sequence[str]:
        """What could not be read, and why."""
        more = [f"{self._unnamed:,} more parts of CloudTrail's files could not be read"] if self._unnamed else []
        return [*self._named, *more]

    def fields(self) -> dict[str, Json]:
        """Return what was read, by name."""
        problems: list[Json] = [escape_non_ascii(text) for text in self.problems]
        counts = {"files": self.files, "other_files": self.other_files, "entries_without_event": self.nameless}
        return {**counts, "problems": problems}


def create_trail(connection: "DuckDBPyConnection") -> None:
    """Create `trail` and `pulled`, empty."""
    for name, columns in (("trail", TRAIL), ("pulled", PULLED)):
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'{one.name} {one.type}' for one in columns)})")


def load_trail(
    connection: "DuckDBPyConnection",
    folder: Path,
    arguments: Iterable[str],
    *,
    progress: Callable[[str], None],
) -> ReadTrail:
    """Insert the events of the files and folders `arguments`, each once.

    Raises:
        Unusable: a file cannot be read.
    """
    read = ReadTrail()

    def report(unread_places: Sequence[str]) -> None:
        for place in unread_places:
            read.problem(f"{place}: no list of events in JSON")

    with ChunkLoader(folder, lambda path, places: _load_chunk(connection, path, places), report) as loader:
        for file in files_of(arguments):
            read.files += 1
            progress(f"{read.files:,} files of CloudTrail read")
            _add_file(file, loader, read)
    for table in ("trail", "pulled"):
        remove_repeated(connection, table, "event_id")
    return read


type _Loader = ChunkLoader[Sequence[str]]


def _add_file(file: str, loader: _Loader, read: ReadTrail) -> None:
    try:
        with opened(file) as stream:
            content = stream.read(MAX_OBJECT_BYTES + 1)
    except Damaged as error:
        read.problem(error.message)
        return
    if len(content) > MAX_OBJECT_BYTES:
        read.problem(f"{input_name(file)}: more than {MAX_OBJECT_BYTES} bytes")
        return
    begin = content[:4096].lstrip()
    if begin.startswith(b"{") and b'"Records"' in begin[:200]:
        _add_records(file, content, loader, read)
    elif begin.startswith(b"{") and b'"Events"' in begin[:200]:
        _add_found(file, content, loader, read)
    elif b'"eventSource"' in begin:
        _add_lines(file, content, loader, read)
    else:
        read.other_files += 1


def _add_records(file: str, content: bytes, loader: _Loader, read: ReadTrail) -> None:
    for entry in _list_in(file, content, "Records", read):
        _add_event(entry, input_name(file), loader, read)


def _add_found(file: str, content: bytes, loader: _Loader, read: ReadTrail) -> None:
    # Source: CloudTrail API Reference, LookupEvents.
    for number, entry in enumerate(_list_in(file, content, "Events", read), 1):
        text = entry.get("CloudTrailEvent") if isinstance(entry, dict) else None
        _add_text(text if isinstance(text, str) else "", f"{input_name(file)}: event {number}", loader, read)


def _list_in(file: str, content: bytes, name: str, read: ReadTrail) -> Sequence[Json]:
    """Return the list under `name` in the object that a file is, or an empty one, reporting it."""
    try:
        document: Json = orjson.loads(content)
    except orjson.JSONDecodeError:
        read.problem(f"{input_name(file)}: not complete JSON in UTF-8")
        return ()
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(found, list):
        read.problem(f"{input_name(file)}: no list of events in JSON")
        return ()
    if document.get("NextToken"):
        read.problem(f"{input_name(file)}: has only some of the events, and a NextToken for the others")
    return found


def _add_lines(file: str, content: bytes, loader: _Loader, read: ReadTrail) -> None:
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            _add_text(line, f"{input_name(file)}:{number}", loader, read)


def _add_text(text: str | bytes, place: str, loader: _Loader, read: ReadTrail) -> None:
    try:
        event: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        read.problem(f"{place}: not JSON")
        return
    _add_event(event, place, loader, read)


def _add_event(event: Json, place: str, loader: _Loader, read: ReadTrail) -> None:
    if isinstance(event, dict) and event.get("eventName") is not None:
        # One event to a line: DuckDB reads a list of thousands ten times more slowly.
        loader.add(orjson.dumps(event), place)
    else:
        read.nameless += 1


def _load_chunk(connection: "DuckDBPyConnection", path: Path, places: Sequence[str]) -> Sequence[str]:
    """Load a file of events, and return the place of each that could not be read."""
    images = Column(name="imageIds", type="VARCHAR", path=("requestParameters", "imageIds"))
    kinds = structure([*TRAIL, images])
    # Written out, because no column has the type "list of structures".
    kinds["requestParameters"] = kinds["requestParameters"].replace(
        '"imageIds" VARCHAR', '"imageIds" STRUCT("imageTag" VARCHAR, "imageDigest" VARCHAR)[]'
    )
    with connection.cursor() as cursor:
        stage(cursor, path, kinds)
        cursor.execute(
            f'INSERT INTO trail SELECT {", ".join(map(selected, TRAIL))} FROM staged WHERE "eventName" IS NOT NULL'  # noqa: S608 - our own names
        )
        cursor.execute(
            'INSERT INTO pulled SELECT "eventID", image."imageTag", image."imageDigest" FROM '
            '(SELECT "eventID", unnest("requestParameters"."imageIds") AS image FROM staged '
            'WHERE "requestParameters"."imageIds" IS NOT NULL)'
        )
        unread_places = unread(cursor, path, places, '"eventName" IS NULL')
        cursor.execute("DROP TABLE staged")
        return unread_places
