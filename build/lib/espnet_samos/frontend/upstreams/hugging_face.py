"""Hidden states of Hugging Face's models of the wav2vec 2.0 family."""

import math
from pathlib import Path
from typing import Optional

import torch
import transformers

from espnet_samos.frontend.upstreams.abs_upstream import (
    AbsUpstream,
    FirstLayers,
    resolve_layer,
)
from espnet_samos.frontend.upstreams.checkpoint import unreachable

# Those that take waveforms and are built alike
MODEL_TYPES = ("hubert", "unispeech-sat", "wav2vec2", "wavlm")


def load_hugging_face(
    upstream: str, layer: int, download_dir: Optional[str] = None
) -> AbsUpstream:
    """Load the first layers of a model of Hugging Face.

    Args:
        upstream: A name on the hub, like facebook/wav2vec2-xls-r-2b, or a folder
            with config.json, preprocessor_config.json and the weights.

    Raises:
        ValueError: The model is of another kind, lacks weights, or the layer is
            wrong.
        FileNotFoundError: The folder is not there, or is incomplete.
        ConnectionError: The model cannot be downloaded.
    """
    local = Path(upstream).is_dir()
    if local:
        for name, use in (
            ("config.json", "how the model is built"),
            ("preprocessor_config.json", "how the waveform is normalised"),
        ):
            if not Path(upstream, name).is_file():
                raise FileNotFoundError(
                    f"no {name} in {upstream}: it says {use}; "
                    "copy it from where the model comes from"
                )
    elif upstream.startswith((".", "/", "~")) or upstream.count("/") > 1:
        raise FileNotFoundError(
            f"no such folder: {upstream}: correct frontend_conf.upstream"
        )
    # without a word on remote code, it would ask whether to run it
    where = dict(cache_dir=download_dir, trust_remote_code=False)
    verbosity = transformers.logging.get_verbosity()
    # no report of the weights that are left out on purpose
    transformers.logging.set_verbosity_error()
    try:
        config = transformers.AutoConfig.from_pretrained(upstream, **where)
        if config.model_type not in MODEL_TYPES:
            raise ValueError(
                f"upstream '{upstream}' is of type {config.model_type}; "
                f"known are {', '.join(MODEL_TYPES)}"
            )
        extractor = transformers.AutoFeatureExtractor.from_pretrained(upstream, **where)
        last = config.num_hidden_layers
        layer = resolve_layer(layer, last, upstream)
        config.num_hidden_layers = layer
        # Nothing may be added, masked or skipped in training.
        config.add_adapter = False
        config.apply_spec_augment = False
        config.layerdrop = 0.0
        model, report = transformers.AutoModel.from_pretrained(
            upstream,
            config=config,
            dtype=torch.float32,
            output_loading_info=True,
            **where,
        )
    except OSError as e:
        if local:
            raise
        hint = "set frontend_conf.upstream to a folder with a copy of it"
        raise unreachable(upstream, e, hint) from e
    finally:
        transformers.logging.set_verbosity(verbosity)
    missing = sorted(set(report["missing_keys"]) - {"masked_spec_embed"})
    if missing:
        raise ValueError(
            f"the weights of upstream '{upstream}' lack {missing[0]} "
            f"({len(missing)} are missing in all)"
        )
    if config.do_stable_layer_norm and layer < last:  # pre-norm
        model.encoder.layer_norm = torch.nn.Identity()
    hop_length = math.prod(config.conv_stride)
    return FirstLayers(model, layer, last, hop_length, extractor.do_normalize)
