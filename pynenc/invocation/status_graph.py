"""The status table for people: as text, and as the diagram in the documentation. Both come from the table in force."""

from typing import Final
from xml.etree import ElementTree as ET

from pynenc.invocation.status import InvocationStatus, get_status_definition
from pynenc.invocation.status_graph_layout import (
    BOXES,
    FRAME,
    HEIGHT,
    START,
    WIDTH,
    Edge,
    edges,
    is_collected,
    segments,
)

#: The edges that an invocation without surprises takes; drawn stronger.
MAIN_WAY: Final = (
    Edge(START, "REGISTERED"),
    Edge("REGISTERED", "PENDING"),
    Edge("PENDING", "RUNNING"),
    Edge("RUNNING", "SUCCESS"),
)

#: Distance of the lines of text in a box.
ROW_HEIGHT: Final = 15.5
#: From the middle of a line of text down to its baseline.
BASELINE: Final = 4

#: Names longer than this are written in two lines.
LONGEST_LINE: Final = 18

#: The kinds of boxes, in the order in which they are tried, and what the legend says of them.
KINDS: Final = {
    "final": "nothing follows",
    "recovery": "its runner died",
    "concurrency": "running concurrency",
    "owned": "owned by a runner",
    "available": "may be claimed",
    "transition": "on its way back",
}

#: What a status says of an invocation, in a few words.
CAPTIONS: Final = {
    "REGISTERED": "accepted, in its queue",
    "CONCURRENCY_CONTROLLED": "in line for its scope",
    "CONCURRENCY_CONTROLLED_FINAL": "dropped: scope taken",
    "REROUTED": "in its queue again",
    "PENDING": "claimed by a runner",
    "PENDING_RECOVERY": "did not start",
    "RUNNING": "its code executes",
    "RUNNING_RECOVERY": "its lease ran out",
    "PAUSED": "waits for others",
    "RESUMED": "goes on",
    "KILLED": "its runner stops",
    "RETRY": "failed, may try again",
    "SUCCESS": "has a result",
    "FAILED": "has an exception",
    "CANCELLED": "not wanted any more",
}

STYLE: Final = """
text { font-family: "Inter", "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1f2937; }
.paper { fill: #ffffff; }
.frame { fill: #f8fafc; stroke: #cbd5e1; stroke-width: 1.5; stroke-dasharray: 6 5; }
.title { font-size: 19px; font-weight: 700; }
.note { font-size: 12px; fill: #64748b; }
.node rect, .node circle, .legend rect { stroke-width: 1.6; }
.node text { text-anchor: middle; }
.name { font-size: 12.5px; font-weight: 650; letter-spacing: 0.2px; }
.caption { font-size: 11px; fill: #64748b; }
.start circle { fill: #0f172a; stroke: #0f172a; }
.available rect { fill: #e0f2fe; stroke: #0284c7; }
.owned rect { fill: #ede9fe; stroke: #7c3aed; }
.concurrency rect { fill: #fef3c7; stroke: #d97706; }
.recovery rect { fill: #ffe4e6; stroke: #e11d48; }
.transition rect { fill: #f1f5f9; stroke: #64748b; }
.final rect { fill: #1e293b; stroke: #0f172a; }
.final .name { fill: #ffffff; }
.final .caption { fill: #cbd5e1; }
.start .caption { fill: #64748b; }
.edge line { stroke: #64748b; stroke-width: 1.6; stroke-linecap: round; }
.edge.main line { stroke: #0f172a; stroke-width: 2.8; }
.edge.concurrency line { stroke: #d97706; }
.edge.recovery line { stroke: #e11d48; stroke-dasharray: 7 4; }
.edge.cancel line { stroke: #94a3b8; stroke-width: 2.2; }
""".strip()

#: Arrow heads by kind of edge: an SVG marker does not take the colour of its line everywhere.
ARROWS: Final = {
    "plain": "#64748b",
    "main": "#0f172a",
    "concurrency": "#d97706",
    "recovery": "#e11d48",
    "cancel": "#94a3b8",
}


def render_text() -> str:
    """All transitions, a line each, and all statuses with what they mean for ownership."""
    lines = [f"{edge.source} -> {edge.target}" for edge in edges()]
    names = sorted(InvocationStatus, key=lambda status: status.name)
    width = max(len(status.name) for status in names)
    statuses = [f"{status.name:<{width}}  {' / '.join(badges(status))}" for status in names]
    return "\n".join(["Transitions", "", *lines, "", "Statuses", "", *statuses, ""])


def badges(status: InvocationStatus) -> list[str]:
    """What a status is, in words."""
    definition = get_status_definition(status)
    found = {
        "available": definition.available_for_run,
        "owned": definition.requires_ownership,
        "recovery": definition.overrides_ownership,
        "final": definition.is_final,
        "releases owner": definition.releases_ownership,
    }
    return [badge for badge, holds in found.items() if holds] or ["transition"]


def kind(status: InvocationStatus) -> str:
    """The kind of box a status is drawn as: the first of ``KINDS`` that fits."""
    words = _words_of(status)
    return next((kind for kind in KINDS if kind in words), "transition")


def _words_of(status: InvocationStatus) -> set[str]:
    return {*badges(status), *(["concurrency"] if status.name.startswith("CONCURRENCY") else [])}


def render_svg() -> str:
    """The diagram. Boxes carry ``data-status``, edges ``data-edge``; it refers to nothing outside of itself."""
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "width": str(WIDTH),
            "height": str(HEIGHT),
            "role": "img",
            "aria-labelledby": "title",
        },
    )
    _add(svg, "title", text="The life of an invocation: statuses and the transitions between them", id="title")
    _add(svg, "style", text=STYLE)
    definitions = _add(svg, "defs")
    for name, color in ARROWS.items():
        _arrow(definitions, name, color)
    _add(svg, "rect", class_="paper", width=WIDTH, height=HEIGHT, rx=12)
    _add(svg, "rect", class_="frame", x=FRAME.left, y=FRAME.top, width=FRAME.width, height=FRAME.height, rx=16)
    _title_and_legend(svg)
    for edge in sorted(edges(), key=MAIN_WAY.__contains__):
        _edge(svg, edge)
    _start(svg)
    for status in InvocationStatus:
        _node(svg, status)
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _add(parent: ET.Element, tag: str, *, text: str = "", **attributes: object) -> ET.Element:
    """A new child; ``class_`` is the attribute ``class``, and ``_`` in other names is ``-``."""
    named = {name.rstrip("_").replace("_", "-"): _plain(value) for name, value in attributes.items()}
    child = ET.SubElement(parent, tag, named)
    child.text = text or None
    return child


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _arrow(parent: ET.Element, name: str, color: str) -> None:
    head = _add(
        parent,
        "marker",
        id=f"arrow-{name}",
        viewBox="0 0 10 10",
        refX=9,
        refY=5,
        orient="auto",
        markerUnits="userSpaceOnUse",
    )
    head.attrib |= {"markerWidth": "11", "markerHeight": "11"}
    _add(head, "path", d="M0,0.8 L10,5 L0,9.2 L2.4,5 Z", fill=color)


def _title_and_legend(svg: ET.Element) -> None:
    _add(svg, "text", class_="title", x=20, y=52, text="The life of")
    _add(svg, "text", class_="title", x=20, y=76, text="an invocation")
    _add(svg, "text", class_="note", x=FRAME.left + 18, y=FRAME.top + 28, text="unfinished: each can be cancelled")
    legend = _add(svg, "g", class_="legend")
    for row, (name, meaning) in enumerate(KINDS.items()):
        entry = _add(legend, "g", class_=name)
        _add(entry, "rect", x=20, y=532 + 30 * row, width=18, height=14, rx=4)
        _add(entry, "text", class_="note", x=48, y=543.5 + 30 * row, text=meaning)


def _edge(svg: ET.Element, edge: Edge) -> None:
    style = _edge_style(edge)
    group = _add(svg, "g", class_=f"edge {style}", data_edge=edge.key)
    first, second = segments(edge)
    for piece in (first, second):
        _add(group, "line", x1=piece.start.x, y1=piece.start.y, x2=piece.end.x, y2=piece.end.y)
    group[1].set("marker-end", f"url(#arrow-{style})")


def _edge_style(edge: Edge) -> str:
    if is_collected(edge):
        return "cancel"
    if edge in MAIN_WAY:
        return "main"
    words = {word for name in edge if name != START for word in _words_of(InvocationStatus[name])}
    return next((name for name in ("recovery", "concurrency") if name in words), "plain")


def _start(svg: ET.Element) -> None:
    box = BOXES[START]
    node = _add(svg, "g", class_="node start", data_status=START)
    _add(node, "circle", cx=box.x, cy=box.y, r=box.width / 2)
    _add(node, "text", class_="caption", x=box.x, y=box.top - 8, text="call")


def _node(svg: ET.Element, status: InvocationStatus) -> None:
    box = BOXES[status.name]
    node = _add(svg, "g", class_=f"node {kind(status)}", data_status=status.name)
    _add(node, "rect", x=box.left, y=box.top, width=box.width, height=box.height, rx=10)
    names = _in_lines(status.name)
    caption = CAPTIONS.get(status.name, " / ".join(badges(status)))
    rows = [*(("name", name) for name in names), ("caption", caption)]
    first = box.y + BASELINE - ROW_HEIGHT / 2 * (len(rows) - 1)
    for row, (style, text) in enumerate(rows):
        _add(node, "text", class_=style, x=box.x, y=first + ROW_HEIGHT * row, text=text)


def _in_lines(name: str) -> list[str]:
    """The name in one line, or in two if it is long."""
    if len(name) <= LONGEST_LINE:
        return [name]
    head, _, tail = name.partition("_")
    return [f"{head}_", tail]


__all__ = ["render_svg", "render_text"]
