"""The weights in a checkpoint, without running anything that is in it."""

import pickle
import re
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple, Union

import torch

from espnet_samos.frontend.upstreams.checkpoint import reason

PREFIXES = ("module.", "model.")  # of wrappers, data parallelism for one
DTYPES = {
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.BoolStorage": torch.bool,
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.IntStorage": torch.int32,
    "torch.LongStorage": torch.int64,
}
# How TorchScript writes lists and dictionaries that are attributes of modules.
TYPED_VALUES = (
    "build_boollist",
    "build_doublelist",
    "build_intlist",
    "build_tensorlist",
    "restore_type_tag",
)


class WeightsError(ValueError):
    """A checkpoint that cannot be used; the message names it and says why."""


class _ModuleState:
    """Stands for any module of a TorchScript archive: its attributes alone."""

    def __init__(self) -> None:
        self.attributes: Dict[str, Any] = {}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.attributes = dict(state)


def _value(value: Any, type_tag: Optional[str] = None) -> Any:
    return value


class _ArchiveUnpickler(pickle.Unpickler):
    """Rebuilds tensors and modules' attributes, and knows no other name.

    Args:
        archive: The zip archive.
        folder: The folder in it that everything is in.
    """

    def __init__(self, archive: zipfile.ZipFile, folder: str):
        super().__init__(archive.open(f"{folder}/data.pkl"))
        self.archive = archive
        self.folder = folder
        self.storages: Dict[str, torch.Tensor] = {}
        self.known = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            **{f"torch.jit._pickle.{name}": _value for name in TYPED_VALUES},
            **DTYPES,
        }

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "__torch__":
            return _ModuleState
        if f"{module}.{name}" not in self.known:
            raise WeightsError(f"it calls {module}.{name}, which is no part of weights")
        return self.known[f"{module}.{name}"]

    def persistent_load(self, pid: Tuple) -> torch.Tensor:
        # ("storage", type, key, device, number of elements)
        _, dtype, key, _, _ = pid
        if key not in self.storages:
            record = self.archive.read(f"{self.folder}/data/{key}")
            self.storages[key] = (
                torch.frombuffer(bytearray(record), dtype=dtype)
                if record
                else torch.empty(0, dtype=dtype)
            )
        return self.storages[key]

    @staticmethod
    def _tensor(
        storage: torch.Tensor,
        offset: int,
        size: Sequence[int],
        stride: Sequence[int],
        requires_grad: bool,
        hooks: Any,
    ) -> torch.Tensor:
        return torch.as_strided(storage, size, stride, offset)


def _named_tensors(value: Any, name: str = "") -> Iterator[Tuple[str, torch.Tensor]]:
    """Yield the tensors of a module and of those inside it, by dotted names."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, _ModuleState):
        for key, attribute in value.attributes.items():
            yield from _named_tensors(attribute, f"{name}.{key}" if name else key)


def _read_torchscript(archive: zipfile.ZipFile, folder: str) -> Dict[str, torch.Tensor]:
    names = archive.namelist()
    if f"{folder}/byteorder" in names:
        byte_order = archive.read(f"{folder}/byteorder").decode()
        if byte_order != sys.byteorder:
            raise WeightsError(f"its bytes are in {byte_order}-endian order")
    return dict(_named_tensors(_ArchiveUnpickler(archive, folder).load()))


def _read_state_dict(path: Path) -> Dict[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:
        raise WeightsError(f"{reason(e)}, which is no part of weights") from e
    if not isinstance(state, dict):
        raise WeightsError(f"it holds a {type(state).__name__}, not a state dict")
    other = [key for key, x in state.items() if not isinstance(x, torch.Tensor)]
    if other:
        raise WeightsError(
            f"it is no state dict: {', '.join(map(str, other))} is not a tensor"
        )
    return state


def read_weights(path: Union[Path, str]) -> Dict[str, torch.Tensor]:
    """Read the weights of a TorchScript archive or of a state dict.

    Nothing that is in the file is run: not the code of a TorchScript archive, and
    no function that a pickle names. A prefix that all names share and that only
    says how the model was wrapped (`module.`, `model.`) is dropped.

    Args:
        path: What `torch.jit.save` wrote, or `torch.save` of a state dict.

    Returns:
        Tensors by the names they have in the model, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is something else, is damaged, or holds more than
            weights.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such checkpoint: {path}")
    try:
        folder = None
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    # torch.save's archives have no constants
                    if re.fullmatch("[^/]+/constants.pkl", name):
                        folder = name.split("/")[0]
                if folder is not None:
                    weights = _read_torchscript(archive, folder)
        if folder is None:
            weights = _read_state_dict(path)
    except WeightsError as e:
        raise WeightsError(f"{path} is refused: {e}") from e
    except Exception as e:
        # Damaged pickles and archives raise all kinds of exceptions.
        raise WeightsError(
            f"{path} cannot be read as a TorchScript archive or a state dict; if it "
            f"was downloaded, it may be incomplete ({type(e).__name__}: {e})"
        ) from e
    if not weights:
        raise WeightsError(f"{path} has no weights in it")
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): x for name, x in weights.items()}
    return weights
