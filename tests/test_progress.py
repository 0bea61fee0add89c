"""Progress bars: whose they are, where they start, when they end."""

import pytest
from tiny_runs import CONFIG

from qtdog.training import parallel, progress_bar, sweep_progress


@pytest.mark.parametrize("leads", [True, False])
def test_the_leading_process_alone_shows_progress(leads, monkeypatch, capsys):
    monkeypatch.setattr(parallel, "leads", lambda: leads)
    with progress_bar(12, "a run") as progress:
        progress(1, "source 50.0%")
    show = sweep_progress(CONFIG)
    for step in range(1, CONFIG.steps + 1):
        show(step, "source 75.0%")
    shown = capsys.readouterr().err
    assert ("a run" in shown) == leads
    assert ("75-degrees qt-dog-7bit seed 0" in shown) == leads
    if leads:
        assert "source 50.0%" in shown
        assert "12/12" in shown
        assert shown.endswith("\n"), "a bar is closed after its last step"
    else:
        assert shown == ""


def test_a_bar_starts_where_an_interrupted_run_goes_on(capsys):
    with progress_bar(12, "a run") as progress:
        progress(7, "")
    assert "6/12" in capsys.readouterr().err
