"""How the provinces of a sandbox act; read and set through the portal's test API."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

from lienthong.client.http import Scope
from lienthong.client.types import ProvinceMode


class ActingProvinces(Scope):
    """The part of `Sandbox` that reads and sets how its provinces act.

    province  a code, or `*` for all provinces without their own mode
    """

    async def modes(self) -> list[ProvinceMode]:
        """How each of the 34 provinces acts."""
        return cast(list[ProvinceMode], await self.country.portal.json("GET", f"{self.lab}/modes"))

    async def set_mode(
        self,
        province: str,
        mode: str,
        tempo: str | None = None,
        decisions: dict[str, Any] | None = None,
        *,
        via: str | None = None,
        url: str | None = None,
        content_mode: str | None = None,
        gate: str | None = None,
        adapter: dict[str, Any] | None = None,
    ) -> ProvinceMode:
        """Set how a province acts; it applies to all its dossiers when this returns.

        mode       simulated, manual (officials act only through the API) or external (a connector decides)
        tempo      for simulated: working_clock (the default), at_once or scripted
        decisions  for scripted: as in `Sandbox.script`, for every dossier without its own script
        via        for external: kafka, webhook, pull or legacy; `url` is the address of a webhook's receiver, and of the
                   reverse calls of legacy,
                   `content_mode` is structured (the default) or binary, for webhooks
        gate       for external: strict (the default) or lenient (the default over legacy)
        adapter    for legacy: `profile`, and what is otherwise than in it
        """
        fields: dict[str, Any] = {
            "mode": mode,
            "tempo": tempo,
            "decisions": decisions,
            "via": via,
            "url": url,
            "gate": gate,
        }
        fields |= {"content_mode": content_mode, "adapter": adapter}
        body = {name: value for name, value in fields.items() if value is not None}
        return cast(ProvinceMode, await self.country.portal.json("PUT", self._mode_of(province), json=body))

    async def reset_mode(self, province: str) -> ProvinceMode:
        """Remove a mode: the province acts again as set for `*`; `*` itself returns to the working clock."""
        return cast(ProvinceMode, await self.country.portal.json("DELETE", self._mode_of(province)))

    def _mode_of(self, province: str) -> str:
        return f"{self.lab}/modes/{quote(province, safe='*')}"
