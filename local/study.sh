#!/usr/bin/env bash
# The comparison in earnest, on the mini corpus: the paper's six rows, and beside them
# two controls, ESPnet's own aqa task and Distill-MOS. Writes <expdir>/study/RESULTS.md.
# Resumes where it stopped.
set -euo pipefail

# shellcheck disable=SC2034 # parse_options.sh reads it
help_message="Usage: $0 [--num_runs 3] [--nj 2] [--expdir exp/mini]"
num_runs=3      # Runs of everything that is trained.
nj=$(env -u OMP_NUM_THREADS nproc) # Trainings at once, each of one thread.
expdir=exp/mini # Directory of experiments.

# shellcheck source=/dev/null
. utils/parse_options.sh
# shellcheck source=/dev/null
. ./path.sh

test_sets="mini_test mini_unseen"
study=${expdir}/study
tag=inference_valid.lcc.best
conf=conf/mini
mkdir -p "${study}"

# run <log> <command>...: run a command, which does nothing twice
run() {
    local log=$1
    shift
    mkdir -p "${log%/*}"
    echo "$(date '+%T') ${log%.log}"
    "$@" > "${log}" 2>&1 || { tail -n 30 "${log}" >&2; exit 1; }
}

# configs <file.yaml>: set ${with} to options that put a file over the usual ones
configs() {
    local base="${conf}/model.yaml ${conf}/train.yaml"
    with=(
        --pretrain_config "${base} ${conf}/pretrain.yaml ${conf}/$1"
        --train_config "${base} ${conf}/finetune.yaml ${conf}/$1"
    )
}

run "${study}/experiment.log" ./run.sh --corpus paper_mini --expdir "${expdir}" \
    --num_runs "${num_runs}" --nj "${nj}" --max_jobs_run "${nj}"
configs fbank.yaml
fbank=(--dump_ssl_feats false --expdir "${study}/fbank" "${with[@]}")
run "${study}/fbank.log" ./run.sh --corpus mini --stage 2 --stop_stage 3 --nj "${nj}" \
    "${fbank[@]}"

# in_background <command>...: at most ${nj} at once
in_background() {
    # a loop, since wait also returns for a job that ended before
    while [ "$(jobs -rp | wc -l)" -ge "${nj}" ]; do
        wait -n || exit 1
    done
    "$@" &
}

names=()
dirs=()
# add <name> <results directory>: what goes into the tables
add() {
    names+=("$1")
    dirs+=("$2")
}

# train_model <name> <exp> <option of run.sh>...
train_model() {
    local name=$1 exp=$2
    shift 2
    in_background run "${exp}/run.log" ./run.sh --corpus mini --stage 4 --stop_stage 6 \
        --num_threads 1 --inference_nj 1 --expdir "${expdir}" --mos_exp "${exp}" \
        --train_args "--seed ${seed}" "$@"
    add "${name}" "${exp}/${tag}"
}

for seed in $(seq "${num_runs}"); do
    for model in ssl_layer_mos=SSL-Layer-MOS sa_ssl_mos=SA-SSL-MOS; do
        rows=${expdir}/experiment/${model%=*}
        add "${model#*=}, two steps" "${rows}/two_step/run${seed}_1/${tag}"
        add "${model#*=}, one step" "${rows}/train/run${seed}/${tag}"
    done
    configs cut_spectrogram.yaml
    train_model "SA-SSL-MOS up to 6.9 kHz, two steps" "${study}/cut_seed${seed}" "${with[@]}"
    train_model "SSL-Layer-MOS on fbank, two steps" "${study}/fbank_seed${seed}" \
        --model ssl_layer_mos "${fbank[@]}"
done
for seed in $(seq "${num_runs}"); do
    exp=${study}/aqa_seed${seed}
    in_background run "${exp}/run.log" local/study_aqa.sh --seed "${seed}" --exp "${exp}" \
        --train_sets "mini_pretrain mini_train" --valid_set mini_dev \
        --test_sets "${test_sets}" --nj 1
    add "ESPnet aqa (Uni-VERSA)" "${exp}/inference"
done
for dset in ${test_sets}; do
    in_background run "${study}/distillmos/${dset}.log" \
        python3 local/study_distillmos.py --data_dir "dump/raw/${dset}" \
        --output_dir "${study}/distillmos/inference/${dset}"
done
add "Distill-MOS as it comes" "${study}/distillmos/inference"
while [ -n "$(jobs -rp)" ]; do
    wait -n
done

{
    echo "\`make study\`, $(date +%F)," \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(env -u OMP_NUM_THREADS nproc) cores," \
        "commit $(git rev-parse --short HEAD 2> /dev/null || echo unknown), seeds 1 to ${num_runs}."
    for dset in ${test_sets}; do
        scores=()
        for i in "${!names[@]}"; do
            scores+=("${names[i]}=${dirs[i]}/${dset}/scores.json")
        done
        echo
        python3 -m espnet_samos.bin.mos_compare --set "${dset}" "${scores[@]}"
    done
    echo
    echo "Distill-MOS predicts human opinions, and these labels are none: compare its" \
        "correlations, not its MSE."
} > "${study}/RESULTS.md.tmp"
mv "${study}/RESULTS.md.tmp" "${study}/RESULTS.md"
cat "${study}/RESULTS.md"
