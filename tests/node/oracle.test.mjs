// oracle.test.mjs - whatever both upstreams do, no SDK takes a part of an answer for the whole.
//
// Every mode of the hostile upstream, before and after the first token, for every asker: when the
// SDK does not throw, it has exactly the upstream's text and its finish. Where the answer is good,
// it must not throw.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import OpenAI from 'openai';

import { ASKERS, askerFind, isStream } from './lib/askers.mjs';
import { MODES, TEXT, fallback, forgetBoth, primary, rawAnswer, tellBoth } from './lib/ground.mjs';

const GOOD = ['ok', 'late', 'gzipped', 'chunk_extension', 'http10', 'interim', 'folded_header',
    'bare_lf', 'drip', 'cgi_headers'];
const GOOD_JSON = [...GOOD, 'closes', 'json_for_stream', 'unasked_gzip'];
const GOOD_STREAMS = [...GOOD, 'odd_bytes', 'byte_by_byte', 'split'];
const STREAMS_ONLY = ['odd_bytes', 'byte_by_byte', 'split', 'no_done', 'choice_breaks_off',
    'finish_everywhere'];
// These obey the step's "after": so many events, then the fault.
const CUTTING = ['reset_mid_body', 'close_mid_body', 'short_body', 'stall', 'cut_chunk',
    'endless_line', 'error_mid_stream', 'not_json_event', 'unfinished', 'choice_breaks_off',
    'finish_everywhere'];
// They take seconds: one asker's judgement is enough.
const COSTLY = {
    drip: 'openai chat stream', endless_stream: 'openai chat stream', gzip_bomb: 'openai chat',
};
// Whole answers, but not the one that is looked for; endless_json is in files.test.mjs.
const OTHER = ['long_json', 'no_choices', 'endless_json'];

before(forgetBoth);

// Before the first event, after some words, before the finish, after all but the last event.
function placesToCut(asker) {
    const count = asker.events?.length ?? 7;
    return [0, count - 5, count - 2, count - 1];
}

function isLeftOut(mode, asker) {
    if (OTHER.includes(mode) || (!isStream(asker) && STREAMS_ONLY.includes(mode))) return true;
    return mode in COSTLY && COSTLY[mode] !== asker.name;
}

function stepsFor(mode, asker) {
    if (isLeftOut(mode, asker)) return [];
    if (!isStream(asker)) return [{ mode }];
    const step = asker.events ? { mode, events: asker.events } : { mode };
    if (mode === 'split') return [{ ...step, at: 200 }];
    if (!CUTTING.includes(mode)) return [step];
    return placesToCut(asker).map((after) => ({ ...step, after }));
}

// Streams have no blanks between their words.
function squeeze(text) {
    return text?.replaceAll(' ', '');
}

async function lookAt(asker, model) {
    const raw = await rawAnswer(asker.path, { ...asker.body, model });
    return `the client got ${raw.status}${raw.cut ? ', cut' : ''}:\n${raw.text.slice(-1500)}`;
}

function assertWhole(whole, asker) {
    const got = { text: squeeze(whole.text), finish: whole.finish };
    assert.deepEqual(got, { text: squeeze(TEXT), finish: asker.finish });
}

async function judge(asker, isGood, model = isGood ? 'patient' : 'rushed') {
    let whole;
    try {
        whole = await asker.ask(model, {});
    } catch (error) {
        if (isGood) throw error;
        assert.ok(!(error instanceof OpenAI.APIConnectionTimeoutError), 'no answer in time');
        return;
    }
    try {
        assertWhole(whole, asker);
    } catch (error) {
        error.message += `\n${await lookAt(asker, model)}`;
        throw error;
    }
}

for (const asker of ASKERS) {
    const good = isStream(asker) ? GOOD_STREAMS : GOOD_JSON;
    describe(asker.name, () => {
        for (const mode of MODES) {
            for (const step of stepsFor(mode, asker)) {
                const when = step.after === undefined ? '' : ` after ${step.after} events`;
                test(`${mode}${when}`, async () => {
                    await tellBoth(step);
                    await judge(asker, good.includes(mode));
                });
            }
        }
    });
}

// With a fallback that is well, an error is right only where an upstream has answered already: with
// a part of a long answer, or with a 400.
const SETTLED = ['endless_stream', 'endless_json', 'long_json', 'speaks_first'];

for (const [name, headers] of [
    ['openai chat', {}],
    ['openai chat stream', { 'X-Postern-Delivery': 'held' }],
]) {
    const asker = askerFind(name);
    const delivery = isStream(asker) ? ', held,' : '';
    describe(`${name}${delivery} with a fallback that is well`, () => {
        for (const mode of MODES) {
            if (SETTLED.includes(mode)) continue;
            if (!isStream(asker) && STREAMS_ONLY.includes(mode)) continue;
            test(`${mode} of the primary is answered whole`, async () => {
                await Promise.all([
                    primary.tell({ mode, after: 3, at: 200 }),
                    fallback.tell({ mode: 'ok' }),
                ]);
                assertWhole(await asker.ask('hasty', headers), asker);
            });
        }
    });
}

// An upstream that stands alone: nobody else is asked, and nobody is fooled either.
for (const name of ['openai chat', 'openai chat stream']) {
    const asker = askerFind(name);
    const good = isStream(asker) ? GOOD_STREAMS : GOOD_JSON;
    describe(`${name} with one upstream alone`, () => {
        for (const mode of MODES) {
            for (const step of stepsFor(mode, asker)) {
                const when = step.after === undefined ? '' : ` after ${step.after} events`;
                test(`${mode}${when}`, async () => {
                    const isGood = good.includes(mode);
                    await forgetBoth();
                    await primary.tell(step);
                    await judge(asker, isGood, isGood ? 'alone' : 'lonely');
                    assert.equal((await fallback.asked()).length, 0);
                });
            }
        }
    });
}
