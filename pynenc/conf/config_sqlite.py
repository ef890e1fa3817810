"""Settings of the SQLite backend."""

from typing import Literal

from pydantic import Field

from pynenc.conf.config_base import ConfigPynencBase


class ConfigSQLite(ConfigPynencBase):
    """The database file, and what a power cut may cost."""

    sqlite_db_path: str = Field(
        default="", description="The database file; empty: in the folder .pynenc beside the nearest pyproject.toml."
    )
    sqlite_synchronous: Literal["NORMAL", "FULL", "OFF"] = Field(
        default="NORMAL",
        description=(
            "When SQLite waits for the disk: NORMAL loses nothing when a process dies, but a power cut can cost the "
            "last moments; FULL loses nothing then either; OFF risks the file."
        ),
    )
