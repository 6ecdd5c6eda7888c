"""A trained model in PyTorch, as the predictor uses it."""

import argparse
import copy
from typing import Dict, Sequence, Tuple

import numpy as np
import torch
from espnet2.torch_utils.device_funcs import to_device

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.model_zoo.find import TrainedModel
from espnet_samos.mos.build import build_preprocessor, load_model
from espnet_samos.mos.device import check_device, default_tensors, full_precision
from espnet_samos.mos.espnet_model import ESPnetMosModel


def collate(windows: Sequence[Dict[str, np.ndarray]]) -> Dict[str, torch.Tensor]:
    """Stack windows, which all have the same length, as ESPnet does in training.

    ESPnet's own `CommonCollateFn` would import its TTS models.

    Args:
        windows: What `MosPreprocessor` gives for each of them.

    Returns:
        A batch, as `ESPnetMosModel.predict` takes it.
    """
    batch = {}
    for name in windows[0]:
        batch[name] = torch.from_numpy(np.stack([window[name] for window in windows]))
        batch[f"{name}_lengths"] = torch.full(
            (len(windows),), batch[name].shape[1], device="cpu"
        )
    return batch


class TorchEngine:
    """Computes scores in PyTorch.

    Args:
        files: The model.
        device: `cpu`, `cuda`, `cuda:N` or `mps`.
        trust: As `load_model` takes it.

    Attributes:
        model: The model.
        train_args: The configuration of its training.
        dtype: What the SSL model computes in.

    Raises:
        ValueError: The model cannot be read, or there is no such device.
    """

    name = "torch"

    def __init__(self, files: TrainedModel, device: str = "cpu", trust: bool = False):
        check_device(device)
        with files.usable_config() as config, default_tensors():
            model, train_args = load_model(config, files.model_file, device, trust)
        self.model: ESPnetMosModel = model
        self.train_args: argparse.Namespace = train_args
        # as a loss, it gives no gradients to its own weights
        self.model.eval().requires_grad_(False)
        self.device = device
        self.dtype = torch.float32

    @property
    def scores(self) -> Tuple[str, ...]:
        """Names of the scores, the MOS first."""
        return self.model.head.scores

    def comparing(self) -> "TorchEngine":
        """Return an engine that computes utilities and the roots of dispersions.

        The model has to be one that compares.
        """
        engine = copy.copy(self)
        engine.model = self.model.comparing()
        return engine

    def preprocessor(self) -> MosPreprocessor:
        """Build the audio path from a clip to the windows of the model."""
        return build_preprocessor(self.train_args, train=False)

    def predict(
        self, windows: Sequence[Dict[str, np.ndarray]]
    ) -> Tuple[np.ndarray, np.ndarray]:
        """Score windows: means and standard deviations (NWindows, NScores).

        Raises:
            MemoryError: The device has not enough memory for so many.
        """
        return self.predict_batch(collate(windows))

    @torch.no_grad()
    def predict_batch(
        self, batch: Dict[str, torch.Tensor]
    ) -> Tuple[np.ndarray, np.ndarray]:
        """Score a batch as ESPnet's and this module's `collate` make it.

        Returns:
            Means and standard deviations (Batch, NScores).

        Raises:
            MemoryError: The device has not enough memory for so many windows.
        """
        device_type = torch.device(self.device).type
        try:
            with full_precision(device_type):
                batch = to_device(batch, self.device)
                if self.dtype is not torch.float32 and "speech_16k" in batch:
                    assert self.model.ssl_frontend is not None  # as its input is there
                    # three digits: enough within the SSL model, not for a score
                    with torch.autocast(device_type, self.dtype):
                        feats, _ = self.model.ssl_frontend(
                            batch["speech_16k"], batch["speech_16k_lengths"]
                        )
                    batch["ssl_feats"] = feats.float()
                means, variances = self.model.predict_all(**batch)
        except torch.OutOfMemoryError as e:
            num_windows = len(next(iter(batch.values())))
            raise MemoryError(
                f"the memory of {self.device} is too small for {num_windows} windows "
                "at a time: use a smaller batch_size"
            ) from e
        return means.cpu().numpy(), variances.sqrt().cpu().numpy()
