"""What the documents state about statuses; and that no snippet is forgotten."""

from pathlib import Path

from pynenc.invocation.status import InvocationStatus, get_status_definition
from tests.seeds.conftest import BLOCK, SNIPPETS


def test_status_categories(snippet):
    categories = {
        category: {InvocationStatus[name.strip()] for name in names.split(",")}
        for category, names in (line.split(":") for line in snippet("status-categories").splitlines())
    }
    assert categories["Available for Run"] == InvocationStatus.get_available_for_run_statuses()
    assert categories["Owned by Runner"] == {status for status in InvocationStatus if status.is_owned()}
    assert categories["Recovery"] == {
        status for status in InvocationStatus if get_status_definition(status).overrides_ownership
    }
    # CANCELLED is ours: what nobody wants any more can end.
    assert categories["Final"] | {InvocationStatus.CANCELLED} == InvocationStatus.get_final_statuses()


def test_every_snippet_is_run_or_says_why_not(snippets):
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in snippets if f'snippet("{name}")' not in tests] == []
    blocks = [block for page in SNIPPETS.glob("*.md") for block in BLOCK.findall(page.read_text(encoding="utf-8"))]
    assert [name for kind, name, reason, _ in blocks if kind == "later" and not reason] == []
    fences = sum(page.read_text(encoding="utf-8").count("\n```\n") for page in SNIPPETS.glob("*.md"))
    assert len(blocks) == fences
