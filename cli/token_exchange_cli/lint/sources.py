"""Where a finding is: in which file of the policy, and where in it."""

from collections.abc import Iterator, Sequence

from token_exchange.core.policy import Grant
from token_exchange.loading.problems import Path
from token_exchange_cli.lint.finding import Finding
from token_exchange_cli.lint.formats import Located
from token_exchange_cli.lint.places import START, Places
from token_exchange_cli.meaning.placeholders import PLACEHOLDER
from token_exchange_cli.policy_input import PolicyInput


class Sources:
    """The files of one policy."""

    def __init__(self, given: PolicyInput) -> None:
        self._given = given
        self._places = {file: Places(content) for file, content in given.texts().items()}

    def placeholders(self) -> Iterator[Finding]:
        """Yield each field that still has the placeholder which `policy import` writes: the policy is not finished."""
        for file, places in self._places.items():
            for path in places.placeholders:
                yield Finding(
                    severity="error",
                    code="placeholder-left",
                    path=path,
                    message=f"{PLACEHOLDER} stands for what the policy does not say yet, and gives no one anything",
                    suggestion="write what is meant",
                    file=file,
                )

    def located(self, finding: Finding, grants: Sequence[Grant]) -> Located:
        """Return `finding` with its place; `grants` are those of the policy, in its order, where it loads."""
        file = finding.file or self._given.document.name
        path = finding.path
        match path:
            case ("grants", int() as number, *rest) if self._given.is_folder and finding.file is None:
                file, path = self._of_grant(grants[number].name, rest)
            case _:
                pass
        place = finding.place or (self._places[file].of(path) if file in self._places else START)
        shown = f"{self._given.name.rstrip('/')}/{file}" if self._given.is_folder else self._given.name
        return Located(finding=finding, file=shown, place=place)

    def _of_grant(self, name: str, rest: Sequence[str | int]) -> tuple[str, Path]:
        """Return the file that has the grant `name`, and the path in it."""
        for file, places in self._places.items():
            if name in places.grants:
                return file, ("grants", places.grants[name], *rest)
        return self._given.document.name, ()
