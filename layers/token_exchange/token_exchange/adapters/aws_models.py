"""Reads what botocore knows of the services, at the price of the few services that are used.

Making two clients is mostly reading: botocore lists its 400 services, folder by folder, to find that two of them
exist, and builds an ordered dictionary for each object that it then reads. Plain dictionaries keep their order too.
"""

import gzip
import json
import os
from pathlib import Path
from typing import override

from botocore.loaders import JSONFileLoader, Loader

from token_exchange.ports import Json


class ServiceModels(Loader):
    """Finds and reads the models of services.

    `data_path` is what `AWS_DATA_PATH` says, where it is set: folders that come before botocore's own.
    """

    def __init__(self, data_path: str | None) -> None:
        folders = [str(Path(folder).expanduser()) for folder in (data_path or "").split(os.pathsep) if folder]
        super().__init__(extra_search_paths=folders, file_loader=_PlainJson())
        self._services = sorted(
            {found.name for folder in self.search_paths if Path(folder).is_dir() for found in os.scandir(folder)}
        )

    @override
    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that have a folder, whether or not it holds a model of this type."""
        return self._services


class _PlainJson(JSONFileLoader):
    @override
    def load_file(self, file_path: str) -> Json:
        """Return what the file holds, or None where there is none."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            found: Json = json.loads(plain.read_bytes())
        elif packed.is_file():
            found = json.loads(gzip.decompress(packed.read_bytes()))
        else:
            found = None
        return found
