"""Who stood still does not judge others by their silence."""

from pynenc.engine.patience import Patience


def test_at_the_start_it_judges_at_once():
    assert Patience(30, 5).may_judge(1000.0)


def test_while_it_goes_on_it_judges():
    patience = Patience(30, 5)
    assert all(patience.may_judge(1000.0 + seconds) for seconds in range(0, 600, 6))


def test_after_a_standstill_others_have_a_lease_to_show_that_they_live():
    patience = Patience(30, 5)
    patience.may_judge(1000.0)
    assert not patience.may_judge(1100.0)
    assert not patience.may_judge(1115.0)
    assert not patience.may_judge(1129.0)
    assert patience.may_judge(1130.0)


def test_a_second_standstill_counts_anew():
    patience = Patience(30, 5)
    patience.may_judge(1000.0)
    patience.may_judge(1100.0)
    assert not patience.may_judge(1200.0)
    assert not patience.may_judge(1215.0)
    assert patience.may_judge(1230.0)


def test_a_clock_put_back_is_no_standstill():
    patience = Patience(30, 5)
    patience.may_judge(1000.0)
    assert patience.may_judge(500.0)
    assert patience.may_judge(505.0)
