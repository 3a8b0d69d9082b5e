"""A supervised child starts again after what passes, and not after what does not."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lienthong.embedded import Trouble
from lienthong.embedded.parts import Part
from lienthong.embedded.processes import Preparation, with_parent


class Child(Part):
    """A child that ends at once; its preparation fails as `fails` says, by the number of the start."""

    name = "child"

    def __init__(self, log: Path, fails: dict[int, Exception]) -> None:
        super().__init__(log)
        self._fails, self.starts = fails, 0

    async def prepare(self) -> None:
        self.starts += 1
        if self.starts in self._fails:
            raise self._fails[self.starts]

    def command(self) -> list[str]:
        return ["true"]

    def before_exec(self) -> Preparation:
        return with_parent(signal.SIGKILL)


async def kept(child: Child, until: Callable[[], bool]) -> None:
    keeping = asyncio.create_task(child.keep())
    async with asyncio.timeout(20):
        while not until() and not keeping.done():
            await asyncio.wait([keeping], timeout=0.02)
    keeping.cancel()


FULL = OSError(28, "No space left on device")


async def test_a_full_disk_does_not_end_what_ran_before(tmp_path: Path) -> None:
    child = Child(tmp_path / "log", {2: FULL, 3: FULL})
    await kept(child, lambda: child.starts > 4)
    assert child.trouble is None and child.restarts >= 4


@pytest.mark.parametrize(("start", "error"), [(1, FULL), (1, Trouble("no")), (2, Trouble("another version"))])
async def test_the_first_start_says_what_is_wrong_and_a_wrong_version_is_final(
    tmp_path: Path, start: int, error: Exception
) -> None:
    child = Child(tmp_path / "log", {start: error})
    await kept(child, lambda: False)
    assert child.state == "failed" and child.trouble == str(error)
