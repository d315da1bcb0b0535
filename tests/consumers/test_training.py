"""Something small is trained on each dataset, for real."""

import numpy
import pandas
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


GOAL_FEATURES = [
    "goal_amount", "timeline_days", "required_per_day", "affordability", "amount_to_balance", "progress", "elapsed_share",
]


def split(version, name):
    files = sorted((version.folder / "data").glob(f"{name}-*.parquet"))
    return pandas.concat([pandas.read_parquet(file) for file in files], ignore_index=True)


def test_k_means_clusters_users(versions):
    version = versions["segmentation"]
    train, test = split(version, "train"), split(version, "test")
    features = version.features()
    assert not train[features].isna().any().any()
    model = make_pipeline(StandardScaler(), KMeans(5, n_init=10, random_state=0)).fit(train[features])
    assert len(set(model.predict(train[features]))) == 5
    # The users of the sample belong to personas; the clusters have found something of them.
    clusters = pandas.Series(model.predict(train[features]), index=train["segment_name"])
    by_cluster = pandas.crosstab(clusters.index, clusters.values)
    purity = by_cluster.max().sum() / by_cluster.to_numpy().sum()
    share_of_largest = train["segment_name"].value_counts(normalize=True).max()
    assert purity > share_of_largest
    assert len(model.predict(test[features])) == len(test)


def test_a_random_forest_tells_which_goals_are_achieved(versions):
    version = versions["goal"]
    columns = version.features() + GOAL_FEATURES
    parts = {name: split(version, name).dropna(subset=["label"]) for name in ["train", "test"]}
    for part in parts.values():
        assert (part["label_ts"] > part["as_of"]).all()
    train, test = parts["train"], parts["test"]
    forest = RandomForestClassifier(200, min_samples_leaf=5, random_state=0, n_jobs=2).fit(train[columns], train["label"])
    assert roc_auc_score(train["label"], forest.predict_proba(train[columns])[:, 1]) > 0.8, "it learns what it is shown"
    # The sample's test split is small and its goals carry little signal: reported, not held to a bar.
    majority = max(test["label"].mean(), 1 - test["label"].mean())
    auc = roc_auc_score(test["label"], forest.predict_proba(test[columns])[:, 1])
    accuracy = forest.score(test[columns], test["label"])
    print(f"goal, {len(test)} rows of unseen users: AUC {auc:.3f} (a constant: 0.5), accuracy {accuracy:.3f} (majority: {majority:.3f})")


def test_fitted_q_iteration_learns_a_policy(versions):
    version = versions["recommendation"]
    rows = split(version, "train").sort_values(["subject", "decision_ts", "step"], kind="stable")
    actions = version.manifest["statistics"]["action_count"]
    observations = numpy.stack(rows["observation"].to_numpy())
    assert observations.shape == (len(rows), 35)
    decided = rows["action"].notna().to_numpy()
    # The row after a decision of the same episode is what the action led to.
    episode = rows["episode_id"].to_numpy()
    follows = numpy.zeros(len(rows), dtype=bool)
    follows[:-1] = episode[:-1] == episode[1:]
    assert (follows | rows["terminal"].to_numpy())[decided].all(), "every decision has a successor or is terminal"
    assert not follows[~decided].any(), "closing rows are last"

    now = numpy.flatnonzero(decided)
    ends = rows["terminal"].to_numpy()[now]
    after = numpy.minimum(now + 1, len(rows) - 1)
    reward = rows["reward"].to_numpy()[now]
    action = rows["action"].to_numpy()[now].astype(int)
    one_hot = numpy.eye(actions)
    inputs = numpy.hstack([observations[now], one_hot[action]])
    values = numpy.zeros(len(now))
    for _ in range(5):
        q = ExtraTreesRegressor(20, min_samples_leaf=20, random_state=0, n_jobs=2).fit(inputs, reward + 0.9 * values)
        candidates = [
            q.predict(numpy.hstack([observations[after], numpy.repeat(one_hot[[a]], len(now), axis=0)]))
            for a in range(actions)
        ]
        values = numpy.where(ends, 0.0, numpy.max(candidates, axis=0))
    assert numpy.isfinite(values).all() and values.std() > 0
    greedy = numpy.argmax(candidates, axis=0)
    assert len(set(greedy)) > 1, "the policy depends on the observation"
    pscore = rows["pscore"].to_numpy()[now].astype(float)
    assert ((pscore > 0) & (pscore <= 1)).all()


@pytest.fixture(scope="module")
def long_series(spending):
    days = pandas.read_parquet(spending.folder / "data")
    history = days[days["period"] == "history"]
    long = history.groupby("unique_id")["ds"].count()
    chosen = long[long >= 120].index[:10]
    assert len(chosen) == 10
    return days[days["unique_id"].isin(chosen)]


def test_statsforecast_forecasts_the_horizon(long_series, spending):
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS, SeasonalNaive

    horizon = spending.manifest["statistics"]["horizon_days"]
    history = long_series[long_series["period"] == "history"][["unique_id", "ds", "y"]]
    forecast = StatsForecast(models=[AutoETS(season_length=7), SeasonalNaive(7)], freq="D").forecast(df=history, h=horizon)
    assert len(forecast) == 10 * horizon
    assert numpy.isfinite(forecast[["AutoETS", "SeasonalNaive"]].to_numpy()).all()
    actual = long_series[long_series["period"] == "horizon"]
    joined = forecast.merge(actual, on=["unique_id", "ds"])
    assert len(joined) > 0, "the horizon's days follow the history's"


def test_gluonts_fits_and_samples_the_horizon(long_series, spending):
    from gluonts.dataset.pandas import PandasDataset
    from gluonts.dataset.split import split as split_in_time
    from gluonts.evaluation import Evaluator, make_evaluation_predictions
    from gluonts.model.npts import NPTSPredictor

    horizon = spending.manifest["statistics"]["horizon_days"]
    dataset = PandasDataset.from_long_dataframe(
        long_series, item_id="unique_id", timestamp="ds", target="y", freq="D"
    )
    _, template = split_in_time(dataset, offset=-horizon)
    test = template.generate_instances(prediction_length=horizon, windows=1)
    predictor = NPTSPredictor(prediction_length=horizon, context_length=90)
    forecasts = list(predictor.predict(test.input, num_samples=50))
    assert len(forecasts) == 10 and all(forecast.samples.shape == (50, horizon) for forecast in forecasts)
    forecasts, series = make_evaluation_predictions(dataset, predictor, num_samples=50)
    metrics, _ = Evaluator(quantiles=[0.5], num_workers=0)(series, forecasts)
    print(f"spending: NPTS mean weighted quantile loss {metrics['mean_wQuantileLoss']:.3f}")
    assert numpy.isfinite(metrics["mean_wQuantileLoss"])
