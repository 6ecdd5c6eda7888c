"""Hidden states of S3PRL's upstreams."""

import contextlib
import difflib
import hashlib
import re
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Callable, Dict, NamedTuple, Optional

import torch
from s3prl import hub
from s3prl.upstream.utils import merge_with_parent
from s3prl.util import download

from espnet_samos.frontend.upstreams.abs_upstream import (
    AbsUpstream,
    resolve_layer,
)
from espnet_samos.frontend.upstreams.checkpoint import (
    download_checkpoint,
    keep_first_layers,
    read_checkpoint,
    unreachable,
)

HOP_LENGTH = 320
# Upstreams that are an architecture only and need to be told their checkpoint.
CHECKPOINT_SUFFIXES = ("_local", "_url", "_custom")
URL = ("http://", "https://")


class Family(NamedTuple):
    """Transformers in the manner of fairseq, of one of S3PRL's packages.

    Attributes:
        model: The model's class, `module:Class` below `s3prl.upstream`.
        config: That of its configuration.
        task: That of the task's configuration, which says whether waveforms are
            normalised; None where the model's says it.
        keys: Where checkpoints keep configuration and weights.
        dictionaries: Where they keep what else the model is built from.
    """

    model: str
    config: str
    task: Optional[str]
    keys: tuple = ("model_cfg", "model_weight")
    dictionaries: Optional[str] = None


_PRETRAINING = "wav2vec2.wav2vec2_model:AudioPretrainingConfig"
_WAVLM = Family("wavlm.WavLM:WavLM", "wavlm.WavLM:WavLMConfig", None, ("cfg", "model"))
FAMILIES = {
    "data2vec": Family(
        "data2vec.data2vec_model:Data2VecAudioModel",
        "data2vec.data2vec_model:Data2VecAudioConfig",
        _PRETRAINING,
    ),
    "hubert": Family(
        "hubert.hubert_model:HubertModel",
        "hubert.hubert_model:HubertConfig",
        "hubert.hubert_model:HubertPretrainingConfig",
        dictionaries="dictionaries_symbols",
    ),
    "unispeech_sat": _WAVLM,
    "wav2vec2": Family(
        "wav2vec2.wav2vec2_model:Wav2Vec2Model",
        "wav2vec2.wav2vec2_model:Wav2Vec2Config",
        _PRETRAINING,
    ),
    "wavlm": _WAVLM,
}


def family_of(build: Callable) -> Optional[Family]:
    """Return the family of an upstream of S3PRL, None where it has none of these."""
    # s3prl.upstream.<package>.hubconf
    package = [*build.__module__.split("."), "", ""][2]
    return FAMILIES.get(package)


class _Transformer(AbsUpstream):
    """The first layers of a transformer, which end with the hidden state wanted.

    Args:
        family: What it is.
        checkpoint: What is in its checkpoint.
        layer: Index of the hidden state, as users give it.
        upstream: What messages call it.

    Raises:
        ValueError: The checkpoint is another kind of model's, or there is no such
            layer.
    """

    def __init__(
        self, family: Family, checkpoint: Dict[str, Any], layer: int, upstream: str
    ):
        needed = [*family.keys, family.dictionaries, family.task and "task_cfg"]
        missing = [key for key in needed if key and key not in checkpoint]
        if missing:
            raise ValueError(
                f"the checkpoint is not one of upstream '{upstream}': it has no "
                f"{' and no '.join(missing)}"
            )
        config, weights = (checkpoint[key] for key in family.keys)
        last = config["encoder_layers"]
        layer = resolve_layer(layer, last, upstream)
        super().__init__(layer, last, HOP_LENGTH)

        # S3PRL evaluates this text as Python
        text = config.get("conv_feature_layers", "")
        if not re.fullmatch(r"[\d\s()\[\],+*]*", text):
            raise ValueError(
                f"the checkpoint of upstream '{upstream}' has conv_feature_layers "
                f"'{text}', which is more than a list of convolutions: do not use it"
            )
        config = {**config, "encoder_layers": layer}
        classes = {
            name: resolve_name(f"s3prl.upstream.{getattr(family, name)}")
            for name in ("model", "config", "task")
            if getattr(family, name)
        }
        if family.task is None:
            settings = task = classes["config"](config)
            arguments = []
        else:
            settings = merge_with_parent(classes["config"], config)
            task = merge_with_parent(classes["task"], checkpoint["task_cfg"])
            arguments = (
                [task, checkpoint[family.dictionaries]] if family.dictionaries else []
            )
        model = classes["model"](settings, *arguments)
        if "_ema" in weights:  # of data2vec: the teacher in training
            model.remove_pretraining_modules()
        model.load_state_dict(
            keep_first_layers(
                {name: w for name, w in weights.items() if name != "_ema"},
                "encoder.layers.",
                layer,
            )
        )
        if hasattr(model, "remove_pretraining_modules"):
            model.remove_pretraining_modules()
        # S3PRL: 0, which keeps gradients from the convolutions
        model.feature_grad_mult = 1.0
        model.encoder.layerdrop = 0.0
        if model.encoder.layer_norm_first and layer < last:
            model.encoder.layer_norm = torch.nn.Identity()
        model.encoder.register_forward_hook(self._keep_output)
        self.model = model.eval()
        self.normalise_waveforms = bool(task.normalize)
        self._output: Optional[torch.Tensor] = None

    def _keep_output(self, module: torch.nn.Module, inputs: tuple, output: Any) -> None:
        self._output = output[0]

    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        self.model.extract_features(waveforms, padding_mask=None, mask=False)
        output, self._output = self._output, None
        assert output is not None  # by _keep_output
        return output


class _FullUpstream(AbsUpstream):
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

    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.expert(list(waveforms))["hidden_states"][self.layer]


def _check_upstream(upstream: str, path: Optional[str]) -> None:
    """Check that an upstream and its checkpoint are there.

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


def checkpoint_url(build: Callable) -> str:
    """Return where an upstream's checkpoint is; empty where S3PRL does not say it.

    S3PRL has a function for each named upstream, whose constants have the address of
    fairseq's checkpoint, of S3PRL's converted one, or the name of another function.
    """
    code = getattr(build, "__code__", None)
    if code is None:
        return ""
    urls = [c for c in code.co_consts if isinstance(c, str) and c.startswith(URL)]
    urls.sort(key=lambda url: "converted_ckpts" not in url)
    if urls:
        return urls[0]
    named = [n for n in code.co_names if n in hub.options()]
    return checkpoint_url(getattr(hub, named[0])) if named else ""


def load_s3prl(
    upstream: str,
    layer: int,
    download_dir: Optional[str] = None,
    path_or_url: Optional[str] = None,
    extra_conf: Optional[Dict[str, Any]] = None,
) -> AbsUpstream:
    """Load an S3PRL upstream for one of its hidden states.

    Of the transformers in `FAMILIES` only the layers that are needed are read and
    built, and nothing that is in a checkpoint is run. Other upstreams, and those with
    `extra_conf`, which may change what they give, are built and run in full.

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
    hint = (
        "set frontend_conf.path_or_url to a copy of it and "
        "frontend_conf.upstream to the kind of model, like wav2vec2_local"
    )
    family = family_of(build)
    place = path_or_url or checkpoint_url(build)
    if family is not None and place and not extra_conf:
        if place.startswith(URL):
            # as S3PRL itself names what it downloads
            digest = hashlib.sha256(place.encode()).hexdigest()
            path = download.get_dir() / f"{digest}.{Path(place).name}"
            place = str(download_checkpoint(place, path, upstream, hint))
        return _Transformer(family, read_checkpoint(place), layer, upstream)

    # S3PRLUpstream would do this as well, but it resets the random seed.
    kwargs = dict(extra_conf or {})
    if path_or_url is not None:
        kwargs["ckpt"] = path_or_url
    with contextlib.ExitStack() as stack:
        if path_or_url is None or path_or_url.startswith(URL):
            stack.enter_context(_downloading(upstream, hint))
        expert = build(**kwargs).eval()
    if hasattr(getattr(expert, "model", None), "feature_grad_mult"):
        expert.model.feature_grad_mult = 1.0
    return _FullUpstream(expert, layer, upstream)


@contextlib.contextmanager
def _downloading(upstream: str, hint: str):
    try:
        yield
    except OSError as e:  # what urllib and requests raise
        raise unreachable(upstream, e, hint) from e
