# Completion for fish: klubster itself knows the candidates.
function __klubster_candidates
    set -l words (commandline -opc) (commandline -ct)
    klubster complete -- $words[2..-1] 2>/dev/null
end
function __klubster_wants_file
    test -z (__klubster_candidates | string collect)
end
complete -c klubster -f -a '(__klubster_candidates)'
complete -c klubster -n __klubster_wants_file -F
