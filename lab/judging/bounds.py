"""What could be reached: the prompts' scenes, stylised without any diffusion, before the same judges."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..measures import estimate, labelled_sheet, markdown_table
from ..scenes import PUBLISHED, draw_picture
from ..styles.adain import STYLE_SIDE, adain, as_tensor, decoded, features, moments, network
from .judges import NEAREST, RECOGNISED, SIMILARITY, WORDS
from .paintings import square
from .prompts import prompt_scenes
from .study import Measured, Study
from .trial import Trial

SHOWN = 8
PLAIN, PLAIN_CODED = "plain scene", "plain scene, through the autoencoder"
STYLED, STYLED_CODED = "AdaIN of its reference", "AdaIN of its reference, through the autoencoder"


def measure(study: Study) -> Measured:
    """The pairs of `held_out`, drawn by the data maker, and what the family's autoencoder leaves of them."""
    trial = study.trial(None, None, moving=False)
    scenes = prompt_scenes(study.seed, moving=False)
    drawn = [draw_picture(scenes[prompt.subject]) for prompt in trial.prompts]
    plain = torch.from_numpy(np.stack(drawn)).float() / 255
    styled = _stylised(trial, plain)
    each = (len(trial.paintings), 1, 1, 1)  # plain scenes are the same for every painting
    results = {
        PLAIN: plain.repeat(each),
        PLAIN_CODED: _coded(study, plain).repeat(each),
        STYLED: styled,
        STYLED_CODED: _coded(study, styled),
    }
    values = {name: trial.values(study.judges, pictures[:, None]) for name, pictures in results.items()}
    rows, words = [], []
    for painting, prompt in trial.diagonal(SHOWN):
        number = painting * len(trial.prompts) + prompt
        reference = square(trial.paintings[painting].pixels, PUBLISHED.side)
        rows.append([reference, *(pictures[number] for pictures in results.values())])
        words.append(trial.prompts[prompt].text)
    sheet = labelled_sheet(rows, words, ["reference", *results])
    return Measured(trial.about() | study.weights() | {"values": values}, {"bounds": sheet})


def tables(record: dict[str, Any]) -> dict[str, str]:
    """A line for each way to draw."""
    names = (NEAREST, SIMILARITY, RECOGNISED)
    rows = [[way, *(estimate(said[name]) for name in names)] for way, said in record["values"].items()]
    return {"bounds": markdown_table(["", *(WORDS[name] for name in names)], rows)}


@torch.inference_mode()
def _stylised(trial: Trial, plain: Tensor) -> Tensor:
    """Every painting with every scene, α = 1; see styles.adain."""
    weights = network()
    contents = [features(weights, as_tensor((scene * 255).byte().numpy())) for scene in plain]
    rows = []
    for painting in trial.paintings:
        reference = (square(painting.pixels, STYLE_SIDE) * 255).byte().numpy()
        style = moments(features(weights, as_tensor(reference)))
        rows += [decoded(weights, adain(content, style))[0].movedim(0, -1) for content in contents]
    return torch.stack(rows).clamp(0, 1)


@torch.inference_mode()
def _coded(study: Study, pictures: Tensor) -> Tensor:
    vae = study.sampler.base.vae
    parts = [vae.decode(vae.encode(part)) for part in pictures.split(16)]
    return torch.cat(parts).cpu().float().clamp(0, 1)
