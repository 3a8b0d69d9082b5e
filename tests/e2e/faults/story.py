"""The register of stories: one for each named fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.support.trouble import Trouble

Story = Callable[[Trouble], Awaitable[None]]


class Stories(dict[str, Story]):
    """Fault → what it is like when it bites; the story switches it on and, at its end, off."""

    def of(self, fault: str) -> Callable[[Story], Story]:
        def keep(told: Story) -> Story:
            assert fault not in self, fault
            self[fault] = told
            return told

        return keep
