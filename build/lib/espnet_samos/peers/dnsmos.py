"""DNSMOS, as the package speechmos has it."""

from pathlib import Path
from typing import Any, Sequence, Tuple

import numpy as np

from espnet_samos.peers.abs_peer import AbsPeer


class Dnsmos(AbsPeer):
    """DNSMOS (Reddy et al.): overall quality by P.808 and by P.835. MIT."""

    package = "speechmos"
    needs = ("librosa", "onnxruntime", "requests")
    names: Tuple[str, ...] = ("dnsmos_p808", "dnsmos_ovrl")
    fs = 16000

    def __init__(self) -> None:
        import onnxruntime
        from speechmos import dnsmos

        folder = Path(dnsmos.__file__).parent / "dnsmos_models"
        files = folder / "sig_bak_ovr.onnx", folder / "model_v8.onnx"
        self.model = dnsmos.DNSMOS(*map(str, files))
        # The package's own sessions take all cores.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.model.onnx_sess, self.model.p808_onnx_sess = (
            onnxruntime.InferenceSession(str(file), options) for file in files
        )

    def _scores(self, samples: np.ndarray) -> Sequence[float]:
        result = self.model(samples, self.fs, is_personalized_MOS=False)
        return result["p808_mos"], result["ovrl_mos"]


class DnsmosP808(Dnsmos):
    """DNSMOS without P.835, which takes 20 times as long."""

    names = ("dnsmos_p808",)

    def __init__(self) -> None:
        super().__init__()
        self.model.onnx_sess = _NoSession()

    def _scores(self, samples: np.ndarray) -> Sequence[float]:
        return super()._scores(samples)[:1]


class _NoSession:
    def run(self, *_: Any) -> Any:
        return [np.zeros((1, 3))]
