from pathlib import Path

import pytest

from tests.pictures.__main__ import PICTURES
from tests.pictures.editor import drawn_editor
from tests.sandbox.test_pictures import lines_of, words


@pytest.mark.program("vim")
def test_the_picture_shows_the_current_linter_in_vim(tmp_path: Path) -> None:
    (tmp_path / "editor.svg").write_text(drawn_editor(), "utf-8")
    kept = lines_of(PICTURES / "editor.svg")
    assert "12col9warning|organization-without-id" in words(kept)
    # Versions of Vim differ in their colours, and not in the text of a screen.
    assert lines_of(tmp_path / "editor.svg") == kept, "run `make pictures`"
