"""Events that are one episode, other events inside a holding window, and windows in which nothing moves."""

import numpy as np
import pytest

from engine.statistics.significance import effective_trials
from engine.study.episodes import episode_notes, episodes
from engine.study.settings import Settings
from engine.study.study import study
from tests.engine.markets import event
from tests.engine.study.worlds import subject, walk

VOTE = [event("A", "2024-01-02T12:00"), event("B", "2024-01-06T12:00"), event("C", "2024-01-12T12:00")]


def test_an_episode_is_of_one_country_and_each_event_near_the_one_before() -> None:
    other = event("D", "2024-01-07T12:00", country="US")
    assert episodes([*VOTE, other], 4) == [("A", "B")]
    assert episodes([*VOTE, other], 7) == [("A", "B", "C")]
    assert episodes([*VOTE, other], 3) == []
    assert "--merge 5d" in episode_notes([("A", "B")], 0)[0]
    assert episode_notes([("A", "B")], 5) == ["events of one country within 5 days are one observation: A + B"]


def test_merged_events_are_one_observation_and_a_held_one_is_named() -> None:
    """Of four events the first two are three sessions apart: the first, held for five, holds the second."""
    given = subject(walk(900), rows=[300, 303, 500, 700], hold=2)
    apart, merged = study(given, Settings(draws=100)), study(given, Settings(draws=100, merge=7))
    assert [len(o.events) for o in apart.observations] == [1, 1, 1, 1]
    assert [len(o.events) for o in merged.observations] == [2, 1, 1]
    assert merged.views[0].mean_net == pytest.approx(
        np.mean([np.mean([o.net for o in apart.observations[:2]]), *(o.net for o in apart.observations[2:])])
    )


def test_merging_fewer_days_does_not_hide_that_events_may_be_one_episode() -> None:
    given = subject(walk(900), rows=[300, 303, 500, 700], hold=2)
    made = study(given, Settings(draws=100, merge=1))
    assert (len(made.observations), made.episodes) == (4, 3)


def test_a_price_that_only_grows_by_one_rate_has_no_standardized_return() -> None:
    flat = walk(900, sd=0.0, drift=1e-4)
    found = study(subject(flat, rows=[300, 500, 700], hold=5), Settings(draws=100))
    assert (found.observations, found.views[0].tests[0].p) == ((), None)
    assert "the returns before it do not vary" in found.lost[0].reason


def test_trials_that_are_one_amount_to_one_and_independent_ones_to_their_number() -> None:
    rng = np.random.default_rng(7)
    alike, apart = rng.normal(size=(4_000, 1)), rng.normal(size=(4_000, 6))
    assert effective_trials(np.repeat(alike, 6, axis=1)) == pytest.approx(1.0)
    assert effective_trials(apart) == pytest.approx(6.0, abs=0.05)
    assert 3.0 < effective_trials(np.hstack([apart[:, :3], apart[:, :3] + 0.1 * apart[:, 3:]])) < 4.5
