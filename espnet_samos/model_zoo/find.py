"""Finding a trained model: in this package, in a folder, in an archive, on a hub.

No torch here, until something has to be unpacked or downloaded.
"""

import contextlib
import hashlib
import re
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Union

import yaml
from filelock import FileLock

from espnet_samos.utils.config import read_config

MODEL_FILE = "valid.lcc.best.pth"
PAIR_MODEL_FILE = "valid.loss.best.pth"  # of a training on pairs
CONFIG = "config.yaml"
CARD = "card.yaml"
# Checkpoints of frontends that were packed along are in this folder of an archive.
PRETRAINED = "pretrained"
PACKAGED_DIR = Path(__file__).parent
DEFAULT_MODEL = "small"
# SA-SSL-MOS as the paper has it; conf/paper/model.yaml of the recipe is this file
PUBLISHED_CONFIG = PACKAGED_DIR / "sa_ssl_mos.yaml"
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz")
# As Hugging Face allows them; where <user> is a folder, it is a path, mistyped
TAG = re.compile(r"\w[\w.-]*/\w[\w.-]*")
CACHE_DIR = Path("~/.cache/espnet_samos")


class TrainedModel(NamedTuple):
    """The files of a trained model.

    Attributes:
        train_config: `config.yaml` of the training.
        model_file: The weights.
    """

    train_config: Path
    model_file: Path

    def card(self) -> Dict[str, Any]:
        """Read what is known of the model: `description`, `label_note`, `results`.

        Empty where the model comes without it.
        """
        path = self.train_config.parent / CARD
        return read_config(path) if path.is_file() else {}

    @contextlib.contextmanager
    def usable_config(self) -> Iterator[Path]:
        """Yield a configuration that finds what was packed along with the model."""
        folder = self.train_config.parent
        if not (folder / PRETRAINED).is_dir():
            yield self.train_config
            return
        config = read_config(self.train_config)
        with tempfile.TemporaryDirectory() as directory:
            usable = Path(directory) / CONFIG
            usable.write_text(yaml.safe_dump(_absolute(config, folder)), "utf-8")
            yield usable


def _absolute(conf: Any, folder: Path) -> Any:
    """Make the paths below `pretrained/` in a configuration absolute."""
    if isinstance(conf, dict):
        return {key: _absolute(value, folder) for key, value in conf.items()}
    if isinstance(conf, list):
        return [_absolute(value, folder) for value in conf]
    if isinstance(conf, str) and conf.startswith(f"{PRETRAINED}/"):
        return str(folder / conf)
    return conf


def packaged_models() -> Dict[str, TrainedModel]:
    """List the models that come with this package, by name."""
    return {
        path.parent.name: TrainedModel(path, path.parent / MODEL_FILE)
        for path in sorted(PACKAGED_DIR.glob(f"*/{CONFIG}"))
    }


def find_model(model: Union[Path, str] = DEFAULT_MODEL) -> TrainedModel:
    """Find a trained model, unpacking or downloading it where needed.

    Args:
        model: The name of a packaged model (`packaged_models`); a folder with
            `config.yaml` and `valid.lcc.best.pth`, as an experiment's directory is (or
            `valid.loss.best.pth`, as one of pairs), or one that ESPnet has unpacked; a
            `.pth` file with its `config.yaml` beside it; an archive that stage 7 of the
            recipe has made; or a tag on Hugging Face or in ESPnet's model zoo,
            `<user>/<model>`.

    Raises:
        FileNotFoundError: There is no such model, or a part of it is missing.
        ValueError: The archive or the tag is not a model of this task.
        ConnectionError: The tag could not be downloaded.
    """
    if str(model) in packaged_models():
        return packaged_models()[str(model)]
    path = Path(model)
    if path.is_dir():
        return _in_folder(path, path)
    if path.suffix in ARCHIVES:
        if not path.is_file():
            raise FileNotFoundError(f"no such archive: {path}")
        return _in_folder(_unpack(path), path)
    if path.suffix == ".pth":
        return _checked(path.parent / CONFIG, path)
    if TAG.fullmatch(str(model)) and not path.parent.exists():
        return _of_files(_download(str(model)), model)
    raise FileNotFoundError(
        f"no model '{model}': give a folder, an archive, a .pth file, a tag like "
        f"<user>/<model>, or one of {', '.join(packaged_models())}"
    )


def _checked(train_config: Path, model_file: Path) -> TrainedModel:
    for path in (train_config, model_file):
        if not path.is_file():
            raise FileNotFoundError(f"no such model file: {path}")
    return TrainedModel(train_config, model_file)


def _in_folder(folder: Path, model: Path) -> TrainedModel:
    meta = folder / "meta.yaml"  # of what ESPnet has packed
    if meta.is_file():
        named = read_config(meta)
        files = {**(named.get("files") or {}), **(named.get("yaml_files") or {})}
        return _of_files(
            {key: folder / str(path) for key, path in files.items()}, model
        )
    weights = folder / MODEL_FILE
    if not weights.is_file() and (folder / PAIR_MODEL_FILE).is_file():
        weights = folder / PAIR_MODEL_FILE
    return _checked(folder / CONFIG, weights)


def _of_files(
    files: Mapping[str, Union[Path, str]], model: Union[Path, str]
) -> TrainedModel:
    try:
        return _checked(Path(files["train_config"]), Path(files["model_file"]))
    except KeyError as e:
        raise ValueError(
            f"{model} is no model of this task: it has {', '.join(files)}, and not {e}"
        ) from e


def _unpack(archive: Path) -> Path:
    """Unpack an archive into the cache, once for each version of it."""
    from espnet2.main_funcs.pack_funcs import unpack

    stat = archive.stat()
    key = f"{archive.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    name = f"{archive.stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    folder = CACHE_DIR.expanduser() / name
    # ESPnet writes the folder's name into the configuration: it cannot be renamed
    # when all is there.
    complete = folder / ".complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # another process may want the same archive
        if complete.is_file():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            unpack(archive, folder)
        except Exception as e:
            shutil.rmtree(folder)
            raise ValueError(f"{archive} cannot be unpacked as a model: {e}") from e
        complete.touch()
    return folder


def _download(tag: str) -> Dict[str, str]:
    from espnet2.utils.pretrained import download_pretrained

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return download_pretrained(tag)
    except Exception as e:
        # requests, Hugging Face and the model zoo raise all kinds of exceptions
        raise ConnectionError(
            f"the model '{tag}' cannot be downloaded ({type(e).__name__}: {e}). "
            "What was downloaded is kept: make the same call again to resume. Without "
            "a connection, give a folder or an archive"
        ) from e
