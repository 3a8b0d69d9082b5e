"""Signals for a command that runs a stack or another program."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

FORWARDED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@contextmanager
def as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    handlers = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def run_to_end(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program and forward our signals to it; returns its exit status as shells do: 128 + n if signal n ended it."""
    awaited = FORWARDED | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    try:
        program = subprocess.Popen(
            words, env=environment, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before)
        )
        while (status := program.poll()) is None:
            info = signal.sigwaitinfo(awaited)
            by_a_program = info.si_code <= 0  # Ctrl-C of a terminal also reaches the program directly
            if info.si_signo in FORWARDED and by_a_program:
                program.send_signal(info.si_signo)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return status if status >= 0 else 128 - status
