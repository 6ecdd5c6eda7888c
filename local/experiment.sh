#!/usr/bin/env bash
# The paper's experiment: two models, each trained on the small set alone, on the large
# one alone, and on both in two steps; several runs of each; every run scored on every
# test set; one RESULTS.md. Interrupted, the same command goes on where it stopped.
set -euo pipefail

log() {
    local fname=${BASH_SOURCE[1]##*/}
    echo -e "$(date '+%Y-%m-%dT%H:%M:%S') (${fname}:${BASH_LINENO[0]}:${FUNCNAME[1]}) $*"
}
die() {
    log "Error: $*"
    exit 2
}
SECONDS=0

corpora=               # Corpora to prepare: names of local/data.sh.
pretrain_set=          # The large training set,
pretrain_valid_set=    # and its validation set.
train_set=             # The small multi-rate training set,
valid_set=             # and its validation set.
test_sets=             # Sets to score on.
conf=                  # Directory of model, train, pretrain, finetune and scratch.yaml.
extra_config=          # YAML files to put over all of these.
published=             # YAML file of published figures to show beside ours.
all_rows="ssl_layer_mos/train ssl_layer_mos/pretrain ssl_layer_mos/two_step"
all_rows+=" sa_ssl_mos/train sa_ssl_mos/pretrain sa_ssl_mos/two_step"
rows=${all_rows}       # Rows of the tables: <model>/<training>.
num_runs=10            # Runs of each row.
num_finetunes=2        # Fine-tunings of each pre-training in the rows two_step.
stage=1                # Processes starts from the specified stage.
stop_stage=10000       # Processes is stopped at the specified stage.
dry_run=false          # Print the jobs with their inputs and outputs; run nothing.
ngpu=1                 # GPUs of each training ("0" uses cpu).
max_jobs_run=1         # Trainings at once.
nj=2                   # Parallel jobs of data preparation and statistics.
num_threads=1          # Cores of each training; on cpu, its threads.
train_args=            # Arguments for every training; seeds are set here.
inference_args=        # Arguments for every inference.
dump_ssl_feats=false   # Compute the frozen SSL features once.
gpu_dump=false         # Whether to compute them on gpus.
download=false         # Fetch corpora that are not there, where that is allowed.
skip_bad_clips=false   # Leave out, and list, what cannot be used.
multichannel=error     # Clips of several channels: "error" or "downmix".
dumpdir=dump           # Directory of formatted data.
expdir=exp             # Directory of experiments; ours is <expdir>/experiment.

# shellcheck disable=SC2034 # parse_options.sh reads it
help_message=$(cat << END
Usage: ./run.sh --corpus paper [options]
       ./run.sh --corpus paper_mini [options]   the same on the mini corpus

Stages: 1 data preparation, 2 audio checks and statistics, 3 trainings on one set,
        4 fine-tunings, 5 RESULTS.md. Trainings are job arrays: see cmd.sh.

Options (defaults in parentheses; run.sh sets those of its corpus):
    --stage / --stop_stage   First/last stage (${stage}/${stop_stage})
    --dry_run                Print every job, and whether its inputs exist (${dry_run})
    --rows                   Rows of the tables
                             (${all_rows})
    --num_runs               Runs of each row (${num_runs})
    --num_finetunes          Fine-tunings of each pre-training in two steps (${num_finetunes})
    --test_sets              Sets to score on
    --extra_config           YAML files to put over the configuration of every training,
                             e.g. a smaller SSL model
    --ngpu / --max_jobs_run  GPUs of a training/trainings at once (${ngpu}/${max_jobs_run})
    --nj / --num_threads     Parallel jobs/cores of a training (${nj}/${num_threads})
    --train_args / --inference_args  Arguments for every training/inference
    --dump_ssl_feats / --gpu_dump  Compute frozen SSL features once/on GPUs
                             (${dump_ssl_feats}/${gpu_dump})
    --download               Fetch corpora that are not there, where their licences allow
                             it (${download})
    --skip_bad_clips / --multichannel  As of mos.sh (${skip_bad_clips}/${multichannel})
    --dumpdir / --expdir     Data/experiment roots (${dumpdir}/${expdir})
END
)

log "$0 $*"
# shellcheck source=/dev/null
. utils/parse_options.sh
[ $# -eq 0 ] || die "No positional arguments are required, got: $*"
# shellcheck source=/dev/null
. ./path.sh
# shellcheck source=/dev/null
. ./cmd.sh
# shellcheck source=/dev/null
. ./db.sh

for name in corpora pretrain_set pretrain_valid_set train_set valid_set test_sets conf; do
    [ -n "${!name}" ] || die "--${name} is needed (./run.sh sets it)"
done
for row in ${rows}; do
    [[ " ${all_rows} " == *" ${row} "* ]] || die "--rows: no row '${row}' (there are: ${all_rows})"
done
if [[ "${rows}" == *two_step* ]] && [ $((num_runs % num_finetunes)) -ne 0 ]; then
    die "--num_runs ${num_runs} is no multiple of --num_finetunes ${num_finetunes}"
fi
num_pretrains=$((num_runs / num_finetunes))

root=${expdir}/experiment
tag=inference_valid.lcc.best
sets=${test_sets}
[[ "${rows}" == *train* || "${rows}" == *two_step* ]] && sets+=" ${train_set} ${valid_set}"
[[ "${rows}" == *pretrain* || "${rows}" == *two_step* ]] && sets+=" ${pretrain_set} ${pretrain_valid_set}"

# ------------------------------- jobs -------------------------------

declare -A made_by # which job makes a file
num_jobs=0
num_missing=0

# paths <n> <path>...: the paths of all elements of an array of n jobs
paths() {
    local n=$1 path i
    shift
    for path in "$@"; do
        if [[ "${path}" == *JOB* ]]; then
            for i in $(seq "${n}"); do
                echo "${path//JOB/${i}}"
            done
        else
            echo "${path}"
        fi
    done
}

# list <prefix> <path>...: print paths, of many the first ones
list() {
    local prefix=$1
    shift
    printf "    ${prefix} %s\n" "${@:1:10}"
    if [ $# -gt 10 ]; then
        echo "    ${prefix//?/ } ... and $(($# - 10)) more"
    fi
}

# quoted <word>...: a command as it can be typed
quoted() {
    local word words=()
    for word in "$@"; do
        [[ "${word}" =~ ^[a-zA-Z0-9_./=-]+$ ]] || word=${word@Q}
        words+=("${word}")
    done
    echo "${words[*]}"
}

# show <name> <n> "<inputs>" "<outputs>" <command>...: print a job for --dry_run true
show() {
    local name=$1 n=$2 inputs=$3 outputs=$4 path element state makers=() there=() todo=()
    shift 4
    echo
    echo "${name}$([ "${n}" -gt 1 ] && echo ": array of ${n} jobs, JOB=1:${n}")"
    echo "    $(quoted "$@")"
    # shellcheck disable=SC2086
    [ -z "${inputs// /}" ] || list "in  " ${inputs}
    # shellcheck disable=SC2086
    while read -r path; do
        if [ -e "${path}" ]; then
            continue
        elif [ -n "${made_by[${path}]:-}" ]; then
            makers+=("${made_by[${path}]}")
        else
            echo "         MISSING: ${path}"
            num_missing=$((num_missing + 1))
        fi
    done < <(paths "${n}" ${inputs})
    if [ ${#makers[@]} -gt 0 ]; then
        echo "         not there yet; to be made by:"
        printf "%s\n" "${makers[@]}" | sort -u | sed "s/^/           /"
    fi
    # shellcheck disable=SC2086
    list "out " ${outputs}
    for element in $(seq "${n}"); do
        state=there
        for path in ${outputs//JOB/${element}}; do
            [ -e "${path}" ] || state=todo
        done
        if [ "${state}" = there ]; then
            there+=("${element}")
        else
            todo+=("${element}")
        fi
    done
    if [ "${n}" -gt 1 ]; then
        echo "    JOB  there: ${there[*]:-none}; to do: ${todo[*]:-none}"
    else
        echo "    $([ ${#todo[@]} -eq 0 ] && echo "there already" || echo "to do")"
    fi
    num_jobs=$((num_jobs + n))
}

# job <stage> <name> <n> "<inputs>" "<outputs>" <command>...: run a command; with JOB in
# it, as an array of n jobs
job() {
    local stage_=$1 name=$2 n=$3 inputs=$4 outputs=$5 path logs
    shift 5
    if [ "${stage}" -gt "${stage_}" ] || [ "${stop_stage}" -lt "${stage_}" ]; then
        return
    fi
    if "${dry_run}"; then
        show "${name}" "${n}" "${inputs}" "${outputs}" "$@"
        # shellcheck disable=SC2086
        while read -r path; do
            made_by[${path}]=${name}
        done < <(paths "${n}" ${outputs})
        return
    fi
    # shellcheck disable=SC2086
    [ "${stage_}" -eq 1 ] || while read -r path; do # local/data.sh knows better what to do
        [ -e "${path}" ] || die "${name} needs ${path}, which is not there: run the stage before"
    done < <(paths "${n}" ${inputs})
    log "Stage ${stage_}: ${name}"
    if [[ "$*" != *JOB* ]]; then
        "$@"
        return
    fi
    logs=${root}/log/${name//[^a-zA-Z0-9_]/_}
    mkdir -p "${logs}"
    # shellcheck disable=SC2154
    if ! ${cuda_cmd} --gpu "${ngpu}" --num_threads "${num_threads}" \
        --max-jobs-run "${max_jobs_run}" --resumable true \
        JOB=1:"${n}" "${logs}/run.JOB.log" env cmd_backend=local "$@"; then
        for path in "${logs}"/run.*.log; do
            if ! tail -n 3 "${path}" | grep -qiE "ended \(code 0\)|with status 0$"; then
                echo "==> ${path} <=="
                tail -n 25 "${path}"
            fi
        done >&2
        log "Error: ${name} failed; run the same command to resume"
        exit 1
    fi
}

# ------------------------------ stages ------------------------------

for corpus in ${corpora}; do
    outputs=
    for dset in ${sets}; do
        [[ "${dset}" == "${corpus}"_* || "${dset}" == "${corpus}" ]] && outputs+=" data/${dset}/wav.scp"
    done
    [ -n "${outputs}" ] || continue # none of its sets is needed
    db_name=${corpus^^}
    inputs=${!db_name:-"(${db_name} in db.sh)"}
    [ "${corpus}" = mini ] && inputs= # it is made
    job 1 "data preparation of ${corpus}" 1 "${inputs// /}" "${outputs}" \
        local/data.sh --corpus "${corpus}" --nj "${nj}" --download "${download}" \
        --skip_bad_clips "${skip_bad_clips}"
done

common=(
    --expdir "${expdir}" --dumpdir "${dumpdir}" --dump_ssl_feats "${dump_ssl_feats}"
    --multichannel "${multichannel}" --skip_bad_clips "${skip_bad_clips}"
    --inference_config "${conf}/inference.yaml" --test_sets "${test_sets}"
)
small=(--train_set "${train_set}" --valid_set "${valid_set}")
base="${conf}/model.yaml ${conf}/train.yaml"

# configs <file.yaml>: the configuration of a training
configs() {
    echo "${base} ${conf}/$1.yaml${extra_config:+ ${extra_config}}"
}

inputs=
outputs=
for dset in ${sets}; do
    inputs+=" data/${dset}/wav.scp"
    outputs+=" ${dumpdir}/raw/${dset}/wav.scp"
done
prepare=(./mos.sh --stage 2 --stop_stage 3 --nj "${nj}" --gpu_dump "${gpu_dump}" "${common[@]}")
if [[ " ${sets} " == *" ${pretrain_set} "* ]] && [[ " ${sets} " == *" ${train_set} "* ]]; then
    prepare+=("${small[@]}" --train_config "$(configs finetune)"
        --pretrain_set "${pretrain_set}" --pretrain_valid_set "${pretrain_valid_set}"
        --pretrain_config "$(configs pretrain)")
elif [[ " ${sets} " == *" ${train_set} "* ]]; then
    prepare+=(--pretrain false "${small[@]}" --train_config "$(configs scratch)")
else
    prepare+=(--pretrain false --train_set "${pretrain_set}"
        --valid_set "${pretrain_valid_set}" --train_config "$(configs pretrain)")
fi
job 2 "audio checks and statistics" 1 "${inputs}" "${outputs}" "${prepare[@]}"

# data_of <set>...: what a training needs of them
data_of() {
    printf "${dumpdir}/raw/%s/wav.scp " "$@"
}

# results_of <directory>: what a training that is scored leaves
results_of() {
    echo "$1/valid.lcc.best.pth"
    # shellcheck disable=SC2086
    printf "$1/${tag}/%s/scores.json " ${test_sets}
}

# training <stage> <row> <n> <stop_stage> "<inputs>" "<outputs>" <option>...
training() {
    local stage_=$1 row=$2 n=$3 stop_stage_=$4 inputs=$5 outputs=$6 name=$7
    shift 7
    job "${stage_}" "${name}" "${n}" "${inputs}" "${outputs}" \
        ./mos.sh --stage 5 --stop_stage "${stop_stage_}" --model "${row%/*}" \
            --ngpu "${ngpu}" --gpu_inference "$([ "${ngpu}" -gt 0 ] && echo true || echo false)" \
            --num_threads "${num_threads}" --inference_nj 1 \
            "${common[@]}" --inference_args "${inference_args}" "$@"
}

for model in ssl_layer_mos sa_ssl_mos; do
    row=${model}/train
    dir=${root}/${row}/runJOB
    if [[ " ${rows} " == *" ${row} "* ]]; then
        # shellcheck disable=SC2086
        training 3 "${row}" "${num_runs}" 6 "$(data_of ${train_set} ${valid_set} ${test_sets})" \
            "$(results_of "${dir}")" "${model} on ${train_set}" \
            --pretrain false "${small[@]}" --train_config "$(configs scratch)" \
            --train_args "--seed JOB${train_args:+ ${train_args}}" --mos_exp "${dir}"
    fi
    # Where only fine-tunings of it are wanted, its own scores are not.
    row=${model}/pretrain
    dir=${root}/${row}/runJOB
    n=0
    if [[ " ${rows} " == *" ${row} "* ]]; then
        n=${num_runs} stop=6 outputs=$(results_of "${dir}")
    elif [[ " ${rows} " == *" ${model}/two_step "* ]]; then
        n=${num_pretrains} stop=5 outputs=${dir}/valid.lcc.best.pth
    fi
    if [ "${n}" -gt 0 ]; then
        # shellcheck disable=SC2086
        training 3 "${row}" "${n}" "${stop}" \
            "$(data_of ${pretrain_set} ${pretrain_valid_set} ${test_sets})" \
            "${outputs}" "${model} on ${pretrain_set}" \
            --pretrain false --train_set "${pretrain_set}" --valid_set "${pretrain_valid_set}" \
            --train_config "$(configs pretrain)" \
            --train_args "--seed JOB${train_args:+ ${train_args}}" --mos_exp "${dir}"
    fi
    row=${model}/two_step
    if [[ " ${rows} " == *" ${row} "* ]]; then
        for finetune in $(seq "${num_finetunes}"); do
            dir=${root}/${row}/runJOB_${finetune}
            # shellcheck disable=SC2086
            training 4 "${row}" "${num_pretrains}" 6 \
                "${root}/${model}/pretrain/runJOB/valid.lcc.best.pth
                 $(data_of ${train_set} ${valid_set} ${test_sets})" \
                "$(results_of "${dir}")" \
                "${model} on ${pretrain_set} and then ${train_set}, fine-tuning ${finetune}" \
                --pretrain true --pretrain_exp "${root}/${model}/pretrain/runJOB" \
                --pretrain_set "${pretrain_set}" --pretrain_valid_set "${pretrain_valid_set}" \
                --pretrain_config "$(configs pretrain)" \
                "${small[@]}" --train_config "$(configs finetune)" \
                --train_args "--seed ${finetune}${train_args:+ ${train_args}}" --mos_exp "${dir}"
        done
    fi
done

inputs=
for row in ${rows}; do
    for run in $(seq "${num_runs}"); do
        if [ "${row#*/}" = two_step ]; then
            run=$(((run - 1) / num_finetunes + 1))_$(((run - 1) % num_finetunes + 1))
        fi
        for dset in ${test_sets}; do
            inputs+=" ${root}/${row}/run${run}/${tag}/${dset}/scores.json"
        done
    done
done
# shellcheck disable=SC2086
job 5 "tables" 1 "${inputs}" "${root}/RESULTS.md" \
    python3 -m espnet_samos.bin.mos_experiment --exp_dir "${root}" --rows ${rows} \
        --test_sets ${test_sets} --inference_tag "${tag}" \
        --train_set "${train_set}" --pretrain_set "${pretrain_set}" \
        ${published:+--published "${published}"}

if "${dry_run}"; then
    echo
    echo "${num_jobs} jobs; ${num_missing} inputs are missing."
    [ "${num_missing}" -eq 0 ]
    exit
fi
log "Successfully finished. [elapsed=${SECONDS}s]"
