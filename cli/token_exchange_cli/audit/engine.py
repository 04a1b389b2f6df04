"""DuckDB, which answers the queries; it is optional, and only the command line uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Final

from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import input_name

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MISSING: Final = (
    "`token-exchange audit` needs the packages of the extra `audit`: "
    "install the checkout or wheel with them, as in uv tool install '.[audit]'"
)
_MEMORY: Final = "512MB"
_FULL: Final = frozenset({ENOSPC, EDQUOT, EFBIG})


def needs_packages(error: ImportError) -> Unusable:
    """Return the error of a command whose package is not installed."""
    return Unusable(f"{_MISSING} ({error.name} is missing)")


@contextmanager
def engine() -> Iterator[tuple["DuckDBPyConnection", Path]]:
    """Open an empty database in a temporary folder, and yield it with the folder; both are removed afterwards.

    Data that exceeds its memory is stored in the folder. It loads no extension, and reads only files of the folder.

    Raises:
        Unusable: DuckDB is not installed, or what it has to keep does not fit into the folder.
    """
    try:
        import duckdb  # noqa: PLC0415 - optional
    except ImportError as error:
        raise needs_packages(error) from error
    with TemporaryDirectory(prefix="token-exchange-audit-") as name:
        try:
            with duckdb.connect(Path(name, "audit.duckdb")) as connection:
                _restrict(connection, Path(name))
                yield connection, Path(name)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise _no_room() from error
        except OSError as error:
            if error.errno in _FULL:
                raise _no_room() from error
            raise


def _restrict(connection: "DuckDBPyConnection", folder: Path) -> None:
    for setting, value in (
        ("memory_limit", _MEMORY),
        ("temp_directory", str(folder / "spilled")),
        ("preserve_insertion_order", False),
        ("autoinstall_known_extensions", False),
        # Whatever a log contains, no query can reach another file, or change this.
        ("allowed_directories", [str(folder)]),
        ("enable_external_access", False),
        ("lock_configuration", True),
    ):
        connection.execute(f"SET {setting} = $value", {"value": value})


def _no_room() -> Unusable:
    where = input_name(gettempdir())
    return Unusable(f"{where}: no room for the database of this log; set TMPDIR to a folder with more space")


def query(name: str) -> str:
    """Return the text of the query `name`, of the folder `queries`."""
    return resources.files("token_exchange_cli.audit").joinpath("queries", f"{name}.sql").read_text("utf-8")
