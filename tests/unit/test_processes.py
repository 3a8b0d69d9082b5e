"""A child that must not be root, as PostgreSQL refuses it, and yet finds what lies in a folder of root alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lienthong.embedded.processes import with_parent_unprivileged

LOOKS = """
import os, sys
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(os.geteuid(), int(status["CapPrm"], 16), os.access(sys.argv[1], os.R_OK), os.access(sys.argv[1], os.X_OK))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to become somebody else")
def test_a_program_in_a_folder_of_root_alone_is_found(tmp_path: Path) -> None:
    program = tmp_path / "closed" / "program"
    program.parent.mkdir(mode=0o700)
    program.touch(mode=0o755)
    words = [sys.executable, "-c", LOOKS, str(program)]
    done = subprocess.run(words, preexec_fn=with_parent_unprivileged(signal.SIGKILL), capture_output=True, text=True)
    uid, capabilities, *found = done.stdout.split()
    assert int(uid) != 0
    assert int(capabilities) == 1 << 1, "no power over files but CAP_DAC_OVERRIDE, and no other"
    assert found == ["True", "True"]
