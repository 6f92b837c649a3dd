"""The same store with its warehouse in S3: nothing but the URL differs."""

from __future__ import annotations

import multiprocessing
import socket
import warnings
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from r2k_pipeline.errors import StorageError
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.lake import open_lake
from r2k_pipeline_tests.storage.kept_rows import JUNE_24, closes, listings, weekdays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 180
_BUCKET = "index-data"


@pytest.fixture
def object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 server with one bucket, made known as its users would."""
    with warnings.catch_warnings():
        # moto and boto3 warn about their own dependencies while they are imported.
        warnings.simplefilter("ignore")
        server_module = pytest.importorskip("moto.server", reason="no S3: pip install moto[server]")
        boto3 = pytest.importorskip("boto3", reason="no S3: pip install moto[server]")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    told = {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "PYICEBERG_CATALOG__R2K__S3__ENDPOINT": endpoint,
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket=_BUCKET)
    try:
        yield server
    finally:
        server.stop()


def replace_and_read_back(home: Path) -> None:
    """Child: pyiceberg reads its configuration when it is imported."""
    june = weekdays(date(2022, 6, 1), date(2022, 6, 30))
    with open_lake(Settings(home=home, warehouse=f"s3://{_BUCKET}/warehouse")) as lake:
        lake.replace("raw_listings", listings(june), start=june[0], end=june[-1])
        again = listings([JUNE_24], version=7.0)
        lake.replace("raw_listings", again, start=JUNE_24, end=JUNE_24)
        expected = {day: [1.0, 2.0] for day in june} | {JUNE_24: [7.0, 8.0]}
        assert closes(lake) == expected


@pytest.mark.usefixtures("object_store")
def test_bulk_tables_live_in_an_object_store(tmp_path: Path) -> None:
    child = _SPAWN.Process(target=replace_and_read_back, args=(tmp_path,))
    child.start()
    child.join(_PATIENCE_SECONDS)
    assert child.exitcode == 0
    assert not list(tmp_path.rglob("*.parquet"))


def replace_until_refused(home: Path, pipe: Connection) -> None:
    """Child: replaces a session with ever new versions; tells the error that ends it."""
    version = 1.0
    try:
        with open_lake(Settings(home=home, warehouse=f"s3://{_BUCKET}/warehouse")) as lake:
            while True:
                pipe.send(version)
                rows = listings([JUNE_24], version=version)
                lake.replace("raw_listings", rows, start=JUNE_24, end=JUNE_24)
                version += 2.0
    except StorageError as error:
        pipe.send(str(error))


def read_closes(home: Path, pipe: Connection) -> None:
    """Child: tells what the table holds, then replaces it once more."""
    with open_lake(Settings(home=home, warehouse=f"s3://{_BUCKET}/warehouse")) as lake:
        pipe.send(closes(lake)[JUNE_24])
        lake.replace("raw_listings", listings([JUNE_24], version=0.0), start=JUNE_24, end=JUNE_24)
        pipe.send(closes(lake)[JUNE_24])


@pytest.mark.slow
@pytest.mark.parametrize("is_silent", [False, True], ids=["gone", "silent"])
def test_an_object_store_that_stops_answering_is_told_and_overcome(
    tmp_path: Path,
    object_store: Any,  # noqa: ANN401 - the package has no types
    is_silent: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    host, port = object_store.get_host_and_port()
    ours, theirs = _SPAWN.Pipe(duplex=False)
    child = _SPAWN.Process(target=replace_until_refused, args=(tmp_path, theirs))
    child.start()
    theirs.close()
    assert [told(ours) for _ in range(3)] == [1.0, 3.0, 5.0]
    object_store.stop()
    with socket.socket() as listener:
        if is_silent:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            # Whoever connects is taken in and never answered.
            listener.listen()
        version, error = 5.0, told(ours)
        while isinstance(error, float):
            version, error = error, told(ours)
        child.join(_PATIENCE_SECONDS)
        assert child.exitcode == 0
    culprit, state, remedy = str(error).split("\n")
    assert culprit.startswith("replacing 2022-06-24 of raw_listings failed: ")
    assert state == "state: nothing was promoted; the table's last good partitions stand"
    assert remedy.startswith("remedy: check that the warehouse can be reached")
    object_store._port = port
    object_store.start()
    ours, theirs = _SPAWN.Pipe(duplex=False)
    child = _SPAWN.Process(target=read_closes, args=(tmp_path, theirs))
    child.start()
    # The last one that was finished, or the one that could not say so any more.
    assert told(ours) in ([version - 2.0, version - 1.0], [version, version + 1.0])
    assert told(ours) == [0.0, 1.0]
    child.join(_PATIENCE_SECONDS)
    assert child.exitcode == 0


def told(pipe: Connection) -> object:
    """What a child says next."""
    assert pipe.poll(_PATIENCE_SECONDS), "the child says nothing more"
    return pipe.recv()
