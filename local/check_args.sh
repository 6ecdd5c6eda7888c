# Sourced before parse_options.sh, which would run $(...) in the value of an option, as
# run.pl and schedulers' shells would run more.
# shellcheck shell=bash
for arg in "$@"; do
    case "${arg}" in
        *[\$\`\"\;\&\|\<\>\\]*)
            echo "${0##*/}: error: '${arg}' has a character that a shell acts on" \
                "(one of \$ \` \" ; & | < > \\): rename what it names" >&2
            exit 2
            ;;
    esac
done
