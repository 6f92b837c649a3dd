"""YAML files -> contracts: reads `data_contracts/`, validates, and refuses with file and property.

Add here what turns an Open Data Contract Standard document into a `Contract`.
What is made of a contract afterwards belongs to the projections beside this
module; no other module reads the files.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import yaml
from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import ValidationError

from r2k_pipeline.contracts.document import FaultError, choice, custom_properties, given
from r2k_pipeline.contracts.expectations import judged_columns
from r2k_pipeline.contracts.model import (
    Column,
    Contract,
    Partitioning,
    Rule,
    Severity,
    Storage,
)
from r2k_pipeline.contracts.own_rules import OWN_ENGINE, own_rules
from r2k_pipeline.errors import BadInputError, R2kError, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from open_data_contract_standard.model import (
        DataQuality,
        SchemaObject,
        SchemaProperty,
    )

# Logical and physical type of the standard -> how a column is held in memory.
_DTYPES: dict[tuple[str | None, str | None], pl.DataType] = {
    ("date", None): pl.Date(),
    ("string", None): pl.String(),
    ("boolean", None): pl.Boolean(),
    ("timestamp", None): pl.Datetime("us", "UTC"),
    ("number", "float64"): pl.Float64(),
    ("integer", "int64"): pl.Int64(),
    ("integer", "int32"): pl.Int32(),
}


@cache
def contracts_dir() -> Path:
    """The folder of the contracts: `data_contracts/` of the checkout, else the installed copy.

    Raises:
        R2kError: Neither exists, so the installation is broken.
    """
    checkout = Path(__file__).parents[2] / "data_contracts"
    for folder in (checkout, *_installed()):
        if folder.is_dir():
            return folder
    raise R2kError(
        f"no data contracts at {checkout} and none in the installed package",
        state="no table can be read or written",
        remedy="install r2k-pipeline again, or run from a checkout",
    )


def _installed() -> list[Path]:
    """Where the installer says that it put the files: outside the package, under `share/`."""
    try:
        files = distribution("r2k-pipeline").files or []
    except PackageNotFoundError:
        return []
    contracts = [file for file in files if file.parent.name == "data_contracts"]
    return [Path(str(file.locate())).resolve().parent for file in contracts[:1]]


@cache
def tables() -> tuple[str, ...]:
    """Every table that has a contract, in the order of the data.

    Example:
        >>> tables()[:2]
        ('raw_listings', 'reported_actions')
    """
    found = [contract(path.stem) for path in contracts_dir().glob("*.yaml")]
    return tuple(c.table for c in sorted(found, key=lambda c: (c.order, c.table)))


@cache
def contract(table: str) -> Contract:
    """The contract of one table.

    Raises:
        BadInputError: No file of that name.
        R2kError: The file is not a valid contract; names file and property.

    Example:
        >>> contract("ranking").key
        ('session', 'company_id')
        >>> contract("ranking").column("total_market_cap_usd").unit
        'USD'
    """
    path = contracts_dir() / f"{table}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in contracts_dir().glob("*.yaml"))
        raise BadInputError(
            f"no contract for table {table!r}",
            state="nothing was read or written",
            remedy=f"name one of {listed(known, len(known))}",
        )
    return read_contract(path)


def read_contract(path: Path) -> Contract:
    """Read and validate one file; the table's name is the file's.

    Raises:
        R2kError: The file is not a valid contract; names file and property.
    """
    try:
        document = OpenDataContractStandard(**yaml.safe_load(path.read_text(encoding="utf-8")))
        return _contract(document, path.stem)
    except (yaml.YAMLError, TypeError) as fault:
        problem = " ".join(str(fault).split())
    except ValidationError as fault:
        first = fault.errors()[0]
        problem = f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
    except FaultError as fault:
        problem = str(fault)
    raise R2kError(
        f"data_contracts/{path.name} is not a valid contract: {problem}",
        state="the table cannot be read or written",
        remedy="mend the file; data_contracts/README.md tells how one is read",
    )


def _contract(document: OpenDataContractStandard, table: str) -> Contract:
    objects = document.schema_ or []
    if len(objects) != 1 or objects[0].name != table:
        message = f"schema: expected one object named {table}"
        raise FaultError(message)
    schema = objects[0]
    custom = custom_properties(document.customProperties)
    columns = tuple(_column(p, i) for i, p in enumerate(schema.properties or []))
    contract = Contract(
        table=table,
        version=given(document.version, "version"),
        description=given(document.description and document.description.purpose, "purpose"),
        usage=given(document.description and document.description.usage, "usage"),
        grain=given(schema.dataGranularityDescription, "dataGranularityDescription"),
        storage=choice(Storage, custom.get("storage"), "customProperties.storage"),
        partitioning=choice(
            Partitioning, custom.get("partitioning"), "customProperties.partitioning"
        ),
        columns=columns,
        rules=(*_implied_rules(columns), *_stated_rules(schema)),
        owner=given(custom.get("owner"), "customProperties.owner"),
        group=given(custom.get("group"), "customProperties.group"),
        order=int(custom.get("order", 0)),
        **own_rules(schema.quality or [], columns),
    )
    _require_consistent(contract, schema)
    return contract


def _require_consistent(contract: Contract, schema: SchemaObject) -> None:
    """Refuse a contract that contradicts itself."""
    partitioned = [p.name for p in schema.properties or [] if p.partitioned]
    wanted = [contract.partition_column] if contract.partition_column else []
    if partitioned != wanted:
        message = f"partitioning: {contract.partitioning} needs {wanted}, marked are {partitioned}"
        raise FaultError(message)
    if not contract.key:
        message = "properties: no primaryKey"
        raise FaultError(message)
    for rule in contract.rules:
        _require_known_columns(contract, rule)
    for what, names in (
        ("properties", contract.names),
        (
            "quality",
            [*(r.name for r in contract.rules), *(r.name for r in contract.rules_beyond_rows)],
        ),
    ):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        if twice:
            message = f"{what}: {listed(twice)} named twice"
            raise FaultError(message)


def _require_known_columns(contract: Contract, rule: Rule) -> None:
    """Refuse a rule that reads a column which neither the table has nor the rule derives."""
    read = set(judged_columns(rule)) - rule.derived.keys()
    for name, expression in rule.derived.items():
        try:
            read.update(pl.sql_expr(expression).meta.root_names())
        except pl.exceptions.PolarsError as fault:
            message = f"quality.{rule.name}.derived_columns.{name}: {fault}"
            raise FaultError(message) from fault
    unknown = sorted(read - set(contract.names))
    if unknown:
        message = f"quality.{rule.name}: no such column: {listed(unknown)}"
        raise FaultError(message)


def _column(prop: SchemaProperty, position: int) -> Column:
    where = f"properties.{prop.name or position}"
    dtype = _DTYPES.get((prop.logicalType, prop.physicalType))
    if dtype is None:
        message = f"{where}: no such type: {prop.logicalType} held as {prop.physicalType}"
        raise FaultError(message)
    if prop.required is None:
        message = f"{where}: say `required: true` or `required: false`"
        raise FaultError(message)
    if prop.primaryKey and not (prop.required and prop.primaryKeyPosition):
        message = f"{where}: a key column is required and has a primaryKeyPosition"
        raise FaultError(message)
    return Column(
        name=given(prop.name, f"{where}.name"),
        dtype=dtype,
        logical_type=given(prop.logicalType, where),
        unit=custom_properties(prop.customProperties).get("unit"),
        description=given(prop.description, f"{where}.description"),
        nullable=not prop.required,
        key_position=prop.primaryKeyPosition if prop.primaryKey else None,
    )


def _implied_rules(columns: Sequence[Column]) -> list[Rule]:
    """What `primaryKey` and `required` promise, so that no file repeats it as a rule."""
    keyed = sorted((c for c in columns if c.key_position), key=lambda c: c.key_position or 0)
    key = [c.name for c in keyed]
    unique = Rule(
        name="key_is_unique",
        sentence=f"No two rows share {', '.join(key)}.",
        severity=Severity.ERROR,
        quarantines=False,
        expectation="expect_compound_columns_to_be_unique",
        arguments={"column_list": key},
    )
    given = [
        Rule(
            name=f"{column.name}_is_given",
            sentence=f"Every row has a value for {column.name}.",
            severity=Severity.ERROR,
            quarantines=False,
            expectation="expect_column_values_to_not_be_null",
            arguments={"column": column.name},
        )
        for column in columns
        if not column.nullable
    ]
    return [unique, *given]


def _stated_rules(schema: SchemaObject) -> list[Rule]:
    inner = [p.name for p in schema.properties or [] if p.quality]
    if inner:
        message = f"properties.{inner[0]}: rules stand under the table's `quality`"
        raise FaultError(message)
    return [
        _rule(rule, i) for i, rule in enumerate(schema.quality or []) if rule.engine != OWN_ENGINE
    ]


def _rule(quality: DataQuality, position: int) -> Rule:
    where = f"quality.{quality.name or position}"
    if (quality.type, quality.engine) != ("custom", "greatExpectations"):
        message = f"{where}: expected `type: custom` and `engine: greatExpectations`"
        raise FaultError(message)
    body = quality.implementation
    if not isinstance(body, dict) or set(body) != {"type", "kwargs"}:
        message = f"{where}.implementation: expected `type` and `kwargs`"
        raise FaultError(message)
    if "row_condition" in body["kwargs"]:
        message = f"{where}: derive a column instead of a row_condition, which pandas would parse"
        raise FaultError(message)
    custom = custom_properties(quality.customProperties)
    return Rule(
        name=given(quality.name, where),
        sentence=given(quality.description, f"{where}.description"),
        severity=choice(Severity, quality.severity, f"{where}.severity"),
        quarantines=bool(custom.get("quarantine", False)),
        expectation=body["type"],
        arguments=body["kwargs"],
        derived=custom.get("derived_columns", {}),
    )
