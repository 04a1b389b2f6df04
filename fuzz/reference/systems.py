"""What each CI system's token says of a run, by docs/policy.md and docs/providers.md.

A name is read by a small function of the claims. Beside the names are the runs that outsiders can start, and the names
that may not fill the template of a push.
"""

from collections.abc import Mapping

from fuzz.reference import builders, forges, platforms
from fuzz.reference.reading import Entry, System, SystemOf

_SYSTEMS: Mapping[str, SystemOf] = {**forges.SYSTEMS, **builders.SYSTEMS, **platforms.SYSTEMS}


def system_of(entry: Entry) -> System:
    """Return the system of a policy's issuer `entry`."""
    return _SYSTEMS[str(entry["provider"])](entry)
