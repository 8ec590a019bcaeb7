"""The small family's training parts that need no host: the loop, the towers, the batches, the alt texts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from lab.family import learning, towers
from lab.family.alt_texts import MANNERS, alt_text, main_colours
from lab.family.base import CLIPS, PICTURES, Round, Shown, batch, train_round
from lab.family.learning import Lesson, learn
from stylecrafter_core.training.checkpoint import Checkpoints, read_progress
from stylecrafter_core.training.config.schema import Optimiser
from stylecrafter_core.training.randomness import generator


class StoppedError(Exception):
    """What ends a run in the middle here."""


def lesson(folder: Path, steps: int = 10) -> Lesson:
    optimiser = Optimiser(lr=0.05, schedule="cosine", warmup_steps=2, ema=0.5)
    return Lesson(folder, steps, optimiser, save_every=3, log_every=5)


def learnt(folder: Path, stop_at: int | None = None) -> nn.Module:
    """A line through noisy points, whose points are a function of the step."""
    network = nn.Linear(3, 1)
    with torch.no_grad():
        network.weight.fill_(0.5)
        network.bias.zero_()

    def loss_of(step: int) -> torch.Tensor:
        if step == stop_at:
            raise StoppedError
        inputs = torch.randn(8, 3, generator=generator(0, "points", step))
        return (network(inputs) - inputs @ torch.tensor([[1.0], [-2.0], [3.0]])).square().mean()

    learn(network, loss_of, lesson(folder))
    return network


def test_a_stopped_lesson_ends_in_the_same_numbers(tmp_path):
    whole = learnt(tmp_path / "whole")
    with pytest.raises(StoppedError):
        learnt(tmp_path / "stopped", stop_at=8)
    went_on = learnt(tmp_path / "stopped")
    assert torch.equal(went_on.weight, whole.weight)
    digests = [
        hashlib.sha256((tmp_path / run / "step-10" / "optimiser.safetensors").read_bytes()).hexdigest()
        for run in ("whole", "stopped")
    ]
    assert digests[0] == digests[1]


def test_a_finished_lesson_gives_its_result_again(tmp_path):
    first = learnt(tmp_path)
    again = learnt(tmp_path, stop_at=0)
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, torch.full((1, 3), 0.5))


def test_a_lesson_lowers_the_loss(tmp_path):
    distance = (learnt(tmp_path).weight - torch.tensor([[1.0, -2.0, 3.0]])).norm()
    assert distance < (torch.full((1, 3), 0.5) - torch.tensor([[1.0, -2.0, 3.0]])).norm()


def test_contrast_is_the_cross_entropy_of_clip():
    images = torch.nn.functional.normalize(torch.randn(5, 4, generator=generator(0, "a")), dim=1)
    texts = torch.nn.functional.normalize(torch.randn(5, 4, generator=generator(0, "b")), dim=1)
    logits = 10 * images @ texts.T
    by_hand = -(logits.log_softmax(1).diagonal().mean() + logits.log_softmax(0).diagonal().mean()) / 2
    assert towers.contrast(images, texts, torch.tensor(10.0)).item() == pytest.approx(
        by_hand.item(), rel=1e-5
    )
    assert towers.contrast(images, images, torch.tensor(100.0)) < 0.01


def test_towers_learn_and_forget_words_that_no_text_has(tmp_path, monkeypatch):
    monkeypatch.setattr(towers, "BATCH", 4)
    pixels = torch.zeros(4, 128, 128, 3, dtype=torch.uint8)
    for number, colour in enumerate(((200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 200))):
        pixels[number] = torch.tensor(colour, dtype=torch.uint8)
    texts = [["red"], ["green"], ["blue"], ["white"]]
    network = towers.train_towers(pixels, texts, tmp_path, seed=0, steps=25)
    with torch.no_grad():
        said = torch.cat(towers.tokenised(texts))
        text = torch.nn.functional.normalize(network.encode_text(said), dim=1)
        class_token, local = towers.image_tokens(network, towers.vision_input(pixels, generator(0, "look")))
    assert (class_token @ text.T).argmax(dim=1).tolist() == [0, 1, 2, 3]
    assert (local @ text.T).argmax(dim=1).tolist() == [0, 1, 2, 3]
    rows = network.token_embedding.weight.abs().sum(dim=1)
    assert set(rows.nonzero().flatten().tolist()) == set(said.unique().tolist())
    idle = network.transformer.resblocks[-1]
    assert len(network.transformer.resblocks) == towers.TEXT_LAYERS + 1
    state = torch.randn(2, 77, towers.TEXT_WIDTH)
    assert torch.equal(idle(state), state)


def test_batches_pair_latents_with_their_texts():
    count = 50
    shown = Shown(
        pictures=torch.arange(count).view(count, 1, 1, 1).expand(count, 4, 2, 2).half(),
        clips=torch.arange(count).view(count, 1, 1, 1, 1).expand(count, 3, 4, 2, 2).half(),
        texts=torch.arange(-1, count).view(count + 1, 1, 1).expand(count + 1, 77, 2).float(),
        picture_texts=torch.arange(count) + 1,
        clip_texts=torch.arange(count) + 1,
    )
    dropped = 0
    for step in range(40):
        latents, texts = batch(shown, step % 2 == 0, generator(0, "batch", step))
        assert latents.shape[:2] == ((CLIPS, 3) if step % 2 == 0 else (PICTURES, 1))
        empty = texts[:, 0, 0] == -1
        assert torch.equal(texts[~empty, 0, 0], latents[~empty, 0, 0, 0, 0])
        dropped += int(empty.sum())
    assert 0.05 < dropped / (20 * (CLIPS + PICTURES)) < 0.15
    latents, _ = batch(shown, True, generator(0, "plain"), Round(1, 1e-3, plain=True, wider=2))
    assert latents.shape[:2] == (2 * PICTURES, 1)


def test_a_lesson_of_minutes_ends_in_time_however_often_it_is_stopped(tmp_path, monkeypatch):
    """A clock by which every step takes a second."""
    clock = count()
    monkeypatch.setattr(learning.time, "monotonic", lambda: next(clock))
    rates: list[float] = []
    monkeypatch.setattr(learning, "set_learning_rate", lambda _, rate: rates.append(rate))

    def learn_until(stop_at: int | None) -> None:
        network = nn.Linear(3, 1)

        def loss_of(step: int) -> torch.Tensor:
            if step == stop_at:
                raise StoppedError
            return network.weight.square().sum()

        learn(network, loss_of, replace(lesson(tmp_path), minutes=1.0))

    with pytest.raises(StoppedError):
        learn_until(31)
    learn_until(None)
    assert read_progress(Checkpoints(tmp_path, 1).latest()).step == 60
    assert len(rates) == 32 + 30  # what was done after the last checkpoint is done again
    assert rates[-1] < 0.05 * max(rates)


class Listener(nn.Module):
    """A U-Net that gives its input back and remembers it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.heard: list[torch.Tensor] = []

    def forward(self, noisy, timesteps, context, transformer_options):
        self.heard.append(noisy)
        return noisy * self.weight


@pytest.mark.parametrize(("offset", "gain"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.2)])
def test_a_round_draws_noise_of_its_offset_and_gain(tmp_path, offset, gain):
    rows = torch.zeros(3, dtype=torch.long)
    latents = torch.zeros(3, 8, 4, 16, 16)
    shown = Shown(latents[:, 0], latents, torch.zeros(1, 77, 2), rows, rows)
    unet, only_noise = Listener(), SimpleNamespace(sigmas=torch.full((1000,), 1e6))
    model = SimpleNamespace(diffusion_model=unet, model_sampling=only_noise)
    train_round(model, shown, tmp_path, 0, Round(4, 1e-3, offset, gain), 0)
    heard = torch.cat(unet.heard)
    assert len(heard) == CLIPS * 8 + 3 * PICTURES
    assert heard.mean(dim=(2, 3)).std().item() == pytest.approx(offset, abs=0.08)
    loudness = heard.var(dim=(2, 3)).mean(dim=1).sqrt()
    assert loudness.log().std().item() == pytest.approx(gain, abs=0.04)


@pytest.mark.parametrize("renderer", MANNERS)
def test_alt_texts_name_content_always_and_manner_and_colours_often(renderer):
    random = np.random.default_rng(0)
    record = {"caption": "a red fox", "renderer": renderer}
    texts = [alt_text(record, ("blue", "dark green"), random) for _ in range(200)]
    assert all("a red fox" in text for text in texts)
    assert 0.3 < sum("blue and dark green" in text for text in texts) / 200 < 0.8
    assert "a red fox" in texts
    assert len(set(texts)) == 2 * (1 + len(MANNERS[renderer]))


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((220, 30, 30), "red"),
        ((60, 120, 220), "blue"),
        ((20, 60, 20), "dark green"),
        ((10, 10, 12), "black"),
        ((240, 240, 238), "white"),
        ((128, 128, 128), "grey"),
        ((120, 80, 40), "brown"),
    ],
)
def test_colours_have_their_names(colour, name):
    pixels = np.full((32, 32, 3), colour, dtype=np.uint8)
    pixels[:4] = (250, 250, 0)
    assert main_colours(pixels)[0] == name
