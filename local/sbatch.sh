#!/usr/bin/env bash
# sbatch, as slurm.pl calls it (local/slurm.conf): the last argument is its script. The
# job runs that script so that the job can go back into the queue.
set -euo pipefail

script=${!#}
log=$(sed -n 's/^) >//p' "${script}") # with $SLURM_ARRAY_TASK_ID in it
meeting=$(sed -n 's|^ ( .* --dist_init_method file://\([^ ]*\) .*|\1|p' "${script}")

sbatch --job-name "$(basename "${script}" .sh)" "${@:1:$#-1}" << END
#!/usr/bin/env bash
if [ -n "\${SLURM_RESTART_COUNT:-}" ]; then
    # slurm.pl's script begins its log anew: keep that of the start before.
    mv "${log}" "${log}.\${SLURM_RESTART_COUNT}" || true
    # Where processes of several nodes meet, they would wait for those of before.
    ${meeting:+rm -f "${meeting}"}
fi
exec local/requeue.sh bash "${script}"
END
