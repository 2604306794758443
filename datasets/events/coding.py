"""How the labels of an event are coded: which they are, their values, and their basis (docs/reference/events.md)."""

LABELS = ("pro_growth", "surprise", "program")
"""The labels that are judgement, not data."""

BASES = ("blind", "source", "background")
"""What a label may rest on: two coders who saw neither the title nor the market's move, a page dated before the event,
or background knowledge."""

PROGRAM_TAGS = {
    "austerity": "spending cuts or tax rises to mend the budget",
    "deregulation": "fewer rules for business, labour or land",
    "fiscal_expansion": "more public spending or investment, whatever pays for it",
    "monetary_easing": "pressure or a mandate for lower rates or asset purchases",
    "monetary_tightening": "pressure or a mandate for higher rates or fewer purchases",
    "nationalisation": "state ownership or control of firms or funds",
    "pro_growth": "growth itself is the stated first aim",
    "pro_market_reform": "privatisation, open markets, labour or pension reform",
    "protectionism": "tariffs, capital controls or other barriers against foreigners",
    "redistribution": "transfers, wages or taxes in favour of those who earn less",
    "status_quo": "the course of the government in office goes on",
    "tax_cut": "lower taxes on incomes, firms or sales",
}
"""The allowed tags of ``program``, with what each says."""


def bases_of(label_basis: str | None) -> dict[str, str]:
    """Return what each label rests on.

    >>> bases_of("surprise: background; pro_growth: source")
    {'surprise': 'background', 'pro_growth': 'source'}
    """
    parts = (p.partition(":") for p in (label_basis or "").split(";") if p.strip())
    return {name.strip(): basis.strip() for name, _, basis in parts}


def basis_text(bases: dict[str, str]) -> str | None:
    """Return what ``label_basis`` says of the labels, None of none.

    >>> basis_text({"surprise": "background", "pro_growth": "source"})
    'surprise: background; pro_growth: source'
    """
    return "; ".join(f"{name}: {basis}" for name, basis in bases.items()) or None
