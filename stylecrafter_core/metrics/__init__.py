"""Numbers about results: style, content, motion, flicker, copying.

Every metric has one signature: frames, references and a prompt in, named floats out (`measure`). Nothing here
trains or loads the method itself. OpenCV is imported when flow is computed.
"""

from .copies import Copies, copy_scores
from .flow import Flow, Flows, clip_flows, dis_medium, farneback, raft_small
from .metric import Measurement, Metric, Values, Wanted, measure
from .motion import Motion, contrast, flicker, flow_magnitude, warp_error
from .similarity import Embedder, Similarity

__all__ = [
    "Copies",
    "Embedder",
    "Flow",
    "Flows",
    "Measurement",
    "Metric",
    "Motion",
    "Similarity",
    "Values",
    "Wanted",
    "clip_flows",
    "contrast",
    "copy_scores",
    "dis_medium",
    "farneback",
    "flicker",
    "flow_magnitude",
    "measure",
    "raft_small",
    "warp_error",
]
