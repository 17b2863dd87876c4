// shapes.mjs - streams in full, as OpenAI sends them; the scripted upstream's own are shorter.
import { TEXT, WORDS } from './ground.mjs';

function chunk(choices, more = {}) {
    return `data: ${JSON.stringify({
        id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o', choices,
        ...more,
    })}\n\n`;
}

// An event with a name, as the newer APIs have them.
export function typedEvent(type, more) {
    return `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
}

// A chunk with one choice.
export function chatChunk(delta, finish_reason = null, index = 0) {
    return chunk([{ index, delta, finish_reason }]);
}

export const DONE = 'data: [DONE]\n\n';

export const CHAT_EVENTS = [
    chunk([], { prompt_filter_results: [] }), // Azure begins so
    chatChunk({ role: 'assistant', content: '' }),
    ...WORDS.map((content) => chatChunk({ content })),
    chatChunk({}, 'stop'),
    chunk([], { usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 } }),
    DONE,
];

function textPart(text) {
    return { type: 'output_text', text, annotations: [] };
}

function message(status, content) {
    return { id: 'msg_1', type: 'message', role: 'assistant', status, content };
}

function response(status, output) {
    return {
        id: 'resp_1', object: 'response', created_at: 1700000000, model: 'gpt-4o', status, output,
        error: null, usage: { input_tokens: 3, output_tokens: 5, total_tokens: 8 },
    };
}

const AT = { item_id: 'msg_1', output_index: 0, content_index: 0 };

const RESPONSE_PARTS = [
    ['created', { response: response('in_progress', []) }],
    ['in_progress', { response: response('in_progress', []) }],
    ['output_item.added', { output_index: 0, item: message('in_progress', []) }],
    ['content_part.added', { ...AT, part: textPart('') }],
    ...WORDS.map((delta) => ['output_text.delta', { ...AT, delta }]),
    ['output_text.done', { ...AT, text: WORDS.join('') }],
    ['content_part.done', { ...AT, part: textPart(WORDS.join('')) }],
    ['output_item.done', { output_index: 0, item: message('completed', [textPart(TEXT)]) }],
    ['completed', { response: response('completed', [message('completed', [textPart(TEXT)])]) }],
];

export const RESPONSE_EVENTS = RESPONSE_PARTS.map(([type, more], sequence_number) => {
    return typedEvent(`response.${type}`, { sequence_number, ...more });
});
