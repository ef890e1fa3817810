"""Settings: one class for each group (``config_*.py``), and the sources their values come from.

Read in this order: ``config_base`` (what a settings class is), ``entries`` (one value from one source),
``environment`` and ``files`` (where entries come from), ``settings`` (which entry wins).
"""
