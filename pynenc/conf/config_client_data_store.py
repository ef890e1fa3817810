"""Settings of the client data store, which keeps large values outside the other components."""

from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase


class ConfigClientDataStore(ConfigPynencBase):
    """Which arguments and results are kept outside, and how many stay in the memory of a process."""

    disable_client_data_store: bool = Field(default=False, description="Keep all values inline, whatever their size.")
    min_size_to_cache: int = Field(
        default=1024, ge=0, description="Characters of serialized text from which a value is kept outside."
    )
    max_size_to_cache: int = Field(
        default=0,
        ge=0,
        description="Characters above which a value stays inline after all, with a warning; 0: no limit.",
    )
    local_cache_size: int = Field(
        default=1024, ge=0, description="Values that each process keeps in memory, the latest used ones."
    )
    warn_threshold: int = Field(
        default=10 * 1024 * 1024, ge=0, description="Characters of serialized text above which a warning is logged."
    )
    compression_enabled: bool = Field(default=False, description="Accepted without effect.")

    def contradiction(self) -> str | None:
        if 0 < self.max_size_to_cache < self.min_size_to_cache:
            return (
                f"max_size_to_cache ({self.max_size_to_cache}) is below min_size_to_cache ({self.min_size_to_cache}), "
                "so no value would ever be kept outside. Use disable_client_data_store if that is the aim"
            )
        return None
