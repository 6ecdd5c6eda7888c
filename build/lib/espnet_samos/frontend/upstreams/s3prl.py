"""Hidden states of S3PRL's upstreams."""

import argparse
import ast
import contextlib
import difflib
import hashlib
import operator
import os
import pickle
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import torch
from s3prl import hub
from s3prl.upstream.data2vec.data2vec_model import (
    Data2VecAudioConfig,
    Data2VecAudioModel,
)
from s3prl.upstream.hubert.hubert_model import (
    HubertConfig,
    HubertModel,
    HubertPretrainingConfig,
)
from s3prl.upstream.utils import merge_with_parent
from s3prl.upstream.wav2vec2.wav2vec2_model import (
    AudioPretrainingConfig,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from s3prl.upstream.wavlm.WavLM import WavLM, WavLMConfig
from s3prl.util import download

from espnet_samos.frontend.upstreams.abs_upstream import (
    AbsUpstream,
    FirstLayers,
    resolve_layer,
)
from espnet_samos.frontend.upstreams.checkpoint import (
    download_checkpoint,
    keep_first_layers,
    read_checkpoint,
    reason,
    unreachable,
)

HOP_LENGTH = 320
MAX_CONVOLUTIONS = 64
# Upstreams without a checkpoint
SIGNAL_UPSTREAMS = ("fbank", "fbank_no_cmvn", "mfcc", "mel", "linear", "spectrogram")
# Upstreams that are an architecture only and need to be told their checkpoint.
CHECKPOINT_SUFFIXES = ("_local", "_url", "_custom")
TENSORS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
URL = ("http://", "https://")


class Family(NamedTuple):
    """Transformers in the manner of fairseq, of one of S3PRL's packages.

    Attributes:
        model: The model.
        config: Its configuration.
        task: The task's configuration, which says whether waveforms are
            normalised; None where the model's says it.
        keys: Where checkpoints keep configuration and weights.
        dictionaries: Where they keep what else the model is built from.
    """

    model: Callable
    config: Callable
    task: Optional[Callable]
    keys: tuple = ("model_cfg", "model_weight")
    dictionaries: Optional[str] = None


_WAVLM = Family(WavLM, WavLMConfig, None, ("cfg", "model"))
FAMILIES = {
    "data2vec": Family(Data2VecAudioModel, Data2VecAudioConfig, AudioPretrainingConfig),
    "hubert": Family(
        HubertModel,
        HubertConfig,
        HubertPretrainingConfig,
        dictionaries="dictionaries_symbols",
    ),
    "unispeech_sat": _WAVLM,
    "wav2vec2": Family(Wav2Vec2Model, Wav2Vec2Config, AudioPretrainingConfig),
    "wavlm": _WAVLM,
}


def family_of(build: Callable) -> Optional[Family]:
    """Return the family of an upstream of S3PRL, None where it has none of these."""
    # s3prl.upstream.<package>.hubconf
    package = [*build.__module__.split("."), "", ""][2]
    return FAMILIES.get(package)


class _Transformer(FirstLayers):
    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        output = self.model.extract_features(waveforms, padding_mask=None, mask=False)
        return output["x"] if isinstance(output, dict) else output[0]


def parse_convolutions(text: str, upstream: str) -> List[Tuple[int, int, int]]:
    """Parse `[(512, 10, 5)] + [(512, 3, 2)] * 4`: channels, kernel size and stride.

    Raises:
        ValueError: It is something else.
    """

    def parse(node: ast.AST) -> list:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return parse(node.left) + parse(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            times = ast.literal_eval(node.right)
            if not 0 <= times <= MAX_CONVOLUTIONS:
                raise ValueError(f"{times} times")
            return parse(node.left) * times
        layers = ast.literal_eval(node)
        if not isinstance(layers, list):
            raise ValueError("no list")
        return [tuple(map(operator.index, layer)) for layer in layers]

    try:
        layers = parse(ast.parse(text, mode="eval").body)
        if not all(len(layer) == 3 for layer in layers):
            raise ValueError("not of three numbers each")
        if not 0 < len(layers) <= MAX_CONVOLUTIONS:
            raise ValueError(f"{len(layers)} layers")
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as e:
        raise ValueError(
            f"the checkpoint of upstream '{upstream}' has conv_feature_layers "
            f"'{str(text)[:80]}', which is no list of convolutions: do not use it"
        ) from e
    return layers


def _build_transformer(
    family: Family, checkpoint: Dict[str, Any], layer: int, upstream: str
) -> AbsUpstream:
    """Build the first layers, which end with the hidden state wanted."""
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

    config = {**config, "encoder_layers": layer}
    if "conv_feature_layers" in config:
        # S3PRL evaluates this text as Python
        text = config["conv_feature_layers"]
        config["conv_feature_layers"] = str(parse_convolutions(text, upstream))
    if family.task is None:
        settings = task = family.config(config)
    else:
        settings = merge_with_parent(family.config, config)
        task = merge_with_parent(family.task, checkpoint["task_cfg"])
    arguments = [task, checkpoint[family.dictionaries]] if family.dictionaries else []
    model = family.model(settings, *arguments)
    if "_ema" in weights:  # of data2vec: the teacher in training
        model.remove_pretraining_modules()
    weights = {name: w for name, w in weights.items() if name != "_ema"}
    model.load_state_dict(keep_first_layers(weights, "encoder.layers.", layer))
    if hasattr(model, "remove_pretraining_modules"):
        model.remove_pretraining_modules()
    # S3PRL: 0, which keeps gradients from the convolutions
    model.feature_grad_mult = 1.0
    model.encoder.layerdrop = 0.0
    if model.encoder.layer_norm_first and layer < last:
        model.encoder.layer_norm = torch.nn.Identity()
    return _Transformer(model, layer, last, HOP_LENGTH, bool(task.normalize))


class _FullUpstream(AbsUpstream):
    """An upstream of any kind, run in full."""

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
    """Check that an upstream and its checkpoint are there."""
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


def untrusted_part(
    upstream: str,
    path_or_url: Optional[str] = None,
    extra_conf: Optional[Dict[str, Any]] = None,
) -> str:
    """Return what could run code of somebody else in these options; empty if nothing.

    S3PRL unpickles some checkpoints and evaluates text in others. What this module
    builds itself, it reads as tensors and numbers.
    """
    if extra_conf:
        return "extra_conf"
    if path_or_url is not None and path_or_url.startswith(URL):
        return f"path_or_url {path_or_url}"
    build = getattr(hub, upstream, None)
    if upstream in SIGNAL_UPSTREAMS or (build and family_of(build)):
        return ""
    return f"upstream {upstream}"


@contextlib.contextmanager
def _tensors_only() -> Iterator[None]:
    """Make every `torch.load` refuse what is more than tensors and plain values."""
    before = os.environ.get(TENSORS_ONLY)
    os.environ[TENSORS_ONLY] = "1"
    try:
        # S3PRL's checkpoints have the arguments of their training in them.
        with torch.serialization.safe_globals([argparse.Namespace]):
            yield
    except pickle.UnpicklingError as e:
        raise ValueError(
            "the checkpoint holds more than tensors and plain values "
            f"({reason(e)}): do not use it"
        ) from e
    finally:
        if before is None:
            del os.environ[TENSORS_ONLY]
        else:
            os.environ[TENSORS_ONLY] = before


def checkpoint_url(build: Callable) -> str:
    """Return where the checkpoint of a family's upstream is; empty where not said.

    S3PRL has a function for each named upstream, whose constants have the address of
    fairseq's checkpoint, of S3PRL's converted one, or the name of another function.
    """
    code = build.__code__
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
    `extra_conf`, which may change what they give, are built by S3PRL and run in full;
    their checkpoints, too, are read as tensors and plain values only.

    The arguments are those of `SslLayerFrontend`.

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
    family = None if extra_conf else family_of(build)
    place = path_or_url or (checkpoint_url(build) if family else "")
    if family and place:
        if place.startswith(URL):
            # as S3PRL itself names what it downloads
            digest = hashlib.sha256(place.encode()).hexdigest()
            path = download.get_dir() / f"{digest}.{Path(place).name}"
            download_checkpoint(place, path, upstream, hint)
            place = str(path)
        return _build_transformer(family, read_checkpoint(place), layer, upstream)

    # S3PRLUpstream would do this as well, but it resets the random seed.
    kwargs = dict(extra_conf or {})
    if path_or_url is not None:
        kwargs["ckpt"] = path_or_url
    try:
        with _tensors_only():
            expert = build(**kwargs).eval()
    except OSError as e:  # what urllib and requests raise
        if path_or_url is not None and not path_or_url.startswith(URL):
            raise
        raise unreachable(upstream, e, hint) from e
    if hasattr(getattr(expert, "model", None), "feature_grad_mult"):
        expert.model.feature_grad_mult = 1.0
    return _FullUpstream(expert, layer, upstream)
