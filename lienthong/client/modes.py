"""How the provinces of a sandbox act, asked and set at the portal's test door."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

from lienthong.client.http import Scope
from lienthong.client.types import ProvinceMode


class ActingProvinces(Scope):
    """The part of a sandbox that says how its provinces act.

    province  a code, or `*`: all that have no mode of their own
    """

    async def modes(self) -> list[ProvinceMode]:
        """How each of the 34 acts."""
        return cast(list[ProvinceMode], await self.country.portal.json("GET", f"{self.lab}/modes"))

    async def set_mode(
        self, province: str, mode: str, tempo: str | None = None, decisions: dict[str, Any] | None = None
    ) -> ProvinceMode:
        """In force for every dossier when this returns.

        mode       manual: nobody acts by themselves; simulated
        tempo      of simulated: working_clock (if left out), at_once, scripted
        decisions  of scripted: as for `Sandbox.script`, for every dossier that has no script of its own
        """
        told = {"mode": mode, "tempo": tempo, "decisions": decisions}
        body = {name: value for name, value in told.items() if value is not None}
        return cast(ProvinceMode, await self.country.portal.json("PUT", self._mode_of(province), json=body))

    async def reset_mode(self, province: str) -> ProvinceMode:
        """Put back: it acts as all others do, and `*` by the working clock."""
        return cast(ProvinceMode, await self.country.portal.json("DELETE", self._mode_of(province)))

    def _mode_of(self, province: str) -> str:
        return f"{self.lab}/modes/{quote(province, safe='*')}"
