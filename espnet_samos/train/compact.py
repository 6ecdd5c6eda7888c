"""Lists of a corpus that take little memory, and none again in each worker."""

from collections.abc import Mapping
from typing import Any, Dict, Iterator, List, Optional, Union

import numpy as np
from espnet2.train.dataset import AbsDataset

Value = Union[str, List[float], List[int]]


class CompactTable(Mapping):
    """A dictionary of strings, or of lists of numbers, that cannot be changed.

    A dictionary holds an object for each id and value: hundreds of bytes, which are
    moreover copied into every data-loading worker, since reading an object changes
    its count of references. Here there are a few arrays. It iterates in the order of
    the ids.

    Args:
        table: Values by id. All are strings, or lists of one length.
        other: Another one, whose ids are used where they are the same.
    """

    def __init__(self, table: Dict[str, Value], other: Optional["CompactTable"] = None):
        items = sorted((key.encode(), value) for key, value in table.items())
        self._keys = np.array([key for key, _ in items])
        if other is not None and np.array_equal(self._keys, other._keys):
            self._keys = other._keys
        self._numbers = None
        if isinstance(items[0][1], str):
            texts = [value.encode() for _, value in items]
            self._text = b"".join(texts)
            self._ends = np.cumsum([0, *map(len, texts)])
        else:
            # (NIds, NNumbers)
            self._numbers = np.array([value for _, value in items])

    def __getitem__(self, key: str) -> Value:
        wanted = key.encode()
        i = int(np.searchsorted(self._keys, wanted))
        if i == len(self._keys) or self._keys[i] != wanted:
            raise KeyError(key)
        if self._numbers is not None:
            return self._numbers[i].tolist()
        return self._text[self._ends[i] : self._ends[i + 1]].decode()

    def __iter__(self) -> Iterator[str]:
        return (key.decode() for key in self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _is_regular(table: Dict[str, Any]) -> bool:
    values = iter(table.values())
    first = next(values, None)
    if isinstance(first, str):
        return all(isinstance(value, str) for value in values)
    return isinstance(first, list) and all(
        isinstance(value, list) and len(value) == len(first) for value in values
    )


def compact(dataset: AbsDataset) -> None:
    """Put compact tables in the place of a dataset's dictionaries."""
    first: Optional[CompactTable] = None

    def compacted(loader: Any) -> Any:
        nonlocal first
        if isinstance(loader, dict) and _is_regular(loader):
            table = CompactTable(loader, first)
            first = first or table
            return table
        # where ESPnet's readers keep their lists
        for name in ("loader", "data", "_dict"):
            if hasattr(loader, name):
                setattr(loader, name, compacted(getattr(loader, name)))
        return loader

    for name, loader in dataset.loader_dict.items():
        dataset.loader_dict[name] = compacted(loader)
