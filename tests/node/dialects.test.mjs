// dialects.test.mjs - Azure first and OpenAI after it, and the reverse: whichever SDK asks, each
// upstream is asked in its own way, and the other one's answer is as good.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AzureOpenAI } from 'openai';

import { envAlone } from './lib/env.mjs';
import {
    BASE, CLIENT_KEY, MESSAGES, TEXT, WORDS, client, collect, fallback, freshUpstreams, headerOf,
    primary,
} from './lib/ground.mjs';

const VERSION = '2024-10-21';
const FAULTS = {
    'says 500': { mode: 'status', status: 500 },
    'says 429': { mode: 'limited', retry_after: 7 },
    'says 401': { mode: 'unauthorized' },
    'closes connections': { mode: 'close_without_answer' },
    'is silent': { mode: 'silent' },
    'answers in HTML': { mode: 'html' },
    'answers with an error in a 200': { mode: 'error_in_200' },
    'cuts its answer': { mode: 'close_mid_body', after: 0 },
};
freshUpstreams();

function azure(options = {}) {
    return new AzureOpenAI({
        endpoint: BASE, apiKey: CLIENT_KEY, apiVersion: VERSION,
        maxRetries: 0, timeout: 15000, logLevel: 'off', ...options,
    });
}

// The last request that an upstream got (one on a connection that was closed meanwhile is sent again);
// its key came in this header and in no other.
async function lastRequest(upstream, keyHeader, key) {
    const requests = await upstream.asked();
    const [request] = requests.slice(-1);
    const other = keyHeader === 'api-key' ? 'authorization' : 'api-key';
    assert.equal(headerOf(request, keyHeader), key);
    assert.equal(headerOf(request, other), undefined);
    return request;
}

// Each operation: its path below /v1 or a deployment, the end of its model, and asking it, which tells
// who answered.
const OPERATIONS = {
    chat: {
        path: 'chat/completions',
        model: 'gpt',
        async ask(sdk, model) {
            const answer = await sdk.chat.completions.create({ model, messages: MESSAGES });
            assert.equal(answer.choices[0].message.content, TEXT);
            return answer.system_fingerprint;
        },
    },
    'a stream': {
        path: 'chat/completions',
        model: 'gpt',
        async ask(sdk, model) {
            const chunks = await collect(await sdk.chat.completions.create({
                model, messages: MESSAGES, stream: true,
            }));
            assert.deepEqual(chunks.map((chunk) => chunk.choices[0].delta.content),
                [...WORDS, undefined]);
            assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
            return chunks[0].system_fingerprint;
        },
    },
    embeddings: {
        path: 'embeddings',
        model: 'embed',
        async ask(sdk, model) {
            const answer = await sdk.embeddings.create({
                model, input: 'hello', encoding_format: 'float',
            });
            assert.deepEqual(answer.data[0].embedding, [0.25, -0.5, 0.125]);
            return answer.upstream;
        },
    },
};

// What each upstream was asked, in Azure's way by a deployment's path …
async function assertAzureDeployment(upstream, key, operation, deployment) {
    const request = await lastRequest(upstream, 'api-key', key);
    assert.equal(request.target,
        `/openai/deployments/${deployment}/${operation.path}?api-version=${VERSION}`);
}

// … or by the API that takes the model in the body …
async function assertAzureV1(upstream, key, operation, model) {
    const request = await lastRequest(upstream, 'api-key', key);
    assert.equal(request.target, `/openai/v1/${operation.path}`);
    assert.equal(JSON.parse(request.body).model, model);
}

// … and in OpenAI's.
async function assertOpenai(upstream, key, operation, model) {
    const request = await lastRequest(upstream, 'authorization', `Bearer ${key}`);
    assert.equal(request.target, `/v1/${operation.path}`);
    assert.equal(JSON.parse(request.body).model, model);
}

const KEYS = { primary: 'sk-p-31c0ffee5eed', fallback: 'sk-f-9a7d42b6e801' };

// names(end) - a model for the client, at the primary and at the fallback
function azureFirst(names) {
    for (const [name, operation] of Object.entries(OPERATIONS)) {
        const [asked, deployment, spare] = names(operation.model);

        test(`the SDK for Azure, ${name}: Azure is asked as it is`, async () => {
            assert.equal(await operation.ask(azure(), asked), 'primary');
            await assertAzureDeployment(primary, KEYS.primary, operation, deployment);
            assert.equal(await fallback.count(), 0);
        });

        for (const [what, step] of Object.entries(FAULTS)) {
            test(`the SDK for Azure, ${name}: OpenAI answers when Azure ${what}`, async () => {
                await primary.tell(step);
                assert.equal(await operation.ask(azure(), asked), 'fallback');
                await assertAzureDeployment(primary, KEYS.primary, operation, deployment);
                await assertOpenai(fallback, KEYS.fallback, operation, spare);
            });
        }

        test(`the SDK for OpenAI, ${name}: OpenAI answers for Azure`, async () => {
            await primary.tell(FAULTS['says 500']);
            assert.equal(await operation.ask(client(), asked), 'fallback');
            await assertAzureV1(primary, KEYS.primary, operation, deployment);
            await assertOpenai(fallback, KEYS.fallback, operation, spare);
        });
    }

    test('a deployment that only the path names is the model of the other upstream', async () => {
        const [asked, , spare] = names('gpt');
        await primary.tell(FAULTS['says 500']);
        const answer = await azure({ deployment: asked }).chat.completions.create({
            messages: MESSAGES,
        });
        assert.equal(answer.model, spare);
        const { body } = await lastRequest(primary, 'api-key', KEYS.primary);
        assert.equal(JSON.parse(body).model, undefined);
        await assertOpenai(fallback, KEYS.fallback, OPERATIONS.chat, spare);
    });

    test('other parameters than the version go to both', async () => {
        await primary.tell(FAULTS['says 500']);
        const [asked] = names('gpt');
        await azure().chat.completions.create({ model: asked, messages: MESSAGES },
            { query: { tag: 'a b' } });
        const [request] = await fallback.asked();
        assert.match(request.target, /^\/v1\/chat\/completions\?tag=a(\+|%20)b$/);
    });
}

function openaiFirst(names) {
    for (const [name, operation] of Object.entries(OPERATIONS)) {
        const [asked, model, spare] = names(operation.model);

        test(`the SDK for OpenAI, ${name}: OpenAI is asked as it is`, async () => {
            assert.equal(await operation.ask(client(), asked), 'primary');
            await assertOpenai(primary, KEYS.primary, operation, model);
            assert.equal(await fallback.count(), 0);
        });

        for (const [what, step] of Object.entries(FAULTS)) {
            test(`the SDK for OpenAI, ${name}: Azure answers when OpenAI ${what}`, async () => {
                await primary.tell(step);
                assert.equal(await operation.ask(client(), asked), 'fallback');
                await assertOpenai(primary, KEYS.primary, operation, model);
                await assertAzureV1(fallback, KEYS.fallback, operation, spare);
            });
        }

        test(`the SDK for Azure, ${name}: Azure answers for OpenAI`, async () => {
            await primary.tell(FAULTS['says 500']);
            assert.equal(await operation.ask(azure(), asked), 'fallback');
            await assertOpenai(primary, KEYS.primary, operation, model);
            await assertAzureDeployment(fallback, KEYS.fallback, operation, spare);
        });
    }
}

describe('by postern.json, Azure first', () => {
    azureFirst((model) => [`both-${model}`, `prod-${model}`, `both-${model}`]);

    test('the API of responses goes to both in their own way', async () => {
        await primary.tell(FAULTS['says 500']);
        const answer = await azure().responses.create({ model: 'both-gpt', input: 'hello' });
        assert.equal(answer.output_text, TEXT);
        const asked = await lastRequest(primary, 'api-key', KEYS.primary);
        assert.equal(asked.target, `/openai/responses?api-version=${VERSION}`);
        assert.equal(JSON.parse(asked.body).model, 'prod-gpt');
        await assertOpenai(fallback, KEYS.fallback, { path: 'responses' }, 'both-gpt');
    });
});

describe('by postern.json, OpenAI first', () => {
    openaiFirst((model) => [`back-${model}`, `back-${model}`, 'prod-spare']);
});

const TIMES = { POSTERN_RESPONSE_TIMEOUT: 0.5, POSTERN_FIRST_TOKEN_TIMEOUT: 0.5 };

function pair(primaryDialect, fallbackDialect, more) {
    return {
        ...TIMES,
        PRIMARY_OPENAI_HOST: `http://127.0.0.1:${process.env.PRIMARY_PORT}`,
        PRIMARY_OPENAI_API_KEY: KEYS.primary,
        PRIMARY_OPENAI_DIALECT: primaryDialect,
        FALLBACK_OPENAI_HOST: `http://127.0.0.1:${process.env.FALLBACK_PORT}`,
        FALLBACK_OPENAI_API_KEY: KEYS.fallback,
        FALLBACK_OPENAI_DIALECT: fallbackDialect,
        ...more,
    };
}

describe('by the .env file alone, Azure first', () => {
    envAlone(pair('azure', 'openai'));
    azureFirst((model) => [model, model, model]);
});

describe('by the .env file alone, Azure first, with models of their own', () => {
    envAlone(pair('azure', 'openai',
        { PRIMARY_OPENAI_MODEL: 'my-deployment', FALLBACK_OPENAI_MODEL: 'gpt-4o-mini' }));
    azureFirst((model) => [model, 'my-deployment', 'gpt-4o-mini']);
});

describe('by the .env file alone, OpenAI first', () => {
    envAlone(pair('openai', 'azure', { FALLBACK_OPENAI_MODEL: 'my-deployment' }));
    openaiFirst((model) => [model, model, 'my-deployment']);
});
