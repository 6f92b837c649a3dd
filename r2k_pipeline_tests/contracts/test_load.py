"""The files are valid contracts, complete, and a fault in one names file and property.

The list of tables is spelled by hand on purpose: a table that vanishes, or comes
without being talked about, must show here.
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from r2k_pipeline.contracts.load import contract, contracts_dir, read_contract, tables
from r2k_pipeline.contracts.model import Partitioning, Severity, Storage
from r2k_pipeline.errors import BadInputError, R2kError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLES = (
    "raw_listings",
    "reported_actions",
    "float_factors",
    "securities",
    "security_events",
    "corporate_actions",
    "universe",
    "ranking",
    "initial_members",
    "reconstitution",
    "breakpoints",
    "preliminary_lists",
    "fundamentals",
    "style_scores",
    "why_cards",
    "maintenance",
    "constituents",
    "weight_factors",
    "divisors",
    "levels",
    "restatements",
    "signals",
    "quality_results",
    "quarantine",
    "overrides",
    "provenance",
    "fidelity",
)


def document(table: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((contracts_dir() / f"{table}.yaml").read_text())
    return loaded


def test_every_table_has_a_contract_in_the_order_of_the_data() -> None:
    assert tables() == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_a_file_follows_the_open_data_contract_standard(table: str) -> None:
    OpenDataContractStandard(**document(table))
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())

    # Comes with Great Expectations; it publishes no types.
    pytest.importorskip("jsonschema").Draft201909Validator(schema).validate(document(table))


@pytest.mark.parametrize("table", TABLES)
def test_a_contract_says_what_people_need_to_know(table: str) -> None:
    promised = contract(table)
    stated = [rule for rule in promised.rules if not rule.name.endswith("_is_given")]

    assert all((promised.description, promised.usage, promised.grain, promised.owner))
    assert len(stated) - 1 >= 4, "fewer than four rules beside the key's"
    assert all(rule.sentence.endswith(".") for rule in promised.rules)
    assert len({rule.sentence for rule in stated}) == len(stated)


@pytest.mark.parametrize("table", TABLES)
def test_numbers_have_a_unit_and_suffixes_keep_their_word(table: str) -> None:
    for column in contract(table).columns:
        unit = column.unit or ""
        if column.logical_type in {"number", "integer"}:
            assert unit, column.name
        if column.name.endswith("_usd"):
            assert unit.startswith("USD"), column.name
        if column.name.endswith("_shares"):
            assert unit == "shares", column.name
        if column.name.startswith(("is_", "has_")):
            assert column.logical_type == "boolean", column.name


def test_a_key_and_required_columns_are_rules_without_being_said_twice() -> None:
    implied = [rule for rule in contract("signals").rules if "_is_given" in rule.name]
    key = contract("signals").rules[0]

    assert key.arguments == {"column_list": ["index_id", "session", "signal"]}
    assert [rule.name for rule in implied] == [
        "index_id_is_given",
        "session_is_given",
        "signal_is_given",
        "position_is_given",
        "tradable_session_is_given",
    ]


def test_rows_of_raw_listings_that_cannot_be_prices_are_held_back() -> None:
    rules = {rule.name: rule for rule in contract("raw_listings").rules}

    for name in ("close_is_positive", "volume_is_not_negative"):
        assert rules[name].severity is Severity.WARN
        assert rules[name].quarantines


def test_a_rule_across_sessions_names_the_module_that_judges_it() -> None:
    rules = contract("raw_listings").series_rules

    assert [rule.name for rule in rules] == [
        "exchanges_are_complete",
        "every_session_is_present",
        "snapshots_are_regular",
        "source_columns_are_as_expected",
    ]
    for rule in rules:
        assert rule.name == import_module(rule.judge).CHECK_NAME
        assert rule.sentence.endswith(".")
    assert contract("levels").series_rules == ()


def test_published_tables_keep_history_and_logs_do_not() -> None:
    history = {table for table in tables() if contract(table).keeps_history}

    assert history == {
        "breakpoints",
        "initial_members",
        "reconstitution",
        "preliminary_lists",
        "fundamentals",
        "style_scores",
        "maintenance",
        "divisors",
        "levels",
        "restatements",
        "signals",
    }
    assert contract("provenance").storage is Storage.PUBLISHED
    assert contract("securities").partitioning is Partitioning.NONE


def test_an_unknown_table_is_answered_with_those_that_exist() -> None:
    with pytest.raises(BadInputError) as caught:
        contract("no_such_table")

    assert "no contract for table 'no_such_table'" in caught.value.culprit
    assert all(table in caught.value.remedy for table in TABLES)


def _schema(doc: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = doc["schema"][0]
    return found


def _custom(doc: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in doc["customProperties"] if p["property"] == name)
    return found


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an unknown key": (lambda d: d.update(shema=[]), "shema: Extra inputs"),
    "another table's schema": (lambda d: _schema(d).update(name="levels"), "schema: expected one"),
    "no purpose": (lambda d: d["description"].pop("purpose"), "purpose: missing"),
    "no such storage": (
        lambda d: _custom(d, "storage").update(value="drawer"),
        "customProperties.storage: 'drawer' is none of lake, published",
    ),
    "an unmarked partition": (
        lambda d: _custom(d, "partitioning").update(value="event"),
        "partitioning: event needs",
    ),
    "no such type": (
        lambda d: _schema(d)["properties"][3].update(physicalType="float32"),
        "properties.value: no such type: number held as float32",
    ),
    "required left open": (
        lambda d: _schema(d)["properties"][3].pop("required"),
        "properties.value: say `required: true`",
    ),
    "a nullable key": (
        lambda d: _schema(d)["properties"][0].update(required=False),
        "properties.index_id: a key column is required",
    ),
    "a column named twice": (
        lambda d: _schema(d)["properties"].append(_schema(d)["properties"][3]),
        "properties: value named twice",
    ),
    "no such severity": (
        lambda d: _schema(d)["quality"][0].update(severity="fatal"),
        "quality.index_is_one_word.severity: 'fatal' is none of error, warn",
    ),
    "a rule on no column": (
        lambda d: _schema(d)["quality"][0]["implementation"]["kwargs"].update(column="indx"),
        "quality.index_is_one_word: no such column: indx",
    ),
    "a row condition": (
        lambda d: _schema(d)["quality"][0]["implementation"]["kwargs"].update(row_condition="a"),
        "quality.index_is_one_word: derive a column",
    ),
    "another engine": (
        lambda d: _schema(d)["quality"][0].update(engine="soda"),
        "quality.index_is_one_word: expected `type: custom`",
    ),
    "a judge that is not named": (
        lambda d: _schema(d)["quality"][0].update(engine="r2k-pipeline"),
        "quality.index_is_one_word.implementation: missing",
    ),
    "no kwargs": (
        lambda d: _schema(d)["quality"][0]["implementation"].pop("kwargs"),
        "quality.index_is_one_word.implementation: expected",
    ),
    "a rule within a column": (
        lambda d: _schema(d)["properties"][3].update(quality=[{"name": "x"}]),
        "properties.value: rules stand under",
    ),
}


@pytest.mark.parametrize(("edit", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_names_file_and_property(
    tmp_path: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    faulty = document("signals")
    edit(faulty)
    path = tmp_path / "signals.yaml"
    path.write_text(yaml.safe_dump(faulty))

    with pytest.raises(R2kError) as caught:
        read_contract(path)

    assert caught.value.culprit.startswith("data_contracts/signals.yaml is not a valid contract: ")
    assert message in caught.value.culprit


@pytest.mark.parametrize("text", ["a: [", "", "- a\n- b\n", "42"])
def test_a_file_that_is_no_document_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "signals.yaml"
    path.write_text(text)

    with pytest.raises(R2kError, match=r"data_contracts/signals\.yaml is not a valid contract"):
        read_contract(path)


def test_the_readme_lists_the_tables_in_order() -> None:
    readme = (contracts_dir() / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.count("|") == 5 and "`" in line]

    assert tuple(row.split("`")[1] for row in rows) == TABLES
