"""Hidden states of S3PRL's upstreams."""

import contextlib
import difflib
from pathlib import Path
from typing import Any, Dict, Optional

import torch
from s3prl import hub
from s3prl.util import download

from espnet_samos.frontend.upstreams.abs_upstream import (
    AbsHiddenState,
    normalise,
    resolve_layer,
)
from espnet_samos.frontend.upstreams.checkpoint import (
    edit_checkpoints,
    keep_first_layers,
)
from espnet_samos.frontend.upstreams.downloading import downloading

# Transformers in the manner of fairseq, by S3PRL's package, and where their
# checkpoints keep the configuration and the weights.
LAYOUTS = {
    "data2vec": ("model_cfg", "model_weight"),
    "hubert": ("model_cfg", "model_weight"),
    "unispeech_sat": ("cfg", "model"),
    "wav2vec2": ("model_cfg", "model_weight"),
    "wavlm": ("cfg", "model"),
}
# Upstreams that are an architecture only and need to be told their checkpoint.
CHECKPOINT_SUFFIXES = ("_local", "_url", "_custom")
URL = ("http://", "https://")


class _Cut:
    """Cut a checkpoint to the layers that one hidden state needs.

    Args:
        upstream: Name of the upstream.
        layout: Where its checkpoints keep the configuration and the weights.
        layer: Index of the hidden state, as users give it.
    """

    def __init__(self, upstream: str, layout: tuple, layer: int):
        self.upstream = upstream
        self.layout = layout
        self.layer = layer
        self.last = None

    def __call__(self, checkpoint: Dict[str, Any]) -> Dict[str, Any]:
        """Cut, and note the model's number of layers.

        Raises:
            ValueError: The checkpoint is another kind of model's, or there is no
                such layer.
        """
        missing = [key for key in self.layout if key not in checkpoint]
        if missing:
            raise ValueError(
                f"the checkpoint is not one of upstream '{self.upstream}': it has no "
                f"{' and no '.join(missing)}"
            )
        config, weights = (checkpoint[key] for key in self.layout)
        self.last = config["encoder_layers"]
        self.layer = resolve_layer(self.layer, self.last, self.upstream)
        return {
            **checkpoint,
            self.layout[0]: {**config, "encoder_layers": self.layer},
            self.layout[1]: keep_first_layers(weights, "encoder.layers.", self.layer),
        }


class _CutUpstream(AbsHiddenState):
    """An upstream that ends with the hidden state that is wanted.

    S3PRL's way to the model takes clips one by one and asks the device for the length
    of each; here all have one length, and no mask is needed.

    Args:
        expert: An S3PRL upstream, built from a checkpoint that was cut.
        layer: Its number of layers.
        last: That of the complete model.
    """

    def __init__(self, expert: torch.nn.Module, layer: int, last: int):
        super().__init__(layer, last, expert.get_downsample_rates("hidden_states"))
        # They keep every layer's output, and do not survive a deep copy.
        expert.remove_all_hooks()
        if hasattr(expert.model, "remove_pretraining_modules"):
            expert.model.remove_pretraining_modules()
        encoder = expert.model.encoder
        if encoder.layer_norm_first and layer < last:
            encoder.layer_norm = torch.nn.Identity()
        encoder.register_forward_hook(self._keep_output)
        self.model = expert.model
        # in which of its configurations depends on the family
        configs = (vars(expert).get(name) for name in ("cfg", "task_cfg"))
        flags = [c.normalize for c in configs if c is not None]
        self.normalise_waveforms = flags[0] if flags else expert.wav_normalize
        self._output = None

    def _keep_output(self, module: torch.nn.Module, inputs: tuple, output: Any) -> None:
        self._output = output[0]

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        if self.normalise_waveforms:
            waveforms = normalise(waveforms)
        self.model.extract_features(waveforms, padding_mask=None, mask=False)
        output, self._output = self._output, None
        return output


class _FullUpstream(AbsHiddenState):
    """An upstream of any kind, run in full.

    Args:
        expert: An S3PRL upstream.
        layer: Index of the hidden state, as users give it.
        upstream: Its name.
    """

    def __init__(self, expert: torch.nn.Module, layer: int, upstream: str):
        with torch.no_grad():
            # a chirp of 1 s, so as not to draw random numbers
            states = expert([torch.sin(torch.linspace(0, 100, 16000) ** 2)])
        last = len(states["hidden_states"]) - 1
        layer = resolve_layer(layer, last, upstream)
        rates = expert.get_downsample_rates("hidden_states")
        super().__init__(layer, last, rates if isinstance(rates, int) else rates[layer])
        self.expert = expert

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.expert(list(waveforms))["hidden_states"][self.layer]


def _check_upstream(upstream: str, path: Optional[str]) -> None:
    """Refuse an upstream or a checkpoint that is not there.

    Raises:
        ValueError: There is no such upstream, it is one of Hugging Face's, or it
            needs a checkpoint and got none.
        FileNotFoundError: The checkpoint is not there.
    """
    if upstream not in hub.options():
        close = difflib.get_close_matches(upstream, hub.options())
        raise ValueError(
            f"unknown upstream in frontend_conf: '{upstream}'; "
            + (f"did you mean {', '.join(close)}? " if close else "")
            + "s3prl.hub.options() lists all of them"
        )
    if upstream.startswith("hf_"):
        # S3PRL would run every layer, and normalise the waveform as another model
        # does, without a word, where the folder does not say how.
        raise ValueError(
            f"upstream '{upstream}' is a model of Hugging Face: set "
            f"source: hugging_face and frontend_conf.upstream: {path or '<its name>'}, "
            "without path_or_url"
        )
    if path is None:
        if upstream.endswith(CHECKPOINT_SUFFIXES):
            raise ValueError(
                f"upstream '{upstream}' needs a checkpoint: "
                "set frontend_conf.path_or_url"
            )
    elif not path.startswith(URL) and not Path(path).exists():
        raise FileNotFoundError(
            f"no such checkpoint: {path}: correct frontend_conf.path_or_url "
            f"of upstream '{upstream}'"
        )


def load_s3prl(
    upstream: str,
    layer: int,
    download_dir: Optional[str] = None,
    path_or_url: Optional[str] = None,
    extra_conf: Optional[Dict[str, Any]] = None,
) -> AbsHiddenState:
    """Load an S3PRL upstream for one of its hidden states.

    Of the transformers in `LAYOUTS` only the layers that are needed are read and
    built. Other upstreams, and those with `extra_conf`, which may change what they
    give, are built and run in full.

    Args:
        upstream: Name of the upstream.
        layer: Index of the hidden state, -1 for the last.
        download_dir: Where checkpoints are downloaded to.
        path_or_url: Its checkpoint, where the name does not imply one.
        extra_conf: Further arguments of that upstream.

    Raises:
        ValueError: The upstream, its checkpoint or the layer is wrong.
        FileNotFoundError: The checkpoint is not there.
        ConnectionError: The checkpoint cannot be downloaded.
    """
    _check_upstream(upstream, path_or_url)
    if download_dir is not None:
        download.set_dir(download_dir)
    build = getattr(hub, upstream)
    layout = None if extra_conf else LAYOUTS.get(build.__module__.split(".")[2])
    cut = _Cut(upstream, layout, layer) if layout else None
    # S3PRLUpstream would do this as well, but it resets the random seed.
    kwargs = dict(extra_conf or {})
    if path_or_url is not None:
        kwargs["ckpt"] = path_or_url
    cure = (
        "set frontend_conf.path_or_url to a copy of it and "
        "frontend_conf.upstream to the kind of model, like wav2vec2_local"
    )
    local = path_or_url is not None and not path_or_url.startswith(URL)
    with (
        contextlib.nullcontext() if local else downloading(upstream, cure),
        edit_checkpoints(cut) if cut else contextlib.nullcontext(),
    ):
        expert = build(**kwargs).eval()
    if hasattr(getattr(expert, "model", None), "feature_grad_mult"):
        # S3PRL: 0, which keeps gradients from the convolutions
        expert.model.feature_grad_mult = 1.0
    if cut:
        return _CutUpstream(expert, cut.layer, cut.last)
    return _FullUpstream(expert, layer, upstream)
