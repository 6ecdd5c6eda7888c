"""Make small SSL checkpoints with random weights, for the tests."""

from dataclasses import asdict
from pathlib import Path

import torch
from s3prl.upstream.hubert.hubert_model import (
    HubertConfig,
    HubertModel,
    HubertPretrainingConfig,
)
from s3prl.upstream.wav2vec2.wav2vec2_model import (
    AudioPretrainingConfig,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from s3prl.upstream.wavlm.WavLM import WavLM, WavLMConfig
from transformers import Wav2Vec2Config as HuggingFaceConfig
from transformers import Wav2Vec2FeatureExtractor
from transformers import Wav2Vec2Model as HuggingFaceModel

NUM_LAYERS = 3
WIDTH = 32
CONV_LAYERS = "[(16,10,5)] + [(16,3,2)] * 4 + [(16,2,2)] * 2"
COMMON = dict(
    encoder_layers=NUM_LAYERS,
    encoder_embed_dim=WIDTH,
    encoder_ffn_embed_dim=2 * WIDTH,
    encoder_attention_heads=2,
    conv_feature_layers=CONV_LAYERS,
    conv_pos=16,
    conv_pos_groups=4,
    # things that must be off when features are computed
    dropout=0.5,
    attention_dropout=0.5,
    dropout_input=0.5,
    encoder_layerdrop=0.9,
)


def _perturb(model: torch.nn.Module) -> dict:
    """Move the weights off their initial values, the norms' 1 and 0 above all."""
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.state_dict()


def make_checkpoint(folder: Path, upstream: str, pre_norm: bool) -> str:
    """Write a checkpoint for an upstream of S3PRL.

    Args:
        folder: Where to write it.
        upstream: wav2vec2_local, hubert_local, wavlm_local or hf_wav2vec2_custom.
        pre_norm: Build it like the large models: pre-norm encoder, layer
            normalisation in the feature extractor, normalised waveforms. Else
            like the base models: post-norm, group normalisation, no
            normalisation of the waveform.

    Returns:
        The `path_or_url` for that upstream.
    """
    torch.manual_seed(1)
    path = folder / f"{upstream}_{'pre' if pre_norm else 'post'}_norm.pt"
    model_cfg = dict(
        COMMON,
        layer_norm_first=pre_norm,
        extractor_mode="layer_norm" if pre_norm else "default",
    )
    if upstream == "wav2vec2_local":
        cfg = Wav2Vec2Config(**model_cfg, quantize_targets=True, latent_vars=4)
        state = dict(
            task_cfg=asdict(AudioPretrainingConfig(normalize=pre_norm)),
            model_cfg=asdict(cfg),
            model_weight=_perturb(Wav2Vec2Model(cfg)),
        )
    elif upstream == "hubert_local":
        cfg = HubertConfig(label_rate=50, **model_cfg)
        task_cfg = HubertPretrainingConfig(normalize=pre_norm)
        symbols = [["a", "b", "c"]]
        state = dict(
            task_cfg=asdict(task_cfg),
            model_cfg=asdict(cfg),
            model_weight=_perturb(HubertModel(cfg, task_cfg, symbols)),
            dictionaries_symbols=symbols,
        )
    elif upstream == "wavlm_local":
        cfg = dict(
            model_cfg,
            normalize=pre_norm,
            relative_position_embedding=True,
            gru_rel_pos=True,
        )
        state = dict(cfg=cfg, model=_perturb(WavLM(WavLMConfig(cfg))))
    elif upstream == "hf_wav2vec2_custom":
        config = HuggingFaceConfig(
            num_hidden_layers=NUM_LAYERS,
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_attention_heads=2,
            conv_dim=[16] * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4,
            do_stable_layer_norm=pre_norm,
            feat_extract_norm="layer" if pre_norm else "group",
        )
        model = HuggingFaceModel(config)
        _perturb(model)
        model.save_pretrained(path)
        Wav2Vec2FeatureExtractor(do_normalize=pre_norm).save_pretrained(path)
        return str(path)
    else:
        raise ValueError(upstream)
    torch.save(state, path)
    return str(path)
