// ground.mjs - the gateway and its two scripted upstreams, as tests/node/run has started them.
import { beforeEach } from 'node:test';

import OpenAI from 'openai';

function need(name) {
    const value = process.env[name];
    if (!value) throw new Error(`${name} is not set: start these tests with tests/node/run`);
    return value;
}

export const BASE = need('BASE');
export const CLIENT_KEY = need('CLIENT_KEY');
export const MODES = JSON.parse(need('HOSTILE_MODES'));
export const WORDS = ['one', 'two', 'three', 'four', 'five'];
export const TEXT = WORDS.join(' ');
export const MESSAGES = [{ role: 'user', content: 'hello' }];

// What tests/upstream/hostile.py can be told and asked; see its first lines.
class Upstream {
    constructor(name) {
        this.name = name;
        this.control = `http://127.0.0.1:${need(`${name.toUpperCase()}_CONTROL`)}`;
    }

    async ask(path, options) {
        const answer = await fetch(`${this.control}/${path}`, options);
        const value = await answer.json();
        if (!answer.ok) throw new Error(`${this.name}: ${path}: ${JSON.stringify(value)}`);
        return value;
    }

    post(path, value) {
        const body = value === undefined ? undefined : JSON.stringify(value);
        return this.ask(path, { method: 'POST', body });
    }

    // What it does from now on.
    tell(step) {
        return this.post('default', step);
    }

    // What it does with the next requests, one step each.
    tellNext(...steps) {
        return this.post('script', steps);
    }

    forget() {
        return this.post('reset');
    }

    asked() {
        return this.ask('requests');
    }

    async count() {
        return (await this.ask('state')).requests;
    }

    // until('requests', 1), until('gate', NAME, 1), until('closed', 0)
    until(...what) {
        return this.ask(`wait/${what.join('/')}`);
    }

    release(gate) {
        return this.post(`release/${gate}`);
    }
}

export const primary = new Upstream('primary');
export const fallback = new Upstream('fallback');

export function tellBoth(step) {
    return Promise.all([primary.tell(step), fallback.tell(step)]);
}

export function forgetBoth() {
    return Promise.all([primary.forget(), fallback.forget()]);
}

export async function counts() {
    return [await primary.count(), await fallback.count()];
}

export function headerOf(request, name) {
    return request.headers.find(([known]) => known.toLowerCase() === name)?.[1];
}

// An SDK user who does not retry, unless a test says so.
export function client(options = {}) {
    return new OpenAI({
        baseURL: `${BASE}/v1`,
        apiKey: CLIENT_KEY,
        maxRetries: 0,
        timeout: 15000,
        logLevel: 'off',
        ...options,
    });
}

export async function collect(stream) {
    const items = [];
    for await (const item of stream) items.push(item);
    return items;
}

// The bytes of an answer, as a client without an SDK gets them; `cut` when its transfer broke.
export async function rawAnswer(path, body, headers = {}) {
    const answer = await fetch(`${BASE}${path}`, {
        method: 'POST',
        headers: {
            authorization: `Bearer ${CLIENT_KEY}`,
            'content-type': 'application/json',
            ...headers,
        },
        body: JSON.stringify(body),
    });
    const decoder = new TextDecoder();
    const raw = { status: answer.status, text: '', cut: false };
    try {
        for await (const bytes of answer.body) raw.text += decoder.decode(bytes, { stream: true });
    } catch {
        raw.cut = true;
    }
    return raw;
}

export function freshUpstreams() {
    beforeEach(forgetBoth);
}
