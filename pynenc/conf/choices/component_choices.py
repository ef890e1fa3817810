"""Choosing where things are kept: products, single components, the serializer."""

from typing import Self

from pynenc.conf.choices.choices import Choices
from pynenc.conf.components import SUFFIXES

#: Words for a product in ``client_data_store(mode=...)`` and ``trigger(mode)``.
PRODUCT_MODES = {
    "memory": "Mem",
    "mem": "Mem",
    "sqlite": "SQLite",
    "redis": "Redis",
    "mongo": "Mongo",
    "mongodb": "Mongo",
    "postgres": "Postgres",
    "postgresql": "Postgres",
}

#: Words for a serializer; any other name is that of a class.
SERIALIZERS = {
    "json": "JsonSerializer",
    "jsonpickle": "JsonPickleSerializer",
    "json_pickle": "JsonPickleSerializer",
    "pickle": "PickleSerializer",
}


class ComponentChoices(Choices):
    """Builder methods for components."""

    def memory(self) -> Self:
        """Keep everything in the memory of this process: for tests, and for threads of one process."""
        return self.product("Mem")

    def sqlite(self, sqlite_db_path: str | None = None) -> Self:
        """Keep everything in one SQLite file, by default in the folder ``.pynenc`` of the project."""
        self.product("SQLite")
        return self._choose_given(sqlite_db_path=sqlite_db_path)

    def product(self, name: str) -> Self:
        """Take all five components from one product, by the prefix of its classes (``"Mem"``, ``"Redis"``)."""
        return self.custom_config(**{setting: name + suffix for setting, suffix in SUFFIXES.items()})

    def mem_client_data_store(self, min_size_to_cache: int = 1024, local_cache_size: int = 1024) -> Self:
        """Keep large values in the memory of this process."""
        return self.client_data_store("memory", min_size_to_cache, local_cache_size)

    def disable_client_data_store(self) -> Self:
        """Keep large values where all others are."""
        return self.custom_config(disable_client_data_store=True)

    def client_data_store(
        self, mode: str, min_size_to_cache: int | None = None, local_cache_size: int | None = None
    ) -> Self:
        """Choose the product that keeps large values, ``"disabled"`` for none."""
        if mode.lower() == "disabled":
            return self.disable_client_data_store()
        chosen = _product(mode) + SUFFIXES["client_data_store_cls"]
        return self._choose_given(
            client_data_store_cls=chosen, min_size_to_cache=min_size_to_cache, local_cache_size=local_cache_size
        )

    def client_data(self, mode: str, min_size_to_cache: int | None = None, local_cache_size: int | None = None) -> Self:
        """Another name of ``client_data_store``."""
        return self.client_data_store(mode, min_size_to_cache, local_cache_size)

    def arg_cache(self, mode: str, min_size_to_cache: int | None = None, local_cache_size: int | None = None) -> Self:
        """Another name of ``client_data_store``."""
        return self.client_data_store(mode, min_size_to_cache, local_cache_size)

    def mem_trigger(self, scheduler_interval_seconds: int = 60, *, enable_scheduler: bool = True) -> Self:
        """Keep triggers in the memory of this process."""
        return self.trigger("memory").custom_config(
            scheduler_interval_seconds=scheduler_interval_seconds, enable_scheduler=enable_scheduler
        )

    def trigger(self, mode: str) -> Self:
        """Choose the product that keeps triggers."""
        return self.custom_config(trigger_cls=_product(mode) + SUFFIXES["trigger_cls"])

    def trigger_memory(self) -> Self:
        """Another name of ``trigger("memory")``."""
        return self.trigger("memory")

    def serializer(self, name: str) -> Self:
        """Choose the serializer: ``"json"``, ``"json_pickle"``, ``"pickle"``, or the name of a class."""
        return self.custom_config(serializer_cls=SERIALIZERS.get(name.lower(), name))

    def serializer_json(self) -> Self:
        """Write arguments and results as JSON."""
        return self.serializer("json")

    def serializer_json_pickle(self) -> Self:
        """Write arguments and results as JSON that keeps their types (the default)."""
        return self.serializer("json_pickle")

    def serializer_pickle(self) -> Self:
        """Write arguments and results as pickles."""
        return self.serializer("pickle")


def _product(mode: str) -> str:
    product = PRODUCT_MODES.get(mode.lower())
    if product is None:
        raise ValueError(f"Invalid mode: {mode!r}. Use one of {', '.join(PRODUCT_MODES)}.")
    return product
