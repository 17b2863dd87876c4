#!/usr/bin/env bats
# The sixteen failures of the failoverbench catalogue, in both deliveries. The scorecard is printed
# at the end, and doc/failures.md is made from it (script/failover).

load lib/all
load lib/failover

setup_file() {
    failover_stand_up
}

teardown_file() {
    card score | sed 's/^/# /' >&3
    [ -z "${FAILURES_DOC:-}" ] || card write "$FAILURES_DOC"
    ground_drop
}

teardown() {
    ground_tell
}

@test "S01: an upstream that asks for a second's rest gets it, and then answers" {
    plays S01 held pass
    plays S01 live pass
}

@test "S02: an upstream at its limit is not hammered; the fallback answers" {
    plays S02 held pass
    plays S02 live pass
}

@test "S03: one error 500 is answered by trying again" {
    plays S03 held pass
    plays S03 live pass
}

@test "S04: an overloaded upstream is tried in bounds; the fallback answers" {
    plays S04 held pass
    plays S04 live pass
}

@test "S05: a reset before any byte is answered by trying again" {
    plays S05 held pass
    plays S05 live pass
}

@test "S06: a silent upstream is asked once; the fallback answers" {
    plays S06 held pass
    plays S06 live pass
}

@test "S07: a first token that is too slow is not waited for" {
    plays S07 held pass
    plays S07 live pass
}

@test "S08: a stream that is cut is answered whole when held, ends in an error when live" {
    plays S08 held pass
    plays S08 live safe
}

@test "S09: a stream that falls silent is answered whole when held, ends in an error when live" {
    plays S09 held pass
    plays S09 live safe
}

@test "S10: a stream with an event that is no JSON is a failed one" {
    plays S10 held pass
    plays S10 live safe
}

@test "S11: a stream that lacks [DONE] alone is whole" {
    plays S11 held pass
    plays S11 live pass
}

@test "S12: a context too long for the one upstream goes to the other, once" {
    plays S12 held pass
    plays S12 live pass
}

@test "S13: a content filter's no is told and not routed around" {
    plays S13 held pass
    plays S13 live pass
}

@test "S14: the fallback gets the request as it was, never a prefill" {
    plays S14 held pass
    plays S14 live safe
}

@test "S15: an outage is bridged, and its end is noticed" {
    plays S15 held pass
    plays S15 live pass
}

@test "S16: the answer says which model gave it, and what was used" {
    plays S16 held pass
    plays S16 live pass
}

@test "doc/failures.md says what was seen" {
    [ -z "${FAILURES_DOC:-}" ] || skip "it is being written"
    card check "$TREE/doc/failures.md"
}
