"""Settings of the state backend."""

from pynenc.conf.config_base import ConfigPynencBase


class ConfigStateBackend(ConfigPynencBase):
    """No settings of its own yet: the section is there for those of the products."""
