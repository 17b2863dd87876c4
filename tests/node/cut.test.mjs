// cut.test.mjs - answers that end too early, at many places, with an end that looks clean.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { toFile } from 'openai';

import { askerFind } from './lib/askers.mjs';
import {
    MESSAGES, TEXT, WORDS, client, collect, fallback, freshUpstreams, primary, tellBoth,
} from './lib/ground.mjs';
import { CHAT_EVENTS, DONE, RESPONSE_EVENTS, chatChunk, typedEvent } from './lib/shapes.mjs';

const STRIDE = 29; // a prime, so that the cuts fall on every kind of place
freshUpstreams();

// Where the event that ends the answer is whole, its blank line included.
function endOf(events, mark) {
    const last = events.findIndex((event) => event.includes(mark));
    return events.slice(0, last + 1).join('').length;
}

async function wholeOrError(asker) {
    try {
        return await asker.ask('gpt-4o', {});
    } catch (error) {
        return { error };
    }
}

for (const [name, events, mark] of [
    ['openai chat stream', CHAT_EVENTS, '"finish_reason":"stop"'],
    ['openai chat stream helper', CHAT_EVENTS, '"finish_reason":"stop"'],
    ['ai chat stream', CHAT_EVENTS, '"finish_reason":"stop"'],
    ['openai responses stream', RESPONSE_EVENTS, '"response.completed"'],
    ['openai responses stream helper', RESPONSE_EVENTS, '"response.completed"'],
]) {
    test(`${name}: cut at every ${STRIDE}th byte, it is whole or an error`, async () => {
        const asker = askerFind(name);
        const stream = events.join('');
        const end = endOf(events, mark);
        await fallback.tell({ mode: 'status', status: 503 });
        for (let at = 0; at <= stream.length; at += STRIDE) {
            await primary.tell({ mode: 'ok', events: at ? [stream.slice(0, at)] : [] });
            const whole = await wholeOrError(asker);
            const last = stream.slice(Math.max(0, at - 80), at);
            const where = `cut at ${at}, after ${JSON.stringify(last)}`;
            if (at < end) {
                assert.ok(whole.error, `${where}: taken for whole: ${JSON.stringify(whole)}`);
            } else {
                assert.ok(!whole.error, `${where}: ${whole.error}`);
                assert.equal(whole.text.replaceAll(' ', ''), WORDS.join(''), where);
                assert.equal(whole.finish, asker.finish, where);
            }
        }
    });
}

test(`a JSON answer cut at every ${STRIDE}th byte is an error`, async () => {
    await primary.forget();
    const answer = JSON.stringify(await client().chat.completions.create({
        model: 'gpt-4o', messages: MESSAGES,
    }));
    await fallback.tell({ mode: 'status', status: 503 });
    for (let at = 0; at < answer.length; at += STRIDE) {
        await primary.tell({ mode: 'ok', body: answer.slice(0, at) });
        const whole = await wholeOrError(askerFind('openai chat'));
        assert.ok(whole.error?.status, `cut at ${at}: ${JSON.stringify(whole)}`);
    }
});

test('a long JSON answer that is cut after a part of it has gone out is an error', async () => {
    const answer = JSON.stringify({
        id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'gpt-4o',
        choices: [{ index: 0, finish_reason: 'stop',
            message: { role: 'assistant', content: 'x'.repeat(300_000) } }],
    });
    await tellBoth({ mode: 'http10_cut', body: answer });
    await assert.rejects(client().chat.completions.create({ model: 'gpt-4o', messages: MESSAGES }));
});

const A = chatChunk({ role: 'assistant', content: 'a' }, null, 0);
const B = chatChunk({ role: 'assistant', content: 'b' }, null, 1);
const A_STOPS = chatChunk({}, 'stop', 0);
const B_STOPS = chatChunk({}, 'stop', 1);

for (const [how, events] of [
    ['by turns', [A, B, A, B, A_STOPS, B, B_STOPS]],
    ['by turns, the second first', [A, B, A, B_STOPS, A, A_STOPS]],
    ['one after the other', [A, A, A_STOPS, B, B, B_STOPS]],
]) {
    test(`a stream of two choices, ${how}, is whole only when both have finished`, async () => {
        const ask = { model: 'gpt-4o', messages: MESSAGES, n: 2, stream: true };
        const read = async () => collect(await client().chat.completions.create(ask));
        await tellBoth({ mode: 'ok', events: [...events, DONE] });
        assert.equal((await read()).length, events.length);
        for (let after = 1; after < events.length; after += 1) {
            await tellBoth({ mode: 'unfinished', after, events });
            await assert.rejects(read, `the first ${after} of ${events.length} events were enough`);
        }
    });
}

for (const [what, events] of [
    ['its second choice is open', [A, B, A_STOPS, DONE]],
    ['both choices are open', [A, B, DONE]],
    ['its second choice broke off', [A, B, A_STOPS, chatChunk({}, 'network_error', 1), DONE]],
]) {
    test(`a stream with a marker at its end is an error when ${what}`, async () => {
        const ask = { model: 'gpt-4o', messages: MESSAGES, n: 2, stream: true };
        await tellBoth({ mode: 'ok', events });
        await assert.rejects(async () => collect(await client().chat.completions.create(ask)));
    });
}

test('a batch of embeddings with one missing is an error', async () => {
    const data = [{ object: 'embedding', index: 0, embedding: [0.5] }];
    await tellBoth({ mode: 'ok', body: JSON.stringify({ object: 'list', data, model: 'm' }) });
    const ask = (input) => client().embeddings.create(
        { model: 'm', input, encoding_format: 'float' });
    assert.equal((await ask(['a'])).data.length, 1);
    await assert.rejects(ask(['a', 'b']));
});

test('a held stream that was cut comes whole from the fallback for every SDK', async () => {
    const held = { 'X-Postern-Delivery': 'held' };
    for (const name of ['openai chat stream', 'openai responses stream', 'ai chat stream',
        'ai responses stream', 'langchain chat stream', 'langchain responses stream']) {
        const asker = askerFind(name);
        const { events } = asker;
        await primary.tell({ mode: 'close_mid_body', after: events.length - 3, events });
        await fallback.tell({ mode: 'ok', events });
        const whole = await asker.ask('gpt-4o', held);
        assert.equal(whole.text.replaceAll(' ', ''), TEXT.replaceAll(' ', ''), name);
        assert.equal(whole.finish, asker.finish, name);
    }
});

// --- streams of other operations

const OTHERS = {
    'a stored response': {
        events: RESPONSE_EVENTS,
        ask: (openai) => openai.responses.retrieve('resp_1', { stream: true }),
    },
    'an image': {
        events: [
            typedEvent('image_generation.partial_image', { b64_json: 'YQ==' }),
            typedEvent('image_generation.partial_image', { b64_json: 'Yg==' }),
            typedEvent('image_generation.completed', { b64_json: 'Yw==' }),
        ],
        ask: (openai) => openai.images.generate({
            model: 'gpt-image-1', prompt: 'x', stream: true, partial_images: 2,
        }),
    },
    'a transcription': {
        events: [
            typedEvent('transcript.text.delta', { delta: 'one' }),
            typedEvent('transcript.text.delta', { delta: 'two' }),
            typedEvent('transcript.text.done', { text: 'one two' }),
        ],
        ask: async (openai) => openai.audio.transcriptions.create({
            model: 'gpt-4o-transcribe', stream: true,
            file: await toFile(Buffer.alloc(1000), 'a.wav'),
        }),
    },
    "an assistant's run": {
        events: [
            'event: thread.run.created\ndata: {"id":"run_1"}\n\n',
            'event: thread.message.delta\ndata: {"id":"msg_1","delta":{}}\n\n',
            'event: thread.run.completed\ndata: {"id":"run_1"}\n\n',
            'event: done\ndata: [DONE]\n\n',
        ],
        ask: (openai) => openai.beta.threads.runs.create('thread_1', {
            assistant_id: 'asst_1', stream: true,
        }),
    },
};

test('a stream of two images that breaks off after the first is an error', async () => {
    const event = typedEvent('image_generation.completed', { b64_json: 'Yw==' });
    const read = async () => collect(await client().images.generate({
        model: 'gpt-image-1', prompt: 'x', stream: true, n: 2,
    }));
    await primary.tell({ mode: 'ok', stream: true, events: [event, event] });
    assert.equal((await read()).length, 2);
    for (const mode of ['close_mid_body', 'unfinished']) {
        await tellBoth({ mode, stream: true, after: 1, events: [event, event] });
        await assert.rejects(read);
    }
});

for (const [what, { events, ask }] of Object.entries(OTHERS)) {
    const read = async () => collect(await ask(client()));

    test(`the stream of ${what} comes whole`, async () => {
        await primary.tell({ mode: 'ok', stream: true, events });
        const wanted = events.filter((event) => !event.includes('[DONE]')).length;
        assert.equal((await read()).length, wanted);
    });

    test(`the stream of ${what} that breaks off is an error`, async () => {
        await primary.tell({ mode: 'close_mid_body', stream: true, after: 2, events });
        await assert.rejects(read);
    });

    test(`the stream of ${what} that just ends is an error`, async () => {
        await tellBoth({ mode: 'unfinished', stream: true, after: 2, events });
        await assert.rejects(read);
    });
}
