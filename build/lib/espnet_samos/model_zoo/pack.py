"""Packing a trained model into one archive that loads on another machine."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, Sequence, Union

from espnet2.main_funcs.pack_funcs import pack
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

from espnet_samos.model_zoo.find import CONFIG, PRETRAINED
from espnet_samos.utils.config import read_config
from espnet_samos.utils.files import whole_file

FRONTENDS = ("ssl_frontend_conf", "spectrogram_frontend_conf")
# Where checkpoints are downloaded to is a matter of each machine.
OF_THE_MACHINE = "download_dir"


def pack_model(
    exp_dir: Union[Path, str],
    model_file: str,
    outpath: Union[Path, str],
    option: Sequence[str] = (),
) -> None:
    """Pack a model with all that it needs from this machine.

    Local checkpoints and folders that a frontend's configuration names go into the
    archive; what it names by a tag is downloaded again where the model is used.

    Args:
        exp_dir: The experiment, with `config.yaml`.
        model_file: The weights in it.
        outpath: The archive to write (.zip, .tgz, ...).
        option: Further files and folders in it, as far as they are there.

    Raises:
        FileNotFoundError: The experiment has no such file.
    """
    exp_dir, outpath = Path(exp_dir), Path(outpath).absolute()
    config = read_config(exp_dir / CONFIG)
    # On the same disk, so that files of gigabytes are linked, not copied
    with tempfile.TemporaryDirectory(dir=exp_dir, prefix=".pack-") as directory:
        stage = Path(directory)
        (stage / PRETRAINED).mkdir()
        for name in FRONTENDS:
            config[name] = _take_along(config.get(name), stage)
        with (stage / CONFIG).open("w", encoding="utf-8") as f:
            yaml_no_alias_safe_dump(config, f, indent=4, sort_keys=False)
        for name in (model_file, *option):
            if name == model_file or (exp_dir / name).exists():
                _link(exp_dir / name, stage / name)
        extra = [name for name in option if (stage / name).exists()]
        if any((stage / PRETRAINED).iterdir()):
            extra.append(PRETRAINED)
        # Paths in the archive are relative to where it is made.
        with whole_file(outpath) as unfinished, contextlib.chdir(stage):
            pack(
                files=dict(model_file=model_file),
                yaml_files=dict(train_config=CONFIG),
                option=extra,
                outpath=unfinished,
            )


def _take_along(conf: Any, stage: Path) -> Any:
    """Link the files that a configuration names into the archive's folder."""
    if isinstance(conf, dict):
        kept: Dict[str, Any] = {}
        for key, value in conf.items():
            kept[key] = None if key == OF_THE_MACHINE else _take_along(value, stage)
        return kept
    if isinstance(conf, list):
        return [_take_along(value, stage) for value in conf]
    # A bare word is the name of a model, even where a file has that name, too.
    if isinstance(conf, str) and os.sep in conf and Path(conf).exists():
        source = Path(conf)
        target = f"{PRETRAINED}/{source.name}"
        if (stage / target).exists():
            raise FileExistsError(
                f"two checkpoints are called {source.name}: rename {source}"
            )
        _link(source, stage / target)
        return target
    return conf


def _link(source: Path, target: Path) -> None:
    """Link a file or the files of a folder, or copy them from another disk."""

    def link_or_copy(a: str, b: str) -> None:
        try:
            os.link(os.path.realpath(a), b)
        except OSError:
            shutil.copy(a, b)

    if source.is_dir():
        shutil.copytree(source, target, copy_function=link_or_copy)
    else:
        link_or_copy(str(source), str(target))
