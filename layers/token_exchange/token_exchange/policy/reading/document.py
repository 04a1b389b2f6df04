"""Reads one YAML or JSON document into plain values, and guesses nothing.

YAML 1.1 turns `no` into false, `22:30` into 1350 and `2027-06-30` into a date: here such a scalar stays what was
written, marked as `Unquoted`, and is an error wherever it lands. Anchors, aliases, merge keys and tags are errors:
a policy must mean what a reviewer sees in the line.
"""

from token_exchange.policy.reading.fields import Fields, fields_of
from token_exchange.policy.reading.json_document import NotJson, read_json
from token_exchange.policy.reading.nodes import Node, unreadable
from token_exchange.policy.reading.problems import PolicyUnusable, Problems


def read_mapping(text: bytes, problems: Problems) -> Fields | None:
    """Return the fields of the one document in `text`, or None where it is none or no mapping, which is reported."""
    try:
        node = read_document(text, problems)
    except PolicyUnusable as error:
        problems.include(error)
        return None
    return fields_of(node, (), problems)


def read_document(text: bytes, problems: Problems) -> Node:
    """Return the one document in `text`, which is YAML or JSON in UTF-8.

    What a policy may not use is reported with its path, and the reading goes on.

    Raises:
        PolicyUnusable: it is neither YAML nor JSON, or not one document.
    """
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(f"not UTF-8 at byte {error.start}") from error
    # JSON is nearly YAML, and an order of magnitude faster to read as what it is.
    if decoded.lstrip().startswith("{"):
        try:
            return read_json(decoded, problems)
        except NotJson:
            pass  # a YAML document may begin like that, too
    # Imported here: a policy in JSON, the deployed form, has no use for it.
    from token_exchange.policy.reading.yaml_document import read_yaml  # noqa: PLC0415

    return read_yaml(decoded, problems)
