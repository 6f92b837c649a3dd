"""Damaged files at every reader: an answer of the right shape, or one clear error.

Invariants, for every reader and every damaged input:
    1. What is raised is of the project's own family, with culprit, state and remedy, each
       short enough to be read; never anything else, a panic of a library included.
    2. It is over within seconds of computing, and does not wait for anything.
    3. What is accepted has the shape that is promised (asserted by `readers`).
    4. Good examples are accepted, and of the damaged ones some are refused.

Inputs are numbered; a number and a reader's name give the same bytes again. The variable
`FUZZ_INPUTS` says how many a reader gets.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import R2kError
from r2k_pipeline_tests.hostile.readers import READERS, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

INPUTS = int(os.environ.get("FUZZ_INPUTS", "500"))
SECONDS, WAITING_SECONDS = 10.0, 120.0
LONGEST_PART = 4_100


class HungError(BaseException):
    """An input took too long."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Stop what computes too long; end the process if it waits, or cannot be stopped."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise HungError

    before = signal.signal(signal.SIGPROF, stop)
    # Time of this process: the machine may have others to serve.
    signal.setitimer(signal.ITIMER_PROF, seconds)
    faulthandler.dump_traceback_later(WAITING_SECONDS, exit=True, file=2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGPROF, before)


def damaged(reader: Reader, number: int) -> bytes:
    rng = Random(f"{reader.name} {number}")  # noqa: S311 - a seed that repeats is what is wanted
    return reader.damage(rng, rng.choice(reader.examples))


def fault(error: R2kError) -> str | None:
    """What is wrong with an error; None if it is clear."""
    parts = {"culprit": error.culprit, "state": error.state, "remedy": error.remedy}
    for name, text in parts.items():
        if not text.strip():
            return f"no {name}"
        if len(text) > LONGEST_PART:
            return f"a {name} of {len(text):,} characters"
    return None


def verdict(reader: Reader, data: bytes, folder: Path) -> str:
    """`accepted`, `refused`, or what went wrong."""
    folder.mkdir()
    try:
        with within(SECONDS):
            reader.read(data, folder)
    except R2kError as error:
        wrong = fault(error)
        return f"{type(error).__name__} with {wrong}" if wrong else "refused"
    except HungError:
        return f"not over after {SECONDS:g} seconds"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of a library is no Exception
        return f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return "accepted"


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_good_examples_are_accepted(reader: Reader, tmp_path: Path) -> None:
    told = {verdict(reader, data, tmp_path / "in") for data in reader.examples[:3]}
    assert told == {"accepted"}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_damaged_files_are_read_or_refused_clearly(reader: Reader, tmp_path: Path) -> None:
    told = {
        number: verdict(reader, damaged(reader, number), tmp_path / "in")
        for number in range(0, INPUTS, reader.one_in)
    }
    wrong = {number: said for number, said in told.items() if said not in {"accepted", "refused"}}
    assert wrong == {}
    assert "refused" in told.values()
