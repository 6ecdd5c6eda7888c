"""One hidden state of an SSL model as a frontend."""

import difflib
import logging
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

import humanfriendly
import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend

from espnet_samos.frontend.equal_length import extract_by_length
from espnet_samos.frontend.frozen import Frozen
from espnet_samos.frontend.hidden_state import EarlyStop, FullRun, can_stop_early

SSL_RATE = 16000
CONF_KEYS = ("upstream", "path_or_url", "normalize", "extra_conf")
# Upstreams that are an architecture only and need to be told their checkpoint.
CHECKPOINT_SUFFIXES = ("_local", "_url", "_custom")
# Largest difference between the upstream cut down and in full, relative to the
# largest feature; rounding errors stay far below.
TOLERANCE = 1e-4


def _check_path(upstream: str, path: Optional[str]) -> None:
    """Refuse a checkpoint that is not there, before S3PRL looks for it.

    Raises:
        ValueError: The upstream needs a checkpoint and got none.
        FileNotFoundError: The checkpoint is not there, or is incomplete.
    """
    if path is None:
        if upstream.endswith(CHECKPOINT_SUFFIXES):
            raise ValueError(
                f"upstream '{upstream}' needs a checkpoint: "
                "set frontend_conf.path_or_url"
            )
        return
    hugging_face = upstream.startswith("hf_")
    if path.startswith(("http://", "https://")) or (
        # the name of a repository on the Hugging Face hub, like facebook/...
        hugging_face and not Path(path).exists() and path.count("/") == 1
    ):
        return
    if not Path(path).exists():
        raise FileNotFoundError(
            f"no such checkpoint: {path}: correct frontend_conf.path_or_url "
            f"of upstream '{upstream}'"
        )
    if hugging_face and not Path(path, "preprocessor_config.json").is_file():
        # S3PRL would take another model's without a word.
        raise FileNotFoundError(
            f"no preprocessor_config.json in {path}: it says how the waveform is "
            "normalised; copy it from where the model comes from"
        )


def _load_upstream(
    conf: Dict[str, Any], download_dir: Optional[str]
) -> torch.nn.Module:
    """Build an S3PRL upstream, with its weights.

    Raises:
        ImportError: S3PRL is not installed.
        ValueError: `conf` has a wrong key or names an unknown upstream.
        FileNotFoundError: The checkpoint is not there.
    """
    unknown = sorted(set(conf) - set(CONF_KEYS))
    if unknown:
        raise ValueError(
            f"unknown key in frontend_conf: {', '.join(unknown)}; "
            f"known are {', '.join(CONF_KEYS)}"
        )
    upstream = conf.get("upstream")
    if upstream is None:
        raise ValueError(
            "frontend_conf.upstream is missing: name an S3PRL upstream, "
            "like xls_r_2b, wav2vec2_local or fbank"
        )
    try:
        from s3prl import hub
        from s3prl.util import download
    except ImportError as e:
        raise ImportError(
            "the frontend 'ssl_layer' needs S3PRL: pip install espnet-s3prl"
        ) from e
    if upstream not in hub.options():
        close = difflib.get_close_matches(upstream, hub.options())
        raise ValueError(
            f"unknown upstream in frontend_conf: '{upstream}'; "
            + (f"did you mean {', '.join(close)}? " if close else "")
            + "s3prl.hub.options() lists all of them"
        )
    path = conf.get("path_or_url")
    _check_path(upstream, path)
    if download_dir is not None:
        download.set_dir(download_dir)
    # S3PRLUpstream would do this as well, but it resets the random seed.
    kwargs = dict(conf.get("extra_conf") or {})
    if path is not None:
        kwargs["ckpt"] = path
    return getattr(hub, upstream)(**kwargs).eval()


class SslLayerFrontend(AbsFrontend):
    """Give one hidden state of an S3PRL upstream.

    The computation stops after the layer that is wanted, and the layers behind
    it are dropped: the ninth layer of the 48 of XLS-R 2B costs an eighth of
    what the whole model does. Upstreams of other kinds (`fbank`, `apc`, ...) run
    in full.

    The waveform is normalised as the checkpoint demands. A clip's features are a
    function of the clip: a batch with several lengths is run length by length.

    Args:
        fs: Sampling rate of the input: 16000 or "16k".
        frontend_conf: `upstream`, the name of an S3PRL upstream; `path_or_url`,
            its checkpoint, where the name does not imply one; `normalize`, to
            layer-normalise the features frame by frame; `extra_conf`, further
            arguments of that upstream.
        download_dir: Where checkpoints are downloaded to.
        layer: Index of the hidden state: 0 is the input of the first transformer
            layer, k the output of the k-th, and -1 the last. Upstreams without
            layers have hidden state 0.
        freeze: Keep the upstream out of training and out of the state dict, in
            evaluation mode. Otherwise it is trained like any other part.

    Raises:
        ImportError: S3PRL is not installed.
        ValueError: The rate, the layer, the upstream or a key is wrong.
        FileNotFoundError: The checkpoint is not there.
    """

    def __init__(
        self,
        fs: Union[int, str] = SSL_RATE,
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
                f"fs is {fs} Hz, but SSL models hear 16 kHz: resample the waveform "
                "and set fs: 16000"
            )
        conf = frontend_conf or {}
        expert = _load_upstream(conf, download_dir)
        self.normalize = conf.get("normalize", False)

        # (1, NSamples); a chirp, so as not to draw random numbers
        probe = torch.sin(torch.linspace(0, 100, SSL_RATE) ** 2)[None]
        with torch.no_grad():
            states = expert(list(probe))["hidden_states"]
        last = len(states) - 1
        if not -1 <= layer <= last:
            raise ValueError(
                f"upstream '{conf['upstream']}' has no layer {layer}: "
                f"layer can be 0..{last}, or -1 for the last"
            )
        self.layer = last if layer == -1 else layer
        expected = states[self.layer]
        self._output_size = expected.shape[-1]
        rates = expert.get_downsample_rates("hidden_states")
        self.hop_length = rates if isinstance(rates, int) else rates[self.layer]

        if can_stop_early(expert, self.layer):
            upstream = EarlyStop(expert, self.layer)
            with torch.no_grad():
                difference = (upstream(list(probe)) - expected).abs().max()
            if difference > TOLERANCE * expected.abs().max():
                raise RuntimeError(
                    f"upstream '{conf['upstream']}' cannot be stopped after layer "
                    f"{self.layer}: its hidden state changes by up to "
                    f"{difference:.2g}; use another upstream or layer: -1"
                )
        else:
            upstream = FullRun(expert, self.layer)
        logging.info(
            "upstream %s: hidden state %d of 0..%d, %d parameters",
            conf["upstream"],
            self.layer,
            last,
            sum(p.numel() for p in upstream.parameters()),
        )

        if freeze:
            self.upstream = Frozen(upstream)
        else:
            self.upstream = upstream
            self._prepare_training(probe)

    def _prepare_training(self, probe: torch.Tensor) -> None:
        """Let the gradient reach all of the upstream that has an effect."""
        model = getattr(self.upstream.expert, "model", None)
        if hasattr(model, "feature_grad_mult"):
            model.feature_grad_mult = 1.0  # S3PRL: 0, no gradient below the layers
        if hasattr(model, "config"):
            # Hugging Face models mask and skip in training.
            model.config.apply_spec_augment = False
            model.config.layerdrop = 0.0
        parameters = list(self.upstream.parameters())
        if not parameters:
            return
        # DDP refuses parameters that get no gradient, such as mask embeddings.
        gradients = torch.autograd.grad(
            self._extract(probe).sum(), parameters, allow_unused=True
        )
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.requires_grad_(gradient is not None)

    def _extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Run clips of one length: (Batch, NSamples) -> (Batch, NFrames, Dim)."""
        feats = self.upstream(list(waveforms))
        if self.normalize:
            feats = torch.nn.functional.layer_norm(feats, feats.shape[-1:])
        return feats

    def output_size(self) -> int:
        """Return the dimension of the features."""
        return self._output_size

    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Compute the hidden state.

        Args:
            input: Waveforms at 16 kHz (Batch, NSamples).
            input_lengths: (Batch,) in samples, at least 800.

        Returns:
            Features (Batch, NFrames, Dim), with as many frames as the
            convolutions give (499 for 10 s of wav2vec 2.0), and the lengths
            (Batch,).

        Raises:
            ValueError: A clip is too short.
        """
        return extract_by_length(self._extract, input, input_lengths)
