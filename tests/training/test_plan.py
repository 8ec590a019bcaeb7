"""Which sample goes where."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest

from stylecrafter_core.training.data.plan import Layout, Plan, Stream, images_before

SQUARE, WIDE, TALL = (64, 64), (96, 48), (48, 96)
ALONE = Layout(passes=1, processes=1, rank=0)
STEPS = 30


def plan(
    image_batch: int = 4, video_batch: int = 2, layout: Layout = ALONE, share: float = 0.2, seed: int = 0
) -> Plan:
    whole = layout.passes * layout.processes
    return Plan(
        Stream([SQUARE] * 10 + [WIDE] * 7, image_batch * whole, seed, "image"),
        Stream([SQUARE] * 5, video_batch * whole, seed, "video"),
        image_batch,
        video_batch,
        share,
        layout,
    )


def slots_of(made: Plan, step: int) -> list:
    return [slot for slots in made.passes_of(step) for slot in slots]


def test_passes_and_processes_are_only_ways_to_cut_a_step():
    whole = plan(4, 4)
    two_passes = plan(2, 2, Layout(2, 1, 0))
    both = [plan(2, 2, Layout(1, 2, rank)) for rank in range(2)]
    four = [plan(1, 1, Layout(2, 2, rank)) for rank in range(2)]
    for step in range(STEPS):
        expected = slots_of(whole, step)
        assert [slot.number for slot in expected] == [0, 1, 2, 3]
        assert slots_of(two_passes, step) == expected
        assert slots_of(both[0], step) + slots_of(both[1], step) == expected
        by_number = sorted(slots_of(four[0], step) + slots_of(four[1], step), key=lambda slot: slot.number)
        assert by_number == expected


def test_a_process_computes_its_own_slots_pass_by_pass():
    layout = Layout(passes=3, processes=2, rank=1)
    assert [list(layout.slots(number, 2)) for number in range(3)] == [[2, 3], [6, 7], [10, 11]]
    taken = [slot for n in range(3) for rank in range(2) for slot in Layout(3, 2, rank).slots(n, 2)]
    assert taken == list(range(12))


@pytest.mark.parametrize("share", ["0", "0.1", "0.2", "0.25", "1/3", "0.5", "0.7", "0.99", "1"])
def test_of_the_first_n_steps_exactly_floor_n_share_are_on_pictures(share):
    exact = Fraction(share)
    made, seen = plan(share=float(exact)), 0
    for step in range(600):
        assert seen == math.floor(step * exact)
        seen += made.kind_at(step) == "image"


@pytest.mark.parametrize("share", ["0.1", "0.2", "0.3", "0.7"])
def test_the_share_is_exact_late_in_a_run_too(share):
    for step in (19_995, 20_000, 1_000_000, 3_333_333):
        assert images_before(step, float(share)) == math.floor(step * Fraction(share))


def test_the_published_fifth_comes_every_fifth_step():
    kinds = [plan().kind_at(step) for step in range(10)]
    assert kinds == ["video"] * 4 + ["image"] + ["video"] * 4 + ["image"]


def test_where_there_is_one_kind_every_step_is_on_it():
    stream = Stream([SQUARE] * 5, 4, 0, "x")
    pictures, videos = Plan(stream, None, 4, 1, 0.2, ALONE), Plan(None, stream, 1, 4, 0.2, ALONE)
    assert {pictures.kind_at(step) for step in range(20)} == {"image"}
    assert {videos.kind_at(step) for step in range(20)} == {"video"}
    assert [slot.item for slot in slots_of(pictures, 7)] == [slot.item for slot in slots_of(videos, 7)]


def test_samples_of_each_kind_come_in_their_own_batch():
    made = plan(image_batch=4, video_batch=2)
    for step in range(STEPS):
        slots = slots_of(made, step)
        kind = made.kind_at(step)
        assert {slot.kind for slot in slots} == {kind}
        assert {slot.step for slot in slots} == {step}
        assert len(slots) == (4 if kind == "image" else 2)


def test_the_samples_of_a_step_are_those_of_all_its_passes_and_processes():
    made = [plan(4, 2, Layout(passes=3, processes=2, rank=rank)) for rank in range(2)]
    for step in range(STEPS):
        assert made[0].samples_at(step) == len(slots_of(made[0], step)) + len(slots_of(made[1], step))


def test_any_step_can_be_the_first():
    layout = Layout(2, 2, 1)
    whole = list(plan(2, 1, layout).from_step(0, STEPS))
    assert len(whole) == 2 * STEPS
    for first in range(STEPS + 1):
        assert list(plan(2, 1, layout).from_step(first, STEPS)) == whole[2 * first :]


def test_going_back_changes_nothing():
    made = plan()
    later, earlier = slots_of(made, 25), slots_of(made, 2)
    assert slots_of(made, 25) == later
    assert slots_of(made, 2) == earlier == slots_of(plan(), 2)


@pytest.mark.parametrize(("count", "group"), [(12, 4), (12, 1), (6, 6)])
def test_every_item_comes_once_an_epoch(count, group):
    stream = Stream([SQUARE] * count, group, 0, "image")
    assert stream.groups_per_epoch == count // group
    epochs = []
    for epoch in range(3):
        groups = range(epoch * stream.groups_per_epoch, (epoch + 1) * stream.groups_per_epoch)
        epochs.append([item for index in groups for item in stream.group_at(index)])
        assert sorted(epochs[-1]) == list(range(count))
    assert len({tuple(epoch) for epoch in epochs}) == 3, "each epoch has its own order"


def test_what_is_left_of_an_epoch_is_filled_up():
    stream = Stream([SQUARE] * 10, 4, 0, "image")
    assert stream.groups_per_epoch == 3
    seen = Counter(item for index in range(3) for item in stream.group_at(index))
    assert set(seen) == set(range(10))
    assert sorted(seen.values()) == [1] * 8 + [2] * 2
    assert all(len(set(stream.group_at(index))) == 4 for index in range(3)), "no item twice in one step"


def test_fewer_items_than_a_group_come_again_in_turn():
    stream = Stream([SQUARE] * 3, 8, 0, "image")
    for index in range(5):
        group = stream.group_at(index)
        assert len(group) == 8
        assert sorted(Counter(group).values()) == [2, 3, 3]
    assert len({tuple(stream.group_at(index)) for index in range(5)}) > 1


def test_a_group_has_one_size():
    sizes = [SQUARE] * 9 + [WIDE] * 5 + [TALL]
    stream = Stream(sizes, 4, 0, "image")
    assert stream.groups_per_epoch == 3 + 2 + 1
    for epoch in range(3):
        groups = [stream.group_at(epoch * 6 + index) for index in range(6)]
        of_size = [{sizes[item] for item in group} for group in groups]
        assert all(len(found) == 1 for found in of_size)
        assert Counter(size for found in of_size for size in found) == {SQUARE: 3, WIDE: 2, TALL: 1}
        assert {item for group in groups for item in group} == set(range(15))


def test_sizes_are_mixed_over_an_epoch():
    sizes = [SQUARE] * 40 + [WIDE] * 40
    stream = Stream(sizes, 4, 0, "image")
    order = [sizes[stream.group_at(index)[0]] for index in range(20)]
    changes = sum(before != after for before, after in itertools.pairwise(order))
    assert changes >= 5


def test_a_slot_knows_the_size_of_its_item():
    made = plan(share=1.0)
    sizes = {slot.size for step in range(STEPS) for slot in slots_of(made, step)}
    assert sizes == {SQUARE, WIDE}
    assert all(
        slot.size == made.images.sizes[slot.item] for step in range(STEPS) for slot in slots_of(made, step)
    )


def test_seed_and_kind_decide_the_order():
    def order(seed: int, name: str) -> list[int]:
        return Stream([SQUARE] * 20, 20, seed, name).group_at(0)

    assert order(0, "image") == order(0, "image")
    assert order(0, "image") != order(1, "image")
    assert order(0, "image") != order(0, "video")
