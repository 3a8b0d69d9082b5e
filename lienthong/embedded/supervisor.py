"""Supervisor process of a running stack: starts the parts in parallel, keeps them alive, serves the control socket.

Started by `Stack` as `python -P -m lienthong.embedded`, the plan as JSON on stdin.
"""

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lienthong.embedded import Trouble, access, jars, postgres, probe, rotation
from lienthong.embedded.control_socket import listen
from lienthong.embedded.elsewhere import Server
from lienthong.embedded.kafka import Broker
from lienthong.embedded.parts import Part, end_of, note
from lienthong.embedded.plan import ROLES, ROLES_BY_NAME, Plan
from lienthong.embedded.processes import Preparation, with_parent, with_parent_unprivileged

ASK_SECONDS = 1.0
PRELOAD = ["shared.web.before_fork"]  # after the modules of the roles
HELLO = {"postgres": probe.POSTGRESQL, "kafka": probe.KAFKA}


class PostgresPart(Part):
    """The database server."""

    name = "postgres"
    stop_signals = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))  # fast, immediate, hard

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.log(self.name))
        self.plan = plan

    async def prepare(self) -> None:
        await asyncio.to_thread(postgres.initialise, self.plan)

    def command(self) -> list[str]:
        return postgres.command(self.plan)

    def before_exec(self) -> Preparation:
        return with_parent_unprivileged(signal.SIGQUIT)

    async def accompany(self) -> None:
        while not self.ready:
            await asyncio.sleep(0.05)
            try:
                await asyncio.to_thread(postgres.ensure_databases, self.plan)
                self.ready = True
            except Trouble:  # still starting
                continue


class KafkaPart(Part):
    """The broker."""

    name = "kafka"

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.log(self.name))
        self.plan = plan
        self.broker = Broker(plan, jars.ensure(print))

    async def prepare(self) -> None:
        await asyncio.to_thread(self.broker.prepare)

    def command(self) -> list[str]:
        return self.broker.command()

    def before_exec(self) -> Preparation:
        return with_parent(signal.SIGKILL)

    async def accompany(self) -> None:
        while not self.ready:
            await asyncio.sleep(0.05)
            ports = [self.plan.port(name) for name in ("kafka", "kafka-outside")]
            self.ready = all([await probe.port_open(port) for port in ports])

    def ended(self, *, cleanly: bool) -> None:
        self.broker.stopped(cleanly=cleanly)

    async def wipe(self) -> None:
        await asyncio.to_thread(self.broker.wipe)


class ServicesPart(Part):
    """The process that imports everything once and forks the roles; `roles` is the last state of each."""

    name = "zygote"
    piped = True

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.log(self.name))
        self.plan = plan
        self.roles: dict[str, dict[str, Any]] = {
            role.name: {"pid": 0, "state": "starting", "restarts": 0, "last_exit": None} for role in ROLES
        }

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "lienthong.embedded.zygote"]

    def before_exec(self) -> Preparation:
        return with_parent(signal.SIGKILL)

    def environment(self) -> dict[str, str]:
        return self.plan.child_environment()

    async def accompany(self) -> None:
        assert self.child and self.child.stdout
        roles = {
            role.name: {
                "target": role.target,
                "log": str(self.plan.log(role.name)),
                "environment": self.plan.environment(role),
            }
            for role in ROLES
        }
        self._send({"preload": PRELOAD, "roles": roles})
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self.child.stdout)
        self.ready = True
        earlier = {name: facts["restarts"] + (self.restarts > 0) for name, facts in self.roles.items()}
        while line := await reader.readline():
            if not line.startswith(b'{"role"'):  # a module printed something at import
                note(f"zygote: {line.decode(errors='replace').rstrip()}")
                continue
            facts = json.loads(line)
            name = facts.pop("role")
            self.roles[name] = {**facts, "restarts": facts["restarts"] + earlier[name]}
            note(f"{name}: {facts['state']}, pid {facts['pid']}, last exit: {facts['last_exit']}")

    def ended(self, *, cleanly: bool) -> None:
        for facts in self.roles.values():
            facts.update(pid=0, state="stopped")

    def hold(self, role: str, *, hold: bool) -> None:
        """Stop a role and keep it stopped, or start it again."""
        self._send({"do": "hold" if hold else "release", "role": role})

    def _send(self, message: dict[str, Any]) -> None:
        if self.child is None or self.child.stdin is None:
            raise Trouble("The services are just being restarted: ask again.")
        self.child.stdin.write(json.dumps(message).encode() + b"\n")
        self.child.stdin.flush()


class Supervisor:
    """Runs all parts of one plan, and handles the requests on the control socket."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.services = ServicesPart(plan) if "services" in plan.parts else None
        self.kafka = KafkaPart(plan) if "kafka" in plan.parts else None
        self.postgres = PostgresPart(plan) if "postgres" in plan.parts else None
        self.parts: list[Part] = [part for part in (self.services, self.postgres, self.kafka) if part]
        self.elsewhere = plan.servers_elsewhere()
        self._stop = asyncio.Event()
        self._asked: dict[str, tuple[float, bool]] = {}  # server → when it was asked, whether it answered
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Run the stack until a signal, a request or the end of its owner process stops it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        keeping = [asyncio.create_task(part.keep()) for part in self.parts]
        if self.plan.life_of:
            asyncio.create_task(self._end_with(self.plan.life_of))  # noqa: RUF006
        rotating = asyncio.create_task(rotation.keep_short(self.plan.data / "log"))
        server = await listen(self.plan.data, self.handle)
        await self._stop.wait()
        if self.services:
            await self.services.stop()
        await asyncio.gather(*(part.stop() for part in self.parts))
        for task in (*keeping, rotating):
            task.cancel()
        self._stopped.set()
        server.close()

    async def _end_with(self, pid: int) -> None:
        await end_of(pid)
        self._stop.set()

    async def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Reply to one request on the control socket; `Stack` has a method for each."""
        match request:
            case {"do": "status"}:
                return await self.status()
            case {"do": "stop"}:
                self._stop.set()
                await self._stopped.wait()
            case {"do": "kill", "name": name, "signal": number}:
                return {"pid": self._kill(name, signal.Signals(number))}
            case {"do": "hold", "name": name} if part := self._server(name):
                await part.stop()
            case {"do": "release", "name": name} if part := self._server(name):
                part.start()
            case {"do": "hold" | "release" as verb, "name": name} if self.services:
                self.services.hold(_known(name), hold=verb == "hold")
            case {"do": "restart-kafka", "wipe": wipe, "signal": number} if self.kafka:
                await self.kafka.restart(signal.Signals(number), self.kafka.wipe if wipe else None)
            case _:
                raise Trouble(f"The supervisor does not know this request: {request}.")
        return {"done": True}

    def _server(self, name: str) -> Part | None:
        """The database server or the broker, if it is called so."""
        return next((part for part in (self.postgres, self.kafka) if part and part.name == name), None)

    def _kill(self, name: str, number: signal.Signals) -> int:
        pids = {part.name: part.pid for part in self.parts}
        if name not in pids and self.services:
            pids[name] = self.services.roles[_known(name)]["pid"]
        pid = pids.get(name)
        if not pid:
            raise Trouble(f"{name} is not running, so it cannot receive {number.name}.")
        os.kill(pid, number)
        return int(pid)

    async def status(self) -> dict[str, Any]:
        """Every process with its state, and whether the whole stack is ready."""
        processes = [*await asyncio.gather(*(self._part_status(part) for part in self.parts))]
        if self.services:
            processes += await asyncio.gather(*(self._role_status(role.name) for role in ROLES))
        processes += await asyncio.gather(*(self._server_status(server) for server in self.elsewhere))
        return {
            "pid": os.getpid(),
            "data": str(self.plan.data),
            "ready": not self._stop.is_set() and all(process["ready"] for process in processes),
            "stopping": self._stop.is_set(),
            "trouble": next((part.trouble for part in self.parts if part.trouble), None),
            "processes": processes,
        }

    async def _part_status(self, part: Part) -> dict[str, Any]:
        waiting = None if part.ready else part.trouble or "its port to open"
        if part.ready and part.name in HELLO and not await self._answers(part.name):
            waiting = f"itself: it does not answer within {probe.SERVER_PATIENCE:g} s, so it hangs or is very slow"
        facts = {"pid": part.pid, "state": part.state, "restarts": part.restarts, "last_exit": part.last_exit}
        outside = {"outside": self.plan.kafka_outside} if part is self.kafka else {}
        return self._row(part.name, {**facts, "ready": waiting is None, "waiting_for": waiting, **outside})

    async def _answers(self, name: str) -> bool:
        """Whether this server answers; it is asked once a second at most, as a start asks for the state all the time."""
        asked_at, answers = self._asked.get(name, (0.0, False))
        if time.monotonic() - asked_at > ASK_SECONDS:
            answers = await probe.answers(HELLO[name], "127.0.0.1", self.plan.port(name))
            self._asked[name] = time.monotonic(), answers
        return answers

    async def _role_status(self, name: str) -> dict[str, Any]:
        assert self.services
        facts = self.services.roles[name]
        waiting = await probe.waiting_for(self.plan.url(name)) if facts["pid"] else "its process to start"
        return self._row(name, {**facts, "pid": facts["pid"] or None, "ready": waiting is None, "waiting_for": waiting})

    async def _server_status(self, server: Server) -> dict[str, Any]:
        """State of an external server: only whether it accepts connections."""
        open_ = not server.addresses or any([await probe.port_open(port, host) for host, port in server.addresses])
        waiting = (
            None
            if open_
            else f"a connection to {server.shown_as} ({', '.join(server.variables)}; if unset, lienthong starts its own)"
        )
        facts = {"pid": None, "state": "external", "restarts": 0, "last_exit": None}
        return {
            "name": server.name,
            **facts,
            "ready": open_,
            "waiting_for": waiting,
            "door": server.shown_as,
            **({"outside": self.plan.kafka_outside} if server.name == "kafka" else {}),
            "log": "",
        }

    def _row(self, name: str, facts: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, **facts, "door": self.plan.address(name), "log": str(self.plan.log(name))}


def _known(role: str) -> str:
    if role not in ROLES_BY_NAME:
        raise Trouble(f"There is no role {role!r}; there are {', '.join(ROLES_BY_NAME)}.")
    return role


def main() -> None:
    """Lock the data folder and run the plan that comes on stdin."""
    os.umask(0o077)  # also of all children: data and logs are for their owner only
    plan = Plan.from_json(sys.stdin.read())
    with Path(plan.data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"Another stack runs in {plan.data}: stop it with `lienthong down`.")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        plan.save()
        access.write(plan)
        asyncio.run(Supervisor(plan).run())
        (plan.data / "control.sock").unlink(missing_ok=True)
        lock.truncate(0)


def run() -> None:
    """As `main`; ends with what went wrong as its last line."""
    try:
        main()
    except Trouble as trouble:
        sys.exit(str(trouble))
