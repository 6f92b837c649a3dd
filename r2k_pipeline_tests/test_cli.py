"""The command: every answer, every format, every refusal, on a small built store."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.small_history import HOSTILE_NAME, KNOWN_AT, write_small_history

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

COMMANDS = (
    "demo", "ingest", "build", "members", "levels", "reconstitution", "explain", "proforma",
    "counterfactual", "signals", "report", "verify", "ui", "doctor", "restatements", "override",
)  # fmt: skip
ASKED = [
    (["members", "r2000", "2022-06-27"], 2001),
    (["levels", "r2000"], 21),
    (["levels", "r1000", "--from", "2022-06-27", "--to", "2022-06-28"], 2),
    (["reconstitution", "2022-06"], 7),
    (["reconstitution", "2022-06", "--changes"], None),
    (["reconstitution", "2022-06", "--table", "banding"], 4),
    (["reconstitution", "2022-06", "--table", "desk", "--tracked-usd", "12bn"], None),
    (["proforma", "2022-06-30"], None),
    (["signals"], None),
    (["verify"], 12),
    (["doctor"], None),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small history, stored; tests only read it."""
    folder = tmp_path_factory.mktemp("cli")
    write_small_history(Settings(home=folder))
    return folder


def r2k(*arguments: str, home: Path | None = None) -> Result:
    """Run the command in this process."""
    where = ["--home", str(home)] if home else []
    return CliRunner().invoke(app, [*arguments, *where])


def refused(found: Result, code: int = 1) -> str:
    """What the command said as it refused, without a traceback."""
    assert found.exit_code == code, found.output
    assert isinstance(found.exception, SystemExit)
    assert "Traceback" not in found.output
    if code == 1:
        assert "\nstate: " in found.stderr
        assert "\nremedy: " in found.stderr
    return found.stderr


@pytest.mark.parametrize(
    ("arguments", "rows"),
    ASKED,
    ids=lambda a: " ".join(map(str, a or "")) if isinstance(a, list) else "",
)
def test_each_answer_comes_as_a_table_and_in_each_format(
    home: Path, tmp_path: Path, arguments: list[str], rows: int | None
) -> None:
    shown = r2k(*arguments, home=home)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.strip()
    assert shown.stderr == ""
    parquet = pl.read_parquet(
        BytesIO(r2k(*arguments, "--format", "parquet", home=home).stdout_bytes)
    )
    csv = pl.read_csv(
        BytesIO(r2k(*arguments, "--format", "csv", home=home).stdout_bytes), schema=parquet.schema
    )
    rows_of_json = pl.read_json(r2k(*arguments, "--format", "json", home=home).stdout_bytes)
    assert csv.columns == rows_of_json.columns == parquet.columns
    assert csv.height == rows_of_json.height == parquet.height > 0
    if rows is not None:
        assert parquet.height == rows
    file = tmp_path / "answer.parquet"
    written = r2k(*arguments, "--out", str(file), home=home)
    assert (written.exit_code, written.stdout) == (0, "")
    assert str(file) in written.stderr
    assert pl.read_parquet(file).columns == parquet.columns


def test_a_why_card_comes_as_tables_as_rows_and_as_one_object(home: Path, tmp_path: Path) -> None:
    asked = ["explain", "RISE", "2022-06"]
    shown = r2k(*asked, home=home)
    assert (shown.exit_code, shown.stderr) == (0, ""), shown.output
    assert shown.stdout.startswith("RISE at 2022-06: moves_up\n")
    rows = pl.read_csv(BytesIO(r2k(*asked, "--format", "csv", home=home).stdout_bytes))
    told = json.loads(r2k(*asked, "--format", "json", home=home).stdout_bytes)
    assert told["decision"] == "moves_up"
    checks = told["lines"][0]["rules"]
    verdicts = rows.filter(pl.col("part") == "rule")["verdict"].to_list()
    assert verdicts == [check["verdict"] for check in checks]
    file = tmp_path / "card.json"
    r2k(*asked, "--out", str(file), home=home)
    assert json.loads(file.read_bytes()) == told


def test_members_have_the_promised_columns_and_weights_that_sum_to_one(home: Path) -> None:
    found = r2k("members", "r2000", "2022-06-27", "--format", "json", home=home)
    frame = pl.read_json(found.stdout_bytes)
    promised = {
        "symbol", "name", "company_id", "security_id", "weight", "index_shares", "float",
        "market_cap_usd",
    }  # fmt: skip
    assert promised <= set(frame.columns)
    assert frame["weight"].sum() == pytest.approx(1.0)


def test_levels_have_exactly_the_promised_columns(home: Path) -> None:
    found = r2k("levels", "r2000", "--format", "csv", home=home)
    header = found.stdout.splitlines()[0]
    assert header == (
        "session,price_level,total_return_level,net_total_return_level,divisor,members,status,reason"
    )


def test_the_home_can_be_named_by_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R2K_HOME", str(home))
    assert r2k("levels", "r2000").exit_code == 0


def test_known_at_reads_what_was_published_then(home: Path) -> None:
    assert r2k("levels", "r2000", "--known-at", f"{KNOWN_AT:%Y-%m-%d}", home=home).exit_code == 0
    said = refused(r2k("levels", "r2000", "--known-at", "2022-07-01", home=home))
    assert "had nothing of this at 2022-07-01" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["members", "r200", "2022-06-27"], "did you mean r2500 or r2000 or rtop200"),
        (["members", "r2000", "2022-06-26"], "Sunday"),
        (["members", "r2000", "2019-06-26"], "2021-06-28 to 2022-07-01"),
        (["levels", "r2000", "--from", "2022-07-01", "--to", "2022-06-01"], "swap --from and --to"),
        (["levels", "r2000", "--from", "2023-01-03"], "levels has nothing for 1 session"),
        (["reconstitution", "2023-06"], "2021-06, 2022-06"),
        (["reconstitution", "2022-07"], "no event '2022-07'"),
        (["counterfactual"], "no annual event"),
        (["explain", "RISEE", "2022-06"], "did you mean RISE"),
        (["proforma", "2022-03-07"], "sessions available"),
        (["signals", "nothing"], "no signal 'nothing'"),
        (["report", "reconstitution", "--event", "2023-06"], "not built"),
        (["report", "factsheet", "--index", "sp500"], "no index 'sp500'"),
        (["levels", "r2000", "--out", "levels.xlsx"], "no format is named"),
        (["ingest", "us-stock-symbols", "--path", "nowhere.bundle"], "nowhere.bundle"),
        (["ingest", "us-stok-symbols"], "us-stock-symbols"),
        (["ingest", "synthetic", "--from", "2023-02-01", "--to", "2023-01-03"], "ends before"),
        (["build", "--from", "2023-02-01", "--to", "2023-01-03"], "ends before it starts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_refusal_names_culprit_state_and_remedy(
    home: Path, arguments: list[str], words: str
) -> None:
    assert words in refused(r2k(*arguments, home=home))


@pytest.mark.parametrize(
    "arguments",
    [
        ["members", "r2000"],
        ["members", "r2000", "27.06.2022"],
        ["members", "r2000", "2022-6-27"],
        ["members", "r2000", "20220627"],
        ["levels", "r2000", "--known-at", "yesterday"],
        ["levels", "r2000", "--format", "xml"],
        ["report", "poster"],
        ["report", "factsheet", "--event", "2022-06"],
        ["build", "--workers", "0"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_two(arguments: list[str]) -> None:
    assert refused(r2k(*arguments), code=2)


def test_an_empty_store_says_what_to_run_first(tmp_path: Path) -> None:
    for arguments in (["levels", "r2000"], ["reconstitution", "2022-06"], ["verify"]):
        assert "r2k ingest" in refused(r2k(*arguments, home=tmp_path))


def test_a_setting_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R2K_DATABASE_URL", "no url at all")
    assert "database URL" in refused(r2k("levels", "r2000", home=tmp_path))


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(r2k("levels", "r2000", home=tmp_path / "file"))


def test_the_doctor_is_not_well_without_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R2K_DATABASE_URL", "postgresql+psycopg2://user:hunter2@127.0.0.1:1/none")
    found = r2k("doctor", home=tmp_path)
    assert "not well" in refused(found)
    assert "hunter2" not in found.output


def test_a_changed_level_fails_verification_and_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_small_history(settings)
    day = date(2022, 6, 29)
    with open_store(settings) as store:
        levels = store.published.read("levels", start=day, end=day)
        is_one = pl.col("index_id") == "r2000"
        wrong = levels.with_columns(
            price_level=pl.when(is_one).then(pl.col("price_level") + 0.01).otherwise("price_level")
        )
        store.published.replace(
            "levels", wrong, known_at=KNOWN_AT.replace(day=3), start=day, end=day
        )
    said = refused(r2k("verify", home=tmp_path))
    assert "1 published numbers differ; the first: r2000 price_level on 2022-06-29" in said
    assert r2k("verify", "--to", "2022-06-28", home=tmp_path).exit_code == 0
    assert r2k("verify", "--known-at", f"{KNOWN_AT:%Y-%m-%d}", home=tmp_path).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["factsheet"], "factsheet-r2000.html"),
        (["factsheet", "--index", "r1000"], "factsheet-r1000.html"),
        (["reconstitution"], "reconstitution-2022-06.html"),
        (["reconstitution", "--event", "2021-06"], "reconstitution-2021-06.html"),
    ],
)
def test_reports_lie_under_home_and_the_command_says_where(
    home: Path, arguments: list[str], name: str
) -> None:
    found = r2k("report", *arguments, home=home)
    assert found.stdout.strip() == str(home / "reports" / name)
    assert (home / "reports" / name).read_text().startswith("<!DOCTYPE html>")


def test_a_report_goes_where_it_is_told(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "sheet.html"
    assert r2k("report", "factsheet", "--out", str(target), home=home).exit_code == 0
    assert target.exists()


def test_data_docs_are_a_folder_under_home_or_where_it_is_told(home: Path, tmp_path: Path) -> None:
    arguments = ["report", "quality", "--table", "levels", "--table", "divisors"]
    assert r2k(*arguments, home=home).stdout.strip() == str(
        home / "reports" / "data_docs" / "index.html"
    )
    folder = tmp_path / "docs"
    assert r2k(*arguments, "--out", str(folder), home=home).exit_code == 0
    assert (folder / "levels_beyond_rows.html").exists()


def test_names_from_feeds_cannot_steer_the_terminal(home: Path) -> None:
    shown = r2k("explain", "HOST", "2022-06", home=home).stdout
    assert "\x1b" not in shown
    assert HOSTILE_NAME.partition("\x1b")[0] in shown.replace("\n", " ")


def test_ingest_lands_and_again_lands_nothing(tmp_path: Path) -> None:
    asked = ["ingest", "synthetic", "--from", "2022-04-04", "--to", "2022-04-06"]
    first, second = (r2k(*asked, home=tmp_path) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert "3 sessions landed" in first.stderr
    assert "0 sessions landed, 0 rows; 3 stood already" in second.stderr


def test_a_build_without_an_event_selects_and_says_what_is_missing(tmp_path: Path) -> None:
    r2k("ingest", "synthetic", "--from", "2022-04-04", "--to", "2022-04-06", home=tmp_path)
    built = r2k("build", home=tmp_path)
    assert built.exit_code == 0, built.output
    assert "selection: 2022-04-04 to 2022-04-06" in built.stderr
    assert "index:" not in built.stderr
    assert r2k("proforma", "2022-04-05", home=tmp_path).exit_code == 0
    refused(r2k("levels", "r2000", home=tmp_path))
    refused(r2k("build", "--from", "2022-05-02", "--to", "2022-05-06", home=tmp_path))


def test_help_names_every_command_and_loads_nothing_slow() -> None:
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from r2k_pipeline.cli import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
    )
    for command in COMMANDS:
        assert f" {command} " in run.stdout
    loaded = set(run.stderr.split())
    assert "r2k_pipeline.cli" in loaded
    assert loaded.isdisjoint({"dagster", "altair", "polars", "pyiceberg", "sqlalchemy", "pandas"})
