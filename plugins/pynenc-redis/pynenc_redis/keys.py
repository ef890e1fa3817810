"""The keys of an application: every key is built here, or in the Lua files, whose heads explain them."""


class Keys:
    """Keys of one application. The braces make its name the hash tag: in a cluster all are in one slot.

    Braces within the name would end the tag, or make the keys of one name begin like those of another.
    """

    def __init__(self, app_id: str) -> None:
        self.app_id = app_id
        name = app_id.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
        self.prefix = f"pynenc:{{{name}}}:"

    def __call__(self, *parts: str) -> str:
        """The key of a kind, or of one thing of a kind: ``keys("i", invocation_id)``."""
        return self.prefix + ":".join(parts)


def place_of(queue: str, lane: str) -> str:
    """A queue and its lane as one text; neither may hold the character between them."""
    return f"{queue}\0{lane}"


def queue_and_lane(place: str) -> tuple[str, str]:
    """What ``place_of`` put together."""
    queue, _, lane = place.rpartition("\0")
    return queue, lane
