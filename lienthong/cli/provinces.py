"""How a user names a province: by its code, or by the code of its agency, which begins the codes of its dossiers."""

from __future__ import annotations

from lienthong.cli import complete


def province_code(text: str) -> str:
    """`37` for `37` and for `H42`; any other text unchanged: the services say what is wrong with it."""
    return text if text.isdigit() else complete.words("agencies").get(text.strip().upper(), text)
