"""Jobs of the fake card while the host's DynamicVRAM has the weights: `… HOST`.

Its native library needs a card. What stands in for it here holds a layer's weights on the fake card from the
layer's first use until they are given up.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT)]

Place = tuple["CardWeights", int, int]  # whose, which, bytes


class CardWeights:
    """The room on the card for one model's weights."""

    def __init__(self, size: int, device: int):
        self.held: dict[int, Any] = {}
        self._places = self._fills = 0

    def alloc(self, size: int) -> Place:
        self._places += 1
        return self, self._places, size

    def fault(self, place: int, size: int) -> int:
        """A number that is another one once the weights have to be written there again."""
        import torch

        if place not in self.held:
            self._fills += 1
            room = torch.empty(size, dtype=torch.uint8, device="cuda:0")
            self.held[place] = (self._fills, room)
        return self.held[place][0]

    def prioritize(self, *_: Any) -> None:
        pass

    def loaded_size(self) -> int:
        return sum(room.numel() for _, room in self.held.values())

    def free_memory(self, size: float) -> int:
        freed = self.loaded_size()
        self.held.clear()
        return freed


class NoPinnedMemory:
    """The room for pinned copies on the processor: there are none."""

    def __init__(self, *_: int):
        self.size = 0


def stand_in() -> None:
    """Switch DynamicVRAM on as the host's start does, on what stands in for its library."""
    import comfy.memory_management
    import comfy.model_patcher
    import comfy_aimdo.host_buffer
    import comfy_aimdo.model_vbar
    import comfy_aimdo.torch
    from comfy.cli_args import args

    args.disable_pinned_memory = True
    comfy.model_patcher.CoreModelPatcher = comfy.model_patcher.ModelPatcherDynamic
    comfy.memory_management.aimdo_enabled = True
    weights = comfy_aimdo.model_vbar
    weights.ModelVBAR = CardWeights
    weights.vbar_fault = lambda place: place[0].fault(*place[1:])
    weights.vbar_signature_compare = lambda one, other: one == other
    weights.vbar_unpin = lambda _: None
    comfy_aimdo.host_buffer.HostBuffer = NoPinnedMemory
    comfy_aimdo.torch.aimdo_to_tensor = lambda place, device: place[0].held[place[1]][1]


def main(host: Path) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, cpu=True, exact_attention=True)
    stand_in()
    import comfy.model_patcher
    from fake_card import networks
    from fake_card.jobs import EIGHT, VIDEO
    from fake_card.run import run_jobs

    patchers = []

    def noting(make: Any) -> Any:
        def made(*arguments: Any) -> Any:
            thing = make(*arguments)
            patchers.append(getattr(thing, "patcher", thing))
            return thing

        return made

    for name in ("model", "adapter"):
        setattr(networks.Networks, name, noting(getattr(networks.Networks, name)))
    styled = replace(VIDEO, name="styled", shape=(2, 4, 16, 16))
    jobs = (styled, replace(styled, name="fp8 weights", weights=EIGHT))
    results = run_jobs(jobs)
    assert [result.job for result in results] == [job.name for job in jobs]
    dynamic = comfy.model_patcher.ModelPatcherDynamic
    assert {type(patcher) for patcher in patchers} == {dynamic}, patchers


if __name__ == "__main__":
    main(Path(sys.argv[1]))
