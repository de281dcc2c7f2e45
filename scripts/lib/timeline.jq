# One node's time line from `klubster history --json`: what ran from when to when, since power-on.
# Takes $node and $power (seconds since the epoch when its plug was put in). Prints one line per span.
def span($name; $from; $to): {name: $name, from: ($from - $power), to: ($to - $power)};
def seconds: (. * 100 | round) / 100 | tostring | if test("\\.") then . else . + ".0" end
  | . + "0" * (2 - (split(".")[1] | length));

[.events[] | {type, data, at: (.time / 1000000)} | select(.at >= $power)] as $events
| ($events[0].at // $power) as $first
| [span("boot"; $power; $first)]
  + [$events | to_entries[] | select(.value.type == "NeedsMet") | .key as $i | .value as $met
     | span("wait for " + $met.data.subject;
            ([$events[:$i][] | select(.type | IN("GenerationMade", "StepDone", "Booted")) | .at] | last // $first);
            $met.at)]
  + [$events | to_entries[] | select(.value.type == "RunStarted") | .key as $i | .value as $run
     | [$events[$i:][] | select(.data.subject == $run.data.subject)
        | select(.type == "StepDone" or (.type == "RunEnded" and
            ((.data.subject | startswith("profile/")) or .data.outcome != "ok")))][0] as $end
     | select($end)
     | span(if .value.data.subject | startswith("profile/") then .value.data.subject | ltrimstr("profile/") | "profile: " + .
            else "step " + .value.data.subject end; $run.at; $end.at)]
| sort_by(.from)[]
| "\($node)\t\(.from | seconds) s\t\(.to - .from | seconds) s\t\(.name)"
