"""Make small SSL checkpoints with random weights, for the tests."""

from dataclasses import asdict
from pathlib import Path
from typing import Dict

import torch
import torchaudio
import transformers
from s3prl.upstream.data2vec.data2vec_model import (
    Data2VecAudioConfig,
    Data2VecAudioModel,
)
from s3prl.upstream.hubert.hubert_model import (
    HubertConfig,
    HubertModel,
    HubertPretrainingConfig,
)
from s3prl.upstream.wav2vec2.convert import load_converted_model
from s3prl.upstream.wav2vec2.wav2vec2_model import (
    AudioPretrainingConfig,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from s3prl.upstream.wavlm.WavLM import WavLM, WavLMConfig
from torchaudio.models.wav2vec2.utils import import_fairseq_model

NUM_LAYERS = 3
WIDTH = 32
CONV_LAYERS = [(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16, 2, 2)] * 2
COMMON = dict(
    encoder_layers=NUM_LAYERS,
    encoder_embed_dim=WIDTH,
    encoder_ffn_embed_dim=2 * WIDTH,
    encoder_attention_heads=2,
    conv_feature_layers=str(CONV_LAYERS),
    conv_pos=16,
    conv_pos_groups=4,
    # things that must be off when features are computed
    dropout=0.5,
    attention_dropout=0.5,
    dropout_input=0.5,
    encoder_layerdrop=0.9,
)


def perturb(model: torch.nn.Module) -> dict:
    """Move the weights off their initial values, the norms' 1 and 0 above all."""
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.state_dict()


def make_checkpoint(folder: Path, upstream: str, pre_norm: bool, **over) -> str:
    """Write a checkpoint for an upstream of S3PRL.

    Args:
        folder: Where to write it.
        upstream: data2vec_local, hubert_local, unispeech_sat_local,
            wav2vec2_local or wavlm_local.
        pre_norm: Build it like the large models: pre-norm encoder, layer
            normalisation in the feature extractor, normalised waveforms. Else
            like the base models: post-norm, group normalisation, no
            normalisation of the waveform.
        over: What is different in the configuration of the model.

    Returns:
        The `path_or_url` for that upstream.
    """
    torch.manual_seed(1)
    path = folder / f"{upstream}_{'pre' if pre_norm else 'post'}_norm.pt"
    model_cfg = dict(
        COMMON,
        layer_norm_first=pre_norm,
        extractor_mode="layer_norm" if pre_norm else "default",
        **over,
    )
    if upstream == "wav2vec2_local":
        cfg = Wav2Vec2Config(**model_cfg, quantize_targets=True, latent_vars=4)
        state = dict(
            task_cfg=asdict(AudioPretrainingConfig(normalize=pre_norm)),
            model_cfg=asdict(cfg),
            model_weight=perturb(Wav2Vec2Model(cfg)),
        )
    elif upstream == "data2vec_local":
        cfg = Data2VecAudioConfig(**model_cfg)
        model = Data2VecAudioModel(cfg)
        model.remove_pretraining_modules()
        state = dict(
            task_cfg=asdict(AudioPretrainingConfig(normalize=pre_norm)),
            model_cfg=asdict(cfg),
            model_weight=dict(perturb(model), _ema={}),
        )
    elif upstream == "hubert_local":
        cfg = HubertConfig(label_rate=50, **model_cfg)
        task_cfg = HubertPretrainingConfig(normalize=pre_norm)
        symbols = [["a", "b", "c"]]
        state = dict(
            task_cfg=asdict(task_cfg),
            model_cfg=asdict(cfg),
            model_weight=perturb(HubertModel(cfg, task_cfg, symbols)),
            dictionaries_symbols=symbols,
        )
    elif upstream in ("wavlm_local", "unispeech_sat_local"):
        cfg = dict(
            model_cfg,
            normalize=pre_norm,
            relative_position_embedding=upstream == "wavlm_local",
            gru_rel_pos=upstream == "wavlm_local",
        )
        state = dict(cfg=cfg, model=perturb(WavLM(WavLMConfig(cfg))))
    else:
        raise ValueError(upstream)
    torch.save(state, path)
    return str(path)


def make_hugging_face(folder: Path, model_type: str, pre_norm: bool) -> str:
    """Write a model folder as Hugging Face has them.

    Args:
        folder: Where to write it.
        model_type: wav2vec2, hubert, wavlm or unispeech-sat.
        pre_norm: As `make_checkpoint` takes it.
    """
    torch.manual_seed(1)
    path = folder / f"{model_type}_{'pre' if pre_norm else 'post'}_norm"
    config = transformers.AutoConfig.for_model(
        model_type,
        num_hidden_layers=NUM_LAYERS,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_attention_heads=2,
        conv_dim=[16] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        do_stable_layer_norm=pre_norm,
        feat_extract_norm="layer" if pre_norm else "group",
        layerdrop=0.9,
    )
    model = transformers.AutoModel.from_config(config)
    perturb(model)
    model.save_pretrained(path)
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=pre_norm)
    extractor.save_pretrained(path)
    return str(path)


def torchaudio_pipeline(
    pre_norm: bool, model_type: str = "Wav2Vec2"
) -> torchaudio.pipelines.Wav2Vec2Bundle:
    """Describe a model of the size of the others as torchaudio describes its own."""
    return torchaudio.pipelines.Wav2Vec2Bundle(
        _path="tiny.pth",
        _params=dict(
            extractor_mode="layer_norm" if pre_norm else "group_norm",
            extractor_conv_layer_config=CONV_LAYERS,
            extractor_conv_bias=False,
            encoder_embed_dim=WIDTH,
            encoder_projection_dropout=0.5,
            encoder_pos_conv_kernel=16,
            encoder_pos_conv_groups=4,
            encoder_num_layers=NUM_LAYERS,
            encoder_num_heads=2,
            encoder_attention_dropout=0.5,
            encoder_ff_interm_features=2 * WIDTH,
            encoder_ff_interm_dropout=0.5,
            encoder_dropout=0.5,
            encoder_layer_norm_first=pre_norm,
            encoder_layer_drop=0.9,
            aux_num_out=None,
            **(
                dict(encoder_num_buckets=8, encoder_max_distance=20)
                if model_type == "WavLM"
                else {}
            ),
        ),
        _model_type=model_type,
        _sample_rate=16000,
        _normalize_waveform=pre_norm,
    )


def convert(s3prl_checkpoint: str, folder: Path, pre_norm: bool) -> Dict[str, str]:
    """Write a wav2vec2_local checkpoint as torchaudio and Hugging Face have it.

    Returns:
        The state dict for `torchaudio_pipeline`, and two folders: `hugging_face`
        with safetensors, `hugging_face_bin` with weights in PyTorch's format and
        the names of parameters from before its `parametrizations`, as most of the
        published ones have.
    """
    model, task_cfg = load_converted_model(s3prl_checkpoint)
    weights = import_fairseq_model(model).state_dict()
    paths = dict(
        torchaudio=folder / "tiny.pth",
        hugging_face=folder / "hugging_face",
        hugging_face_bin=folder / "hugging_face_bin",
    )
    torch.save(weights, paths["torchaudio"])
    # what is in a folder but for the weights
    template = Path(make_hugging_face(folder, "wav2vec2", pre_norm))
    renamed = {
        name.replace("encoder.feature_projection.", "feature_projection.").replace(
            "encoder.transformer.", "encoder."
        ): weight.contiguous()
        for name, weight in weights.items()
    }
    renamed["masked_spec_embed"] = torch.zeros(WIDTH)
    twin = transformers.AutoModel.from_pretrained(template)
    twin.load_state_dict(renamed)
    twin.save_pretrained(paths["hugging_face"])
    paths["hugging_face_bin"].mkdir()
    old = {"original0": "weight_g", "original1": "weight_v"}
    torch.save(
        {
            # a pre-training checkpoint
            "wav2vec2."
            + name.replace(
                "parametrizations.weight." + name[-9:], old.get(name[-9:], "")
            ): weight
            for name, weight in renamed.items()
        },
        paths["hugging_face_bin"] / "pytorch_model.bin",
    )
    for path in (paths["hugging_face"], paths["hugging_face_bin"]):
        for name in ("config.json", "preprocessor_config.json"):
            (path / name).write_text((template / name).read_text())
    return {name: str(path) for name, path in paths.items()}
