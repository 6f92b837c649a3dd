"""The only reader of the environment.

Every setting has the prefix ``R2K_``. The embedded default needs none: SQLite
and a local folder under ``R2K_HOME``. Add a setting here, never an
``os.environ`` elsewhere.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, computed_field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Restate(StrEnum):
    """Whether corrected levels replace those that were published."""

    POLICY = "policy"
    ALWAYS = "always"
    NEVER = "never"


class Settings(BaseSettings):
    """Where the pipeline keeps things and what feeds it.

    Example:
        >>> from pathlib import Path
        >>> Settings(home=Path("/tmp/r2k")).warehouse_uri
        'file:///tmp/r2k/warehouse'
    """

    model_config = SettingsConfigDict(env_prefix="R2K_", frozen=True, extra="forbid")

    home: Path = Field(
        default=Path.home() / ".r2k", description="Folder of the embedded store and of Dagster."
    )
    database_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL of the published tables and the Iceberg catalog."
    )
    # URLs of these two may carry credentials, so no print of the settings shows them.
    warehouse: str | None = Field(
        default=None,
        repr=False,
        description="Where bulk tables lie: a folder, s3://, gs:// or abfs:// URL.",
    )
    source: str | None = Field(
        default=None, description="Name of the source that the daily schedule ingests."
    )
    source_path: str | None = Field(
        default=None, repr=False, description="Path or git URL of that source."
    )
    family: Path | None = Field(
        default=None, description="Family file with indexes beside the shipped ones."
    )
    fundamentals: Path | None = Field(
        default=None, description="CSV of fundamentals by event, for growth and value indexes."
    )
    restate: Restate = Field(
        default=Restate.POLICY,
        description="Whether corrected levels replace published ones: as the rulebook's policy "
        "says, always or never.",
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def database(self) -> SecretStr:
        """The SQLAlchemy URL in force: the given one, or SQLite under `home`."""
        embedded = SecretStr(f"sqlite:///{self.home.resolve()}/r2k.db")
        return self.database_url or embedded

    @computed_field(repr=False)  # type: ignore[prop-decorator]
    @property
    def warehouse_uri(self) -> str:
        """The warehouse in force: the given one, or a folder under `home`."""
        if self.warehouse is None:
            return f"file://{self.home.resolve()}/warehouse"
        return (
            self.warehouse
            if "://" in self.warehouse
            else f"file://{Path(self.warehouse).resolve()}"
        )

    @property
    def family_file(self) -> Path | None:
        """The user's family file: the given one, or `family.yaml` under `home` if there is one."""
        own = self.home.resolve() / "family.yaml"
        return self.family or (own if own.exists() else None)

    @property
    def fundamentals_file(self) -> Path | None:
        """The user's fundamentals: the given file, or `fundamentals.csv` under `home`, if any."""
        own = self.home.resolve() / "fundamentals.csv"
        return self.fundamentals or (own if own.exists() else None)

    @property
    def archive_dir(self) -> Path:
        """Where bytes as received are kept, content-addressed."""
        return self.home.resolve() / "archive"

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its runs and events."""
        return self.home.resolve() / "dagster"

    @property
    def reports_dir(self) -> Path:
        """Where reports are written unless `--out` says otherwise."""
        return self.home.resolve() / "reports"
