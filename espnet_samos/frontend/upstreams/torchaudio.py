"""Hidden states of torchaudio's pre-trained wav2vec 2.0, HuBERT and WavLM."""

import difflib
import math
from pathlib import Path
from typing import List, Optional

import torch
import torchaudio

from espnet_samos.frontend.upstreams.abs_upstream import (
    AbsUpstream,
    FirstLayers,
    resolve_layer,
)
from espnet_samos.frontend.upstreams.checkpoint import (
    download_checkpoint,
    keep_first_layers,
    read_checkpoint,
)
from espnet_samos.frontend.upstreams.convolutions import Convolutions

WEIGHTS_URL = "https://download.pytorch.org/torchaudio/models"
BUILDERS = {
    "Wav2Vec2": torchaudio.models.wav2vec2_model,
    "WavLM": torchaudio.models.wavlm_model,
}


class _Convolutions(Convolutions):
    def forward(self, waveforms, lengths):
        """(Batch, NSamples) -> (Batch, NFrames, Channels), and lengths as they are."""
        return super().forward(waveforms).transpose(1, 2), lengths


class _Torchaudio(FirstLayers):
    convolutions = _Convolutions


def pipelines() -> List[str]:
    """List the pre-trained models, those that were trained for ASR left out."""
    kind = torchaudio.pipelines.Wav2Vec2Bundle
    return [n for n, value in vars(torchaudio.pipelines).items() if type(value) is kind]


def load_torchaudio(
    upstream: str,
    layer: int,
    download_dir: Optional[str] = None,
    path_or_url: Optional[str] = None,
) -> AbsUpstream:
    """Load the first layers of one of torchaudio's pipelines.

    Args:
        upstream: Name of the pipeline in `torchaudio.pipelines`, like
            WAV2VEC2_XLSR_2B.
        path_or_url: Its state dict as a local file; without it, it is downloaded.

    Raises:
        ValueError: The pipeline or the layer is unknown, or the file is another
            model's.
        FileNotFoundError: The local file is not there.
        ConnectionError: The checkpoint cannot be downloaded.
    """
    if upstream not in pipelines():
        close = difflib.get_close_matches(upstream.upper(), pipelines(), cutoff=0.4)
        raise ValueError(
            f"unknown upstream in frontend_conf: '{upstream}' is no pipeline of "
            "torchaudio; "
            + (f"did you mean {', '.join(close)}? " if close else "")
            + f"known are {', '.join(pipelines())}"
        )
    if path_or_url is not None and not Path(path_or_url).is_file():
        raise FileNotFoundError(
            f"no such checkpoint: {path_or_url}: correct frontend_conf.path_or_url "
            f"of upstream '{upstream}'"
        )
    # torchaudio has no public way to these.
    bundle = getattr(torchaudio.pipelines, upstream)
    params = bundle._params
    last = params["encoder_num_layers"]
    layer = resolve_layer(layer, last, upstream)
    if path_or_url is None:
        folder = Path(download_dir or Path(torch.hub.get_dir(), "checkpoints"))
        path = folder / bundle._path
        hint = "set frontend_conf.path_or_url to a copy of it"
        url = f"{WEIGHTS_URL}/{bundle._path}"
        download_checkpoint(url, path, upstream, hint)
    else:
        path = Path(path_or_url)
    weights = keep_first_layers(
        read_checkpoint(path), "encoder.transformer.layers.", layer
    )
    model = BUILDERS[bundle._model_type](
        **{**params, "encoder_num_layers": layer, "encoder_layer_drop": 0.0}
    )
    try:
        model.load_state_dict(weights)
    except RuntimeError as e:
        raise ValueError(
            f"the checkpoint is not one of upstream '{upstream}': {e}"
        ) from e
    transformer = model.encoder.transformer
    # torchaudio's flag tells of the place of this one normalisation, which
    # pre-norm models have at the end.
    if not transformer.layer_norm_first and layer < last:
        transformer.layer_norm = torch.nn.Identity()
    hop_length = math.prod(
        block.conv.stride[0] for block in model.feature_extractor.conv_layers
    )
    return _Torchaudio(model, layer, last, hop_length, bundle._normalize_waveform)
