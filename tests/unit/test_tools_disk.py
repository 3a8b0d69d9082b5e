"""What the tools ask of the disk before a run, and that a report is shown even if it can no longer be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lienthong.embedded import Trouble
from lienthong.embedded.stack import Stack
from tools.bench.__main__ import bench
from tools.disk import refuse_full_disk, refuse_unwritable
from tools.peers.__main__ import peers
from tools.prove.__main__ import prove
from tools.prove.run import Order, Report
from tools.quarter.__main__ import quarter
from tools.scale.__main__ import scale

NOWHERE = Path("/nonexistent/x.html")


def test_too_little_disk_is_said_before_the_start_with_both_sizes(tmp_path: Path) -> None:
    refuse_full_disk(tmp_path / "not" / "there", 1)
    with pytest.raises(Trouble, match=r"Too little disk: [\d,]+ MB are free .*needs 1,000,000,000,000 MB"):
        refuse_full_disk(tmp_path, 10**18)


@pytest.mark.parametrize(
    "start",
    [
        lambda: prove(html=NOWHERE),
        lambda: quarter(html=NOWHERE, data=NOWHERE),
        lambda: bench(write=NOWHERE),
        lambda: peers(write=NOWHERE),
        lambda: scale(write=NOWHERE),
    ],
    ids=["prove", "quarter", "bench", "peers", "scale"],
)
def test_a_report_that_cannot_be_written_is_said_before_the_run(
    start: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "start", lambda *_: pytest.fail("The run has started."))
    with pytest.raises(Trouble, match=f"cannot be written to {NOWHERE}: No such file or directory"):
        start()


def test_the_file_of_a_report_is_left_as_it_is_before_the_run(tmp_path: Path) -> None:
    new, old = tmp_path / "new.html", tmp_path / "old.html"
    old.write_text("of the last run")
    for file in (new, old, None):
        refuse_unwritable(file)
    assert [*tmp_path.iterdir()] == [old] and old.read_text() == "of the last run"
    with pytest.raises(Trouble, match="Is a directory"):
        refuse_unwritable(tmp_path)


def test_a_report_is_shown_although_its_folder_is_gone_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "gone"
    place.mkdir()

    async def run(order: Order, notify: object) -> Report:
        place.rmdir()
        return Report(order, mark="m")

    monkeypatch.setattr("tools.prove.run.run", run)
    with pytest.raises(FileNotFoundError):
        prove(faults="ask-settle", data=tmp_path / "data", port_base=20_000, html=place / "x.html")
    assert "Again: make prove" in capsys.readouterr().out
