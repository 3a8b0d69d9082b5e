"""Generates the secrets once, and gives each service those that it needs: a folder each in SECRETS_DIR, one file per variable.

The folders are volumes. A container mounts its own, so it cannot read what another service knows. PostgreSQL and Kafka
have users of their own and read as members of our group.
"""

import os
import secrets
from pathlib import Path

KAFKA_USER = "lienthong"
DATABASES = ("portal", "province_gateway", "identity", "payment")
READERS = {  # who knows it, beside PostgreSQL and Kafka
    "SERVICE_SECRET": DATABASES,
    "PAYMENT_PARTNER_SECRET": ("portal", "payment"),
    "KAFKA_SASL_PASSWORD": ("portal", "province_gateway", "kafka"),
    "POSTGRES_PASSWORD": ("postgres",),
    **{f"{name.upper()}_DATABASE_PASSWORD": ("postgres",) for name in DATABASES},
}
LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="{user}" password="{password}"'


def main() -> None:
    folder = Path(os.environ["SECRETS_DIR"])
    drawn = {name: _draw(folder, name, readers) for name, readers in READERS.items()}
    for database in DATABASES:
        password = drawn[f"{database.upper()}_DATABASE_PASSWORD"]
        url = f"postgresql://{database}:{password}@postgres:5432/{database}"
        _write(folder / database / f"{database.upper()}_DATABASE_URL", url)
    for reader in ("portal", "province_gateway"):
        _write(folder / reader / "KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
        _write(folder / reader / "KAFKA_SASL_USERNAME", KAFKA_USER)
    password = drawn["KAFKA_SASL_PASSWORD"]
    login = LOGIN.format(user=KAFKA_USER, password=password)
    _write(folder / "kafka" / "login.conf", f'KafkaServer {{\n  {login} user_{KAFKA_USER}="{password}";\n}};\n')
    sasl = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
    _write(folder / "kafka" / "kafka.properties", f"{sasl}sasl.jaas.config={login};\n")
    names = f"sasl.username={KAFKA_USER}\nsasl.password={password}\n"
    _write(folder / "kafka" / "librdkafka.properties", sasl + names)


def _draw(folder: Path, name: str, readers: tuple[str, ...]) -> str:
    """The secret of that name; drawn if no reader has it."""
    files = [folder / reader / name for reader in readers]
    known = next((file.read_text() for file in files if file.exists()), "")
    print(f"{name}: {'kept' if known else 'generated'}")
    secret = known or secrets.token_urlsafe(32)
    for file in files:
        _write(file, secret)
    return secret


def _write(file: Path, text: str) -> None:
    """Readable by us and our group; complete or not there."""
    if file.exists() and file.read_text() == text:
        return
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as out:
        out.write(text)
    fresh.rename(file)


if __name__ == "__main__":
    main()
