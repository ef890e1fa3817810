"""Composition: from settings to stores to an engine."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from pynenc.backends.products import Product, open_product, opener_of
from pynenc.conf.components import ComponentClasses, products, resolve_components
from pynenc.conf.config_client_data_store import ConfigClientDataStore
from pynenc.conf.config_orchestrator import ConfigOrchestrator
from pynenc.conf.config_pynenc import ArgumentPrintMode, ConfigPynenc, PayloadSigningMode
from pynenc.conf.settings import Settings
from pynenc.engine.engine import Engine, EngineSettings
from pynenc.engine.events import Events
from pynenc.engine.payloads import PayloadLimits
from pynenc.exceptions import ConfigError
from pynenc.identifiers import new_id
from pynenc.ports.backend import Backend, Capabilities
from pynenc.ports.clock import SystemClock
from pynenc.serializer.choice import make_serializer
from pynenc.serializer.signing import NoSignatures, PayloadSigner, SignedPayloads


class Assembled(NamedTuple):
    """What an application works with."""

    classes: ComponentClasses
    backend: Backend
    engine: Engine


def component_classes(conf: ConfigPynenc) -> ComponentClasses:
    """The classes of the five components, those that were not chosen filled in."""
    return resolve_components(conf.model_dump())


def import_products(classes: ComponentClasses) -> None:
    """Import the products of these components; one that is not known is refused when it is opened."""
    for name in set(products(classes).values()):
        opener_of(name)


def assemble(
    settings: Settings, conf: ConfigPynenc, events: Events, find_task: Callable[[str], Any], start_command: str
) -> Assembled:
    """Open the stores and make the engine. Nothing is read or written yet.

    Raises:
        ConfigError: a class is unknown, or its plugin is not installed.
    """
    classes = component_classes(conf)
    backend = _backend(settings, conf.app_id, products(classes), classes)
    data = settings.build(ConfigClientDataStore)
    orchestrator = settings.build(ConfigOrchestrator)
    engine_settings = EngineSettings(
        app_id=conf.app_id,
        start_command=start_command,
        no_runner_warning_seconds=conf.no_runner_warning_seconds,
        lease_seconds=conf.lease_seconds,
        max_recoveries=conf.max_recoveries,
        workflow_stack_seconds=conf.workflow_stack_seconds,
        cycle_control=orchestrator.cycle_control,
        blocking_control=orchestrator.blocking_control,
        limits=PayloadLimits(
            enabled=not data.disable_client_data_store,
            min_size=data.min_size_to_cache,
            max_size=data.max_size_to_cache,
            warn_size=data.warn_threshold,
            cache_entries=data.local_cache_size,
        ),
        show_value=partial(_show, conf),
    )
    engine = Engine(
        backend,
        make_serializer(conf.serializer_cls),
        engine_settings,
        SystemClock(),
        events=events,
        find_task=find_task,
        process_id=process_id(),
        signer=_signer(conf, events),
    )
    # The engine's: a status that is written through it is seen by the triggers.
    return Assembled(classes, engine.backend, engine)


def _signer(conf: ConfigPynenc, events: Events) -> PayloadSigner:
    if not conf.payload_signing_keys:
        return NoSignatures(events.payload_refused)
    return SignedPayloads(
        conf.signing_keys,
        conf.app_id,
        sign=conf.payload_signing_mode is not PayloadSigningMode.VERIFY_ONLY,
        accept_unsigned=conf.payload_signing_mode not in (None, PayloadSigningMode.REQUIRED),
        refused=events.payload_refused,
    )


def process_id() -> str:
    """The name under which a process acts that is no runner: one incarnation, never a host."""
    return f"ExternalRunner@{os.uname().nodename}-{os.getpid()}-{new_id()[-6:]}"


def _backend(settings: Settings, app_id: str, chosen: Mapping[str, str], classes: ComponentClasses) -> Backend:
    opened: dict[str, Product] = {}

    def product(setting: str) -> Product:
        name = chosen[setting]
        if name not in opened:
            opened[name] = open_product(name, app_id, settings, setting, getattr(classes, setting))
        return opened[name]

    orchestrator, broker = product("orchestrator_cls"), product("broker_cls")
    state, trigger, data = product("state_backend_cls"), product("trigger_cls"), product("client_data_store_cls")
    # Data first, then the ledger, which is the commit point, then the queue (design law 1).
    order = {id(p): p for p in (data, state, trigger) if p is not orchestrator and p is not broker}
    order[id(orchestrator)] = orchestrator
    if broker is not orchestrator:
        order[id(broker)] = broker
    if orchestrator.wakeups is None:
        raise ConfigError(f"{orchestrator.name} cannot wake other processes, so it cannot be the orchestrator.")
    return Backend(
        broker=broker.part("broker"),
        orchestrator=orchestrator.part("orchestrator"),
        state=state.part("state"),
        trigger=trigger.part("trigger"),
        client_data=data.part("client_data"),
        wakeups=orchestrator.wakeups,
        units=tuple(p.unit for p in order.values()),
        capabilities=Capabilities(
            shared_between_processes=all(p.shared_between_processes for p in opened.values()),
            one_product=len(order) == 1,
        ),
        location=", ".join(p.location for p in opened.values()),
        steps=orchestrator.steps if len(order) == 1 else None,
        # The queue alone may be elsewhere.
        shortcuts=orchestrator.shortcuts if {*order} <= {id(orchestrator), id(broker)} else None,
    )


def _show(conf: ConfigPynenc, value: object) -> str:
    mode = conf.argument_print_mode if conf.print_arguments else ArgumentPrintMode.HIDDEN
    if mode in (ArgumentPrintMode.HIDDEN, ArgumentPrintMode.KEYS):
        return "<hidden>"
    text = repr(value)
    cut = conf.truncate_arguments_length
    return text if mode is ArgumentPrintMode.FULL or not cut or len(text) <= cut else text[:cut] + "..."
