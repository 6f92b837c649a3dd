"""`r2k demo` and `r2k ui` as a user starts them: processes of their own, nothing set up before.

Add here only what needs the whole demo; questions on a built store are in `test_cli`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

R2K = [sys.executable, "-c", "from r2k_pipeline.cli import main; main()"]
PATIENCE_SECONDS = 90.0


def environment() -> dict[str, str]:
    """The test run's environment without a store, so that the command's defaults show."""
    root = str(Path(__file__).resolve().parents[1])
    kept = {k: v for k, v in os.environ.items() if k not in {"R2K_HOME", "DAGSTER_HOME"}}
    return kept | {"PYTHONPATH": root, "COLUMNS": "100"}


@pytest.mark.slow
def test_the_demo_runs_from_nothing_and_says_where_to_look(tmp_path: Path) -> None:
    asked = [*R2K, "demo", "--years", "1", "--seed", "7"]
    run = subprocess.run(
        asked, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    for words in ("Breakpoints and bands of 2024-06", "additions", "reason", "r2k ui", "r2000"):
        assert words in run.stdout
    reports = tmp_path / ".r2k-demo" / "reports"
    assert sorted(path.name for path in reports.iterdir()) == [
        "factsheet-r2000.html",
        "reconstitution-2024-06.html",
    ]
    verified = subprocess.run(
        [*R2K, "verify", "--home", ".r2k-demo"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stderr


@pytest.mark.slow
def test_the_ui_serves_on_the_loopback_and_ends_with_an_interrupt(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # A test run in the background of a shell is deaf to interrupts, and so would its children be.
    hearing = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " + R2K[-1]
    asked = [*R2K[:-1], hearing, "ui", "--port", str(port), "--home", str(tmp_path)]
    with subprocess.Popen(
        asked, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as ui:
        try:
            assert "dagster_webserver_version" in answered(port)
            ui.send_signal(signal.SIGINT)
            ui.wait(PATIENCE_SECONDS)
        finally:
            ui.kill()  # nothing, once it has ended
    with pytest.raises(ConnectionRefusedError):
        server_info(port)


def server_info(port: int) -> str:
    """What the server on the loopback says of itself."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def answered(port: int) -> str:
    """The same, once it listens."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return server_info(port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
