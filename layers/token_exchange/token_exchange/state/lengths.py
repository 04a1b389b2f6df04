"""Several texts as one, so that no two lists of texts are the same bytes."""


def length_prefixed(*parts: str) -> bytes:
    """Return `parts`, each preceded by its length in bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(b"%d:%b" % (len(part), part) for part in encoded)
