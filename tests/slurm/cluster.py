"""A Slurm cluster of two nodes on this machine, as plain processes of one's own."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue")
PACKAGES = "slurmctld slurmd slurm-client munge slurm-wlm-basic-plugins"
NODES = ("n1", "n2")
# auth/none trusts every user of this machine: it is for clusters that live for seconds.
# cred_expire is also how long a requeued job waits before it starts again.
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool.%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,\
sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
MailProg=/bin/true
SlurmdTimeout=60
InactiveLimit=0
KillWait=2
MinJobAge=60
GresTypes=gpu
SlurmdParameters=config_overrides
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8"
    " Boards=1 SocketsPerBoard=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=64000"
    " Gres=gpu:2 State=UNKNOWN\n"
)
# "urgent" takes its nodes from the jobs of the others
PARTITIONS = (
    "PartitionName=cpu Nodes=n1,n2 Default=YES PriorityTier=1\n"
    "PartitionName=gpu Nodes=n1,n2 PriorityTier=1\n"
    "PartitionName=urgent Nodes=n1,n2 PriorityTier=2 PreemptMode=OFF\n"
)


def missing_programs():
    """What of Slurm is not installed here; Debian has its daemons in sbin."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    return [name for name in PROGRAMS if shutil.which(name) is None]


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def wait_for(condition, what, seconds=120):
    """Wait until a condition is true, and return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.2)
    return value


class Cluster:
    """Daemons in a directory of their own; jobs reach them through `environment`."""

    def __init__(self, root: Path):
        self.root = root
        self.processes = []
        (root / "state").mkdir(parents=True)
        fields = dict(
            root=root,
            ports=free_ports(1 + len(NODES)),
            host=socket.gethostname().split(".")[0],
            user=subprocess.check_output(["id", "-un"], text=True).strip(),
        )
        conf = CONF.format(**fields)
        gres = ""
        for name, port in zip(NODES, fields["ports"][1:], strict=True):
            conf += NODE.format(name=name, port=port, **fields)
            # stand-ins: of devices, Slurm looks at the name only
            for i in range(2):
                gres += f"NodeName={name} Name=gpu File=/dev/tty{i}\n"
        conf += PARTITIONS
        self.conf = root / "slurm.conf"
        self.conf.write_text(conf)
        (root / "gres.conf").write_text(gres)
        self.environment = dict(os.environ, SLURM_CONF=str(self.conf))

    def __enter__(self):
        try:
            self._start("slurmctld", "-D", "-c", "-f", str(self.conf))
            for name in NODES:
                self._start("slurmd", "-D", "-f", str(self.conf), "-N", name)
            wait_for(self._all_idle, f"the nodes, see {self.root}/*.log")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, *command):
        with (self.root / "output").open("a") as output:
            self.processes.append(
                subprocess.Popen(
                    command,
                    env=self.environment,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # Ctrl-C is not for them: jobs end first
                )
            )

    def _all_idle(self):
        nodes = self("sinfo", "-h", "-t", "idle", "-p", "cpu", "-o", "%D", check=False)
        return nodes.strip() == str(len(NODES))

    def __exit__(self, *_):
        """End all jobs, then the daemons: without them, jobs would stay as orphans."""
        if len(self.processes) == 1 + len(NODES):
            self("scancel", "--user", str(os.getuid()), check=False)
            wait_for(lambda: not self("squeue", "-h", check=False), "jobs to end")
        for process in reversed(self.processes):
            process.terminate()
            process.wait(30)

    def __call__(self, *command, check=True):
        """The output of a command of Slurm."""
        done = subprocess.run(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stdout}")
        return done.stdout

    def jobs(self):
        """What Slurm knows of each job, by its number: a dict of fields."""
        blocks = self("scontrol", "--oneliner", "show", "job").splitlines()
        jobs = [
            dict(word.split("=", 1) for word in block.split() if "=" in word)
            for block in blocks
        ]
        return {int(job["JobId"]): job for job in jobs if "JobId" in job}

    def preempt(self, seconds=1):
        """A job of higher priority takes both nodes for some seconds."""
        return self(
            *("sbatch", "--parsable", "-p", "urgent", "-N", "2", "--exclusive"),
            *("--mem", "0", "-o", "/dev/null", "--wrap", f"sleep {seconds}"),
        ).strip()
