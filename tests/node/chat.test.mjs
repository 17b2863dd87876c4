// chat.test.mjs - chat, text completions and embeddings, as JSON and as streams.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
    MESSAGES, TEXT, WORDS, client, collect, counts, freshUpstreams, headerOf, primary,
} from './lib/ground.mjs';

const openai = client();
freshUpstreams();

test('a chat completion comes back whole', async () => {
    const answer = await openai.chat.completions.create({ model: 'gpt-4o', messages: MESSAGES });
    assert.equal(answer.choices[0].message.content, TEXT);
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.deepEqual(answer.usage, { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 });
    assert.equal(answer.system_fingerprint, 'primary');
    assert.deepEqual(await counts(), [1, 0]);
});

test("the request's id and the upstream's name come in the answer's headers", async () => {
    const { data, response } = await openai.chat.completions
        .create({ model: 'gpt-4o', messages: MESSAGES })
        .withResponse();
    assert.ok(data._request_id);
    assert.equal(response.headers.get('x-request-id'), data._request_id);
    assert.equal(response.headers.get('x-postern-upstream'), 'primary');
    assert.equal(response.headers.get('x-postern-attempts'), 'primary:200');
});

test("the upstream gets the SDK's body byte for byte, and its own key", async () => {
    const content = 'ü / "\u0007" \ud83d\ude00';
    const body = { model: 'gpt-4o', messages: [{ role: 'user', content }] };
    await openai.chat.completions.create(body);
    const [request] = await primary.asked();
    assert.equal(request.body, JSON.stringify(body));
    assert.equal(headerOf(request, 'authorization'), 'Bearer sk-p-31c0ffee5eed');
    assert.equal(headerOf(request, 'content-length'), String(Buffer.byteLength(request.body)));
});

test('a chat stream comes with every chunk and its finish', async () => {
    const stream = await openai.chat.completions.create({
        model: 'gpt-4o', messages: MESSAGES, stream: true,
    });
    const chunks = await collect(stream);
    const choices = chunks.map((chunk) => chunk.choices[0]);
    assert.deepEqual(choices.map((choice) => choice.delta.content), [...WORDS, undefined]);
    assert.deepEqual(choices.map((choice) => choice.finish_reason),
        [null, null, null, null, null, 'stop']);
});

test('the chunks of a stream come one by one', async () => {
    await primary.tell({ mode: 'ok', gate: 'next' });
    const stream = await openai.chat.completions.create({
        model: 'gpt-4o', messages: MESSAGES, stream: true,
    });
    const words = [];
    for await (const chunk of stream) {
        words.push(chunk.choices[0].delta.content);
        // The upstream may send no more than what was just read.
        await primary.release('next');
    }
    assert.deepEqual(words, [...WORDS, undefined]);
});

test("the SDK's stream helper sees a whole chat completion", async () => {
    const seen = [];
    const runner = openai.chat.completions.stream({ model: 'gpt-4o', messages: MESSAGES });
    runner.on('content', (delta) => seen.push(delta));
    const final = await runner.finalChatCompletion();
    assert.deepEqual(seen, WORDS);
    assert.equal(final.choices[0].message.content, WORDS.join(''));
    assert.equal(final.choices[0].finish_reason, 'stop');
});

test('a tool call streams as it was made', async () => {
    const chunk = (delta, finish_reason = null) => `data: ${JSON.stringify({
        id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o',
        choices: [{ index: 0, delta, finish_reason }],
    })}\n\n`;
    const call = (more) => ({ tool_calls: [{ index: 0, ...more }] });
    await primary.tell({ mode: 'ok', events: [
        chunk({ role: 'assistant', content: null }),
        chunk(call({ id: 'call_1', type: 'function', function: { name: 'add', arguments: '' } })),
        chunk(call({ function: { arguments: '{"a":1,' } })),
        chunk(call({ function: { arguments: '"b":2}' } })),
        chunk({}, 'tool_calls'),
        'data: [DONE]\n\n',
    ] });
    const final = await openai.chat.completions
        .stream({ model: 'gpt-4o', messages: MESSAGES })
        .finalChatCompletion();
    assert.equal(final.choices[0].finish_reason, 'tool_calls');
    assert.equal(final.choices[0].message.tool_calls[0].function.arguments, '{"a":1,"b":2}');
});

test('a text completion comes back, as JSON and as a stream', async () => {
    const ask = { model: 'gpt-3.5-turbo-instruct', prompt: 'hello' };
    const answer = await openai.completions.create(ask);
    assert.equal(answer.choices[0].text, TEXT);
    const chunks = await collect(await openai.completions.create({ ...ask, stream: true }));
    assert.deepEqual(chunks.map((chunk) => chunk.choices[0].text), [...WORDS, '']);
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test('embeddings come back as numbers', async () => {
    const answer = await openai.embeddings.create({
        model: 'text-embedding-3-small', input: 'hello', encoding_format: 'float',
    });
    assert.deepEqual(answer.data[0].embedding, [0.25, -0.5, 0.125]);
});

test('embeddings come back in base64, as the SDK asks for them by itself', async () => {
    const vector = Float32Array.of(0.25, -0.5, 0.125);
    await primary.tell({ mode: 'ok', body: JSON.stringify({
        object: 'list', model: 'x', usage: { prompt_tokens: 3, total_tokens: 3 },
        data: [{ object: 'embedding', index: 0,
            embedding: Buffer.from(vector.buffer).toString('base64') }],
    }) });
    const answer = await openai.embeddings.create({ model: 'x', input: 'hello' });
    assert.deepEqual([...answer.data[0].embedding], [...vector]);
    assert.equal(JSON.parse((await primary.asked())[0].body).encoding_format, 'base64');
});

test('an answer of 3 MB comes back whole, compressed or not', async () => {
    await primary.tell({ mode: 'long_json', size: 3 << 20 });
    const long = await openai.chat.completions.create({ model: 'gpt-4o', messages: MESSAGES });
    assert.ok(long.choices[0].message.content.length > 3e6);
    await primary.tell({ mode: 'gzipped' });
    const small = await openai.chat.completions.create({ model: 'gpt-4o', messages: MESSAGES });
    assert.equal(small.choices[0].message.content, TEXT);
});

test('a request of 8 MB arrives whole', async () => {
    const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'x'.repeat(8 << 20) }] };
    await openai.chat.completions.create(body);
    assert.equal((await primary.asked())[0].length, JSON.stringify(body).length);
});
