"""Floor 3, left: the rules, one file each, registered by one line here."""

REGISTRY = {
    "pro-growth-win": "strategies.pro_growth_win:ProGrowthWin",
    "takaichi-trade": "strategies.takaichi_trade:TakaichiTrade",
    "regional-spillover": "strategies.regional_spillover:RegionalSpillover",
    "dissolution-rally": "strategies.dissolution_rally:DissolutionRally",
    "fade-the-shock": "strategies.fade_the_shock:FadeTheShock",
    "presidential-cycle": "strategies.presidential_cycle:PresidentialCycle",
    "election-drift": "strategies.election_drift:ElectionDrift",
    "surprise-win": "strategies.surprise_win:SurpriseWin",
    "lean-with-odds": "strategies.lean_with_odds:LeanWithOdds",
    "buy-after-event": "strategies.buy_after_event:BuyAfterEvent",
}
"""Name of a rule -> module:Class, imported when asked for."""
ENTRY_POINTS = "hustings.strategies"
"""The group of entry points under which an installed package offers rules of its own."""
