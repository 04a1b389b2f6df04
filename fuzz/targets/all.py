"""Every target, by its name."""

from collections.abc import Callable, Mapping
from typing import Final

from fuzz.target import Target
from fuzz.targets.answers import Answers
from fuzz.targets.document import Document
from fuzz.targets.event import EventTarget
from fuzz.targets.glob import Glob
from fuzz.targets.keys import Keys
from fuzz.targets.policy import PolicyDecision
from fuzz.targets.streams import Streams
from fuzz.targets.strict_json import StrictJson
from fuzz.targets.token import Token

TARGETS: Final[Mapping[str, Callable[[], Target]]] = {
    "event": EventTarget,
    "token": Token,
    "json": StrictJson,
    "glob": Glob,
    "policy": PolicyDecision,
    "document": Document,
    "keys": Keys,
    "answers": Answers,
    "streams": Streams,
}
