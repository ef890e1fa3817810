"""Where a project is: the folder whose ``pyproject.toml`` holds the settings, and beside which the state is kept."""

from pathlib import Path

PYPROJECT = "pyproject.toml"


def find_pyproject(working_dir: Path) -> Path | None:
    """The nearest ``pyproject.toml`` in ``working_dir`` or in a folder above it."""
    folder = working_dir.absolute()
    candidates = (parent / PYPROJECT for parent in (folder, *folder.parents))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def project_dir(working_dir: Path) -> Path:
    """The folder of the nearest ``pyproject.toml`` upward of ``working_dir``, else ``working_dir`` itself."""
    pyproject = find_pyproject(working_dir)
    return pyproject.parent if pyproject else working_dir.absolute()
