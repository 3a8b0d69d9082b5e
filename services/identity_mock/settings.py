"""Settings of identity_mock: the variables `IDENTITY_…`, and those that all services share."""

from __future__ import annotations

from datetime import timedelta

from pydantic_settings import SettingsConfigDict

from shared.settings import Settings as Shared


class Settings(Shared):
    model_config = SettingsConfigDict(env_prefix="IDENTITY_")

    database_url: str = "postgresql://lienthong@127.0.0.1:5432/identity"
    code_lifetime: timedelta = timedelta(seconds=60)  # sandbox time; RFC 6749 section 4.1.2 allows at most ten minutes
    token_lifetime: timedelta = timedelta(hours=1)  # README: by which clock; the real server's is not published
