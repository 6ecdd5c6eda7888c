# How jobs are run: "local" on this machine, or through a cluster's scheduler.
# ESPnet's run.pl, slurm.pl, queue.pl and pbs.pl share one interface:
#   <cmd>.pl [--gpu N] [--mem 4G] [--time 1:00:00] JOB=1:<nj> <log> <command...>
# What such an option means to your scheduler is written in conf/<backend>.conf.
#
# shellcheck shell=bash

# "local", "slurm", "sge" or "pbs"; the environment may set it.
cmd_backend=${cmd_backend:-local}

case "${cmd_backend}" in
    local) _cmd=run.pl ;;
    slurm) _cmd=slurm.pl ;; # conf/slurm.conf: edit the partitions
    sge) _cmd=queue.pl ;;   # conf/queue.conf
    pbs) _cmd=pbs.pl ;;     # conf/pbs.conf
    *)
        echo "cmd.sh: error: unknown cmd_backend=${cmd_backend}" >&2
        return 1
        ;;
esac

export train_cmd="${_cmd}"  # data preparation and statistics
export cuda_cmd="${_cmd}"   # training; "--gpu" is added where needed
export decode_cmd="${_cmd}" # inference
