"""The calendar of the spending dataset."""

import pandas


def test_every_users_calendar_is_gap_free_and_ordered(spending):
    days = pandas.read_parquet(f"{spending.folder}/data")
    for _, user in days.groupby("unique_id"):
        steps = user["ds"].diff().dropna()
        assert (steps == pandas.Timedelta(days=1)).all()


def test_categories_add_up_to_the_days_total(spending):
    days = pandas.read_parquet(f"{spending.folder}/data")
    first, last = days.columns.get_loc("groceries"), days.columns.get_loc("other")
    difference = days.iloc[:, first : last + 1].sum(axis=1) - days["y"]
    assert difference.abs().max() < 1e-6
