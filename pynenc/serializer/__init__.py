"""Serializers: values as text and back.

``JsonPickleSerializer`` (the default) keeps Python types, ``JsonSerializer`` speaks plain JSON and may read text of
anybody, ``PickleSerializer`` uses pickle; a subclass of ``BaseSerializer`` does what you like.
"""

from pynenc.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BaseSerializer": "pynenc.serializer.base_serializer",
        "JsonPickleSerializer": "pynenc.serializer.json_pickle_serializer",
        "JsonSerializable": "pynenc.serializer.json_serializer",
        "JsonSerializer": "pynenc.serializer.json_serializer",
        "PickleSerializer": "pynenc.serializer.pickle_serializer",
        "ReservedKeys": "pynenc.serializer.constants",
    },
)
