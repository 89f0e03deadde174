"""A file of `trimtab setup` in which nothing stands is told as that."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.cli.setup_file import read_setup
from trimtab.model.errors import InputError


@pytest.mark.parametrize("text", ["", "  \n", "# nothing\n", "---\n"])
def test_an_empty_file_is_called_empty(tmp_path: Path, text: str) -> None:
    file = tmp_path / "monitoring.yml"
    file.write_text(text)
    with pytest.raises(InputError) as told:
        read_setup(str(file))
    assert told.value.message == f"{file} is empty: it has sections such as infrastructure_metrics"
