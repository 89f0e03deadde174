"""What `import trimtab` offers: every name leads somewhere, completion shows them, and nothing is imported before."""

from __future__ import annotations

import subprocess
import sys

import trimtab
from trimtab.observe.containers.cgroups import evidence


def test_every_public_name_is_there_and_shown() -> None:
    assert set(trimtab.__all__) <= set(dir(trimtab))
    assert all(getattr(trimtab, name) is not None for name in trimtab.__all__)
    assert trimtab.is_containerized() is evidence().is_containerized


def test_to_show_names_imports_nothing() -> None:
    code = "import sys, trimtab; dir(trimtab); print([name for name in sys.modules if name.startswith('trimtab.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
