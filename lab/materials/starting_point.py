"""Where pretraining starts: a U-Net that answers with its own input, which is nearly right for noise; or one
whose temporal blocks add nothing.
"""

from __future__ import annotations

from stylecrafter_core.spec import UNetSpec

from .networks import Tensors

OUTPUTS = ("proj_out.weight", "proj_out.bias")  # of a transformer
RESIDUALS = ("out_layers.3.weight", "proj_out.weight")
HEARD = 0.3  # of a random projection: so much of what the attention says is heard from the start
FIRST, MERGE, LAST = "input_blocks.0.0.weight", "output_blocks.3.0.skip_connection.weight", "out.2.weight"


def answer_with_the_input(tensors: Tensors, spec: UNetSpec) -> None:
    """Changes the tensors of `networks.unet_tensors` so that ε_θ(x) is x, each channel to unit size.

    Every residual branch adds zero, but for the spatial transformers, without which nothing could be learned
    about how prompts and styles steer. The latent's channels run through the outermost skip connection, x and
    −x side by side, since the last activation gives silu(x) − silu(−x) = x. The norm before it takes a pair
    of channels at a time where there are twice as many channels as groups (64 and 32): a pair of x and −x has
    no mean that could be lost, and with it the picture's colour.
    """
    temporal = _temporal(spec)
    for name, tensor in tensors.items():
        if name.endswith(RESIDUALS):
            spatial_transformer = name.endswith("proj_out.weight") and not name.startswith(temporal)
            tensor.mul_(HEARD if spatial_transformer else 0.0)
    channels = spec.in_channels
    tensors[FIRST][:channels].zero_()
    tensors[MERGE][: 2 * channels].zero_()
    tensors[LAST].zero_()
    for i in range(channels):
        skipped = spec.model_channels + i  # what comes from below stands before what was skipped
        tensors[FIRST][i, i, 1, 1] = 1
        tensors[MERGE][2 * i, skipped], tensors[MERGE][2 * i + 1, skipped] = 1, -1
        tensors[LAST][i, 2 * i, 1, 1], tensors[LAST][i, 2 * i + 1, 1, 1] = 1, -1


def silence_temporal_blocks(tensors: Tensors, spec: UNetSpec) -> None:
    """Zeroes the output of every temporal block: pictures are drawn without them, clips teach them anew."""
    temporal = _temporal(spec)
    for name, tensor in tensors.items():
        if name.startswith(temporal) and name.endswith(OUTPUTS):
            tensor.zero_()


def _temporal(spec: UNetSpec) -> tuple[str, ...]:
    """What the names of the temporal blocks' tensors begin with."""
    return tuple(f"{block.name}." for block in spec.temporal_blocks)
