r"""What kind of paper a listing is, by its symbol, name, industry and sector.

One ordered table of rules. First match wins, so a warrant on a SPAC's share is a
warrant. To teach the pipeline a new kind, add a row to `NAME_RULES`; the reason
a kind is left out stands in `rulebook.reasons`. What the words cannot tell
(prices, siblings, facts on companies) belongs to `line_behaviour`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from r2k_pipeline.methodology.company_names import tracked_group
from r2k_pipeline.rulebook.reasons import LineType

_NAME = pl.col("name")
_SYMBOL = pl.col("symbol")
_INDUSTRY = pl.col("industry").fill_null("")
_SECTOR = pl.col("sector").fill_null("")


def _says(pattern: str) -> pl.Expr:
    """Whether the name contains the pattern, whatever the case; no name says nothing."""
    return _NAME.str.contains(f"(?i){pattern}").fill_null(value=False)


def _marked(pattern: str) -> pl.Expr:
    """Whether the symbol ends with a mark of the exchange for a kind of paper."""
    return _SYMBOL.str.contains(f"{pattern}$")


@dataclass(frozen=True, kw_only=True)
class NameRule:
    """One row of the table.

    Attributes:
        code: Short text that travels with each line the rule decides.
        line_type: What the rule says the line is.
        when: Boolean, never null, over `symbol`, `name`, `industry`, `sector`.
        sentence: The rule in words.
    """

    code: str
    line_type: LineType
    when: pl.Expr
    sentence: str


# An ending that only shares have: what stands before it is the company's own name.
_ENDS_AS_SHARE = _says(
    r"(?:common stock|common shares?|ordinary shares?|shares? of beneficial interests?)"
    r"(?:\W*\(.*\)| new| \(?[a-z]{2}\)?|[ ,]*(?:\$?[\d.]+ )?(?:no )?par value.*)?\W*$"
)
_IS_REAL_ESTATE = (
    (_SECTOR == "Real Estate")
    | _INDUSTRY.str.contains(r"(?i)real estate")
    | _says(r"\b(?:REIT|realty|propert(?:y|ies)|mortgage|apartments?|hospitality|hotels?)\b")
)
# Groups of industries in which the feed puts funds; elsewhere a trust is a business.
_IS_PLACED_LIKE_A_FUND = (_INDUSTRY == "") | _INDUSTRY.str.contains(
    r"(?i)trusts except|investment managers|investors services|finance companies"
    r"|investment bankers|pension health|finance: consumer"
)
_SPONSORS = (
    r"(?:nuveenn?|blackrock|eaton vance|pimco|calamos|royce|gabelli|gamco|tekla|abrdn|aberdeen"
    r"|western asset|invesco|mfs|cohen (?:&|and) steers|adams|kayne anderson|tortoise|ecofin"
    r"|clearbridge|first trust|guggenheim|virtus|allianzgi|oxford lane|eagle point|rivernorth"
    r"|flaherty|john hancock|doubleline|putnam|pioneer|voya|delaware|macquarie|franklin|templeton"
    r"|legg mason|lmp|neuberger berman|pgim|nexpoint|highland|saba|allspring|wells fargo"
    r"|duff (?:&|and) phelps|dnp|lazard|liberty all-?star|source capital|sprott|aberdeen standard"
    r"|bny mellon|dreyfus|alliancebernstein|credit suisse|morgan stanley|barings|blackstone"
    r"|apollo|ares|brookfield|cushing|salient|reaves|insight|transamerica|thornburg|ellsworth"
    r"|bancroft|destra|stone harbor|angel oak|carlyle|kkr|xai|western|principal|federated|mainstay"
    r"|new america|vertical|miller.howard|swiss helvetia|asa gold|central securities|cornerstone)"
)
_FUND_PRODUCTS = (
    r"(?:(?:total|enhanced|absolute) return|premium income|quality income|strategic income"
    r"|intermediate (?:income|government)|government income|high income|high yield|income shares"
    r"|income securities|floating[- ]rate|covered call|buy-write|overwrite|tax[- ](?:advantaged"
    r"|managed|free)|multi-?sector|multi-?market|credit allocation|capital allocation|limited"
    r" duration|short duration|global dividend|equity dividend|convertible|health(?: ?care)?"
    r" (?:sciences|investors|opportunities)|life sciences investors|science and technology"
    r"|utility infrastructure|value trust|micro-?cap|global value|focus trust|natural resources"
    r"|energy and resources|resources (?:&|and)|global (?:small|utility)|equity trust|utility trust"
    r"|global trust|income opportunit(?:y|ies)|high income|innovation and growth|investment grade"
    r"|investment quality|senior (?:income|loan)|prime rate|mortgage income|strategic credit"
    r"|credit (?:income|strategies|opportunities)|healthcare|midstream|diversified income)"
)
_IS_FUND_PRODUCT = _says(rf"^(?:the )?{_SPONSORS}\b.*\b{_FUND_PRODUCTS}") & _IS_PLACED_LIKE_A_FUND
_IS_FUND_TRUST = (
    _says(
        r"\b(?:income|dividend|opportunit(?:y|ies)|target term|term|bond|credit|equity|growth|rate"
        r"|value|sciences|technology|micro-?cap|allocation|convertible|utility|municipals?"
        r"|investment quality)(?: securities| interest)? trust\b"
    )
    | _says(r"\btrust for investment grade\b")
) & ~_IS_REAL_ESTATE

NAME_RULES: tuple[NameRule, ...] = (
    NameRule(
        code="name: warrant",
        line_type=LineType.WARRANT,
        when=(_says(r"\bwarr+ants?\b") & ~_says(r"^[^,]*?\b(?:sub)?units?\b,? .*(?:consist|each)")
        & ~_marked(r"[./]UN?")) | _marked(r"[./]WS(?:[./]?[A-Z])?"),
        sentence="The name says warrant, or the symbol carries the mark of one.",
    ),
    NameRule(
        code="name: American depositary receipt",
        line_type=LineType.DEPOSITARY_RECEIPT,
        when=_says(r"\bAmerican deposit[ao]ry\b|\bADRs?\b|\bADSs?\b"),
        sentence="The name says American depositary share, whatever it stands for.",
    ),
    NameRule(
        code="name: right",
        line_type=LineType.RIGHT,
        when=(_says(r"\brights?\b") & ~_marked(r"[./]UN?")) | _marked(r"[./](?:RT|R|RTWI)"),
        sentence="The name says right, or the symbol carries the mark of one.",
    ),
    NameRule(
        code="name: royalty trust",
        line_type=LineType.ROYALTY_TRUST,
        when=_says(
            r"\broyalty\b.*\btrust\b|\btrust\b.*\broyalty\b|\b(?:oil|petroleum|energy|marcellus"
            r"|mississippian|granite wash) trust(?:\b.*\bunits?\b| [IVX]+\b|$)"
        ),
        sentence="The name is that of a trust which passes royalties on.",
    ),
    NameRule(
        code="name: partnership",
        line_type=LineType.LIMITED_PARTNERSHIP,
        when=_says(
            r"\bL\.?\s?P\.?(?:\s|$|,)|\blimited partner|\bpartners,? l\.?p\b|\bpartnership\b"
            r"|\bcommon units?\b|\bbeneficial unit certificates?\b"
        )
        & ~_says(r"\bpreferred\b|%|\bnotes?\b|\bLLC\b|\bL\.L\.C\.")
        & ~_marked(r"(?:\^[A-Z]?|\.PR[A-Z]?)"),
        sentence="The name says L.P., limited partner or common unit, and not LLC.",
    ),
    NameRule(
        code="name: unit",
        line_type=LineType.UNIT,
        when=((_says(r"\b(?:sub-?)?units?\b") & ~_says(r"\bLLC\b")) | _marked(r"[./]UN?"))
        & ~_says(r"\bpreferred units?\b")
        & ~_marked(r"\^[A-Z]?"),
        sentence="The name says unit of several papers, or the symbol carries the mark of one.",
    ),
    NameRule(
        code="name: note",
        line_type=LineType.NOTE,
        when=(
            _says(
                r"\b(?:notes?|debentures?|subordinated debentures?|mortgage bonds?)\b"
                r"|\bdue (?:[a-z]+ \d{0,2},? ?)?20\d\d\b|\bSTRATS\b|\bsynthetic fixed-income\b"
                r"|\bsr\.? nts?\b|\bZONES\b"
            )
            | (_says(r"\bbonds?\b") & ~_says(r"\bbond\b.*\b(?:fund|trust|shares?)\b"))
        )
        & ~_ENDS_AS_SHARE,
        sentence="The name says note, debenture or bond, or gives the year when it is due.",
    ),
    NameRule(
        code="name: preferred",
        line_type=LineType.PREFERRED,
        when=_marked(r"(?:\^[A-Z]?|\.PR[A-Z]?(?:\.?CL)?)")
        | (
            _says(
                r"\b(?:preferred|preference|pfd|cumulative|perpetual)\b|\d\.?\d*\s*%|1/1,?000"
                r"|\bperp pr[df]\b|\bmandatory convertible\b|\bcap(?:ital)?\.? sec(?:uritie)?s\b"
                r"|\bcapital trust [IVX]+\b"
            )
            & ~_ENDS_AS_SHARE
            & ~_says(r"\b(?:income|securities|term|opportunities) fund\b")
        ),
        sentence="The symbol carries the mark of a preferred share, or the name a rate or rank.",
    ),
    NameRule(
        code="name: depositary receipt",
        line_type=LineType.DEPOSITARY_RECEIPT,
        when=_says(
            r"\bdeposit[ao]ry\b|\bNew York Registry\b|\bNY Registry\b|\bAmerican Shares\b"
            r"|\btrust certificates?\b|\btr(?:ust)? ct?fs?\b"
        ),
        sentence="The name says depositary share, New York registry share or trust certificate.",
    ),
    NameRule(
        code="name: business development company",
        line_type=LineType.BDC,
        when=_says(r"\bBDC\b|\bbusiness development compan(?:y|ies)\b|\bsecured lending fund\b"),
        sentence="The name says business development company.",
    ),
    NameRule(
        code="name: fund",
        line_type=LineType.FUND,
        when=_says(
            r"\bfunds?\b|\bETFs?\b|\bETNs?\b|\bclosed[- ]end\b|\bmunicipals?\b|\bmuni\b"
            r"|\bnextshares\b|\b(?:bitcoin|ethereum|ether|bullion|physical \w+) trust\b"
        ) & ~_says(r"\bfund(?:ing|amental)\b"),
        sentence="The name says fund, municipals or a trust that holds a commodity.",
    ),
    NameRule(
        code="name: fund trust",
        line_type=LineType.FUND,
        when=_IS_FUND_TRUST,
        sentence="The name is that of a trust for an investment aim, and no real estate.",
    ),
    NameRule(
        code="name: fund sponsor",
        line_type=LineType.FUND,
        when=_IS_FUND_PRODUCT & ~_says(r"\bacquisition\b") & ~(_SECTOR == "Real Estate"),
        sentence="The name joins a sponsor of funds with an investment aim.",
    ),
    NameRule(
        code="name: beneficial interest",
        line_type=LineType.FUND,
        when=_says(r"\bshares? of beneficial interests?\b")
        & _IS_PLACED_LIKE_A_FUND
        & ~_IS_REAL_ESTATE,
        sentence="Shares of beneficial interest in a group of industries where funds are put.",
    ),
    NameRule(
        code="name: acquisition company",
        line_type=LineType.SPAC,
        when=_says(
            r"\bacquisi\w*\b|\bblank check\b|\bspecial purpose\b|\w*SPAC\b"
            r"|\bmerger (?:corp|co\b|partners|[IVX\d])|\bpartnering corp"
        ),
        sentence="The name is that of a company made to merge with another.",
    ),
    NameRule(
        code="industry: Blank Checks",
        line_type=LineType.SPAC,
        when=_INDUSTRY == "Blank Checks",
        sentence="The feed puts it among blank-cheque companies.",
    ),
    NameRule(
        code="name: LLC",
        line_type=LineType.LLC,
        when=_says(r"\bLLC\b|\bL\.L\.C\."),
        sentence="The name says limited liability company.",
    ),
    NameRule(
        code="name: tracking stock",
        line_type=LineType.TRACKING_STOCK,
        when=_says(r"\btracking stock\b") | tracked_group(_NAME).is_not_null(),
        sentence="The name says tracking stock, or a group of the issuer after its class.",
    ),
    NameRule(
        code="sector: Real Estate",
        line_type=LineType.REIT,
        when=(_SECTOR == "Real Estate") | (_INDUSTRY == "Real Estate Investment Trusts"),
        sentence="The feed puts it in real estate or among its investment trusts.",
    ),
)  # fmt: skip


def line_type() -> pl.Expr:
    """Classify each listing by its symbol, name, industry and sector.

    Returns:
        Text, a value of `rulebook.reasons.LineType`; `common` when no rule
        speaks. Reads the columns `symbol`, `name`, `industry` and `sector`; a
        missing name, industry or sector says nothing.

    Example:
        >>> lines = pl.DataFrame({
        ...     "symbol": ["HAL", "HAL^A", "BLNK"],
        ...     "name": ["Halden Inc. Common Stock", "Halden Inc. Series A", "Blank One Corp."],
        ...     "industry": [None, None, "Blank Checks"],
        ...     "sector": [None, None, "Finance"],
        ... })
        >>> lines.select(line_type().alias("line_type")).to_series().to_list()
        ['common', 'preferred', 'spac']

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 5.11 and 5.13.
    """
    verdicts = [pl.when(rule.when).then(pl.lit(rule.line_type.value)) for rule in NAME_RULES]
    return pl.coalesce(*verdicts, pl.lit(LineType.COMMON.value))


def type_evidence() -> pl.Expr:
    """Tell which row of the table decides each listing.

    Returns:
        Text, the `code` of the rule that `line_type` applies; null for lines
        that are common because no rule speaks. Reads the same columns.

    Example:
        >>> lines = pl.DataFrame({
        ...     "symbol": ["HAL", "HALW"], "name": ["Halden Inc.", "Halden Inc. Warrant"],
        ...     "industry": ["Steel", "Steel"], "sector": ["Basic Materials"] * 2,
        ... })
        >>> lines.select(type_evidence().alias("evidence")).to_series().to_list()
        [None, 'name: warrant']
    """
    return pl.coalesce(*(pl.when(rule.when).then(pl.lit(rule.code)) for rule in NAME_RULES))
