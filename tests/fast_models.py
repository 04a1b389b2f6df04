"""A plugin with which botocore reads its descriptions of AWS's services once in a process.

botocore parses them again for every session, and hundreds of tests make a session of their own, as each command does.
Within a session, it shares what it has read between clients, as this does between sessions.
"""

import gzip
from functools import cache
from pathlib import Path
from typing import override

import orjson
from botocore import loaders


class _FastLoader(loaders.JSONFileLoader):
    """Reads what botocore's own loader reads, into plain dictionaries."""

    @override
    def load_file(self, file_path: str) -> object:
        return _read(file_path)


@cache
def _read(file_path: str) -> object:
    if (plain := Path(f"{file_path}.json")).exists():
        return orjson.loads(plain.read_bytes())
    if (packed := Path(f"{file_path}.json.gz")).exists():
        return orjson.loads(gzip.decompress(packed.read_bytes()))
    return None


loaders.Loader.FILE_LOADER_CLASS = _FastLoader
