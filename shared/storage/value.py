"""The base class of what is stored as JSON."""

from __future__ import annotations

from msgspec import Struct


class Value(Struct, frozen=True, omit_defaults=True):
    """A value that never changes; `msgspec.structs.replace` copies it.

    Members with their default value are not written, and a missing member is read as its default. So a changed default
    changes every stored document, and needs a migration step.
    """
