// retry.test.mjs - the SDK's own retries: where they help, and where the gateway asks for none.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import {
    BASE, MESSAGES, client, counts, freshUpstreams, primary, tellBoth, fallback,
} from './lib/ground.mjs';

const ASK = { model: 'gpt-4o', messages: MESSAGES };
freshUpstreams();

// A client that retries twice, and the number of requests that it really made.
function retrying(options = {}) {
    const made = { requests: 0 };
    const openai = client({
        maxRetries: 2,
        fetch: (url, init) => {
            made.requests += 1;
            return fetch(url, init);
        },
        ...options,
    });
    return { openai, made };
}

const FINAL = {
    'a redirect': { mode: 'redirect' },
    'a refused upstream key': { mode: 'unauthorized' },
};

for (const [what, step] of Object.entries(FINAL)) {
    test(`${what} is not tried again by the SDK: x-should-retry says no`, async () => {
        await tellBoth(step);
        const { openai, made } = retrying();
        await assert.rejects(openai.chat.completions.create(ASK), (error) => {
            assert.equal(error.status, 502);
            assert.equal(error.headers.get('x-should-retry'), 'false');
            return true;
        });
        assert.equal(made.requests, 1);
    });
}

test('a wrong client key is not tried again', async () => {
    const { openai, made } = retrying({ apiKey: 'wrong' });
    await assert.rejects(openai.chat.completions.create(ASK), OpenAI.AuthenticationError);
    assert.equal(made.requests, 1);
});

test('an unknown path is not tried again', async () => {
    const { openai, made } = retrying({ baseURL: BASE });
    await assert.rejects(openai.chat.completions.create(ASK), OpenAI.NotFoundError);
    assert.equal(made.requests, 1);
});

test('a total failure that passes is mended by a retry of the SDK', async () => {
    await Promise.all([
        primary.tellNext({ mode: 'status', status: 500 }),
        fallback.tell({ mode: 'status', status: 500 }),
    ]);
    // The gateway tries the fallback again by itself, then gives up: the SDK asks once more.
    const { openai, made } = retrying();
    const answer = await openai.chat.completions.create(ASK);
    assert.equal(answer.system_fingerprint, 'primary');
    assert.equal(made.requests, 2);
});

test("the SDK waits as long as the upstream's Retry-After says", async () => {
    await Promise.all([
        primary.tellNext({ mode: 'status', status: 503, headers: [['Retry-After', '1']] }),
        fallback.tell({ mode: 'status', status: 503, headers: [['Retry-After', '1']] }),
    ]);
    const { openai, made } = retrying();
    const began = performance.now();
    const answer = await openai.chat.completions.create(ASK);
    assert.equal(answer.system_fingerprint, 'primary');
    assert.equal(made.requests, 2);
    assert.ok(performance.now() - began >= 990);
});

test("the SDK's retries are seen by the upstream as its own headers", async () => {
    await Promise.all([
        primary.tellNext({ mode: 'status', status: 500 }),
        fallback.tell({ mode: 'status', status: 500 }),
    ]);
    await retrying().openai.chat.completions.create(ASK);
    const told = (await primary.asked()).map((request) => request.headers
        .find(([name]) => name.toLowerCase() === 'x-stainless-retry-count')?.[1]);
    assert.deepEqual(told, ['0', '1']);
});

test('a stream that died after its first token is not tried again behind the user', async () => {
    await primary.tell({ mode: 'close_mid_body', after: 3 });
    const { openai, made } = retrying();
    await assert.rejects(async () => {
        const stream = await openai.chat.completions.create({ ...ASK, stream: true });
        for await (const chunk of stream) assert.ok(chunk.choices);
    }, OpenAI.APIError);
    assert.equal(made.requests, 1);
    assert.deepEqual(await counts(), [1, 0]);
});
