"""quantstats' own page of a run that exists, and nothing else: daily returns from equity.csv, ``reports.html``.

Called as: python quantstats_page.py EQUITY.csv OUT.html
"""

import logging
import sys
import warnings

import pandas as pd

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it misses Arial some hundred times
warnings.simplefilter("ignore")

from quantstats import reports  # noqa: E402 - after what keeps it quiet

days = pd.read_csv(sys.argv[1], index_col="session", parse_dates=True)
reports.html(days["returns"], output=sys.argv[2])
