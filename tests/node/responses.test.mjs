// responses.test.mjs - the Responses API, as JSON and as streams, whole and cut.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { TEXT, WORDS, client, collect, counts, freshUpstreams, primary } from './lib/ground.mjs';

const openai = client();
const ASK = { model: 'gpt-4o', input: 'hello' };
freshUpstreams();

test('a response comes back whole', async () => {
    const answer = await openai.responses.create(ASK);
    assert.equal(answer.output_text, TEXT);
    assert.equal(answer.status, 'completed');
    assert.equal(answer.metadata.upstream, 'primary');
});

test('a response streams with every event to its completion', async () => {
    const events = await collect(await openai.responses.create({ ...ASK, stream: true }));
    const deltas = events.filter((event) => event.type === 'response.output_text.delta');
    assert.deepEqual(deltas.map((event) => event.delta), WORDS);
    assert.equal(events[0].type, 'response.created');
    assert.equal(events.at(-1).type, 'response.completed');
    assert.deepEqual(events.map((event) => event.sequence_number), [0, 1, 2, 3, 4, 5, 6]);
});

test("the fallback's stream is whole when the primary dies before its first token", async () => {
    await primary.tell({ mode: 'close_mid_body', after: 1 });
    const events = await collect(await openai.responses.create({ ...ASK, stream: true }));
    assert.equal(events.at(-1).response.metadata.upstream, 'fallback');
    assert.equal(events.filter((event) => event.type === 'response.created').length, 1);
    assert.deepEqual(await counts(), [1, 1]);
});

test('a stream that dies after its first token throws', async () => {
    await primary.tell({ mode: 'reset_mid_body', after: 3 });
    const seen = [];
    const read = async () => {
        const stream = await openai.responses.create({ ...ASK, stream: true });
        for await (const event of stream) seen.push(event.type);
    };
    await assert.rejects(read, (error) => {
        assert.ok(error instanceof OpenAI.APIError);
        assert.equal(error.code, 'upstream_stream_interrupted');
        return true;
    });
    assert.ok(seen.includes('response.output_text.delta'));
    assert.ok(!seen.includes('response.completed'));
});

test("a response's own failure reaches the SDK when nobody does better", async () => {
    const failed = { type: 'response.failed', sequence_number: 1, response: {
        id: 'resp_1', object: 'response', status: 'failed', output: [],
        error: { code: 'server_error', message: 'the model failed' } } };
    const event = `event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`;
    await primary.tell({ mode: 'ok', events: [event] });
    const events = await collect(await openai.responses.create({ ...ASK, stream: true }));
    assert.equal(events.at(-1).response.metadata.upstream, 'fallback');
});

test('a stored response is asked for in its own account', async () => {
    await openai.responses.retrieve('resp_1');
    assert.equal((await primary.asked())[0].target, '/v1/responses/resp_1');
    await primary.tell({ mode: 'status', status: 404 });
    await assert.rejects(openai.responses.retrieve('resp_2'), OpenAI.NotFoundError);
    assert.deepEqual(await counts(), [2, 0]);
});
