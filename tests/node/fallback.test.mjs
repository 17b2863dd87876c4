// fallback.test.mjs - what an SDK sees when the primary fails and the fallback does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import {
    MESSAGES, TEXT, WORDS, client, collect, counts, freshUpstreams, primary,
} from './lib/ground.mjs';

const HELD = { headers: { 'X-Postern-Delivery': 'held' } };
freshUpstreams();

function chat(more, options) {
    return client().chat.completions.create({ model: 'hasty', messages: MESSAGES, ...more },
        options);
}

function assertWhole(chunks, name) {
    assert.deepEqual(chunks.map((chunk) => chunk.choices[0].delta.content), [...WORDS, undefined]);
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
    for (const chunk of chunks) assert.equal(chunk.system_fingerprint, name);
}

const FAULTS = {
    'says 500': { mode: 'status', status: 500 },
    'says 429': { mode: 'limited', retry_after: 7 },
    'says 401': { mode: 'unauthorized' },
    'has no quota left': { mode: 'no_money' },
    'resets connections': { mode: 'reset_on_accept' },
    'is silent': { mode: 'silent' },
    'answers in HTML': { mode: 'html' },
    'answers with an error in a 200': { mode: 'error_in_200' },
    'cuts its answer': { mode: 'close_mid_body', after: 0 },
    'has nothing to say': { mode: 'empty_200' },
};

for (const [what, step] of Object.entries(FAULTS)) {
    test(`the fallback answers when the primary ${what}`, async () => {
        await primary.tell(step);
        const answer = await client().chat.completions
            .create({ model: 'hasty', messages: MESSAGES })
            .withResponse();
        assert.equal(answer.data.choices[0].message.content, TEXT);
        assert.equal(answer.data.system_fingerprint, 'fallback');
        assert.equal(answer.response.headers.get('x-postern-upstream'), 'fallback');
    });

    test(`the fallback's stream is whole when the primary ${what}`, async () => {
        await primary.tell(step);
        assertWhole(await collect(await chat({ stream: true })), 'fallback');
        assert.deepEqual(await counts(), [step.mode === 'reset_on_accept' ? 0 : 1, 1]);
    });
}

for (const mode of ['role_only', 'only_done', 'error_first_event', 'empty_stream']) {
    test(`the fallback's stream is whole after one without a token (${mode})`, async () => {
        await primary.tell({ mode });
        assertWhole(await collect(await chat({ stream: true })), 'fallback');
        assert.deepEqual(await counts(), [1, 1]);
    });
}

test('the fallback answers when the primary refuses connections', async () => {
    const answer = await chat({ model: 'refused' });
    assert.equal(answer.system_fingerprint, 'fallback');
    assertWhole(await collect(await chat({ model: 'refused', stream: true })), 'fallback');
});

test('embeddings come from the fallback when the list of the primary is empty', async () => {
    await primary.tell({ mode: 'ok', body: '{"object":"list","data":[]}' });
    const answer = await client().embeddings.create({
        model: 'hasty', input: 'hello', encoding_format: 'float',
    });
    assert.equal(answer.upstream, 'fallback');
});

const CUTS = {
    'is reset': { mode: 'reset_mid_body', after: 3 },
    'is closed': { mode: 'close_mid_body', after: 3 },
    'stalls': { mode: 'stall', after: 3 },
    'ends without a finish': { mode: 'unfinished', after: 3 },
    'ends without a finish after its last word': { mode: 'unfinished', after: 5 },
    'breaks off inside an event': { mode: 'not_json_event', after: 3 },
};

for (const [what, step] of Object.entries(CUTS)) {
    test(`a stream that ${what} after it has begun throws`, async () => {
        await primary.tell(step);
        const words = [];
        const read = async () => {
            const stream = await chat({ stream: true });
            for await (const chunk of stream) words.push(chunk.choices[0].delta.content);
        };
        await assert.rejects(read, (error) => {
            assert.ok(error instanceof OpenAI.APIError, String(error));
            assert.match(error.code, /^upstream_(stream_interrupted|timeout)$/);
            return true;
        });
        assert.deepEqual(words, WORDS.slice(0, step.after));
        assert.deepEqual(await counts(), [1, 0]);
    });

    test(`held delivery answers from the fallback when the stream ${what}`, async () => {
        await primary.tell(step);
        assertWhole(await collect(await chat({ stream: true }, HELD)), 'fallback');
        assert.deepEqual(await counts(), [1, 1]);
    });
}

test("an upstream's own error in a stream throws with the upstream's words", async () => {
    await primary.tell({ mode: 'error_mid_stream', after: 2 });
    await assert.rejects(async () => collect(await chat({ stream: true })),
        (error) => error instanceof OpenAI.APIError && /fell over/.test(error.message));
});

test('a stream that lost only its [DONE] is whole', async () => {
    await primary.tell({ mode: 'no_done' });
    assertWhole(await collect(await chat({ stream: true })), 'primary');
});
