"""The register of stories: one for each named fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.support.trouble import Trouble

Story = Callable[[Trouble], Awaitable[None]]
STORIES: dict[str, Story] = {}


def story(fault: str) -> Callable[[Story], Story]:
    """This is what it is like when `fault` bites; the story switches it on and, at the end, off."""

    def register(told: Story) -> Story:
        assert fault not in STORIES
        STORIES[fault] = told
        return told

    return register
