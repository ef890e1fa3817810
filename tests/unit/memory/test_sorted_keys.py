from hypothesis import given
from hypothesis import strategies as st

from pynenc.backends.memory.sorted_keys import SortedKeys

keys = st.integers(0, 30)


@given(st.lists(st.tuples(st.booleans(), keys)), st.none() | keys)
def test_it_is_a_sorted_set_walked_from_anywhere(deeds, cursor):
    ours, model = SortedKeys[int](), set[int]()
    for adding, key in deeds:
        if adding and key not in model:
            ours.add(key)
            model.add(key)
        elif not adding and key in model:
            ours.discard(key)
            model.remove(key)
        assert len(ours) == len(model)
        assert list(ours.ascending(cursor)) == sorted(each for each in model if cursor is None or each > cursor)
        assert list(ours.descending(cursor)) == sorted(
            (each for each in model if cursor is None or each < cursor), reverse=True
        )


def test_what_was_removed_takes_no_more_room_than_what_is_there():
    ours = SortedKeys[int]()
    for key in range(10_000):
        ours.add(key)
        if key >= 100:
            ours.discard(key - 100 if key % 2 else key)
        kept = len(ours)
        assert len(ours._keys) <= 2 * kept + 1
        assert len(ours._gone) <= kept + 1


def test_the_oldest_is_found_without_passing_by_those_removed():
    ours = SortedKeys[int]()
    for key in range(1_000):
        ours.add(key)
    for key in range(400):
        ours.discard(key)
        assert next(ours.ascending()) == key + 1
        assert not ours._gone


def test_the_oldest_leaves_with_all_that_left_before_it():
    ours = SortedKeys[int]()
    for key in range(100):
        ours.add(key)
    for key in (2, 1, 3, 0):
        ours.discard(key)
    assert next(ours.ascending()) == 4
    assert not ours._gone
