from pathlib import Path

import pytest

from tests.pictures.__main__ import PICTURES
from tests.pictures.editor import drawn_editor
from tests.sandbox.test_pictures import lines_of, words


@pytest.mark.program("vim")
def test_the_picture_shows_the_current_linter_in_vim(tmp_path: Path) -> None:
    (tmp_path / "editor.svg").write_text(drawn_editor(), "utf-8")
    # Versions of Vim differ in what they colour, and so in the spaces between the texts of a line.
    drawn, kept = (
        [words([line]) for line in lines_of(file)] for file in (tmp_path / "editor.svg", PICTURES / "editor.svg")
    )
    assert any(line.startswith("policy.yaml|12col9warning|organization-without-id") for line in kept)
    assert drawn == kept, "run `make pictures`"
