from itertools import chain
from pathlib import Path

from sandbox.demo import run, stories_of
from sandbox.providers import all_providers
from sandbox.terminal import Terminal


def test_every_provider_has_a_login_and_a_refusal_that_hold(tmp_path: Path) -> None:
    """Token, key set, handler, policy, session policy and audit line of each; the demo checks what it shows."""
    stories = chain.from_iterable(stories_of(provider) for provider in all_providers().values())
    run(tmp_path, Terminal(), tuple(stories))
