"""Scores for people who only want scores."""

from pathlib import Path
from typing import Dict, NamedTuple, Tuple, Union

import numpy as np
import torch
from espnet2.torch_utils.device_funcs import to_device

from espnet_samos.audio import read_clip
from espnet_samos.tasks.mos import MosTask


class MosScore(NamedTuple):
    """A predicted opinion score.

    Attributes:
        mean: The score, on the scale of the labels that the model was trained
            on (1..5, not clipped).
        std: Predicted standard deviation of the label around the mean.
    """

    mean: float
    std: float


class MosPredictor:
    """A trained model, ready to score clips of any rate.

    Args:
        train_config: `config.yaml` of the training; by default the one beside
            `model_file`.
        model_file: The weights, e.g. `valid.lcc.best.pth`.
        device: `cpu`, `cuda` or `cuda:N`.

    Example:
        predictor = MosPredictor("exp/mini/mos_sa_ssl_mos/valid.lcc.best.pth")
        score = predictor(samples, fs)
        print(score.mean, score.std)
    """

    def __init__(
        self,
        model_file: Union[Path, str],
        train_config: Union[Path, str, None] = None,
        device: str = "cpu",
    ):
        for path in (model_file, train_config):
            if path is not None and not Path(path).is_file():
                raise FileNotFoundError(f"no such model file: {path}")
        self.model, self.train_args = MosTask.build_model_from_file(
            train_config, model_file, device
        )
        self.model.eval()
        self.device = device
        self.preprocess = MosTask.build_preprocess_fn(self.train_args, train=False)
        self.collate = MosTask.build_collate_fn(self.train_args, train=False)

    @torch.no_grad()
    def predict_batch(
        self, batch: Dict[str, torch.Tensor]
    ) -> Tuple[np.ndarray, np.ndarray]:
        """Score a batch as `collate` makes it.

        Returns:
            Means (Batch,) and standard deviations (Batch,).
        """
        mean, variance = self.model.predict(**to_device(batch, self.device))
        return mean.cpu().numpy(), variance.sqrt().cpu().numpy()

    def __call__(self, speech: np.ndarray, fs: int, name: str = "clip") -> MosScore:
        """Score one clip.

        Args:
            speech: Samples in [-1, 1], (NSamples,) or (NSamples, NChannels).
            fs: Their sampling rate in Hz, 8000 to 96000.
            name: What messages call the clip.

        Raises:
            AudioError: The clip cannot be scored.
        """
        data = self.preprocess(name, dict(speech=speech, fs=np.array([fs])))
        _, batch = self.collate([(name, data)])
        mean, std = self.predict_batch(batch)
        return MosScore(float(mean[0]), float(std[0]))

    def score_file(self, path: Union[Path, str]) -> MosScore:
        """Score an audio file.

        Raises:
            AudioError: The file cannot be read or scored.
        """
        samples, fs = read_clip(path, self.preprocess.multichannel)
        return self(samples, fs, name=str(path))
