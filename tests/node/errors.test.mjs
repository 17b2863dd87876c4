// errors.test.mjs - every error is of the SDK's right class, and says what happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import {
    BASE, MESSAGES, client, collect, counts, freshUpstreams, primary, tellBoth,
} from './lib/ground.mjs';

const ASK = { model: 'gpt-4o', messages: MESSAGES };
freshUpstreams();

async function errorOf(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    return assert.fail('no error');
}

function chat(options, more) {
    return client(options).chat.completions.create({ ...ASK, ...more });
}

// A client that also keeps the bytes of the last answer.
function keeping(kept) {
    return { fetch: async (url, init) => {
        const answer = await fetch(url, init);
        kept.text = await answer.clone().text();
        return answer;
    } };
}

test("an upstream's 400 is a BadRequestError, byte for byte", async () => {
    const body = ' {"error" : {"message":"\\u00fcber \\/ 1.0e2","type":"invalid_request_error",'
        + '"param":"messages[0]","code":null}, "more":[1.0, 1e400]}\n';
    await primary.tell({ mode: 'status', status: 400, body });
    const kept = {};
    const error = await errorOf(chat(keeping(kept)));
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'messages[0]');
    assert.equal(error.message, '400 über / 1.0e2');
    assert.equal(kept.text, body);
    assert.deepEqual(await counts(), [1, 0]);
});

for (const [status, name] of [
    [404, 'NotFoundError'], [409, 'ConflictError'], [422, 'UnprocessableEntityError'],
    [500, 'InternalServerError'], [503, 'InternalServerError'], [529, 'InternalServerError'],
]) {
    test(`an upstream's ${status} is the SDK's ${name}`, async () => {
        await tellBoth({ mode: 'status', status, code: 'its_own_code' });
        const error = await errorOf(chat());
        assert.ok(error instanceof OpenAI[name], error.constructor.name);
        assert.equal(error.status, status);
        assert.equal(error.code, 'its_own_code');
        assert.ok(error.requestID);
    });
}

test('429 with Retry-After is a RateLimitError that states the wait', async () => {
    await tellBoth({ mode: 'limited', retry_after: 7 });
    const error = await errorOf(chat());
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.headers.get('retry-after'), '7');
    assert.equal(error.code, 'rate_limit_exceeded');
    assert.equal(error.headers.get('x-postern-attempts'), 'primary:429,fallback:429');
});

test('a quota that is used up is a RateLimitError with the code of the upstream', async () => {
    await tellBoth({ mode: 'no_money' });
    const error = await errorOf(chat());
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, 'insufficient_quota');
});

test('a wrong client key is an AuthenticationError, and no upstream is asked', async () => {
    const error = await errorOf(chat({ apiKey: 'wrong' }));
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, 'invalid_api_key');
    assert.deepEqual(await counts(), [0, 0]);
});

test('the beginning of a client key opens nothing', async () => {
    const error = await errorOf(chat({ apiKey: 'node-client-key-01234567' }));
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.ok(!error.message.includes('node-client-key'));
});

test('an upstream that refuses our key is a 502 without a word about the key', async () => {
    await tellBoth({ mode: 'unauthorized' });
    const error = await errorOf(chat());
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 502);
    assert.equal(error.code, 'upstream_auth_failed');
    assert.ok(!JSON.stringify(error.error).includes('sk-'));
});

test('upstreams that hang up are a 502', async () => {
    await tellBoth({ mode: 'close_without_answer' });
    const error = await errorOf(chat());
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 502);
    assert.equal(error.code, 'upstream_unreachable');
});

test('a refused connection is a 502', async () => {
    const error = await errorOf(chat({}, { model: 'nobody' }));
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 502);
    assert.equal(error.code, 'upstream_unreachable');
});

test('a broken answer is a 502', async () => {
    await tellBoth({ mode: 'html' });
    const error = await errorOf(chat());
    assert.equal(error.status, 502);
    assert.equal(error.code, 'upstream_bad_response');
});

test('silence is a 504', async () => {
    await tellBoth({ mode: 'silent' });
    const error = await errorOf(chat({}, { model: 'rushed' }));
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 504);
    assert.equal(error.code, 'upstream_timeout');
});

test('silence after heartbeats is an error in the stream', async () => {
    await tellBoth({ mode: 'silent' });
    const stream = await chat({}, { model: 'pulse', stream: true });
    const error = await errorOf(collect(stream));
    assert.ok(error instanceof OpenAI.APIError);
    assert.equal(error.code, 'upstream_timeout');
});

test('a stream that nobody can begin fails before it begins, with the status', async () => {
    await tellBoth({ mode: 'status', status: 500 });
    const error = await errorOf(chat({}, { stream: true }));
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 500);
});

test('an unknown path is a NotFoundError of ours', async () => {
    const error = await errorOf(chat({ baseURL: BASE }));
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'unknown_url');
    assert.deepEqual(await counts(), [0, 0]);
});

test('a path that no upstream knows is a NotFoundError of the upstream', async () => {
    await primary.tell({ mode: 'status', status: 404, code: 'unknown_url_upstream' });
    const error = await errorOf(client().get('/nowhere/at/all'));
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'unknown_url_upstream');
});

test('a path that leaves the API is a BadRequestError', async () => {
    const error = await errorOf(client().get('/files/..%2f..%2fadmin'));
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, 'invalid_path');
    assert.deepEqual(await counts(), [0, 0]);
});

test('a context that is too long is asked once of the fallback, and then the error', async () => {
    await tellBoth({ mode: 'status', status: 400, kind: 'invalid_request_error',
        code: 'context_length_exceeded' });
    const error = await errorOf(chat());
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, 'context_length_exceeded');
    assert.deepEqual(await counts(), [1, 1]);
});
