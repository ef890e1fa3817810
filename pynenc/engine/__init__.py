"""What happens, each behaviour once.

Read in this order: ``composed_steps`` (the life of a call), ``claim``, ``scopes``, ``execution``, ``waiting``,
``recovery``.
"""
