"""Pages stay true: what they show works, and what they link to exists."""

import subprocess
import sys

import pytest

from tests.docs.pages import PAGES, ROOT, Transcript, blocks, marked
from tests.seeds.program_folder import ProgramFolder


@pytest.mark.parametrize("page", [page for page in PAGES if marked(page)], ids=lambda page: page.name)
def test_page_works_as_written(page, tmp_path):
    Transcript(ProgramFolder(tmp_path / "project")).follow(page)


# A record of a decision shows what was, and is never changed.
@pytest.mark.parametrize("page", [page for page in PAGES if "decisions" not in page.parts], ids=lambda page: page.name)
def test_python_on_a_page_is_run_or_called_a_sketch(page):
    assert [block.code for block in blocks(page) if block.language == "python" and not block.mark] == []


def test_every_link_leads_somewhere():
    ran = subprocess.run(
        (sys.executable, ROOT / "scripts" / "check_links.py"), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout


def test_configuration_reference_is_up_to_date():
    ran = subprocess.run(
        (sys.executable, ROOT / "scripts" / "generate_config_reference.py", "--check"),
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_architecture_is_read_in_one_go():
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 300
