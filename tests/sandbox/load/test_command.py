from sandbox.load.command import MAX_GROWTH, measure


def test_every_job_of_a_small_crowd_gets_its_own() -> None:
    figures, faults = measure(jobs=60, at_once=30, environments=2, bad_percent=20, limit_seconds=60, seed=7)
    assert faults == []
    assert len(figures.outcomes) == 60
    refused = [outcome for outcome in figures.outcomes if outcome.job.refused_for is not None]
    assert len(refused) == 12
    assert figures.growth is None or figures.growth < MAX_GROWTH


def test_a_crowd_that_has_no_time_is_reported() -> None:
    figures, faults = measure(jobs=5, at_once=5, environments=1, bad_percent=0, limit_seconds=0, seed=7)
    assert all(outcome.reply is None for outcome in figures.outcomes)
    assert len(faults) == 5
    assert "expected an answer, found none" in faults[0]
