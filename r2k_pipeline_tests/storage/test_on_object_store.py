"""The same store with its warehouse in S3: nothing but the URL differs."""

from __future__ import annotations

import multiprocessing
import warnings
from datetime import date
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.lake import open_lake
from r2k_pipeline_tests.storage.kept_rows import JUNE_24, closes, listings, weekdays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 180
_BUCKET = "index-data"


@pytest.fixture
def _object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
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
        yield
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


@pytest.mark.usefixtures("_object_store")
def test_bulk_tables_live_in_an_object_store(tmp_path: Path) -> None:
    child = _SPAWN.Process(target=replace_and_read_back, args=(tmp_path,))
    child.start()
    child.join(_PATIENCE_SECONDS)
    assert child.exitcode == 0
    assert not list(tmp_path.rglob("*.parquet"))
