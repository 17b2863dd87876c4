// files.test.mjs - uploads and downloads, the list of models, and that they stay in one account.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';

import OpenAI, { toFile } from 'openai';

import { client, fallback, freshUpstreams, primary } from './lib/ground.mjs';

const FILE_BYTES = 5 << 20;
freshUpstreams();

function sha256(bytes) {
    return createHash('sha256').update(bytes).digest('hex');
}

// A fetch that notes what it really sends: the SDK leaves the multipart body to fetch.
function notingFetch(note) {
    return async (url, init) => {
        const request = new Request(url, { ...init, duplex: 'half' });
        const body = Buffer.from(await request.arrayBuffer());
        note(body);
        return fetch(url, { ...init, headers: request.headers, body });
    };
}

test('an upload of 5 MB arrives byte for byte', async () => {
    let sent;
    const openai = client({ fetch: notingFetch((body) => { sent = body; }) });
    const file = await toFile(randomBytes(FILE_BYTES), 'training.jsonl');
    const answer = await openai.files.create({ file, purpose: 'fine-tune' });
    assert.equal(answer.target, '/v1/files');
    const [request] = await primary.asked();
    assert.ok(request.length > FILE_BYTES);
    assert.equal(request.length, sent.length);
    assert.equal(request.sha256, sha256(sent));
});

test('an upload of 5 MB as the SDK sends it arrives whole', async () => {
    const file = await toFile(randomBytes(FILE_BYTES), 'training.jsonl');
    await client().files.create({ file, purpose: 'fine-tune' });
    const [request] = await primary.asked();
    assert.ok(request.length > FILE_BYTES);
});

test('a download comes back byte for byte', async () => {
    // All values of a byte; those that are no UTF-8 are told to the upstream as lone surrogates.
    const bytes = Buffer.from(Array.from({ length: 300 * 256 }, (_, at) => (at * 7) & 255));
    const body = String.fromCharCode(...Array.from(bytes.subarray(0, 256),
        (byte) => (byte < 128 ? byte : 0xdc00 + byte))).repeat(300);
    await primary.tell({ mode: 'ok', body, type: 'application/octet-stream' });
    const answer = await client().files.content('file-1');
    assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
    assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(bytes));
    assert.equal((await primary.asked())[0].target, '/v1/files/file-1/content');
});

const CUTS = ['short_body', 'close_mid_body', 'reset_mid_body', 'no_last_chunk', 'cut_chunk'];

for (const mode of CUTS) {
    test(`a download that is cut (${mode}) is an error`, async () => {
        await primary.tell({ mode });
        const download = async () => (await client().files.content('file-1')).arrayBuffer();
        await assert.rejects(download);
    });
}

test('a download that is cut after a part of it has come is an error', async () => {
    await primary.tell({ mode: 'endless_json' });
    const answer = await client().files.content('file-1');
    assert.equal(answer.status, 200);
    await assert.rejects(answer.arrayBuffer());
});

test('a file is deleted, and files are listed', async () => {
    const gone = await client().files.delete('file-1');
    assert.equal(gone.method, 'DELETE');
    await primary.tell({ mode: 'ok', body: '{"object":"list","data":[{"id":"file-1"}]}' });
    const page = await client().files.list({ limit: 1, purpose: 'fine-tune' });
    assert.equal(page.data[0].id, 'file-1');
    assert.equal((await primary.asked()).at(-1).target, '/v1/files?limit=1&purpose=fine-tune');
});

test('files are of one account: no fallback answers for them', async () => {
    await primary.tell({ mode: 'status', status: 500 });
    await assert.rejects(client().files.list(), OpenAI.InternalServerError);
    assert.equal(await fallback.count(), 0);
});

test('the list of models comes back', async () => {
    const models = [];
    for await (const model of client().models.list()) models.push(model.id);
    assert.deepEqual(models, ['gpt-4o']);
});

test('the list of models comes from the fallback when the primary fails', async () => {
    await primary.tell({ mode: 'status', status: 500 });
    const page = await client().models.list();
    assert.equal(page.data[0].owned_by, 'fallback');
});
