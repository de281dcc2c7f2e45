#!/bin/bash
# Completion for bash: klubster itself knows the candidates.
_klubster() {
  mapfile -t COMPREPLY < <(klubster complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # A directory of keys: the rest of the key follows.
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
    compopt -o nospace 2>/dev/null || true # outside of a completion, in a test
  fi
}
# Where there are no candidates, a file may stand.
complete -o default -F _klubster klubster
