"""Accounts with futures: replay and arrays agree, and what the account says is what its trades made."""

import pytest
from hypothesis import given, settings

from tests.engine.futures import future_worlds
from tests.engine.test_many_plans import LONG, check_both, check_many
from tests.engine.test_properties import World


@settings(max_examples=300)
@given(future_worlds())
def test_replay_and_arrays_agree(world: World) -> None:
    check_both(world)


@settings(max_examples=30)
@given(future_worlds(**LONG))
def test_replay_and_many_plans_of_long_accounts_agree(world: World) -> None:
    check_many(world, *world.run())


_ = pytest
