// env.mjs - a configuration by the .env file alone, while the tests of a suite run.
import { after, before } from 'node:test';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { BASE } from './ground.mjs';

const FILE = `${process.env.GROUND}/postern/.env`;
const PATIENCE_MS = 15000;

async function version() {
    const answer = await fetch(`${BASE}/version`, {
        headers: { 'api-key': process.env.OPERATOR_KEY },
    });
    return answer.text();
}

// Puts a file in the place of the old one, with its owner; returns once it is in use.
async function take(text) {
    const mark = `version-${process.hrtime.bigint()}`;
    const { uid, gid } = fs.statSync(FILE);
    fs.writeFileSync(`${FILE}.new`, `${text}\nAPP_VERSION=${mark}\n`, { mode: 0o600 });
    fs.chownSync(`${FILE}.new`, uid, gid);
    fs.renameSync(`${FILE}.new`, FILE);
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await version()).includes(mark)) {
        if (Date.now() > deadline) throw new Error('the new .env file is not in use');
        await sleep(20);
    }
}

// What stands in the file of all tests stays, but for its routes and what `values` say.
export function envAlone(values) {
    const old = fs.readFileSync(FILE, 'utf8');
    const replaced = new Set(['POSTERN_CONFIG', ...Object.keys(values)]);
    const kept = old.split('\n').filter((line) => !replaced.has(line.split('=')[0]));
    const added = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    before(() => take([...kept, ...added].join('\n')));
    after(() => take(old));
}
