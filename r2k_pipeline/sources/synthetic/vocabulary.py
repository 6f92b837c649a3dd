"""The words of a made-up market: syllables, industries, countries, forms of company.

Industries, sectors and countries are spelled as the real feed spells them, so
that the same rules apply. Company names are syllables and name nobody.
"""

from __future__ import annotations

ONSETS = (
    "B", "Br", "C", "Cal", "Cor", "D", "Dor", "Dr", "F", "Fal", "G", "Gr", "H", "Hal", "J", "K",
    "Kel", "L", "Lor", "M", "Mar", "N", "Nor", "P", "Pel", "Qu", "R", "Ros", "S", "Sel", "St", "T",
    "Tal", "Th", "Tr", "V", "Vel", "W", "Wil", "Z",
)  # fmt: skip
MIDDLES = (
    "abri", "aden", "alu", "amba", "ando", "arci", "avo", "ebri", "eddi", "elu", "emba", "endi",
    "enti", "era", "esto", "evi", "ibri", "ido", "ilo", "imba", "indo", "inte", "isto", "ivo",
    "obri", "oda", "ola", "ombi", "onda", "ori", "osti", "ova", "uba", "undo", "uri",
)  # fmt: skip
CODAS = (
    "cor", "dell", "den", "dine", "don", "dor", "fax", "field", "gate", "lan", "land", "len",
    "line", "lis", "mar", "mere", "mont", "nex", "quist", "ran", "rell", "ridge", "ron", "sen",
    "son", "stan", "ston", "thor", "ton", "trex", "vale", "van", "ver", "ward", "wick", "worth",
)  # fmt: skip

# (sector, its weight among companies, [(industry, trade in the company's name)])
SECTORS: tuple[tuple[str, float, tuple[tuple[str, str], ...]], ...] = (
    ("Health Care", 0.19, (
        ("Biotechnology: Pharmaceutical Preparations", "Therapeutics"),
        ("Biotechnology: Biological Products (No Diagnostic Substances)", "Biosciences"),
        ("Medical/Dental Instruments", "Medical"),
        ("Managed Health Care", "Health"),
    )),
    ("Finance", 0.19, (
        ("Major Banks", "Bancorp"),
        ("Savings Institutions", "Financial"),
        ("Property-Casualty Insurers", "Insurance Group"),
        ("Investment Bankers/Brokers/Service", "Securities"),
    )),
    ("Technology", 0.14, (
        ("Computer Software: Prepackaged Software", "Software"),
        ("Semiconductors", "Semiconductor"),
        ("EDP Services", "Systems"),
        ("Computer Manufacturing", "Computing"),
    )),
    ("Industrials", 0.13, (
        ("Industrial Machinery/Components", "Machinery"),
        ("Aerospace", "Aerospace"),
        ("Metal Fabrications", "Industries"),
        ("Electrical Products", "Instruments"),
    )),
    ("Consumer Discretionary", 0.13, (
        ("Restaurants", "Restaurants"),
        ("Other Specialty Stores", "Stores"),
        ("Hotels/Resorts", "Resorts"),
        ("Homebuilding", "Homes"),
    )),
    ("Real Estate", 0.05, (
        ("Real Estate Investment Trusts", "Realty"),
    )),
    ("Energy", 0.05, (
        ("Oil & Gas Production", "Petroleum"),
        ("Oilfield Services/Equipment", "Energy Services"),
        ("Coal Mining", "Resources"),
    )),
    ("Consumer Staples", 0.04, (
        ("Packaged Foods", "Foods"),
        ("Beverages (Production/Distribution)", "Beverages"),
    )),
    ("Utilities", 0.03, (
        ("Electric Utilities: Central", "Power"),
        ("Natural Gas Distribution", "Gas"),
        ("Water Supply", "Water"),
    )),
    ("Basic Materials", 0.03, (
        ("Major Chemicals", "Chemicals"),
        ("Precious Metals", "Metals"),
        ("Paper", "Paper"),
    )),
    ("Telecommunications", 0.02, (
        ("Telecommunications Equipment", "Communications"),
        ("Cable & Other Pay Television Services", "Cable"),
    )),
)  # fmt: skip

FUND_INDUSTRIES = (
    "Trusts Except Educational Religious and Charitable",
    "Investment Managers",
    "Finance Companies",
    "Finance/Investors Services",
)
FUND_NAMES = (
    "Municipal Income Fund",
    "High Yield Fund",
    "Credit Opportunities Fund",
    "Dividend Income Trust",
    "Global Equity Fund",
    "Floating Rate Fund",
    "Total Return Fund",
    "Quality Municipal Fund",
)

DOMESTIC_FORMS = ("Inc.", "Corporation", "Corp.", "Holdings Inc.", "Group Inc.", "Company", "Inc.")
FOREIGN_FORMS = ("Ltd.", "Limited", "plc", "N.V.", "Holdings Ltd.", "S.A.", "Inc.")

FOREIGN_COUNTRIES = (
    "Canada", "Israel", "Bermuda", "Cayman Islands", "Ireland", "Switzerland", "United Kingdom",
    "Netherlands", "Greece", "Monaco", "Singapore", "Luxembourg", "Hong Kong",
)  # fmt: skip
DEPOSITARY_COUNTRIES = (
    "China", "Brazil", "United Kingdom", "Japan", "Taiwan", "Argentina", "Mexico", "Denmark",
    "France", "Germany", "India", "South Korea", "South Africa", "Spain",
)  # fmt: skip
