"""A small config and small items for the trainer's tests."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import yaml

from stylecrafter_core.training.config import Config, load_config
from stylecrafter_core.training.data.manifest import Item

LEAST: dict[str, Any] = {
    "run": {"dir": "runs/a", "steps": 10},
    "base": {"checkpoint": "base.safetensors", "image_encoder": "encoder.safetensors"},
    "data": {"manifests": ["pictures.jsonl"]},
    "optimiser": {"lr": 0.001},
}


def written(path: Path, **sections: dict[str, Any]) -> Path:
    """A config file with all that must be given, and some more fields."""
    data = copy.deepcopy(LEAST)
    for name, fields in sections.items():
        data.setdefault(name, {}).update(fields)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def small_config(folder: Path, *overrides: str) -> Config:
    """The least that a config holds, with single fields replaced."""
    return load_config(written(folder / "small.yaml"), overrides)


def named_item(name: str, kind: str = "image", **fields: Any) -> Item:
    """An item whose hash follows from its name."""
    known: dict[str, Any] = {
        "path": name,
        "offset": None,
        "size": 0,
        "kind": kind,
        "width": 60,
        "height": 40,
        "frames": 1 if kind == "image" else 20,
        "fps": None if kind == "image" else 10.0,
        "caption": f"caption of {name}",
        "raw_caption": f"raw caption of {name}",
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
    }
    return Item(**(known | fields))
