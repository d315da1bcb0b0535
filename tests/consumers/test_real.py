"""Goals of real students (OULAD), where they are at hand: replayed into a local stack of
their own, prepared by it, and trained on. Else this says that it is skipped."""

import os
import subprocess
from pathlib import Path

import numpy
import pandas
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from conftest import Version
from test_training import GOAL_FEATURES, split

EVENTS = Path(__file__).parents[3] / "shared" / "data" / "goals_oulad.ndjson.gz"
OUTCOMES = 22_437


@pytest.fixture(scope="module")
def goals(tmp_path_factory):
    if not EVENTS.exists():
        pytest.skip(f"the real events {EVENTS.name} are not here")
    data = tmp_path_factory.mktemp("oulad")
    program = Path(os.environ["FINCOACH_PROGRAM"])
    command = [program, "--events", EVENTS, "--exit", "--port", "0", "--data-dir", data]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Version("goal", data)


def test_every_outcome_is_a_label_or_counted_as_excluded(goals):
    statistics = goals.manifest["statistics"]
    excluded = {reason: number for reason, number in statistics["excluded"].items() if number}
    of_outcomes = sum(excluded.get(reason, 0) for reason in ("outcome_without_row", "end_after_the_end"))
    assert statistics["labelled_outcome_count"] + of_outcomes == OUTCOMES
    print(f"OULAD goals: {statistics['labelled_outcome_count']} labelled of {OUTCOMES} outcomes, excluded {excluded}")


def test_a_random_forest_is_reported_beside_the_majority(goals):
    columns = goals.features() + GOAL_FEATURES
    train, test = (split(goals, name).dropna(subset=["label"]) for name in ("train", "test"))
    assert not set(train["subject"]) & set(test["subject"]), "no student is on two sides"
    forest = RandomForestClassifier(200, min_samples_leaf=5, random_state=0, n_jobs=2).fit(train[columns], train["label"])
    # The same model on labels that are dealt out anew knows nothing: what it reaches is chance.
    dealt = numpy.random.default_rng(0).permutation(train["label"])
    blind = RandomForestClassifier(200, min_samples_leaf=5, random_state=0, n_jobs=2).fit(train[columns], dealt)

    def judged(test):
        majority = max(test["label"].mean(), 1 - test["label"].mean())
        auc = lambda model: roc_auc_score(test["label"], model.predict_proba(test[columns])[:, 1])
        return len(test), test["subject"].nunique(), auc(forest), auc(blind), forest.score(test[columns], test["label"]), majority

    first = test.sort_values("as_of", kind="stable").drop_duplicates(["subject", "goal_id"])
    last = test.sort_values("as_of", kind="stable").drop_duplicates(["subject", "goal_id"], keep="last")
    print(f"\nOULAD goals, {len(train)} rows of {train['subject'].nunique()} students to train on")
    print("test rows | students | AUC | AUC on dealt labels | accuracy | majority")
    for name, part in {"all": test, "at creation": first, "at the last update": last}.items():
        rows, students, auc, chance, accuracy, majority = judged(part)
        print(f"{name}: {rows} | {students} | {auc:.3f} | {chance:.3f} | {accuracy:.3f} | {majority:.3f}")
        # Reported, not held to a bar: only that it is a number that means something.
        assert 0 < auc < 1 and pandas.notna(accuracy)
