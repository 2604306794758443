"""Yields as prices: the total return of a par bond of constant maturity, held from one row to the next and renewed.

At each row the bond is issued at par with the row's yield as its coupon, paid twice a year. At the next row it is
priced in full at that row's yield for the time that is left of it (Tuckman and Serrat 2012, Fixed Income Securities,
appendix to chapter 3), sold, and replaced by a new one. Swinkels 2019 (Data 4(3):91) approximates the same return by
yield, duration and convexity.
"""

import numpy as np

from datasets.arrays import Floats, Sessions

DAYS_A_YEAR = 365
FIRST_LEVEL = 100.0


def par_bond_index(percent: Floats, session: Sessions, maturity: float) -> Floats:
    """Return the level of a par bond that is renewed at each row, FIRST_LEVEL at the first.

    Args:
        percent: the yields, in per cent a year, compounded twice a year; zero and negative ones are allowed.
        session: the date of each; time is in calendar days of a year of DAYS_A_YEAR.
        maturity: the years of the bond at its issue.
    """
    before, after = percent[:-1] / 100, percent[1:] / 100
    years = np.diff(session).astype(np.int64) / DAYS_A_YEAR
    some = np.where(after == 0, 1.0, after)  # what 1 a year is worth, paid in halves; without interest, the sum of it
    annuity = np.where(after == 0, maturity, -np.expm1(-2 * maturity * np.log1p(some / 2)) / some)
    price = 1 + (before - after) * annuity
    growth = price * (1 + after / 2) ** (2 * years)
    return FIRST_LEVEL * np.cumprod(np.append(1.0, growth))


def discount_price(percent: Floats, maturity: float) -> Floats:
    """Return the price of a bond without coupons, above 0 at any yield: moves of yields are judged as its moves."""
    return FIRST_LEVEL * (1 + percent / 200) ** (-2 * maturity)
