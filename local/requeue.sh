#!/usr/bin/env bash
# Run a command in a Slurm job: local/requeue.sh <command>...
#
# When the job is asked to go, before its time limit (USR1, see local/slurm.conf) or for a
# job of higher priority (TERM), it goes back into the queue, and this script ends only
# with the job: slurm.pl would take an end of the command for a failure, or a success.
set -euo pipefail
set -m # the command and its children are a process group: none of them is to outlive it

requeue() {
    trap "" TERM USR1
    kill -KILL -- "-${command}" 2> /dev/null || true # it may have been asked to go as well
    # A job that is leaving already was requeued by Slurm, by this script on another
    # node, or cancelled, which is final.
    until [[ "$(squeue --noheader --jobs "${SLURM_JOB_ID}" --format %t)" == @(CG|CA|PD) ]] ||
        scontrol requeue "${SLURM_JOB_ID}"; do
        sleep 5
    done
    sleep infinity
}
trap requeue TERM USR1

"$@" &
command=$!
status=0
wait "${command}" || status=$?
[ "${status}" -ne 143 ] || requeue # the command got TERM before this script did
exit "${status}"
