"""What a family of adapters is: everything that its files, its models and its nodes need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ..spec import AdapterSpec, Site
from ..tensor_names import Table

Objective = Literal["diffusion", "flow matching"]


@dataclass(frozen=True)
class Published:
    """How a family's adapter was published.

    Attributes:
        words: what such a file is, as "style adapter for SDXL, as published".
        recognises: whether these are the names of its tensors.
        spec: the sizes of an adapter in published names; the file's name is for messages.
        table: published name ↔ ours for every tensor.
        ignores: the names of a whole model that the file may hold beside the adapter.
        nested: the file holds its tensors under the name `state_dict`.
        sites: where the sites lie, for a format that does not say it; else empty.
    """

    words: str
    recognises: Callable[[Iterable[str]], bool]
    spec: Callable[[Mapping[str, Tensor], str], AdapterSpec]
    table: Callable[[AdapterSpec], Table]
    ignores: Callable[[Iterable[str]], tuple[str, ...]] = lambda names: ()
    nested: bool = False
    sites: tuple[Site, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """Sizes of a new adapter that the model does not decide; on a published base, those that were published.

    Attributes:
        num_queries, depth: style tokens and blocks of the Q-Former.
        scale_width, scale_depth: width and blocks of the scale predictor; width None is that of the tokens.
        text_first: order of what the scale predictor reads.
        projects: whether the scale predictor projects tokens of its own width, too.
        embedded: the model embeds its text first: style tokens are as wide as the embedded text, keys and
            values have what the text's have (biases, norm), a learned gain per site takes the place of the
            norm behind the attention, and the scale predictor reads the text before it is embedded, without
            its padding.
    """

    num_queries: int
    depth: int
    scale_width: int | None
    scale_depth: int
    text_first: bool
    projects: bool
    embedded: bool = False


@dataclass(frozen=True)
class Defaults:
    """Sampling defaults, in the paper's formula; width and height in pixels, frames of one clip."""

    strength: float
    cfg_text: float
    cfg_style: float
    steps: int
    width: int
    height: int
    frames: int = 1


@dataclass(frozen=True)
class Family:
    """A family of adapters: what is fixed for all of them, and cannot be read off tensors.

    Attributes:
        name: in files and configs.
        title: as shown to people.
        image_tokens: name of the image-token contract in `features` of an adapter that names none.
        site_order: order in which the lists of blocks of the model are counted.
        style_heads, scale_heads: attention heads of the Q-Former and of the scale predictor.
        sizes: of a new adapter.
        defaults: of sampling.
        objective: what its bases have learnt: to predict noise or velocity at the steps of a schedule
            ("diffusion"), or the direction from a latent to noise ("flow matching").
        frames_are_rows: whether its bases take the frames of a video as rows of a batch; else as a dimension
            behind the channels.
        published: the published file; None where there is none.
    """

    name: str
    title: str
    image_tokens: str
    site_order: tuple[str, ...]
    style_heads: int
    scale_heads: int
    sizes: Sizes
    defaults: Defaults
    objective: Objective = "diffusion"
    frames_are_rows: bool = True
    published: Published | None = None
