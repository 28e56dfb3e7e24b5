"""Networks whose parameters are not initialized, since those of a file take their place."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class WithoutMemory(TorchFunctionMode):
    """Puts what modules allocate on the meta device, and leaves it alone there.

    The context ``torch.device("meta")`` would put the arithmetic there too by which RegNets find
    their widths; and to draw numbers for tensors without memory torch imports its compiler.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func in (torch.empty, torch.zeros, torch.ones) and named.get("device") is None:
            named["device"] = "meta"
        initializes = getattr(func, "__module__", "") == "torch.nn.init"
        if initializes or func in (torch.Tensor.normal_, torch.Tensor.uniform_):
            tensor = named["tensor"] if "tensor" in named else args[0]
            if tensor.is_meta:
                return tensor
        return func(*args, **named)
