"""Small jobs of slurm.pl, with the recipe's settings, on a real queue."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.recipe.small import make_recipe, needs_scripts, run_script
from tests.slurm.cluster import wait_for

pytestmark = needs_scripts
# Without an interruption, it would be there for longer than anyone waits.
WORK = """\
echo "start ${SLURM_RESTART_COUNT:-0}"
[ -n "${SLURM_RESTART_COUNT:-}" ] || sleep 200
"""
TO_ITS_TASKS = ("srun", "--export=ALL", "local/requeue.sh")  # as mos.sh does


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    recipe = make_recipe(tmp_path_factory.mktemp("jobs"))
    (recipe / "work.sh").write_text(WORK)
    return recipe


def read(path):
    return path.read_text() if path.exists() else ""


def slurm(recipe, *options):
    return run_script(
        recipe,
        *("bash", "-c", '. ./path.sh && . local/cmd.sh && ${cuda_cmd} "$@"', "slurm"),
        *options,
        cmd_backend="slurm",
    )


def job_named(cluster, name):
    """The number of the last job with this name."""
    jobs = cluster.jobs().items()
    return max(number for number, job in jobs if job["JobName"] == name)


def check_second_start(log):
    """The job was interrupted, and what it wrote until then is kept."""
    first, second = log.with_name(f"{log.name}.1").read_text(), log.read_text()
    assert "start 0" in first and "with status" not in first
    assert "start 1" in second and "with status 0" in second


def test_before_its_time_limit_a_resumable_job_is_requeued(cluster, recipe):
    with ThreadPoolExecutor() as pool:
        # Slurm looks for jobs to warn every 30 seconds, from two minutes before the
        # limit on: at once here, and 58 minutes later in the second run.
        limited = pool.submit(
            slurm,
            *(recipe, "--resumable", "true", "--time", "1:00:00"),
            *("limit/work.log", "bash", "work.sh"),
        )
        wait_for(lambda: "start 0" in read(recipe / "limit/work.log"), "the job")
        job = job_named(cluster, "work")
        time.sleep(6)  # a limit changed in a job's first seconds brings no warning
        cluster("scontrol", "update", f"JobId={job}", "TimeLimit=1")
        wait_for(lambda: cluster.jobs()[job]["Restarts"] == "1", "a requeue", 60)
        result = limited.result()
    assert result.returncode == 0, result.stdout
    check_second_start(recipe / "limit/work.log")


def test_preempted_jobs_are_requeued(cluster, recipe):
    logs = [recipe / name for name in ("pre/one.log", "pre/a.1.log", "pre/a.2.log")]
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(slurm, recipe, "pre/one.log", "bash", "work.sh"),
            pool.submit(slurm, recipe, "JOB=1:2", "pre/a.JOB.log", "bash", "work.sh"),
        ]
        for log in logs:
            wait_for(lambda log=log: "start" in read(log), log)
        cluster.preempt()
        for job in jobs:
            result = job.result()
            assert result.returncode == 0, result.stdout
    for log in logs:
        check_second_start(log)


def test_tasks_on_several_nodes_that_are_warned_are_requeued_at_once(cluster, recipe):
    """With a grace time, Slurm warns the tasks of srun, but not the batch script."""
    cluster("scontrol", "update", "PartitionName=cpu", "GraceTime=300")
    try:
        with ThreadPoolExecutor() as pool:
            log = recipe / "grace/two.log"
            job = pool.submit(
                slurm,
                *(recipe, "--num_nodes", "2", "grace/two.log"),
                *(*TO_ITS_TASKS, "bash", "work.sh"),
            )
            wait_for(lambda: read(log).count("start 0") == 2, log)
            time.sleep(6)
            cluster.preempt()
            result = job.result()
    finally:
        cluster("scontrol", "update", "PartitionName=cpu", "GraceTime=0")
    assert result.returncode == 0, result.stdout
    check_second_start(log)
    assert log.read_text().count("start 1") == 2


@pytest.mark.parametrize("num_nodes", [1, 2])
def test_a_cancelled_job_stays_cancelled(cluster, recipe, num_nodes):
    script = recipe / f"cancel{num_nodes}.sh"
    tasks = " ".join(TO_ITS_TASKS) if num_nodes > 1 else ""
    script.write_text(f"#!/bin/bash\n{tasks} bash work.sh\n")
    options = ["-p", "cpu", "--requeue", "-N", str(num_nodes), "--ntasks-per-node", "1"]
    options += ["-o", f"{script.stem}.out", str(script)]
    result = run_script(recipe, "local/sbatch.sh", *options)
    assert result.returncode == 0, result.stdout
    log = recipe / f"{script.stem}.out"
    wait_for(lambda: read(log).count("start 0") == num_nodes, log)
    job = job_named(cluster, script.stem)
    cluster("scancel", str(job))
    wait_for(lambda: not cluster("squeue", "-h", "-j", str(job)), "the job to end")
    assert cluster.jobs()[job]["JobState"] == "CANCELLED"
    assert cluster.jobs()[job]["Restarts"] == "0"


def test_gpus_reach_slurm_as_gres(cluster, recipe):
    command = ["srun", "--export=ALL", "printenv", "CUDA_VISIBLE_DEVICES"]
    options = ["--gpu", "2", "--num_nodes", "2", "--num_threads", "2"]
    result = slurm(recipe, *options, "gpu/nodes.log", *command)
    assert result.returncode == 0, result.stdout
    lines = (recipe / "gpu/nodes.log").read_text().splitlines()
    assert lines.count("0,1") == 2  # one task a node
    job = cluster.jobs()[job_named(cluster, "nodes")]
    assert job["Partition"] == "gpu" and job["NumNodes"] == "2"
    assert job["TresPerNode"] == "gres:gpu:2" and job["CPUs/Task"] == "2"
