#!/usr/bin/env bash
# sbatch, as slurm.pl calls it (conf/slurm.conf): the last argument is its script. The
# job runs that script so that the job can go back into the queue.
set -euo pipefail

script=${!#}
log=$(sed -n 's/^) >//p' "${script}") # with $SLURM_ARRAY_TASK_ID in it

sbatch --job-name "$(basename "${script}" .sh)" "${@:1:$#-1}" << END
#!/usr/bin/env bash
# slurm.pl's script begins its log anew: keep that of the start before.
if [ -n "\${SLURM_RESTART_COUNT:-}" ] && [ -e "${log}" ]; then
    mv "${log}" "${log}.\${SLURM_RESTART_COUNT}"
fi
exec local/requeue.sh bash "${script}"
END
