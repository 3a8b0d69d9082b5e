"""Settings: every variable is listed with its default, and a misspelt one is refused."""

from importlib import import_module
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from shared.messaging.kafka import Access
from shared.settings import Settings, UnknownSetting

SERVICES = ("portal", "province_gateway", "identity_mock", "payment_mock")
SECRETS = {"PAYMENT_PARTNER_SECRET", "SERVICE_SECRET"}
EXAMPLE = Path(__file__).parents[2] / ".env.example"


def _settings(service: str) -> type[Settings]:
    found: type[Settings] = import_module(f"services.{service}.settings").Settings
    return found


def _example() -> dict[str, str]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _names(settings: type[BaseSettings]) -> dict[str, object]:
    prefix = settings.model_config["env_prefix"]
    return {
        str(field.validation_alias or f"{prefix}{name}".upper()): field.default
        for name, field in settings.model_fields.items()
    }


def set_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "an invented secret")


def test_the_example_lists_every_variable_and_no_other() -> None:
    known = {name for service in SERVICES for name in _names(_settings(service))}
    assert set(_example()) == known | set(_names(Access))


@pytest.mark.parametrize("service", SERVICES)
def test_the_example_shows_the_defaults(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(service)
    set_secrets(monkeypatch)
    plain = settings()
    for name, value in _example().items():
        if value:
            monkeypatch.setenv(name, value)
    assert settings() == plain


def test_only_the_secrets_have_no_default() -> None:
    without = {
        name
        for service in SERVICES
        for name, default in _names(_settings(service)).items()
        if default is PydanticUndefined
    }
    assert without == SECRETS


@pytest.mark.parametrize("service", SERVICES)
def test_a_misspelt_variable_is_refused_by_name(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(service)
    set_secrets(monkeypatch)
    misspelt = f"{settings.model_config['env_prefix']}DATABASE_ULR"
    monkeypatch.setenv(misspelt, "postgresql://127.0.0.1/x")
    with pytest.raises(UnknownSetting, match=misspelt):
        settings()


def test_settings_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    set_secrets(monkeypatch)
    settings = _settings("portal")()
    with pytest.raises(ValidationError):
        settings.batch = 1  # type: ignore[misc]
