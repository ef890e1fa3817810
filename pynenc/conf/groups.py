"""All groups of settings that Pynenc itself has."""

from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.config_broker import ConfigBroker
from pynenc.conf.config_client_data_store import ConfigClientDataStore
from pynenc.conf.config_orchestrator import ConfigOrchestrator
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.config_runner import (
    ConfigMultiThreadRunner,
    ConfigPersistentProcessRunner,
    ConfigProcessRunner,
    ConfigRunner,
    ConfigThreadRunner,
)
from pynenc.conf.config_sqlite import ConfigSQLite
from pynenc.conf.config_state_backend import ConfigStateBackend
from pynenc.conf.config_task import ConfigTask
from pynenc.conf.config_trigger import ConfigTrigger

#: Settings classes that are known without any plugin.
CORE_GROUPS: tuple[type[ConfigPynencBase], ...] = (
    ConfigPynenc,
    ConfigTask,
    ConfigOrchestrator,
    ConfigBroker,
    ConfigStateBackend,
    ConfigClientDataStore,
    ConfigTrigger,
    ConfigSQLite,
    ConfigRunner,
    ConfigThreadRunner,
    ConfigMultiThreadRunner,
    ConfigProcessRunner,
    ConfigPersistentProcessRunner,
)
