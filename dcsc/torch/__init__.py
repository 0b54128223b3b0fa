"""Models as PyTorch modules: the same forward pass, with filters that can be trained.

A strategy's counterpart is the module that does in PyTorch what it does here. `counterpart` knows
those of dcsc, and `dcsc.networks.pytorch` those of operations of networks; register one for a
strategy of your own.
"""

from dcsc.errors import DcscError

try:
    import torch  # noqa: F401  # whatever follows needs it
except ModuleNotFoundError:
    raise DcscError(
        "dcsc.torch: expected PyTorch to be installed: pip install 'dcsc[torch]'"
    ) from None
from dcsc.torch import dictionaries, projections  # noqa: F401  # they register counterparts
from dcsc.torch.base import Counterpart, counterpart
from dcsc.torch.models import TorchLayer, TorchModel

__all__ = ["Counterpart", "TorchLayer", "TorchModel", "counterpart"]
