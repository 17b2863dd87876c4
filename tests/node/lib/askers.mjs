// askers.mjs - the SDKs whose word counts: each asks one question its own way and returns what it
// took for the whole answer, {text, finish}, or throws.
import { createOpenAI } from '@ai-sdk/openai';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';

import { BASE, CLIENT_KEY, MESSAGES, client } from './ground.mjs';
import { CHAT_EVENTS, RESPONSE_EVENTS } from './shapes.mjs';

const PROMPT = MESSAGES[0].content;

function vercel(headers) {
    return createOpenAI({ baseURL: `${BASE}/v1`, apiKey: CLIENT_KEY, headers });
}

function langchain(model, headers, more) {
    return new ChatOpenAI({
        model, apiKey: CLIENT_KEY, maxRetries: 0, timeout: 15000,
        configuration: { baseURL: `${BASE}/v1`, defaultHeaders: headers, logLevel: 'off' },
        ...more,
    });
}

function openai(headers) {
    return client({ defaultHeaders: headers });
}

// --- openai

async function chatJson(model, headers) {
    const answer = await openai(headers).chat.completions.create({ model, messages: MESSAGES });
    const [choice] = answer.choices;
    return { text: choice.message.content, finish: choice.finish_reason };
}

async function chatStream(model, headers) {
    const stream = await openai(headers).chat.completions.create({
        model, messages: MESSAGES, stream: true,
    });
    const whole = { text: '', finish: null };
    for await (const chunk of stream) {
        whole.text += chunk.choices?.[0]?.delta?.content ?? '';
        whole.finish = chunk.choices?.[0]?.finish_reason ?? whole.finish;
    }
    return whole;
}

async function chatStreamHelper(model, headers) {
    const answer = await openai(headers).chat.completions
        .stream({ model, messages: MESSAGES })
        .finalChatCompletion();
    const [choice] = answer.choices;
    return { text: choice.message.content, finish: choice.finish_reason };
}

async function completionsStream(model, headers) {
    const stream = await openai(headers).completions.create({
        model, prompt: PROMPT, stream: true,
    });
    const whole = { text: '', finish: null };
    for await (const chunk of stream) {
        whole.text += chunk.choices?.[0]?.text ?? '';
        whole.finish = chunk.choices?.[0]?.finish_reason ?? whole.finish;
    }
    return whole;
}

async function responsesJson(model, headers) {
    const answer = await openai(headers).responses.create({ model, input: PROMPT });
    return { text: answer.output_text, finish: answer.status };
}

async function responsesStream(model, headers) {
    const stream = await openai(headers).responses.create({ model, input: PROMPT, stream: true });
    const whole = { text: '', finish: null };
    for await (const event of stream) {
        if (event.type === 'response.output_text.delta') whole.text += event.delta;
        if (event.type === 'response.completed') whole.finish = event.response.status;
    }
    return whole;
}

async function responsesStreamHelper(model, headers) {
    const answer = await openai(headers).responses.stream({ model, input: PROMPT }).finalResponse();
    return { text: answer.output_text, finish: answer.status };
}

// --- ai (Vercel)

async function vercelJson(model, headers) {
    const answer = await generateText({
        model: vercel(headers).chat(model), prompt: PROMPT, maxRetries: 0,
    });
    return { text: answer.text, finish: answer.finishReason };
}

// Its streams do not throw: an error is a part like others.
async function vercelStream(model) {
    const { fullStream } = streamText({ model, prompt: PROMPT, maxRetries: 0, onError: () => {} });
    const whole = { text: '', finish: null };
    for await (const part of fullStream) {
        if (part.type === 'error') throw part.error;
        if (part.type === 'text-delta') whole.text += part.text;
        if (part.type === 'finish') whole.finish = part.finishReason;
    }
    return whole;
}

// --- langchain

async function langchainJson(model, headers) {
    const answer = await langchain(model, headers).invoke(PROMPT);
    return { text: answer.text, finish: answer.response_metadata.finish_reason };
}

async function langchainStream(model, headers, more) {
    const whole = { text: '', finish: null };
    for await (const chunk of await langchain(model, headers, more).stream(PROMPT)) {
        const told = chunk.response_metadata;
        whole.text += chunk.text;
        whole.finish = told.finish_reason ?? told.status ?? whole.finish;
    }
    return whole;
}

// `path` and `body` are what the asker sends, for a look at the bytes; `finish` is its word for
// whole; `events` are a good stream for it.
const CHAT = { path: '/v1/chat/completions', body: { messages: MESSAGES }, finish: 'stop' };
const CHAT_STREAM = { ...CHAT, body: { ...CHAT.body, stream: true }, events: CHAT_EVENTS };
// Without events the scripted upstream takes its own.
const TEXT_STREAM = {
    path: '/v1/completions', body: { prompt: PROMPT, stream: true }, finish: 'stop',
};
const RESPONSES = { path: '/v1/responses', body: { input: PROMPT }, finish: 'completed' };
const RESPONSES_STREAM = {
    ...RESPONSES, body: { ...RESPONSES.body, stream: true }, events: RESPONSE_EVENTS,
};

export const ASKERS = [
    { name: 'openai chat', ...CHAT, ask: chatJson },
    { name: 'openai chat stream', ...CHAT_STREAM, ask: chatStream },
    { name: 'openai chat stream helper', ...CHAT_STREAM, ask: chatStreamHelper },
    { name: 'openai completions stream', ...TEXT_STREAM, ask: completionsStream },
    { name: 'openai responses', ...RESPONSES, ask: responsesJson },
    { name: 'openai responses stream', ...RESPONSES_STREAM, ask: responsesStream },
    { name: 'openai responses stream helper', ...RESPONSES_STREAM, ask: responsesStreamHelper },
    { name: 'ai chat', ...CHAT, ask: vercelJson },
    { name: 'ai chat stream', ...CHAT_STREAM,
        ask: (model, headers) => vercelStream(vercel(headers).chat(model)) },
    { name: 'ai responses stream', ...RESPONSES_STREAM, finish: 'stop',
        ask: (model, headers) => vercelStream(vercel(headers).responses(model)) },
    { name: 'langchain chat', ...CHAT, ask: langchainJson },
    { name: 'langchain chat stream', ...CHAT_STREAM, ask: langchainStream },
    { name: 'langchain responses stream', ...RESPONSES_STREAM,
        ask: (model, headers) => langchainStream(model, headers, { useResponsesApi: true }) },
];

export function askerFind(name) {
    return ASKERS.find((asker) => asker.name === name);
}

export function isStream(asker) {
    return asker.body.stream === true;
}
