"""The rings of the package, as `pyproject.toml` lists them: imports point inward, and every module has its place."""

from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

CONFIGURATION = Path(__file__).parents[2] / "pyproject.toml"


def test_imports_point_inward() -> None:
    assert lint_imports(config_filename=str(CONFIGURATION), no_cache=True) == EXIT_STATUS_SUCCESS
