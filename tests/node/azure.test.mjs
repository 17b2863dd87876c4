// azure.test.mjs - the SDK's Azure client, in front of upstreams of both dialects.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI, { AzureOpenAI } from 'openai';

import {
    BASE, CLIENT_KEY, MESSAGES, TEXT, WORDS, client, collect, freshUpstreams, headerOf, primary,
} from './lib/ground.mjs';

const VERSION = '2024-10-21';
freshUpstreams();

function azure(deployment, options = {}) {
    return new AzureOpenAI({
        endpoint: BASE, apiKey: CLIENT_KEY, apiVersion: VERSION, deployment,
        maxRetries: 0, timeout: 15000, logLevel: 'off', ...options,
    });
}

test("an Azure upstream gets the deployment's path, the version and its own api-key", async () => {
    const answer = await azure('azure-gpt-4o').chat.completions.create({ messages: MESSAGES });
    assert.equal(answer.choices[0].message.content, TEXT);
    const [request] = await primary.asked();
    assert.equal(request.target,
        `/openai/deployments/azure-gpt-4o/chat/completions?api-version=${VERSION}`);
    assert.equal(headerOf(request, 'api-key'), 'sk-p-31c0ffee5eed');
    assert.equal(headerOf(request, 'authorization'), undefined);
});

test('an Azure stream comes with every chunk', async () => {
    const stream = await azure('azure-gpt-4o').chat.completions.create({
        messages: MESSAGES, stream: true,
    });
    const chunks = await collect(stream);
    assert.deepEqual(chunks.map((chunk) => chunk.choices[0].delta.content), [...WORDS, undefined]);
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test("Azure's first chunk, with filter results and no choice, begins no answer", async () => {
    const filtered = `data: ${JSON.stringify({
        id: '', object: '', created: 0, model: '', choices: [],
        prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }],
    })}\n\n`;
    await primary.tell({ mode: 'unfinished', after: 1, events: [filtered] });
    const stream = await azure('azure-gpt-4o').chat.completions.create({
        messages: MESSAGES, stream: true,
    });
    const chunks = await collect(stream);
    assert.equal(chunks[0].system_fingerprint, 'fallback');
});

test('Azure embeddings come back', async () => {
    const answer = await azure('azure-embed').embeddings.create({
        model: 'azure-embed', input: 'hello', encoding_format: 'float',
    });
    assert.deepEqual(answer.data[0].embedding, [0.25, -0.5, 0.125]);
    assert.equal((await primary.asked())[0].target,
        `/openai/deployments/azure-embed/embeddings?api-version=${VERSION}`);
});

test("an Azure client is answered by an upstream of OpenAI's dialect", async () => {
    const answer = await azure('gpt-4o').chat.completions.create({ messages: MESSAGES });
    assert.equal(answer.choices[0].message.content, TEXT);
    assert.equal(answer.model, 'gpt-4o');
    const [request] = await primary.asked();
    assert.equal(request.target.split('?')[0], '/v1/chat/completions');
    assert.equal(JSON.parse(request.body).model, 'gpt-4o');
    assert.equal(headerOf(request, 'authorization'), 'Bearer sk-p-31c0ffee5eed');
    assert.equal(headerOf(request, 'api-key'), undefined);
});

test("an OpenAI client is answered by an upstream of Azure's dialect", async () => {
    const answer = await client().chat.completions.create({
        model: 'azure-gpt-4o', messages: MESSAGES,
    });
    assert.equal(answer.choices[0].message.content, TEXT);
    const [request] = await primary.asked();
    assert.equal(request.target, '/openai/v1/chat/completions');
    assert.equal(headerOf(request, 'api-key'), 'sk-p-31c0ffee5eed');
});

test('the fallback answers an Azure client when the primary fails', async () => {
    await primary.tell({ mode: 'status', status: 503 });
    const answer = await azure('azure-gpt-4o').chat.completions.create({ messages: MESSAGES });
    assert.equal(answer.system_fingerprint, 'fallback');
});

test("Azure's content filter is an error that no fallback goes around", async () => {
    const body = JSON.stringify({ error: {
        message: "The response was filtered due to the prompt triggering Azure OpenAI's content "
            + 'management policy.',
        type: null, param: 'prompt', code: 'content_filter', status: 400,
        innererror: { code: 'ResponsibleAIPolicyViolation' },
    } });
    await primary.tell({ mode: 'status', status: 400, body });
    await assert.rejects(azure('azure-gpt-4o').chat.completions.create({ messages: MESSAGES }),
        (error) => error instanceof OpenAI.BadRequestError && error.code === 'content_filter');
    const [, ...others] = await primary.asked();
    assert.deepEqual(others, []);
});

test('a wrong key in api-key is an AuthenticationError', async () => {
    const stranger = azure('azure-gpt-4o', { apiKey: 'wrong' });
    await assert.rejects(stranger.chat.completions.create({ messages: MESSAGES }),
        OpenAI.AuthenticationError);
});
