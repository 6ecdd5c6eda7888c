"""The recipe's steps start in a warm interpreter."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def recipe_venv(warm_venv):
    """Return recipes the environment with the warm interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENV", str(warm_venv))
        yield
