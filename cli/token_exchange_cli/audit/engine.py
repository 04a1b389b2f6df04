"""DuckDB, which answers the queries; it is optional, and only the command line uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from token_exchange_cli.console import Unusable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MISSING: Final = (
    "`token-exchange audit` needs the packages of the extra `audit`: "
    "install them with pip install 'ecr-token-exchange[audit]'"
)
_MEMORY: Final = "512MB"


def needs_packages(error: ImportError) -> Unusable:
    """Return the error of a command whose package is not installed."""
    return Unusable(f"{_MISSING} ({error.name} is missing)")


@contextmanager
def engine() -> Iterator[tuple["DuckDBPyConnection", Path]]:
    """Open an empty database in a temporary folder, and yield it with the folder; both are removed afterwards.

    Data that exceeds its memory is stored in the folder. It loads no extension, and reads only files of the folder.

    Raises:
        Unusable: DuckDB is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415 - optional
    except ImportError as error:
        raise needs_packages(error) from error
    with TemporaryDirectory(prefix="token-exchange-audit-") as name:
        folder = Path(name)
        connection = duckdb.connect(folder / "audit.duckdb")
        for setting, value in (
            ("memory_limit", _MEMORY),
            ("temp_directory", str(folder / "spilled")),
            ("preserve_insertion_order", False),
            ("autoinstall_known_extensions", False),
            # Whatever a log contains, no query can read another file or change these settings.
            ("allowed_directories", [str(folder)]),
            ("enable_external_access", False),
            ("lock_configuration", True),
        ):
            connection.execute(f"SET {setting} = $value", {"value": value})
        try:
            yield connection, folder
        finally:
            connection.close()


def query(name: str) -> str:
    """Return the text of the query `name`, of the folder `queries`."""
    return resources.files("token_exchange_cli.audit").joinpath("queries", f"{name}.sql").read_text("utf-8")
