"""Learning-rate schedule of SA-SSL-MOS."""

import torch
from espnet2.schedulers.abs_scheduler import AbsBatchStepScheduler


class ExponentialStepLR(torch.optim.lr_scheduler.ExponentialLR, AbsBatchStepScheduler):
    """Multiply the learning rate by `gamma` after every step.

    ESPnet's own `exponentiallr` does so after every epoch.
    """
