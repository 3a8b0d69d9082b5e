"""What a signal does to a command that has a stack, or another program, to look after."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@contextmanager
def as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP stop us as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    kept = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def run_to_its_end(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program, pass on the signals we get; gives its exit status as shells do: 128 + n if signal n ended it."""
    awaited = PASSED_ON | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    try:
        program = subprocess.Popen(
            words, env=environment, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before)
        )
        while (status := program.poll()) is None:
            told = signal.sigwaitinfo(awaited)
            by_a_program = told.si_code <= 0  # a terminal's Ctrl-C has reached the program already
            if told.si_signo in PASSED_ON and by_a_program:
                program.send_signal(told.si_signo)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return status if status >= 0 else 128 - status
