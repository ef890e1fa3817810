"""The status diagram: complete, well laid out, and the files in the documentation are those of the table in force."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pynenc.invocation import status as table
from pynenc.invocation import status_graph_layout as layout
from pynenc.invocation.status import InvocationStatus, StatusConfiguration, StatusDefinition, get_status_definition
from pynenc.invocation.status_graph import badges, kind, render_svg, render_text
from pynenc.invocation.status_graph_layout import Box, Edge, Point, Route, Segment, edges, problems, segments

DOCS = Path(__file__).parents[3] / "docs"
NAMES = {status.name for status in InvocationStatus}
EDGES = {"START->REGISTERED"} | {
    f"{source.name}->{target.name}"
    for source in InvocationStatus
    for target in get_status_definition(source).allowed_transitions
}


@pytest.fixture(scope="module")
def svg():
    """The diagram, parsed; names of elements without their namespace."""
    root = ET.fromstring(render_svg())
    for element in root.iter():
        element.tag = element.tag.split("}")[-1]
    return root


@pytest.mark.parametrize(("name", "render"), [("svg", render_svg), ("txt", render_text)])
def test_the_files_in_the_documentation_are_up_to_date(name, render):
    path = DOCS / f"invocation_state_machine.{name}"
    command = f"pynenc status render --format {'svg' if name == 'svg' else 'text'} --output docs/{path.name}"
    assert path.read_text() == render(), f"the status table or its picture changed; run: {command}"


# ------------------------------------------------------------------------ text


def test_the_text_lists_all_transitions_in_order():
    lines = [line for line in render_text().splitlines() if "->" in line]
    assert lines[0] == "START -> REGISTERED"
    assert lines[1:] == sorted(lines[1:], key=lambda line: line.split(" -> "))
    assert {line.replace(" ", "") for line in lines} == EDGES


def test_the_text_says_what_each_status_is():
    rows = dict(line.split(maxsplit=1) for line in render_text().split("Statuses\n\n")[1].splitlines())
    assert rows.keys() == NAMES
    assert rows["REGISTERED"] == "available / releases owner"
    assert rows["RUNNING"] == "owned"
    assert rows["RUNNING_RECOVERY"] == "recovery / releases owner"
    assert rows["CANCELLED"] == "final / releases owner"


def test_a_status_that_is_nothing_else_is_a_transition(monkeypatch):
    monkeypatch.setattr(
        table, "_CONFIG", StatusConfiguration({status: StatusDefinition() for status in (None, *InvocationStatus)})
    )
    assert badges(InvocationStatus.KILLED) == ["transition"]


# ------------------------------------------------------------------------- svg


def test_each_status_is_drawn_once(svg):
    drawn = [node.get("data-status") for node in svg.iter("g") if node.get("data-status")]
    assert sorted(drawn) == sorted(NAMES | {"START"})


def test_each_transition_is_drawn_once_by_two_lines(svg):
    groups = [group for group in svg.iter("g") if group.get("data-edge")]
    assert sorted(group.get("data-edge") for group in groups) == sorted(EDGES)
    assert {tuple(child.tag for child in group) for group in groups} == {("line", "line")}


def test_the_two_lines_of_an_edge_are_joined_unless_they_are_collected(svg):
    for group in svg.iter("g"):
        if (key := group.get("data-edge")) and not key.endswith("->CANCELLED"):
            first, second = group
            assert (first.get("x2"), first.get("y2")) == (second.get("x1"), second.get("y1")), key


def test_only_the_end_of_an_edge_has_an_arrow_head_that_exists(svg):
    heads = {f"url(#{marker.get('id')})" for marker in svg.iter("marker")}
    for group in svg.iter("g"):
        if group.get("data-edge"):
            assert group[0].get("marker-end") is None
            assert group[1].get("marker-end") in heads


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CANCELLED", "final"),
        ("CONCURRENCY_CONTROLLED_FINAL", "final"),
        ("PENDING_RECOVERY", "recovery"),
        ("CONCURRENCY_CONTROLLED", "concurrency"),
        ("PAUSED", "owned"),
        ("RETRY", "available"),
        ("KILLED", "transition"),
    ],
)
def test_the_kind_of_a_box(svg, status, expected):
    assert kind(InvocationStatus[status]) == expected
    [node] = [node for node in svg.iter("g") if node.get("data-status") == status]
    assert node.get("class") == f"node {expected}"


def test_the_picture_stands_alone(svg):
    """Nothing is loaded from elsewhere, and the same table gives the same bytes."""
    assert "http" not in render_svg().replace("http://www.w3.org/2000/svg", "")
    assert svg.get("viewBox") == "0 0 1600 760"
    assert render_svg() == render_svg()


def test_text_fits_its_box(svg):
    """Wider letters than those of any font that will be found: capitals in bold, and small ones."""
    widths = {"name": 12.5 * 0.72, "caption": 11 * 0.6}
    for node in svg.iter("g"):
        if node.get("data-status") in NAMES:
            for text in node.iter("text"):
                assert len(text.text) * widths[text.get("class")] <= layout.BOX_WIDTH, text.text


# ---------------------------------------------------------------------- layout


def test_the_layout_keeps_its_rules():
    assert problems() == []


@pytest.mark.parametrize(
    ("name", "box", "problem"),
    [
        ("RETRY", Box(700, 214), "RETRY and PENDING overlap"),
        ("RETRY", Box(1000, 474), "PAUSED->KILLED crosses RETRY"),
        ("RETRY", Box(1590, 96), "RETRY leaves the picture"),
        ("RETRY", Box(685, 140), "RUNNING->RETRY does not touch RETRY"),
        ("ELSEWHERE", Box(1000, 600), "ELSEWHERE has a box or is a status, but not both"),
    ],
)
def test_the_rules_find_a_misplaced_box(monkeypatch, name, box, problem):
    monkeypatch.setitem(layout.BOXES, name, box)
    assert problem in problems()


@pytest.mark.parametrize(
    ("edge", "route", "problem"),
    [
        (Edge("RUNNING", "RETRY"), Route(850, 96, vertical_first=True), "RUNNING->RETRY runs along RUNNING->SUCCESS"),
        (Edge("REGISTERED", "PENDING"), Route(685, 214), "REGISTERED->PENDING does not touch PENDING"),
    ],
)
def test_the_rules_find_a_bad_route(monkeypatch, edge, route, problem):
    monkeypatch.setitem(layout._ROUTES, edge, route)
    assert problem in problems()


def test_an_edge_without_a_route_is_told_and_drawn_all_the_same(monkeypatch):
    edge = Edge("PENDING", "RUNNING")
    monkeypatch.delitem(layout._ROUTES, edge)
    assert "PENDING->RUNNING has no route" in problems()
    assert segments(edge)[0].start != segments(edge)[1].end
    assert 'data-edge="PENDING->RUNNING"' in render_svg().replace("&gt;", ">")


def test_a_route_needs_a_place(monkeypatch):
    monkeypatch.setitem(layout._ROUTES, Edge("PENDING", "RUNNING"), Route(None, None))
    with pytest.raises(ValueError, match="PENDING->RUNNING"):
        segments(Edge("PENDING", "RUNNING"))


def test_edges_run_at_right_angles():
    for edge in edges():
        for (x1, y1), (x2, y2) in segments(edge):
            assert x1 == x2 or y1 == y2, edge


def test_all_that_is_cancelled_shares_one_line():
    ends = {segments(edge)[1] for edge in edges() if edge.target == "CANCELLED"}
    assert ends == {layout.CANCEL_LINE}
    assert len([edge for edge in edges() if edge.target == "CANCELLED"]) == 11
    for first, second in pairwise((layout.CANCEL_LINE.end, Point(layout.BOXES["CANCELLED"].left, 72))):
        assert first == second


def test_the_bounds_of_a_segment():
    bounds = Segment(Point(1, 2), Point(1, 10)).bounds()
    assert (bounds.left, bounds.right, bounds.top, bounds.bottom) == (1, 1, 2, 10)
