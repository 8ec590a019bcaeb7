"""The average of the trained weights, against its formula."""

import pytest
import torch
from torch import nn

from stylecrafter_core.training.average import Average
from stylecrafter_core.training.engine.shards import put, whole

DECAY = 0.75


def weights() -> dict[str, nn.Parameter]:
    return {"a.weight": nn.Parameter(torch.zeros(2, 3)), "b": nn.Parameter(torch.zeros(()))}


def walk(trained, average, steps) -> None:
    for step in steps:
        for weight in trained.values():
            weight.data.fill_(float(step * step))
        average.update()


def test_it_is_the_first_weights_and_then_moves_by_its_share():
    trained = weights()
    average = Average(trained, DECAY)
    expected = None
    for step in range(1, 41):
        walk(trained, average, [step])
        value = float(step * step)
        decay = min(DECAY, step / (9 + step))  # step − 1 are in the average
        expected = value if expected is None else decay * expected + (1 - decay) * value
        found = average.tensors()
        assert list(found) == ["a.weight", "b"]
        assert found["a.weight"].tolist() == [[pytest.approx(expected)] * 3] * 2
        assert found["b"].item() == pytest.approx(expected)
        assert average.steps == step


@pytest.mark.parametrize("steps", [20, 200])
def test_a_run_that_is_short_for_its_decay_does_not_keep_its_first_weights(steps):
    trained = weights()
    average = Average(trained, 0.9999)
    for number in range(steps):
        trained["b"].data.fill_(float(number > 0))
        average.update()
    assert average.tensors()["b"].item() > 0.999


def test_it_does_not_touch_the_weights():
    trained = weights()
    average = Average(trained, DECAY)
    walk(trained, average, [1, 2, 3])
    assert trained["b"].item() == 9
    assert average.tensors()["b"].item() != 9
    assert not any(tensor.requires_grad for tensor in average.tensors().values())


def test_one_that_was_loaded_goes_on_bit_by_bit():
    trained = weights()
    alone = Average(trained, DECAY)
    walk(trained, alone, range(1, 4))
    saved = {name: tensor.clone() for name, tensor in alone.tensors().items()}
    other = weights()
    resumed = Average(other, DECAY)
    resumed.load(saved, alone.steps)
    assert resumed.steps == 3
    for each, average in ((trained, alone), (other, resumed)):
        walk(each, average, range(4, 8))
    for name, tensor in alone.tensors().items():
        assert torch.equal(resumed.tensors()[name], tensor)


def test_a_weight_as_a_whole_and_back():
    weight = nn.Parameter(torch.randn(3, 2).T)
    copy = whole(weight)
    assert not copy.requires_grad
    assert copy.is_contiguous()
    put(weight, torch.ones(2, 3))
    assert torch.equal(weight, torch.ones(2, 3))
    assert weight.requires_grad
