"""Feature sets: weights, backbones, measuring by shard, pooling of views. The only room with torch.

Torch takes a second or more to import, so nothing here imports it before it is needed.
"""

from microcalc.features.forward import extract

__all__ = ["extract"]
