#!/usr/bin/env bats
# Which upstream answers, as postern.json says: the order of the steps, the model that each hears, how
# a group shares its load, what stays with one account, and how long each upstream may take.

load lib/all
load lib/routes

DOWN='{"mode":"status","status":503}'

expect_counts() {
    expect_count north "$1"
    expect_count south "$2"
    expect_count east "${3:-0}"
}

# --- order

@test "the steps of a route are tried in their order, and nobody is asked needlessly" {
    fresh_routes <<END
{ "upstreams": { $(at east), $(at north), $(at south) },
  "routes": [ { "model": "*", "try": [ "north", "south", "east" ] } ] }
END
    ask_for gpt-4o
    expect_attempts north:200
    tell north "$DOWN"
    ask_for gpt-4o
    expect_attempts north:503,south:200
    tell south '{"mode":"html"}'
    ask_for gpt-4o
    expect_from east
    expect_attempts north:503,south:malformed,east:200
    expect_header X-Postern-Upstream east
    expect_counts 3 2 1
}

@test "without routes the upstreams are tried as they were written" {
    fresh_routes <<END
{ "upstreams": { $(at south), $(at east), $(at north) } }
END
    tell south "$DOWN"
    tell east "$DOWN"
    ask_for gpt-4o
    expect_attempts south:503,east:503,north:200
}

@test "the first route whose pattern takes the model is the one" {
    fresh_routes <<END
{ "upstreams": { $(at north), $(at south), $(at east) },
  "routes": [ { "model": "gpt-4o", "try": [ "north" ] },
              { "model": "gpt-4o*", "try": [ "south" ] },
              { "model": "*", "try": [ "east" ] } ] }
END
    local model
    for model in gpt-4o:north gpt-4o-mini:south gpt-4o*:south gpt-4:east GPT-4o:east; do
        ask_for "${model%:*}"
        expect_header X-Postern-Upstream "${model#*:}"
    done
    # a deployment in the path is the model, too, and without any the last route is left
    json /openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21 -d '{"messages":[]}'
    expect_header X-Postern-Upstream south
    json /v1/chat/completions -d '{"messages":[]}'
    expect_header X-Postern-Upstream east
    # a route ends where it ends: the next one's upstreams are not for this model
    tell north "{\"mode\":\"status\",\"status\":501}"
    ask_for gpt-4o
    expect_status 501
    expect_attempts north:501
}

@test "a model that no route takes is not found, and nobody is asked" {
    fresh_routes <<END
{ "upstreams": { $(at north), $(at south) },
  "routes": [ { "model": "gpt-4o*", "try": [ "north", "south" ] } ] }
END
    local model
    for model in gpt-4 '' gpt-; do
        ask_for "$model"
        expect_error 404 model_not_found
        expect_header X-Should-Retry false
    done
    expect_counts 0 0
}

# --- the model's name

@test "each step's upstream hears the model of its own step, and every other byte as it was" {
    fresh_routes <<END
{ "upstreams": { $(at north), $(at south '"model": "souths-own"'), $(at east '"model": "easts-own"') },
  "routes": [ { "model": "*", "try": [ "north", { "upstream": "south", "model": "spare \"1\"" }, "east" ] } ] }
END
    local head='{ "seed": 1.0e+2, "n":1, "model"  :  ' tail=' ,"messages":[ ] , "x":"\u00e4\/" }'
    tell north "$DOWN"
    tell south "$DOWN"
    json /v1/chat/completions -d "$head\"gpt-4o\"$tail"
    expect_from east
    [ "$(asked north '.[0].body')" = "$head\"gpt-4o\"$tail" ]
    [ "$(asked south '.[0].body')" = "$head\"spare \\\"1\\\"\"$tail" ]
    [ "$(asked east '.[0].body')" = "$head\"easts-own\"$tail" ]
}

@test "an upstream's models map what it calls otherwise, and leave the rest" {
    fresh_routes <<END
{ "upstreams": { $(at north '"models": { "gpt-4o": "gpt4o-prod", "o3": "o3-eu" }') } }
END
    local pair
    for pair in gpt-4o:gpt4o-prod o3:o3-eu gpt-4:gpt-4 gpt4o-prod:gpt4o-prod; do
        ask_for "${pair%:*}"
        expect_status 200
        [ "$(asked north '.[-1].body | fromjson.model')" = "${pair#*:}" ]
    done
    json /openai/deployments/o3/chat/completions?api-version=1 -d '{"messages":[]}'
    [ "$(asked north '.[-1].target')" = /openai/deployments/o3-eu/chat/completions?api-version=1 ]
}

@test "an upstream gets its own key and no other's" {
    fresh_routes <<END
{ "upstreams": { $(at north), $(at south), $(at east) } }
END
    tell north "$DOWN"
    tell south "$DOWN"
    ask_for gpt-4o -H 'Authorization: Bearer of-the-client'
    local name
    for name in north south east; do
        [ "$(header_asked "$name" authorization)" = "Bearer $(key_of "$name")" ]
    done
}

# --- sharing the load

three_to_one() {
    fresh_routes "$@" <<END
{ "upstreams": { $(at north), $(at south) },
  "routes": [ { "model": "*", "try": [ [ { "upstream": "north", "weight": 3 }, "south" ] ] } ] }
END
}

CHAT_OF='def chat($more): {body: ({model: "gpt-4o", messages: [{role: "user", content: "hi"}]} + $more)};'

@test "a group shares its load by weight" {
    three_to_one
    who_answers "$CHAT_OF range(400) | chat({user: \"user-\\(.)\"})" >"$BATS_TEST_TMPDIR/who"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/who")" -eq 400 ]
    local north
    north=$(grep -c '^north$' "$BATS_TEST_TMPDIR/who")
    # 300 are due, and the standard deviation is 9
    ((north > 250 && north < 350)) || fail "north got $north of 400"
    expect_counts "$north" $((400 - north))
}

@test "requests that nothing ties together are shared as well" {
    three_to_one
    local n
    for ((n = 0; n < 60; n++)); do
        ask GET /v1/voices
        expect_status 200
    done
    # that fewer than 5 of 60 go to either has a chance of one in 10,000 at the lighter one
    [ "$(count north)" -ge 5 ] && [ "$(count south)" -ge 3 ]
}

@test "who fails in a group is answered for by the rest of it, then by the next step" {
    fresh_routes CIRCUIT_FAILURE_THRESHOLD=off <<END
{ "upstreams": { $(at north), $(at south), $(at east) },
  "routes": [ { "model": "*", "try": [ [ "north", "south" ], "east" ] } ] }
END
    tell north "$DOWN"
    [ "$(who_answers "$CHAT_OF range(20) | chat({user: \"user-\\(.)\"})" | sort -u)" = south ]
    tell south "$DOWN"
    [ "$(who_answers "$CHAT_OF range(20) | chat({user: \"user-\\(.)\"})" | sort -u)" = east ]
}

ASK_OF='def ask($cache; $user; $session; $first):
    {headers: (if $session then {"X-Session-Id": $session} else {} end),
     body: ({model: "gpt-4o", messages: [{role: "system", content: "be brief"},
                                         {role: "user", content: $first}]}
            + if $cache then {prompt_cache_key: $cache} else {} end
            + if $user then {user: $user} else {} end)};'

# how_many JQ - how many upstreams answer the sixteen
how_many() {
    who_answers "$ASK_OF range(16) | tostring | $1" | sort -u | wc -l
}

@test "a conversation stays: by prompt_cache_key, then user, then session, then its first message" {
    three_to_one
    [ "$(how_many 'ask("k"; .; .; .)')" -eq 1 ]
    [ "$(how_many 'ask(.; "u"; "s"; "m")')" -eq 2 ]
    [ "$(how_many 'ask(null; "u"; .; .)')" -eq 1 ]
    [ "$(how_many 'ask(null; .; "s"; "m")')" -eq 2 ]
    [ "$(how_many 'ask(null; null; "s"; .)')" -eq 1 ]
    [ "$(how_many 'ask(null; null; .; "m")')" -eq 2 ]
    [ "$(how_many 'ask(null; null; null; "m")')" -eq 1 ]
    [ "$(how_many 'ask(null; null; null; .)')" -eq 2 ]
}

@test "a conversation stays while it grows" {
    three_to_one
    local first turns
    turns='[range($n) | {role: "assistant", content: "\(.)"}, {role: "user", content: "and \(.)?"}]'
    for first in a b c d e f; do
        [ "$(who_answers "$ASK_OF range(6) as \$n | ask(null; null; null; \"$first\")
            | .body.messages += $turns" | sort -u | wc -l)" -eq 1 ]
    done
}

who_has_each_user() {
    who_answers "$CHAT_OF range(24) | chat({user: \"user-\\(.)\"})"
}

@test "a conversation moves only while the breaker of its upstream is open, and then comes back" {
    fresh_routes CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=3600 <<END
{ "upstreams": { $(at north), $(at south), $(at east) },
  "routes": [ { "model": "*", "try": [ [ "north", "south", "east" ] ] } ] }
END
    local there=$BATS_TEST_TMPDIR/there while_open=$BATS_TEST_TMPDIR/while-open asked_before
    who_has_each_user >"$there"
    [ "$(sort -u "$there" | wc -l)" -eq 3 ]
    tell north "$DOWN"
    who_has_each_user >/dev/null # the first of north's opens it
    asked_before=$(count north)
    who_has_each_user >"$while_open"
    expect_count north "$asked_before"
    refute grep -q '^north$' "$while_open"
    # nobody else's conversation moves for it
    diff <(paste "$there" "$while_open" | grep -v '^north') \
        <(paste "$there" "$there" | grep -v '^north')
    # and those of north are shared by the others
    [ "$(paste "$there" "$while_open" | grep '^north' | sort -u | wc -l)" -eq 2 ]
    tell north '{"mode":"ok"}'
    operator breaker reset north
    diff "$there" <(who_has_each_user)
}

@test "sixty-four upstreams, each with its own address, key and breaker" {
    fresh_routes CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=3600 \
        CIRCUIT_LAST_RESORT=fail_fast < <(
        jq -n --arg url "http://127.0.0.1:$NORTH_PORT" '[range(64)] | {
            upstreams: map({key: "n\(.)",
                value: {url: "\($url)/at\(.)", key: "sk-\(. + 1000)-5a5a5a5a"}}) | from_entries,
            routes: (map({model: "m\(.)", try: ["n\(.)"]})
                + [{model: "crowd", try: [[range(32) | "n\(.)"]]}])}')
    [ "$(who_answers 'range(64) | {body: {model: "m\(.)", messages: []}}' | tr '\n' ' ')" = \
        "$(printf 'n%d ' {0..63})" ]
    [ "$(asked north '.[] | "\(.target) \(.headers[] | select(.[0] == "Authorization")[1])"')" = \
        "$(for n in {0..63}; do echo "/at$n/v1/chat/completions Bearer sk-$((n + 1000))-5a5a5a5a"; done)" ]
    # the last one's breaker is nobody else's
    tell_next north "$DOWN"
    ask_for m63
    expect_status 503
    [ "$(who_answers 'range(64) | {body: {model: "m\(.)", messages: []}}' | grep -c .)" -eq 63 ]
    expect_count north 128
    # all of a large group get their share
    [ "$(who_answers 'range(400) | {body: {model: "crowd", user: "\(.)", messages: []}}' |
        sort -u | wc -l)" -eq 32 ]
}

# --- the list of models

@test "GET /v1/models lists what the configuration names, without asking anybody" {
    fresh_routes <<END
{ "upstreams": { $(at north '"models": { "gpt-4o": "prod", "o3": "o3-eu" }'), $(at south) },
  "routes": [ { "model": "gpt-4o", "try": [ "north" ] },
              { "model": "gpt-5", "try": [ "south" ] },
              { "model": "gpt-*", "try": [ "south", "north" ] } ] }
END
    local path
    for path in /v1/models /openai/v1/models; do
        ask GET "$path"
        expect_status 200
        expect_json .object list
        expect_json '[.data[].id] | join(" ")' 'gpt-4o gpt-5 o3'
        expect_json '.data | map(.object == "model" and (.owned_by | type) == "string") | all' true
    done
    ask GET /v1/models/gpt-5
    expect_json .id gpt-5
    ask GET /v1/models/gpt-9
    expect_error 404 model_not_found
    expect_counts 0 0
}

@test "GET /v1/models is relayed where the configuration names no model, and falls back" {
    fresh_routes <<END
{ "upstreams": { $(at north), $(at south) },
  "routes": [ { "model": "gpt-*", "try": [ "south" ] }, { "model": "*", "try": [ "north", "south" ] } ] }
END
    ask GET /v1/models
    expect_json '.data[0].owned_by' north
    tell north "$DOWN"
    ask GET /v1/models
    expect_json '.data[0].owned_by' south
}

# --- what lives in one account

pinned_routes() {
    fresh_routes "$@" <<END
{ "upstreams": { $(at north '"response_timeout": 0.3'), $(at south), $(at east) },
  "routes": [ { "model": "*", "try": [ [ { "upstream": "north" }, { "upstream": "south", "weight": 9 } ], "east" ] } ] }
END
}

@test "what lives in one account goes to the route's first upstream, whoever shares its load" {
    pinned_routes
    local path n=0
    for path in files files/file-1/content batches fine_tuning/jobs assistants threads/t/messages \
        vector_stores responses/resp_1 containers evals uploads; do
        ask GET "/v1/$path"
        expect_header X-Postern-Upstream north
        n=$((n + 1))
    done
    ask DELETE /v1/files/file-1
    json /v1/batches -d '{"input_file_id":"file-1"}'
    expect_counts $((n + 2)) 0 0
}

@test "it fails clearly rather than to split the account: each way in which the first can fail" {
    pinned_routes CIRCUIT_FAILURE_THRESHOLD=off
    local row
    for row in reset_on_accept:502:upstream_unreachable close_without_answer:502:upstream_unreachable \
        silent:504:upstream_timeout unauthorized:502:upstream_auth_failed \
        close_mid_body:502:upstream_bad_response redirect:502:upstream_redirect; do
        tell north "{\"mode\":\"${row%%:*}\"}"
        ask GET /v1/files
        row=${row#*:}
        expect_error "${row%:*}" "${row#*:}"
    done
    tell north "$DOWN"
    ask GET /v1/files
    expect_status 503
    expect_json .error.message 'north says 503'
    expect_count south 0
    expect_count east 0
}

@test "with the first one's breaker open it is 503 with Retry-After, and nobody is asked" {
    pinned_routes CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=600 CIRCUIT_LAST_RESORT=fail_fast
    tell north "$DOWN"
    ask GET /v1/files
    forget north
    ask GET /v1/files
    expect_error 503 upstream_unavailable
    [ "$(header Retry-After)" -gt 500 ]
    expect_counts 0 0 0
    # the others answer what may fall back
    ask_for gpt-4o
    expect_status 200
}

@test "what makes an object is sent once, however many retries there are" {
    pinned_routes CIRCUIT_FAILURE_THRESHOLD=off POSTERN_RETRIES=2
    tell north '{"mode":"status","status":500,"headers":[["retry-after-ms","1"]]}'
    json /v1/batches -d '{"input_file_id":"file-1"}'
    expect_status 500
    expect_counts 1 0 0
    # to look at one again does no harm
    ask GET /v1/batches
    expect_attempts north:500,north:500,north:500
}

@test "pinned = none: it falls back like all else" {
    fresh_routes <<END
{ "pinned": "none", "upstreams": { $(at north), $(at south) } }
END
    tell north "$DOWN"
    ask GET /v1/files
    expect_status 200
    expect_attempts north:503,south:200
    json /v1/batches -d '{"input_file_id":"file-1"}'
    expect_attempts north:503,south:200
}

# --- each upstream's own time

@test "each upstream has its own time to answer" {
    fresh_routes <<END
{ "upstreams": { $(at north '"response_timeout": 0.3'), $(at south) } }
END
    tell north '{"mode":"silent"}'
    tell south '{"mode":"drip","pause":0.1}' # longer than north may take
    ask_for gpt-4o
    expect_from south
    expect_attempts north:timeout,south:200
}

@test "each upstream has its own time to the first token, to the next byte and to connect" {
    upstream_start hole --blackhole
    fresh_routes CIRCUIT_FAILURE_THRESHOLD=off <<END
{ "upstreams": { $(at hole '"connect_timeout": 0.3'),
                 $(at north '"first_token_timeout": 0.3, "response_timeout": 50, "idle_timeout": 0.3'),
                 $(at south) },
  "routes": [ { "model": "far", "try": [ "hole", "south" ] },
              { "model": "*", "try": [ "north", "south" ] } ] }
END
    ask_for far
    expect_attempts hole:timeout,south:200
    tell south '{"mode":"ok","pause":0.1}'
    tell north '{"mode":"silent"}'
    chat_stream
    expect_whole_stream south
    expect_attempts north:timeout,south:200
    tell north '{"mode":"stall","after":2}'
    chat_stream
    expect_cut_stream 'one two' upstream_timeout
    # an answer in JSON that stops, whatever response_timeout still allows
    chat
    expect_from south
    expect_attempts north:timeout,south:200
    end hole
}

# --- a breaker for each model

# north answers well, but not as the model "broken"
two_models_on_north() {
    fresh_routes CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=3600 "$@" <<END
{ "upstreams": { $(at north '"models": { "mapped": "hostile/north/status" }'), $(at south) },
  "routes": [ { "model": "stepped", "try": [ { "upstream": "north", "model": "hostile/north/status" }, "south" ] },
              { "model": "*", "try": [ "north", "south" ] } ] }
END
}

@test "breaker_scope = upstream: a broken model closes its whole upstream" {
    two_models_on_north
    ask_for stepped
    expect_attempts north:503,south:200
    ask_for gpt-4o
    expect_attempts south:200
}

@test "breaker_scope = model: a step's broken model leaves the others of its upstream alone" {
    two_models_on_north POSTERN_BREAKER_SCOPE=model
    ask_for stepped
    expect_attempts north:503,south:200
    ask_for stepped
    expect_attempts south:200
    ask_for gpt-4o
    expect_attempts north:200
}

@test "breaker_scope = model: so does a broken model that the upstream's models name" {
    two_models_on_north POSTERN_BREAKER_SCOPE=model
    ask_for mapped
    expect_attempts north:503,south:200
    ask_for mapped
    expect_attempts south:200
    ask_for gpt-4o
    expect_attempts north:200
}

@test "breaker_scope = model: a deployment that is not there closes itself alone" {
    two_models_on_north POSTERN_BREAKER_SCOPE=model CIRCUIT_PROFILE=llm
    tell_next north '{"mode":"status","status":404,"code":"DeploymentNotFound"}'
    json /openai/deployments/mapped/chat/completions?api-version=1 -d '{"messages":[]}'
    expect_attempts north:404,south:200
    ask_for gpt-4o
    expect_attempts north:200
}
