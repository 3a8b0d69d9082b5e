"""Generates the secrets that the services share, once: one file per variable in the folder SECRETS_DIR."""

import os
import secrets
from pathlib import Path

NAMES = ("PAYMENT_PARTNER_SECRET", "SERVICE_SECRET")


def main() -> None:
    for name in NAMES:
        file = Path(os.environ["SECRETS_DIR"], name)
        if file.exists():
            print(f"{name}: kept")
            continue
        temporary = file.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(32))
        temporary.rename(file)  # atomic: the file is complete or does not exist
        print(f"{name}: generated")


if __name__ == "__main__":
    main()
