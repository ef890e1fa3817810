"""Where the status diagram draws what: boxes by hand, edges at right angles with one bend, and rules that check both.

An edge is two line segments. Edges with a common target may share their way to it, so that many of them read as
one; no other two run on top of each other. Every unfinished status can be cancelled, which drawn one by one would
cover everything else: their box has a short mark, and one line leads from the frame around all of them.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final, NamedTuple

from pynenc.invocation.status import InvocationStatus, get_status_definition

#: Size of the picture.
WIDTH: Final = 1600
HEIGHT: Final = 760

#: What stands for "there is no invocation yet".
START: Final = "START"

BOX_WIDTH: Final = 168
BOX_HEIGHT: Final = 56

#: Clear space around a box: less looks like touching at the size at which documents show the picture.
CLEARANCE: Final = 8

#: The mark that says "can be cancelled": its length, and its distance from the right end of the box, where no edge is.
MARK_LENGTH: Final = 10
MARK_INSET: Final = 14


class Point(NamedTuple):
    """A place in the picture; y grows downwards."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle by its centre and size."""

    x: float
    y: float
    width: float = BOX_WIDTH
    height: float = BOX_HEIGHT

    @property
    def left(self) -> float:
        """The smallest x."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """The largest x."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """The smallest y."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """The largest y."""
        return self.y + self.height / 2

    def grown(self, margin: float) -> "Box":
        """The same box with ``margin`` more on each side."""
        return Box(self.x, self.y, self.width + 2 * margin, self.height + 2 * margin)

    def overlaps(self, other: "Box") -> bool:
        """Whether the two have a point in common, borders apart."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


class Segment(NamedTuple):
    """One straight piece of an edge."""

    start: Point
    end: Point

    def bounds(self) -> Box:
        """The smallest box around it."""
        (x1, y1), (x2, y2) = self
        return Box((x1 + x2) / 2, (y1 + y2) / 2, abs(x1 - x2), abs(y1 - y2))


class Edge(NamedTuple):
    """A transition by the names of its ends, START included."""

    source: str
    target: str

    @property
    def key(self) -> str:
        """``SOURCE->TARGET``."""
        return f"{self.source}->{self.target}"


class Route(NamedTuple):
    """How an edge runs: at this x, at this y, and which of the two comes first. One None: it is straight."""

    x: float | None
    y: float | None
    vertical_first: bool = False


#: The frame around all unfinished statuses.
FRAME: Final = Box(786, 380, 1172, 704)

#: The one line on which everything unfinished is cancelled.
CANCEL_LINE: Final = Segment(Point(FRAME.right, 72), Point(1406, 72))

BOXES: Final = {
    START: Box(44, 204, 30, 30),
    "CONCURRENCY_CONTROLLED_FINAL": Box(100, 340),
    "REGISTERED": Box(310, 214),
    "CONCURRENCY_CONTROLLED": Box(310, 340),
    "REROUTED": Box(310, 474, height=108),
    "RETRY": Box(685, 96),
    "PENDING": Box(560, 214),
    "PENDING_RECOVERY": Box(560, 584),
    "RUNNING": Box(810, 214),
    "KILLED": Box(752, 474),
    "RUNNING_RECOVERY": Box(868, 676),
    "PAUSED": Box(1042, 214),
    "RESUMED": Box(1262, 214),
    "CANCELLED": Box(1490, 72),
    "SUCCESS": Box(1490, 160),
    "FAILED": Box(1490, 340),
}


def _routes() -> dict[Edge, Route]:
    def straight_right(y: float) -> Route:
        return Route(None, y)

    def straight_down(x: float) -> Route:
        return Route(x, None)

    def vertical_then_to(x: float, y: float) -> Route:
        return Route(x, y, vertical_first=True)

    def horizontal_then_to(y: float, x: float) -> Route:
        return Route(x, y)

    return {
        # the way of most invocations
        Edge(START, "REGISTERED"): straight_right(204),
        Edge("REGISTERED", "PENDING"): straight_right(214),
        Edge("PENDING", "RUNNING"): straight_right(214),
        Edge("RUNNING", "SUCCESS"): vertical_then_to(850, 160),
        # waiting for others
        Edge("RUNNING", "PAUSED"): straight_right(214),
        Edge("PAUSED", "RESUMED"): straight_right(204),
        Edge("RESUMED", "PAUSED"): straight_right(226),
        Edge("RESUMED", "SUCCESS"): vertical_then_to(1300, 160),
        # failing and trying again
        Edge("RUNNING", "FAILED"): vertical_then_to(878, 340),
        Edge("RESUMED", "FAILED"): vertical_then_to(1316, 340),
        Edge("RUNNING", "RETRY"): vertical_then_to(812, 96),
        Edge("RESUMED", "RETRY"): vertical_then_to(1224, 96),
        Edge("RETRY", "PENDING"): horizontal_then_to(96, 560),
        # running concurrency
        Edge("REGISTERED", "CONCURRENCY_CONTROLLED_FINAL"): horizontal_then_to(226, 126),
        Edge("REGISTERED", "CONCURRENCY_CONTROLLED"): straight_down(310),
        Edge("RETRY", "CONCURRENCY_CONTROLLED"): vertical_then_to(685, 340),
        Edge("CONCURRENCY_CONTROLLED", "REROUTED"): straight_down(290),
        Edge("REROUTED", "CONCURRENCY_CONTROLLED"): straight_down(330),
        # in line again
        Edge("REROUTED", "PENDING"): horizontal_then_to(456, 498),
        Edge("PENDING", "REROUTED"): vertical_then_to(526, 474),
        # stopping runners
        Edge("PENDING", "KILLED"): vertical_then_to(626, 458),
        Edge("RUNNING", "KILLED"): straight_down(770),
        Edge("PAUSED", "KILLED"): vertical_then_to(1020, 474),
        Edge("RESUMED", "KILLED"): vertical_then_to(1240, 474),
        Edge("KILLED", "REROUTED"): straight_right(490),
        # leaving a worker, to come back by replay
        Edge("RUNNING", "REROUTED"): vertical_then_to(790, 428),
        Edge("RESUMED", "REROUTED"): vertical_then_to(1254, 428),
        # dead runners
        Edge("PENDING", "PENDING_RECOVERY"): straight_down(596),
        Edge("RUNNING", "RUNNING_RECOVERY"): straight_down(856),
        Edge("PAUSED", "RUNNING_RECOVERY"): vertical_then_to(1064, 664),
        Edge("RESUMED", "RUNNING_RECOVERY"): vertical_then_to(1278, 664),
        Edge("PENDING_RECOVERY", "REROUTED"): horizontal_then_to(584, 326),
        Edge("RUNNING_RECOVERY", "REROUTED"): horizontal_then_to(676, 294),
        Edge("PENDING_RECOVERY", "FAILED"): horizontal_then_to(584, 1474),
        Edge("RUNNING_RECOVERY", "FAILED"): horizontal_then_to(690, 1506),
    }


_ROUTES: Final = _routes()


def edges() -> list[Edge]:
    """All transitions of the table in force: START first, then by source and target."""
    return [
        Edge(START if source is None else source.name, target.name)
        for source in (None, *sorted(InvocationStatus, key=lambda status: status.name))
        for target in sorted(get_status_definition(source).allowed_transitions, key=lambda status: status.name)
    ]


def is_collected(edge: Edge) -> bool:
    """Whether the edge is drawn as a mark and the one line that leads from the frame to CANCELLED."""
    return edge.target == InvocationStatus.CANCELLED.name


def segments(edge: Edge) -> tuple[Segment, Segment]:
    """The two pieces of an edge, from its source to its target."""
    source, target = BOXES[edge.source], BOXES[edge.target]
    if is_collected(edge):
        mark = Point(source.right - MARK_INSET, source.top)
        return Segment(mark, Point(mark.x, mark.y - MARK_LENGTH)), CANCEL_LINE
    x, y, vertical_first = _ROUTES.get(edge, Route(target.x, source.y))
    if x is None and y is not None:
        start, end = _side(source, target.x, y), _side(target, source.x, y)
    elif y is None and x is not None:
        start, end = _lid(source, target.y, x), _lid(target, source.y, x)
    elif x is not None and y is not None:
        corner = Point(x, y)
        start = _lid(source, y, x) if vertical_first else _side(source, x, y)
        end = _side(target, x, y) if vertical_first else _lid(target, y, x)
        return Segment(start, corner), Segment(corner, end)
    else:
        raise ValueError(f"the route of {edge.key} has neither x nor y")
    middle = Point((start.x + end.x) / 2, (start.y + end.y) / 2)
    return Segment(start, middle), Segment(middle, end)


def _side(box: Box, towards_x: float, y: float) -> Point:
    """The point at ``y`` on the left or right side of ``box``, whichever faces ``towards_x``."""
    return Point(box.right if towards_x > box.x else box.left, y)


def _lid(box: Box, towards_y: float, x: float) -> Point:
    """The point at ``x`` on the top or bottom of ``box``, whichever faces ``towards_y``."""
    return Point(x, box.bottom if towards_y > box.y else box.top)


def problems() -> list[str]:
    """What is wrong with the layout: a sentence each; none if all is well."""
    return [*_box_problems(), *_edge_problems(), *_overlaps()]


def _box_problems() -> Iterator[str]:
    for name in {START, *(status.name for status in InvocationStatus)} ^ BOXES.keys():
        yield f"{name} has a box or is a status, but not both"
    for name, box in BOXES.items():
        if box.left < 0 or box.top < 0 or box.right > WIDTH or box.bottom > HEIGHT:
            yield f"{name} leaves the picture"
    for (name, box), (other_name, other) in combinations(BOXES.items(), 2):
        if box.grown(CLEARANCE).overlaps(other.grown(CLEARANCE)):
            yield f"{name} and {other_name} overlap"


def _edge_problems() -> Iterator[str]:
    for edge in edges():
        if edge not in _ROUTES and not is_collected(edge):
            yield f"{edge.key} has no route"
            continue
        pieces = segments(edge)
        ends = ((edge.source, pieces[0].start), (edge.target, pieces[1].end))
        yield from (f"{edge.key} does not touch {name}" for name, end in ends if not _on_border(BOXES[name], end))
        for name, box in BOXES.items():
            unrelated = name not in edge
            if unrelated and any(piece.bounds().overlaps(box.grown(CLEARANCE)) for piece in pieces):
                yield f"{edge.key} crosses {name}"


def _on_border(box: Box, point: Point) -> bool:
    inside = box.left <= point.x <= box.right and box.top <= point.y <= box.bottom
    return inside and (point.x in (box.left, box.right) or point.y in (box.top, box.bottom))


def _overlaps() -> Iterable[str]:
    """Edges that run on top of each other without going to the same place."""
    drawn = [(edge, piece) for edge in edges() for piece in segments(edge)]
    return [
        f"{edge.key} runs along {other.key}"
        for (edge, piece), (other, other_piece) in combinations(drawn, 2)
        if edge.target != other.target and piece.bounds().grown(2).overlaps(other_piece.bounds().grown(2))
        if _direction(piece) == _direction(other_piece)
    ]


def _direction(piece: Segment) -> str:
    return "vertical" if piece.start.x == piece.end.x else "horizontal"
