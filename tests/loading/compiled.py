"""Policies in both of their forms."""

import json

from tests.loading.documents import Document
from token_exchange.core.policy import Policy
from token_exchange.loading.load import load_policy
from token_exchange.loading.store import PolicyDocument
from token_exchange_cli.compilation import compiled_form


def source(found: Document | bytes) -> PolicyDocument:
    """Return the document that `found` spells."""
    text = found if isinstance(found, bytes) else json.dumps(found).encode()
    return PolicyDocument(name="policy.yaml", content=text, read_file=None)


def load(given: PolicyDocument) -> Policy:
    """Return the policy in `given`."""
    return load_policy(given.content, name=given.name, read_file=given.read_file, grant_files=given.grant_files)


def compiled(given: PolicyDocument | Document | bytes) -> bytes:
    """Return the compiled form of what `given` spells."""
    document = given if isinstance(given, PolicyDocument) else source(given)
    return compiled_form(document, load(document))


def load_compiled(content: bytes, *, has_state: bool = True) -> Policy:
    """Return the policy in the compiled form `content`."""
    return load_policy(content, name="policy.compiled", read_file=None, has_state=has_state)
