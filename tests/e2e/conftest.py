"""The same stories, told of the country at LIENTHONG_URL if there is one."""

import pytest

from tests.support.stack import elsewhere

OF_ITS_OWN = "starts processes of its own, which say nothing of the country at LIENTHONG_URL"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only who asks for `stack` speaks to that country."""
    for item in items:
        if elsewhere() and "e2e" in item.path.parts and "stack" not in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=OF_ITS_OWN))
