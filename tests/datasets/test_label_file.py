"""A second coder's labels: what they replace, what is refused, and how two coders' agreement is counted."""

import hashlib
from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.events.label_file import agreement, cohens_kappa, load_labels, relabelled


def event(name: str, **fields: object) -> PoliticalEvent:
    return PoliticalEvent.model_validate(
        {"event_id": name, "country": "JP", "kind": "general_election", "title": "t", **fields}
    )


EVENTS = EventCatalogue(
    [
        event("JP-1", pro_growth="yes", surprise="expected", program="tax_cut", label_basis="pro_growth: source; surprise: source"),
        event("JP-2", pro_growth="no"),
        event("JP-3"),
    ]
)  # fmt: skip


def labels(folder: Path, text: str):
    path = folder / "anna.csv"
    path.write_text(text, encoding="utf-8")
    return load_labels(path)


def test_given_labels_replace_and_blank_ones_leave(tmp_path: Path) -> None:
    coded = labels(
        tmp_path,
        "event_id,pro_growth,surprise,program,coder\nJP-1,mixed,,tax_cut;austerity,Anna\nJP-3,yes,upset,,Anna\n",
    )
    first, second, third = relabelled(EVENTS, coded)
    assert (first.pro_growth, first.surprise, first.program) == ("mixed", "expected", ("tax_cut", "austerity"))
    assert first.label_basis == "pro_growth: coder Anna; surprise: source; program: coder Anna"
    assert second == EVENTS.get("JP-2")
    assert (third.pro_growth, third.surprise, third.label_basis) == (
        "yes",
        "upset",
        "pro_growth: coder Anna; surprise: coder Anna",
    )
    assert EVENTS.get("JP-1").pro_growth == "yes"


def test_unknown_takes_a_label_away(tmp_path: Path) -> None:
    coded = labels(tmp_path, "event_id,pro_growth,surprise,program\nJP-1,unknown,unknown,unknown\n")
    first = relabelled(EVENTS, coded).get("JP-1")
    assert (first.pro_growth, first.surprise, first.program, first.label_basis) == ("unknown", None, (), None)


def test_the_file_is_named_and_hashed(tmp_path: Path) -> None:
    text = "event_id,pro_growth\nJP-2,yes\n"
    again = relabelled(EVENTS, labels(tmp_path, text))
    assert again.labels == {"file": "anna.csv", "sha256": hashlib.sha256(text.encode()).hexdigest()}
    assert again.select(lambda e: e.event_id == "JP-2").labels == again.labels
    assert EVENTS.labels is None
    assert again.sha256() != EVENTS.sha256()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("event_id,pro_growth\nJP-22,yes\n", "anna.csv line 2: unknown event 'JP-22' (did you mean 'JP-2'?)"),
        ("event_id,pro_growth\nJP-2,yess\n", "unknown pro_growth at anna.csv line 2: 'yess' (did you mean 'yes'?)"),
        ("event_id,surprise\nJP-2,upsett\n", "unknown surprise at anna.csv line 2: 'upsett' (did you mean 'upset'?)"),
        ("event_id,program\nJP-2,tax_cut;tax_cuts\n", "unknown program at anna.csv line 2: 'tax_cuts' (did you mean 'tax_cut'?)"),
        ("event_id,pro_grow\nJP-2,yes\n", "unknown column in anna.csv line 1: 'pro_grow' (did you mean 'pro_growth'?)"),
        ("event_id,coder\nJP-2,Anna\n", "anna.csv line 1: labels need event_id and at least one of"),
        ("event_id,pro_growth\nJP-2,yes\nJP-2,no\n", "anna.csv line 3: 'JP-2' is coded already at anna.csv line 2"),
        ("event_id,pro_growth\n,yes\n", "anna.csv line 2: event_id is blank"),
        ("event_id,pro_growth\nJP-2,yes,no\n", "anna.csv line 2: not 2 fields"),
    ],
)  # fmt: skip
def test_each_fault_is_reported_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as e:
        relabelled(EVENTS, labels(tmp_path, text))
    assert str(e.value).startswith(said)
    assert "\n" not in str(e.value)


def test_a_file_that_is_not_there_or_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_labels(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("event_id,pro_growth\nJP-2,é\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin.csv line 2: not UTF-8"):
        load_labels(tmp_path / "latin.csv")


def test_kappa_of_the_textbook() -> None:
    # the grant proposals of https://en.wikipedia.org/wiki/Cohen%27s_kappa: 20 both yes, 15 both no, 5 and 10 apart
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4, abs=1e-12)
    # the same page, 60 % agreement with unequal margins: 45, 15, 25, 15 of 100 and 25, 35, 5, 35 of 100
    assert cohens_kappa([("y", "y")] * 45 + [("y", "n")] * 15 + [("n", "y")] * 25 + [("n", "n")] * 15) == pytest.approx(
        0.1304, abs=5e-5
    )
    assert cohens_kappa([("y", "y")] * 25 + [("y", "n")] * 35 + [("n", "y")] * 5 + [("n", "n")] * 35) == pytest.approx(
        0.2593, abs=5e-5
    )


def test_kappa_is_not_defined_where_chance_explains_all() -> None:
    assert cohens_kappa([]) is None
    assert cohens_kappa([("yes", "yes")] * 9) is None


def test_agreement_is_over_the_events_that_both_coded(tmp_path: Path) -> None:
    coded = labels(
        tmp_path, "event_id,pro_growth,program\nJP-1,yes,tax_cut;austerity\nJP-2,yes,\nJP-3,no,deregulation\n"
    )
    found = {a.label: a for a in agreement(EVENTS, coded)}
    growth = found["pro_growth"]
    assert (growth.n, growth.agree, growth.kappa, growth.differ) == (2, 1, 0.0, ("JP-2",))
    assert growth.table == {("no", "yes"): 1, ("yes", "yes"): 1}
    assert found["surprise"].n == 0
    assert (found["program: tax_cut"].table, found["program: austerity"].table) == (
        {("yes", "yes"): 1},
        {("no", "yes"): 1},
    )
    assert "program: deregulation" not in found  # JP-3 has no programme in the catalogue
