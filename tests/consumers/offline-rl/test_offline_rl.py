"""Offline reinforcement learning and evaluation on the prepared recommendation dataset."""

import json
import os
import subprocess
from pathlib import Path

import d3rlpy
import numpy
import pandas
import pytest
from obp.ope import InverseProbabilityWeighting, OffPolicyEvaluation, SelfNormalizedInverseProbabilityWeighting

OBD = Path(__file__).parents[4] / "shared" / "data" / "recs_obd_all.ndjson.gz"


def load(data):
    """The rows of the newest version in a data folder, in order, and how many actions there are."""
    bucket = Path(data) / "s3" / "fincoach-learning"
    latest = json.loads((bucket / "prepared/recommendation/latest.json").read_text())
    manifest = json.loads((bucket / latest["manifest"]).read_text())
    rows = pandas.read_parquet((bucket / latest["manifest"]).parent / "data")
    rows = rows.sort_values(["subject", "decision_ts", "step"], kind="stable").reset_index(drop=True)
    return rows, manifest["statistics"]["action_count"]


@pytest.fixture(scope="module")
def sample():
    return load(os.environ["FINCOACH_DATA"])


def test_discrete_cql_learns_from_the_episodes(sample):
    rows, actions = sample
    last = rows["episode_id"] != rows["episode_id"].shift(-1)
    terminal = rows["terminal"].to_numpy(dtype=bool)
    assert (last[terminal]).all(), "nothing follows a terminal decision"
    closing = rows["action"].isna()
    assert (last == (closing | terminal)).all(), "an episode ends by a terminal decision or a closing observation"
    dataset = d3rlpy.dataset.MDPDataset(
        observations=numpy.stack(rows["observation"].to_numpy()).astype(numpy.float32),
        # A closing row is what the last decision led to: its action is never taken.
        actions=rows["action"].fillna(0).to_numpy(dtype=numpy.int64),
        rewards=rows["reward"].fillna(0.0).to_numpy(dtype=numpy.float32),
        terminals=terminal.astype(numpy.float32),
        timeouts=(last & ~terminal).to_numpy(dtype=numpy.float32),
        action_space=d3rlpy.ActionSpace.DISCRETE,
        action_size=actions,
    )
    assert len(dataset.episodes) == rows["episode_id"].nunique()
    assert dataset.transition_count == int((~closing).sum()), "every decision is one transition"

    d3rlpy.seed(0)
    scaler = d3rlpy.preprocessing.StandardObservationScaler()
    cql = d3rlpy.algos.DiscreteCQLConfig(batch_size=128, observation_scaler=scaler).create(device="cpu:0")
    history = cql.fit(dataset, n_steps=1_000, n_steps_per_epoch=250, logger_adapter=d3rlpy.logging.NoopAdapterFactory(), show_progress=False)
    losses = [metrics["loss"] for _, metrics in history]
    assert numpy.isfinite(losses).all() and losses[-1] < losses[0], losses
    decided = rows[~closing]
    observations = numpy.stack(decided["observation"].to_numpy()).astype(numpy.float32)
    greedy = cql.predict(observations)
    assert set(greedy) <= set(range(actions))
    agreed = (greedy == decided["action"].to_numpy(dtype=int)).mean()
    print(
        f"\nd3rlpy {d3rlpy.__version__}, discrete CQL: {len(decided)} decisions in {len(dataset.episodes)} episodes over {actions} actions;"
        f" loss {losses[0]:.3f} to {losses[-1]:.3f} in 1,000 steps; as logged {agreed:.3f}; actions chosen {sorted(set(int(a) for a in greedy))}"
    )


def feedback(rows, actions):
    decided = rows[rows["action"].notna() & rows["pscore"].notna()]
    return {
        "n_rounds": len(decided), "n_actions": actions, "position": None,
        "context": numpy.stack(decided["observation"].to_numpy()),
        "action": decided["action"].to_numpy(dtype=int),
        "reward": decided["reward"].to_numpy(dtype=float),
        "pscore": decided["pscore"].to_numpy(dtype=float),
    }


def evaluate(name, rows, actions):
    """The uniformly random policy by obp, which must be what the definition gives."""
    logged = feedback(rows, actions)
    estimators = [InverseProbabilityWeighting(), SelfNormalizedInverseProbabilityWeighting()]
    uniform = numpy.full((logged["n_rounds"], actions, 1), 1 / actions)
    values = OffPolicyEvaluation(logged, estimators).estimate_policy_values(uniform)
    weights = 1 / actions / logged["pscore"]
    assert values["ipw"] == pytest.approx((logged["reward"] * weights).mean(), rel=1e-9)
    assert values["snipw"] == pytest.approx((logged["reward"] * weights).sum() / weights.sum(), rel=1e-9)
    print(
        f"\nobp, {name}: {logged['n_rounds']} decisions over {actions} actions; logged mean reward {logged['reward'].mean():.6f};"
        f" of the random policy: IPW {values['ipw']:.6f}, self-normalised {values['snipw']:.6f}"
    )
    return values["ipw"]


def test_a_policy_is_evaluated_by_inverse_propensity(sample):
    evaluate("the bundled sample", *sample)


def test_so_is_the_random_policy_of_the_open_bandit_dataset(tmp_path):
    if not OBD.exists():
        pytest.skip(f"the real events {OBD.name} are not here")
    command = [os.environ["FINCOACH_PROGRAM"], "--events", OBD, "--exit", "--port", "0", "--data-dir", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LEARNING_THRESHOLD_RECOMMENDATION": "50"})
    assert done.returncode == 0, done.stderr
    rows, actions = load(tmp_path)
    assert actions == 80
    estimated = evaluate("Open Bandit Dataset", rows, actions)
    import gzip

    sent = [json.loads(line)["data"] for line in gzip.open(OBD)]
    raw = numpy.mean([data["reward"] / 80 / data["propensity"] for data in sent])
    assert estimated == pytest.approx(raw, rel=1e-9), "as from the raw file"
