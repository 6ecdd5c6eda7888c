"""What the steps of the recipe do about errors."""

import functools
from typing import Callable, List, Optional, Type

from espnet_samos.utils.files import explain_full_disk


def exit_on(*errors: Type[Exception]) -> Callable[[Callable], Callable]:
    """Make a command exit with the message of these errors, without a traceback.

    Where the disk is full, the message is that of `explain_full_disk`.
    """

    def decorate(main: Callable) -> Callable:
        @functools.wraps(main)
        def explained(cmd: Optional[List[str]] = None) -> None:
            try:
                explain_full_disk(main)(cmd)
            except errors as e:
                raise SystemExit(f"error: {e}") from None

        return explained

    return decorate
