"""Names with a meaning of their own inside serialized text."""

from enum import StrEnum
from typing import Final


class ReservedKeys(StrEnum):
    """Keys that mark an envelope: an object with exactly one key, whose value tells how to rebuild something."""

    #: A builtin exception: ``{type, args, message}``.
    ERROR = "__pynenc__std_py_exc__"
    #: Any other exception: ``{module, qualname, args, message}``.
    CLIENT_EXCEPTION = "__pynenc__client_exception__"
    #: An object with ``to_json`` and ``from_json``: ``{module, qualname, data}``.
    JSON_SERIALIZABLE = "__pynenc__json_serializable__"
    #: A member of an enumeration: ``{module, qualname, value}``.
    ENUM = "__pynenc__enum__"
    #: Start of every reference to a value in the client data store.
    CLIENT_DATA = "__pynenc__client_data__"
    #: A user's dictionary that holds a reserved key itself, kept as it is.
    ESCAPED = "__pynenc__escaped__"


#: How a reserved key begins in JSON text. Text without it holds no envelope and needs no second look.
RESERVED_KEY_START: Final = '"__pynenc__'
