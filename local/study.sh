#!/usr/bin/env bash
# The comparison in earnest, on the mini corpus: both models and a control, with
# and without pre-training, over several seeds; beside them ESPnet's own aqa task
# and Distill-MOS. Writes <expdir>/study/RESULTS.md. Resumes where it stopped.
set -euo pipefail

# shellcheck disable=SC2034 # parse_options.sh reads it
help_message="Usage: $0 [--seeds \"1 2 3\"] [--nj 2] [--expdir exp/mini]"
seeds="1 2 3"   # Seeds of training.
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

# configs <file.yaml>: set ${with} to options that put a file over the usual ones
configs() {
    local base="${conf}/model.yaml ${conf}/train.yaml"
    with=(
        --pretrain_config "${base} ${conf}/pretrain.yaml ${conf}/$1"
        --train_config "${base} ${conf}/finetune.yaml ${conf}/$1"
    )
}

# prepare <option>...: data and statistics
prepare() {
    echo "$(date '+%T') stages 1-3 $*"
    ./run.sh --corpus mini --stage 1 --stop_stage 3 --nj "${nj}" "$@" \
        > "${study}/prepare.log" 2>&1 || { tail -n 30 "${study}/prepare.log" >&2; exit 1; }
}
configs fbank.yaml
fbank=(--dump_ssl_feats false --expdir "${study}/fbank" "${with[@]}")
prepare --expdir "${expdir}"
prepare "${fbank[@]}"

# run_once <exp> <command>...: run a command unless it was finished before
run_once() {
    local exp=$1
    shift
    [ -f "${exp}/.study_done" ] && return
    mkdir -p "${exp}"
    echo "$(date '+%T') ${exp}"
    if "$@" > "${exp}/run.log" 2>&1; then
        touch "${exp}/.study_done"
    else
        tail -n 30 "${exp}/run.log" >&2
        return 1
    fi
}

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
    in_background run_once "${exp}" ./run.sh --corpus mini --stage 4 --stop_stage 6 \
        --num_threads 1 --inference_nj 1 --expdir "${expdir}" --mos_exp "${exp}" \
        --train_args "--seed ${seed} ${epochs}" "$@"
    add "${name}" "${exp}/${tag}"
}

for seed in ${seeds}; do
    for pretrain in true false; do
        if "${pretrain}"; then
            steps="two steps"
            epochs=
        else
            # As many updates as both steps have together: 12 × 33 + 20 × 12 = 53 × 12
            steps="one step"
            epochs="--max_epoch 53"
        fi
        suffix=pretrain_${pretrain}_seed${seed}
        train_model "SSL-Layer-MOS, ${steps}" "${study}/ssl_layer_mos_${suffix}" \
            --pretrain "${pretrain}" --model ssl_layer_mos
        train_model "SA-SSL-MOS, ${steps}" "${study}/sa_ssl_mos_${suffix}" \
            --pretrain "${pretrain}"
    done
    epochs=
    configs cut_spectrogram.yaml
    train_model "SA-SSL-MOS up to 6.9 kHz, two steps" "${study}/cut_seed${seed}" "${with[@]}"
    train_model "SSL-Layer-MOS on fbank, two steps" "${study}/fbank_seed${seed}" \
        --model ssl_layer_mos "${fbank[@]}"
done
for seed in ${seeds}; do
    exp=${study}/aqa_seed${seed}
    in_background run_once "${exp}" local/study_aqa.sh --seed "${seed}" --exp "${exp}" \
        --train_sets "mini_pretrain mini_train" --valid_set mini_dev \
        --test_sets "${test_sets}" --nj 1
    add "ESPnet aqa (Uni-VERSA)" "${exp}/inference"
done
for dset in ${test_sets}; do
    in_background run_once "${study}/distillmos/${dset}" \
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
        "commit $(git rev-parse --short HEAD 2> /dev/null || echo unknown), seeds ${seeds}."
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
