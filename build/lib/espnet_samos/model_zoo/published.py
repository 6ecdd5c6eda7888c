"""The published model (arXiv 2602.14785) as one of this package's."""

from argparse import Namespace
from pathlib import Path
from typing import Dict, Sequence, Tuple, Union

import torch
import yaml
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

from espnet_samos.model_zoo.find import CONFIG
from espnet_samos.model_zoo.pack import pack_model
from espnet_samos.model_zoo.weights import WeightsError, read_weights
from espnet_samos.tasks.mos import MosTask
from espnet_samos.utils.config import merge, merge_files

# ours -> as published
NAMES = {
    "ssl_encoder.layers.": "_fpm._encoder.",
    "spectrogram_encoder.layers.": "_spm.encoder.",
    "head.mean_mlp.": "_mos_mapping_module._mu_head.",
    "head.variance_mlp.": "_mos_mapping_module._var_head.",
}
NO_SPECTROGRAM = dict(spectrogram_frontend=None, spectrogram_encoder=None)


def published_name(name: str) -> str:
    """Return the published name of one of our weights; others keep theirs."""
    for ours, published in NAMES.items():
        if name.startswith(ours):
            return published + name.removeprefix(ours)
    return name


def model_name(weights: Dict[str, torch.Tensor]) -> str:
    """Return `sa_ssl_mos`, or `ssl_layer_mos` for weights without its spectrogram
    branch."""
    has_spectrogram = any(name.startswith("_spm.") for name in weights)
    return "sa_ssl_mos" if has_spectrogram else "ssl_layer_mos"


def load_published(model: torch.nn.Module, weights: Dict[str, torch.Tensor]) -> None:
    """Load weights in the published naming: all of them, or none.

    Args:
        model: An `ESPnetMosModel`.
        weights: As `read_weights` gives them.

    Raises:
        WeightsError: Weights are missing, unexpected or of another shape; the
            message lists every one.
    """
    ours = {published_name(name): (name, x) for name, x in model.state_dict().items()}
    problems = [f"missing: {name}" for name in ours if name not in weights]
    problems += [f"unexpected: {name}" for name in weights if name not in ours]
    problems += [
        f"other shape: {name} is {tuple(weights[name].shape)}, and "
        f"{tuple(expected.shape)} in the model"
        for name, (_, expected) in ours.items()
        if name in weights and weights[name].shape != expected.shape
    ]
    if problems:
        raise WeightsError(
            "\n  ".join(["the weights do not fit the model:", *problems])
        )
    model.load_state_dict({ours[name][0]: x for name, x in weights.items()})


def _parse(config: dict, output_dir: Path) -> Namespace:
    """Fill a configuration up with the task's defaults, as a training does."""
    file = output_dir / "train.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return MosTask.get_parser().parse_args(
        ["--config", str(file), "--output_dir", str(output_dir)]
    )


def import_published(
    checkpoint: Union[Path, str],
    train_config: Sequence[Union[Path, str]],
    output_dir: Union[Path, str],
    model_file: str,
) -> Tuple[str, Path]:
    """Turn the published checkpoint into a model that `MosPredictor` takes.

    The SSL model is not looked for in the checkpoint: the configuration names it.

    Args:
        checkpoint: TorchScript archive or state dict in the published naming, of
            SA-SSL-MOS or of SSL-Layer-MOS.
        train_config: YAML files that describe SA-SSL-MOS, a later one over an
            earlier.
        output_dir: Gets `config.yaml`, the weights and both packed in a zip archive.
        model_file: What to call the weights.

    Returns:
        `sa_ssl_mos` or `ssl_layer_mos`, as found in the checkpoint, and the archive.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        FileExistsError: The directory has a model already.
        WeightsError: The checkpoint cannot be read or does not fit.
        ValueError: The configuration is wrong.
    """
    output_dir = Path(output_dir)
    for name in (model_file, CONFIG):
        if (output_dir / name).exists():
            raise FileExistsError(
                f"{output_dir / name} is there already: choose another directory"
            )
    weights = read_weights(checkpoint)
    name = model_name(weights)
    config = merge_files([str(path) for path in train_config])
    if name == "ssl_layer_mos":
        config = merge(config, NO_SPECTROGRAM)
    output_dir.mkdir(parents=True, exist_ok=True)
    args = _parse(config, output_dir)
    model = MosTask.build_model(args)
    try:
        load_published(model, weights)
    except WeightsError as e:
        raise WeightsError(f"{checkpoint} is refused: {e}") from e

    torch.save(model.state_dict(), output_dir / model_file)
    with (output_dir / CONFIG).open("w", encoding="utf-8") as f:
        yaml_no_alias_safe_dump(vars(args), f, indent=4, sort_keys=False)
    packed = f"{name}.zip"
    pack_model(output_dir, model_file, output_dir / packed)
    return name, output_dir / packed
