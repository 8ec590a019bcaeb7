"""What a training run is told: a YAML file, checked against a schema before anything else happens."""

from .load import load_config, save_config
from .schema import Config

__all__ = ["Config", "load_config", "save_config"]
