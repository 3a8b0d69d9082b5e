"""A simulated province as it speaks to others: it pushes its dossiers over the adapter API, as a profile has it.

For a receiver under test, such as a portal or a data platform that takes what provinces push. Two kinds of provinces: those
with sessions look a dossier up, then insert or update it; those with bare arrays insert it, and update what exists already.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any

import httpx

from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble

Body = dict[str, Any]
Tell = Callable[[str], None]
FORMS = {"compact": "%Y%m%d%H%M%S", "slashes": "%d/%m/%Y %H:%M:%S", "iso": "%Y-%m-%dT%H:%M:%S"}
HANOI = timezone(timedelta(hours=7))
SECONDS = 6.0  # for an answer, as one client waits (integration.md 1.1)
KNOWN, EXISTS = ("3", "-3"), "đã tồn tại"
NINE, CLOSED = "9", ("9", "10")
EARLIER = timedelta(minutes=1)
PATHS = "--to takes the base URL; --login and --integration name the paths behind it."
WRAPPER = "a province of this profile pushes to the paths of a wrapper, so --to takes the base URL of that (`wrapper`)."


@dataclass
class Receiver:
    """Where to push: the base of its addresses, and what it asks for.

    agency  `madonvi`, such as H42
    """

    base: str
    agency: str
    username: str = ""
    password: str = ""
    login: str = "/login"
    integration: str = "/integration"

    def address(self, path: str) -> str:
        return f"{self.base.rstrip('/')}/{path.lstrip('/')}"


@dataclass
class Pushed:
    """What was pushed so far: dossier → its steps that were taken."""

    steps: dict[str, list[Body]] = field(default_factory=dict)
    objects: dict[str, Body] = field(default_factory=dict)
    calls: int = 0
    refused: list[Body] = field(default_factory=list)


class Pushing:
    """Pushes the dossiers of one province of a sandbox to a receiver."""

    def __init__(
        self, sandbox: Sandbox, province: str, receiver: Receiver, profile: Mapping[str, Any], http: httpx.AsyncClient
    ) -> None:
        self.sandbox, self.province, self.receiver, self.http = sandbox, province, receiver, http
        self.how: Mapping[str, Any] = profile["pushes"]
        self.pushed, self._session = Pushed(), ""

    async def push_all(self, tell: Tell) -> Pushed:
        """Push every dossier that is new, or has gone on since it was pushed. Raises Trouble.

        If the province has none, it is still tried whether the receiver lets it in: by a login, or a push of an empty array.
        """
        rows = await self.sandbox.province(self.province).dossiers()
        for row in rows:
            await self.push(row["code"], tell)
        if not rows:
            await (self._push_nothing() if self.how["bare"] else self._log_in())
        return self.pushed

    async def _push_nothing(self) -> None:
        """Raises Trouble."""
        answer = await self._call("DongBoHoSoMC", "ThemMoi", [])
        if not _is_taken(answer):
            raise Trouble(f"{self.receiver.base} refuses an empty array: {_words(answer)}")

    async def push(self, code: str, tell: Tell) -> None:
        shown = (await self.sandbox.views(code))["network"]
        steps = await self._steps(code, shown)
        if self.pushed.objects.get(code) == shown:
            return
        dossier = self._object(shown)
        if self.how["bare"]:
            answer, again = await self._insert_or_update(code, dossier)
        else:
            answer, again = await self._look_up_and_push(code, dossier), False
        taken = self.pushed.steps.get(code, [])
        new = steps if self.how["history_again"] or again else [step for step in steps if step not in taken]
        for chunk in _chunks(new, self.how["chunk"]):
            answer = await self._call("CapNhatTienDoHoSoMC", "DongBoTienTrinh", chunk)
        is_taken = _is_taken(answer)
        if is_taken:
            self.pushed.objects[code], self.pushed.steps[code] = shown, steps
        else:
            self.pushed.refused.append({"code": code, "answer": answer})
        outcome = "taken" if is_taken else f"refused: {_words(answer)}"
        tell(f"{code} {dossier['TrangThaiHoSo']:>2}  {len(new)} steps  {outcome}")

    async def _look_up_and_push(self, code: str, dossier: Body) -> Body:
        found = (await self._ask({"service": "TraCuuHoSo", "mahoso": code})).get("result")
        return await self._call("DongBoHoSoMC", "CapNhat" if found else "ThemMoi", [dossier])

    async def _insert_or_update(self, code: str, dossier: Body) -> tuple[Body, bool]:
        """The answer, and whether all steps are to come again: the dossier existed already (integration.md 12.1)."""
        if code in self.pushed.objects:
            return await self._call("DongBoHoSoMC", "CapNhat", [dossier]), False
        answer = await self._call("DongBoHoSoMC", "ThemMoi", [dossier])
        if str(answer.get("error_code")) in KNOWN and EXISTS in str(answer.get("message")).lower():
            return await self._call("DongBoHoSoMC", "CapNhat", [dossier]), True
        return answer, False

    async def _call(self, service: str, push: str, data: Sequence[Body]) -> Body:
        updating = "True" if push == "CapNhat" else "False"
        if self.how["bare"]:
            in_query = self.how["in_query"] and service == "DongBoHoSoMC"
            path = f"/api/SynsTTHCC/{service}" if in_query else f"/KetNoiMotCuaQuocGia/{push}"
            params = {"MaDinhDanhDV": self.receiver.agency, "isUpdating": updating} if in_query else None
            return await self._post(path, list(data), params)
        call: Body = {"service": service, "data": list(data)}
        return await self._ask({**call, "isUpdating": updating} if service == "DongBoHoSoMC" else call)

    async def _ask(self, call: Body) -> Body:
        """A call in the session; a new one is drawn if there is none, or it has ended."""
        for _ in range(2):
            if not self._session:
                await self._log_in()
            body = {"session": self._session, "madonvi": self.receiver.agency, **call}
            answer = await self._post(self.receiver.integration, body)
            if str(answer.get("error_code")) != "-1" or "phiên" not in str(answer.get("message")).lower():
                return answer
            self._session = ""
        return answer

    async def _log_in(self) -> None:
        """Raises Trouble."""
        who = {"username": self.receiver.username, "password": self.receiver.password}
        answer = await self._post(self.receiver.login, who)
        self._session = str(answer.get("session") or "")
        if not self._session:
            url = self.receiver.address(self.receiver.login)
            raise Trouble(f"{url} gave no session, but: {_words(answer)}. Look at name and password.")

    async def _post(self, path: str, body: Any, params: Mapping[str, str] | None = None) -> Body:
        """Raises Trouble."""
        self.pushed.calls += 1
        url = self.receiver.address(path)
        try:
            answer = await self.http.post(url, json=body, params=params, timeout=SECONDS)
        except httpx.TimeoutException as error:
            raise Trouble(f"{url} does not answer within {SECONDS:g} s.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Trouble(f"{url} does not answer: look whether the receiver runs, and at the address.") from error
        is_missing = answer.status_code == httpx.codes.NOT_FOUND
        try:
            document = json.loads(answer.content)
            is_missing = is_missing and not (isinstance(document, dict) and "error_code" in document)
        except ValueError as error:
            document = error
        if is_missing:
            raise Trouble(f"Nothing is at {url} (404): {WRAPPER if self.how['bare'] else PATHS}")
        if isinstance(document, ValueError):
            raise Trouble(f"{url} answers {answer.status_code}, and not in JSON: {answer.text[:200]}") from document
        if not isinstance(document, dict):
            raise Trouble(f"{url} answers with no object: {answer.text[:200]}")
        return document

    def _object(self, shown: Body) -> Body:
        """The element of DongBoHoSoMC, as the profile writes it."""
        dossier = {**shown, "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": _number(shown["MaHoSo"])}]}
        dossier = {name: self._value(name, value) for name, value in dossier.items() if name not in self.how["omits"]}
        if int(shown["TrangThaiHoSo"]) in self.how["as_nine"]:
            dossier["TrangThaiHoSo"] = NINE
        return dossier

    def _value(self, name: str, value: Any) -> Any:
        if name.startswith("Ngay") and isinstance(value, str):
            return self._time(value)
        return value.upper() if name == "ChuHoSo" and self.how["upper_names"] else value

    def _time(self, compact: str) -> str:
        form = FORMS[self.how["times"]]
        return datetime.strptime(compact, FORMS["compact"]).strftime(form) if compact else ""

    async def _steps(self, code: str, shown: Body) -> list[Body]:
        """Every status that the dossier has reached, in order, as steps of progress."""
        entries = [entry for entry in await self.sandbox.events(code) if entry.get("status")]
        steps: list[Body] = []
        for entry in entries:
            at = datetime.fromisoformat(entry["at"]).astimezone(HANOI)
            status = str(entry["status"])
            if int(status) in self.how["as_nine"]:
                status = NINE
            if self.how["closing_first"] and status == NINE and steps:
                at -= EARLIER
            step = {
                "MaHoSo": shown["MaHoSo"],
                "NguoiXuLy": f"Bộ phận Một cửa {self.receiver.agency}"[:50],
                "ChucDanh": "",
                "ThoiDiemXuLy": at.strftime(FORMS[self.how["times"]]),
                "PhongBanXuLy": "",
                "NoiDungXuLy": entry["text_vi"],
                "TrangThai": status,
            }
            if not steps or steps[-1]["TrangThai"] != status:
                steps.append(step)
        return steps


def _is_taken(answer: Body) -> bool:
    return str(answer.get("error_code")) in ("0", "00")


def _words(answer: Body) -> str:
    """What an answer says, or the problem document in its place."""
    said = next((str(answer[name]) for name in ("message", "detail", "title") if answer.get(name)), "")
    return said or json.dumps(answer, ensure_ascii=False)[:200]


def _chunks(steps: Sequence[Body], size: int | None) -> Iterator[Sequence[Body]]:
    size = size or max(1, len(steps))
    for begin in range(0, len(steps), size):
        yield steps[begin : begin + size]


def _number(code: str) -> str:
    """An invented personal number for the owner of a dossier: with a serial from 900000 on, it is nobody's."""
    serial = 900_000 + int.from_bytes(blake2b(code.encode(), digest_size=4).digest()) % 100_000
    return f"037190{serial}"


async def profile_of(country: Country, name: str) -> Mapping[str, Any]:
    """Raises Trouble."""
    rows: list[Mapping[str, Any]] = await country.gateway.json("GET", "/api/v1/adapter-profiles")
    for row in rows:
        if row["name"] == name:
            return row
    raise Trouble(f"There is no profile '{name}'. There are: {', '.join(row['name'] for row in rows)}.")
