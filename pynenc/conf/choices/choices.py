"""The root of a builder's choices: a flat mapping of settings."""

from typing import Self


class Choices:
    """Settings that were chosen so far. They become the ``config_values`` of an app."""

    def __init__(self) -> None:
        self._config: dict[str, object] = {}

    def config_values(self) -> dict[str, object]:
        """The settings chosen so far, as a mapping of its own."""
        return dict(self._config)

    def custom_config(self, **values: object) -> Self:
        """Choose settings by their names; an unknown name is an error when the app reads its settings."""
        self._config.update(values)
        return self

    def app_id(self, app_id: str) -> Self:
        """Name the application: apps with different ids share nothing."""
        return self.custom_config(app_id=app_id)

    def _choose_given(self, **values: object) -> Self:
        """Choose those settings that are not None and leave the others as they are."""
        return self.custom_config(**{name: value for name, value in values.items() if value is not None})
