"""One hidden state of an SSL model as a frontend."""

import functools
import logging
from typing import Any, Dict, Mapping, Optional, Union

import humanfriendly
import torch

from espnet_samos.audio.preprocessor import SSL_RATE
from espnet_samos.frontend.frozen import Frozen
from espnet_samos.frontend.padding import UnpaddedFrontend
from espnet_samos.frontend.upstreams import s3prl
from espnet_samos.frontend.upstreams.hugging_face import load_hugging_face
from espnet_samos.frontend.upstreams.torchaudio import load_torchaudio

# Where models come from: how to load one, and the keys of its frontend_conf
SOURCES = {
    "s3prl": (s3prl.load_s3prl, ("upstream", "path_or_url", "extra_conf")),
    "torchaudio": (load_torchaudio, ("upstream", "path_or_url")),
    "hugging_face": (load_hugging_face, ("upstream",)),
}


def untrusted_part(conf: Mapping[str, Any]) -> str:
    """Return what could run code of somebody else in this frontend's arguments.

    Args:
        conf: The arguments of `SslLayerFrontend`.

    Returns:
        The part, in words; empty where there is none.
    """
    if conf.get("source", "s3prl") != "s3prl":
        return ""  # tensors from files, or from the hubs that these sources name
    inner = conf.get("frontend_conf") or {}
    return s3prl.untrusted_part(
        str(inner.get("upstream")), inner.get("path_or_url"), inner.get("extra_conf")
    )


class SslLayerFrontend(UnpaddedFrontend):
    """One hidden state of an SSL model as features.

    Only the layers that are needed are read, built and run: the ninth layer of
    the 48 of XLS-R 2B costs a fifth of the memory and an eighth of the time of the
    whole model. S3PRL's upstreams that are no transformers (`fbank`, `apc`, ...)
    run in full.

    Three sources of models give the same features from the same weights, with as many
    frames as the convolutions give: 499 for 10 s of wav2vec 2.0. The waveform is
    normalised as the checkpoint demands, clip by clip.

    Args:
        fs: Sampling rate of the input: 16000 or "16k".
        source: Where the model comes from: `s3prl`, `torchaudio` or
            `hugging_face`.
        frontend_conf: `upstream`, the model: the name of an S3PRL upstream
            (xls_r_2b), of one of torchaudio's pipelines (WAV2VEC2_XLSR_2B), or of
            a model on Hugging Face's hub (facebook/wav2vec2-xls-r-2b) or its
            folder; `path_or_url`, its checkpoint, where the name does not imply
            one (not for `hugging_face`); `extra_conf`, further arguments of an
            S3PRL upstream, which is then run in full; `normalize`, to
            layer-normalise the features frame by frame.
        download_dir: Where checkpoints are downloaded to.
        layer: Index of the hidden state: 0 is the input of the first transformer
            layer, k the output of the k-th, and -1 the last. Upstreams without
            layers have hidden state 0.
        freeze: Keep the model out of training and out of the state dict, in
            evaluation mode. Otherwise it is trained like any other part.

    Raises:
        ValueError: The rate, the source, the model, the layer or a key is wrong.
        FileNotFoundError: The checkpoint is not there.
        ConnectionError: The checkpoint cannot be downloaded.
    """

    def __init__(
        self,
        fs: Union[int, str] = SSL_RATE,
        source: str = "s3prl",
        frontend_conf: Optional[Dict[str, Any]] = None,
        download_dir: Optional[str] = None,
        layer: int = -1,
        freeze: bool = True,
    ):
        super().__init__()
        if isinstance(fs, str):
            fs = humanfriendly.parse_size(fs)
        if fs != SSL_RATE:
            raise ValueError(
                f"fs is {fs} Hz, but SSL models operate at 16 kHz: resample the "
                "waveform and set fs: 16000"
            )
        if source not in SOURCES:
            raise ValueError(
                f"unknown source '{source}': known are {', '.join(SOURCES)}"
            )
        load, keys = SOURCES[source]
        conf = dict(frontend_conf or {})
        self.normalize = conf.pop("normalize", False)
        unknown = sorted(set(conf) - set(keys))
        if unknown:
            raise ValueError(
                f"unknown key in frontend_conf: {', '.join(unknown)}; "
                f"known for source '{source}' are {', '.join(keys)}, normalize"
            )
        if conf.get("upstream") is None:
            raise ValueError(
                "frontend_conf.upstream is missing: name a model, like xls_r_2b, "
                "wav2vec2_local or fbank of S3PRL"
            )
        self._load = functools.partial(
            load, layer=layer, download_dir=download_dir, **conf
        )
        upstream = self._load()
        self.layer = upstream.layer
        self.hop_length = upstream.hop_length
        logging.info(
            "upstream %s: hidden state %d of 0..%d, %d parameters",
            conf["upstream"],
            upstream.layer,
            upstream.last,
            sum(p.numel() for p in upstream.parameters()),
        )
        if freeze:
            upstream.freeze()
        self.upstream = Frozen(upstream) if freeze else upstream
        # (1, NSamples); a chirp, so as not to draw random numbers
        probe = self.extract(torch.sin(torch.linspace(0, 100, SSL_RATE) ** 2)[None])
        self._output_size = probe.shape[-1]
        parameters = [] if freeze else list(upstream.parameters())
        if parameters:
            # DDP refuses what gets no gradient, such as mask embeddings.
            gradients = torch.autograd.grad(probe.sum(), parameters, allow_unused=True)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.requires_grad_(gradient is not None)

    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        feats = self.upstream(waveforms)
        if self.normalize:
            feats = torch.nn.functional.layer_norm(feats, feats.shape[-1:])
        return feats

    def reload_pretrained_parameters(self) -> None:
        """Read the weights again.

        ESPnet calls this after `--init`, which gives every parameter of a model a
        new value.
        """
        if not isinstance(self.upstream, Frozen):
            self.upstream.load_state_dict(self._load().state_dict())
