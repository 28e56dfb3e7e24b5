"""Torchvision, imported without torch's compiler.

Torchvision's detection operators have one question to ``torch._dynamo`` when they run, and import
it for that at the top of their file: 0.9 s of processor time in every job, as much as torch
itself. Nothing here detects objects, so a stand-in is there during the import and gone afterwards.
"""

import sys
from types import ModuleType
from typing import Any


def _import_without_compiler() -> Any:
    package, utils = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    utils.is_compile_supported = lambda _device: False  # type: ignore[attr-defined]
    needed = "torch._dynamo" not in sys.modules and "torchvision" not in sys.modules
    stand_ins = [package, utils] if needed else []
    sys.modules.update({module.__name__: module for module in stand_ins})
    try:
        import torchvision  # type: ignore[import-untyped]
    finally:
        for module in stand_ins:
            del sys.modules[module.__name__]
    return torchvision


torchvision = _import_without_compiler()
"""The whole package, its compiler aside."""
