import pytest

from tests.slurm.cluster import PACKAGES, Cluster, missing_programs


def pytest_collection_modifyitems(items):
    missing = missing_programs()
    reason = (
        f"no {', '.join(missing)}: apt-get install --no-install-recommends {PACKAGES}"
    )
    for item in items:
        if "tests/slurm/" in item.path.as_posix():
            item.add_marker(pytest.mark.slurm)
            item.add_marker(pytest.mark.skipif(bool(missing), reason=reason))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Two nodes, which the recipe's scripts find through the environment."""
    with (
        Cluster(tmp_path_factory.mktemp("slurm")) as cluster,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
        yield cluster
