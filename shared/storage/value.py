"""What lies in a drawer."""

from __future__ import annotations

from msgspec import Struct


class Value(Struct, frozen=True, omit_defaults=True):
    """A value that never changes; `msgspec.structs.replace` copies it.

    Members at their default are not written, and what is not there is read as its default: whoever changes a default
    changes what lies in every drawer, and owes it a step of migration.
    """
