// abort.test.mjs - a user who leaves, whatever the way, ends the upstream's work.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { MESSAGES, client, counts, freshUpstreams, primary } from './lib/ground.mjs';

const ASK = { model: 'gpt-4o', messages: MESSAGES };
freshUpstreams();

test('aborting a stream that flows ends the upstream exchange', async () => {
    await primary.tell({ mode: 'ok', gate: 'never' });
    const leaving = new AbortController();
    const stream = await client().chat.completions.create({ ...ASK, stream: true },
        { signal: leaving.signal });
    for await (const chunk of stream) {
        assert.equal(chunk.choices[0].delta.content, 'one');
        leaving.abort();
    }
    await primary.until('closed', 0);
});

test('breaking out of the loop ends the upstream exchange', async () => {
    await primary.tell({ mode: 'ok', gate: 'never' });
    const stream = await client().chat.completions.create({ ...ASK, stream: true });
    for await (const chunk of stream) {
        assert.equal(chunk.choices[0].delta.content, 'one');
        break;
    }
    await primary.until('closed', 0);
});

for (const stream of [true, false]) {
    const what = stream ? 'a stream' : 'an answer';
    test(`aborting before the first byte of ${what} ends it`, async () => {
        await primary.tell({ mode: 'silent' });
        const leaving = new AbortController();
        const answer = client().chat.completions.create({ ...ASK, stream },
            { signal: leaving.signal });
        await primary.until('requests', 1);
        leaving.abort();
        await assert.rejects(answer, OpenAI.APIUserAbortError);
        await primary.until('closed', 0);
        assert.deepEqual(await counts(), [1, 0]);
    });
}

test("the SDK's own time-out ends the upstream exchange", async () => {
    await primary.tell({ mode: 'silent' });
    await assert.rejects(client({ timeout: 200 }).chat.completions.create(ASK),
        OpenAI.APIConnectionTimeoutError);
    await primary.until('closed', 0);
    assert.deepEqual(await counts(), [1, 0]);
});

test('the connection of a user who left is no trouble for the next one', async () => {
    await primary.tellNext({ mode: 'silent' });
    await assert.rejects(client({ timeout: 200 }).chat.completions.create(ASK));
    await primary.until('closed', 0);
    const answer = await client().chat.completions.create(ASK);
    assert.equal(answer.system_fingerprint, 'primary');
});
