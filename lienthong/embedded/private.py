"""What only the owner of a stack may read: the files and folders of its data folder, and the secrets drawn for it."""

import fcntl
import json
import os
import secrets
from pathlib import Path

from lienthong.embedded.processes import may_enter_any_folder

SECRETS = (
    "PAYMENT_PARTNER_SECRET",
    "SERVICE_SECRET",
    "KAFKA_SASL_PASSWORD",
    "POSTGRES_PASSWORD",
    "PORTAL_DATABASE_PASSWORD",
    "PROVINCE_GATEWAY_DATABASE_PASSWORD",
    "IDENTITY_DATABASE_PASSWORD",
    "PAYMENT_DATABASE_PASSWORD",
)
# Everything that a stack writes into its data folder.
OURS = ("postgres", "postgres.new", "kafka", "log", "access", "secrets.json", "plan.json", "control.sock", "lock")


def data_folder(data: Path) -> None:
    """Create a data folder for its owner only. One that has other files as well, such as a home, keeps its mode."""
    mode = 0o700 if may_enter_any_folder() else 0o711  # PostgreSQL must reach its own folder
    data.mkdir(parents=True, exist_ok=True, mode=mode)
    if all(entry.name in OURS for entry in data.iterdir()):
        data.chmod(mode)


def folder(path: Path) -> None:
    """Create a folder for its owner only; one of an older version is closed."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)


def write(file: Path, text: str) -> None:
    """Write a file that only its owner can read; readers find the old text or the new one."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    fresh.replace(file)


def drawn(data: Path) -> dict[str, str]:
    """The secrets of a data folder by name: 256 bits each, drawn at first use, in letters that need no quotes."""
    file = data / "secrets.json"
    if (known := _read(file)).keys() >= set(SECRETS):
        return known
    data_folder(data)
    opened = os.open(data, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)  # two processes must not draw at once
        known = {name: secrets.token_urlsafe(32) for name in SECRETS} | _read(file)
        write(file, json.dumps(known))
    finally:
        os.close(opened)
    return known


def _read(file: Path) -> dict[str, str]:
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return known
