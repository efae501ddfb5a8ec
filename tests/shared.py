"""Outside material that some tests compare with (vendors' API descriptions, recorded ticket histories); not part of hoist."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def shared() -> Path:
    """The folder named by HOIST_SHARED, else `shared` beside the project's folder; skips the test or module without one."""
    folder = Path(os.environ.get("HOIST_SHARED") or PROJECT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(
            f"NOT COMPARED WITH OUTSIDE MATERIAL: {folder} is not a folder; name it in HOIST_SHARED",
            allow_module_level=True,
        )
    return folder
