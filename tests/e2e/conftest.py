"""The same stories, told of the country at LIENTHONG_URL if there is one."""

import os

import pytest

OF_ITS_OWN = "starts processes of its own, which say nothing of the country at LIENTHONG_URL"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only who asks our plugin for the country speaks to that one."""
    for item in items:
        asks = "lienthong_sync" in getattr(item, "fixturenames", ())
        if os.environ.get("LIENTHONG_URL") and "e2e" in item.path.parts and not asks:
            item.add_marker(pytest.mark.skip(reason=OF_ITS_OWN))
