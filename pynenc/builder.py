"""``PynencBuilder``: making an app step by step, with names that an editor completes."""

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

from pynenc.app import Pynenc
from pynenc.conf.choices.component_choices import ComponentChoices
from pynenc.conf.choices.display_choices import DisplayChoices
from pynenc.conf.choices.runner_choices import RunnerChoices
from pynenc.conf.choices.signing_choices import SigningChoices
from pynenc.conf.components import products, resolve_components
from pynenc.conf.problems import did_you_mean
from pynenc.plugin_loader import load_plugins
from pynenc.ports import PORTS_VERSION

#: A builder method that a plugin adds: takes the builder first and gives it back.
PluginMethod = Callable[..., "PynencBuilder"]
#: A check that a plugin adds: raises when it does not accept the chosen settings.
PluginValidator = Callable[[dict[str, Any]], None]

#: Runners whose workers are other processes, which do not see the memory of this one.
RUNNERS_WITH_PROCESSES = frozenset({"ProcessRunner", "PersistentProcessRunner", "MultiThreadRunner"})

#: Builder methods of our plugins, to say which one is missing.
PLUGIN_OF_METHOD = {
    "redis": "pynenc-redis",
    "redis_client_data_store": "pynenc-redis",
    "redis_trigger": "pynenc-redis",
    "mongo": "pynenc-mongodb",
    "mongodb": "pynenc-mongodb",
    "mongo_client_data_store": "pynenc-mongodb",
    "mongo_trigger": "pynenc-mongodb",
    "rabbitmq_broker": "pynenc-rabbitmq",
    "postgres": "pynenc-postgres",
}


class PynencBuilder(ComponentChoices, SigningChoices, RunnerChoices, DisplayChoices):
    """Chooses settings and builds an app from them; every method but ``build`` gives the builder back.

    Files and the environment beat what is chosen here, so that one program runs in several places; a
    ``pyproject.toml`` does not.
    """

    _plugin_methods: ClassVar[dict[str, PluginMethod]] = {}
    _plugin_validators: ClassVar[list[PluginValidator]] = []

    def __init__(self) -> None:
        super().__init__()
        _let_plugins_add_methods()

    @classmethod
    def register_plugin_method(cls, name: str, func: PluginMethod) -> None:
        """Add a method, ``func(builder, ...)``; one of another plugin may be replaced.

        Raises:
            ValueError: the builder itself has a method of that name.
        """
        if name in dir(PynencBuilder):
            raise ValueError(f"A plugin cannot replace the builder's own method {name!r}. Give it another name.")
        PynencBuilder._plugin_methods[name] = func

    @classmethod
    def register_plugin_validator(cls, func: PluginValidator) -> None:
        """Add a check of the chosen settings, run by ``build``; it raises to refuse them."""
        PynencBuilder._plugin_validators.append(func)

    def build(self) -> Pynenc:
        """Make the app.

        Raises:
            ValueError: the runner cannot work with the components, or a plugin refuses the settings.
        """
        values = self.config_values()
        _refuse_memory_across_processes(values)
        for validator in self._plugin_validators:
            try:
                validator(values)
            except Exception as error:
                raise ValueError(f"Plugin configuration validation failed: {error}") from error
        return Pynenc(config_values=values)

    def __getattr__(self, name: str) -> PluginMethod:
        method = self._plugin_methods.get(name)
        if method is None:
            raise AttributeError(self._unknown(name))

        def call(*args: object, **kwargs: object) -> PynencBuilder:
            method(self, *args, **kwargs)
            return self

        call.__name__ = name
        call.__doc__ = method.__doc__
        return call

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._plugin_methods})

    def _unknown(self, name: str) -> str:
        message = f"'PynencBuilder' has no attribute {name!r}"
        if name in PLUGIN_OF_METHOD:
            plugin = PLUGIN_OF_METHOD[name]
            return (
                f"{message}: it comes with {plugin}, which is not installed here or was refused. Install the release "
                f"that belongs to this Pynenc, from its repository: a package index may have another author's {plugin}."
            )
        added = ", ".join(sorted(self._plugin_methods)) or "none"
        return f"{message}. Methods of installed plugins: {added}.{did_you_mean(name, dir(self))}"


@cache
def _let_plugins_add_methods() -> None:
    """Once in a process: a plugin's methods belong to the class."""
    for plugin in load_plugins(PORTS_VERSION):
        register = getattr(plugin.target, "register_builder_methods", None)
        if register is not None:
            register(PynencBuilder)


def _refuse_memory_across_processes(values: dict[str, object]) -> None:
    runner = values.get("runner_cls")
    if runner not in RUNNERS_WITH_PROCESSES:
        return
    in_memory = [setting for setting, product in products(resolve_components(values)).items() if product == "Mem"]
    if in_memory:
        raise ValueError(
            f"{runner} is not compatible with in-memory components ({', '.join(in_memory)}): its worker processes "
            "do not see the memory of this one. Use thread_runner(), or another product such as sqlite()."
        )
