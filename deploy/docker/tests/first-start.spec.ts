// docker compose up without any setting: what is there, who may do what, and how closed the containers are.
import { httpCall, waitFor } from '@runyard/testing';
import type { ApiClient } from '@runyard/api-client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { docker } from './docker.js';
import { FollowedRun, upTo } from './followed-run.js';
import { NOTHING_DENIED, Stack } from './stack.js';

let stack: Stack;
let client: ApiClient;
beforeAll(async () => {
  const startedAt = performance.now();
  stack = await Stack.start('first');
  console.log(`compose up without any setting: ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  client = await stack.client();
  // Looked at in the last test: by then a minute is nearly over.
  await call('PUT', EVERY_MINUTE, { cron: '* * * * *', run: { prompt: 'hello' } });
});
afterAll(() => stack?.close());

const EVERY_MINUTE = '/v1/schedules/sch_everyminute';
const BY_HAND = '/v1/schedules/sch_byhand';
const LASTING = ['api', 'demo-model', 'redis', 'worker'];

test('the log of the API shows a command, and the command shows the key', async () => {
  const shown = /the API key is shown by: docker compose ([\w -]+)"/.exec(await stack.logs('api'))?.[1] ?? '';
  const [verb = '', ...words] = shown.split(' ');
  const key = (await stack.compose(verb, '-T', ...words)).trim();
  expect(key).toMatch(/^ryk_[\w-]{43}$/);
  const list = (authorization?: string) => httpCall(stack.url, '/v1/runs', { headers: { authorization } });
  expect([(await list(`Bearer ${key}`)).status, (await list(`Bearer ${key}x`)).status, (await list()).status]).toEqual([200, 401, 401]);
  expect(await stack.logs()).not.toContain(key);
});

test('a run is taken, streamed without a gap and done; everybody is told that it was not Claude', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[edit]]' });
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
  expect(await stack.logs('worker')).toContain('DEMO: no credential of the model is set');
  expect(await client.status()).toMatchObject({ demo: true });
  expect(await stack.shell('worker', `cat ${followed.directory}/runyard-demo.md`)).toContain('state: done');
});

test('the command works inside the container of the API', async () => {
  expect(await stack.compose('exec', '-T', 'api', 'runyard', 'submit', '--follow', 'hello')).toContain('It is not Claude');
});

test('only the API is published, and only to this machine', async () => {
  const published = (await stack.containers()).flatMap(({ Config, HostConfig }) =>
    Object.entries(HostConfig.PortBindings ?? {}).flatMap(([port, places]) => places.map(({ HostIp }) => [Config.Labels['com.docker.compose.service'], port, HostIp])),
  );
  expect(published).toEqual([['api', '8080/tcp', '127.0.0.1']]);
});

test.each(LASTING)('%s is healthy, restarts by itself, has limits and no privileges', async (service) => {
  const { State, Config, HostConfig } = await stack.container(service);
  expect(State.Health?.Status).toBe('healthy');
  expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, Privileged: false, CapDrop: ['ALL'], RestartPolicy: { Name: 'unless-stopped' } });
  expect(HostConfig.CapAdd ?? []).toEqual([]);
  expect(HostConfig.SecurityOpt).toContain('no-new-privileges:true');
  expect(HostConfig.Memory).toBeGreaterThan(0);
  expect(HostConfig.PidsLimit).toBeGreaterThan(0);
  expect(HostConfig.LogConfig.Config).toMatchObject({ 'max-size': '10m', 'max-file': '3' });
  expect(HostConfig.Init === true || Config.Entrypoint?.[0] === 'tini').toBe(true);
  // Seen from inside, so that it is what the kernel says.
  const status = await stack.shell(service, 'cat /proc/1/status');
  expect(status).toMatch(/^Uid:\t(1000|999)\t/m);
  expect(status).toMatch(/^CapEff:\t0+$/m);
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  expect(await stack.shell(service, 'touch /etc/x 2>&1 || true')).toContain('Read-only file system');
});

test('setup ends, and may do nothing but give directories away', async () => {
  const { State, HostConfig } = await stack.container('setup');
  expect(State.Status).toBe('exited');
  expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], RestartPolicy: { Name: 'no' } });
  expect(HostConfig.CapAdd?.toSorted()).toEqual(['CHOWN', 'DAC_OVERRIDE', 'FOWNER']);
});

test('nobody has the Docker socket, and no password stands in the settings of a container', async () => {
  const containers = await stack.containers();
  expect(containers.flatMap((container) => container.HostConfig.Binds ?? []).filter((bind) => bind.includes('docker.sock'))).toEqual([]);
  const passwords = await Promise.all((['api', 'worker'] as const).map((role) => stack.redisPassword(role)));
  expect(new Set(passwords).size).toBe(2);
  for (const password of passwords) {
    expect(password).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(containers)).not.toContain(password);
  }
});

test('Redis and the demo model have no way out, and Redis tells nothing without a name', async () => {
  const route = `cat /proc/net/route | awk 'NR > 1 && $2 == "00000000"' | wc -l`;
  expect(await stack.shell('demo-model', route)).toBe('0');
  expect(await stack.shell('redis', route)).toBe('0');
  expect(await stack.shell('worker', route)).toBe('1');
  const asNobody = (...words: string[]) => stack.shell('redis', `redis-cli --no-auth-warning ${words.join(' ')}`);
  for (const words of ['PING', 'GET runyard:runs', 'FLUSHALL']) {
    expect(await asNobody(words)).toContain('NOAUTH');
    expect(await asNobody('--user default --pass x', words)).toMatch(/WRONGPASS|NOAUTH/);
  }
});

test('whatever Runyard does is within its rights in Redis', async () => {
  const done = await (await FollowedRun.start(client, { prompt: 'hello', metadata: { a: 'b' }, tags: ['x'], priority: 3 })).over();
  const canceled = await FollowedRun.start(client, { prompt: '[[slow n=60]]' });
  await canceled.untilTalking(1);
  await client.cancel(canceled.id);
  expect((await canceled.over()).status).toBe('canceled');
  await call('POST', '/v1/queue/pause');
  const { id } = await client.retry(done.id);
  await call('POST', `/v1/runs/${id}/priority`, { priority: 5 });
  await call('POST', '/v1/runs/cancel', { ids: [id] });
  await call('POST', '/v1/queue/resume');
  // A schedule of its own: a run made by hand just before a minute is over would make the other one skip that minute.
  await call('PUT', BY_HAND, { cron: '0 0 29 2 *', run: { prompt: 'hello' } });
  await call('POST', `${BY_HAND}/run`);
  for (const path of ['/v1/runs?tag=x', '/v1/queue', '/v1/status', '/v1/workers', '/v1/schedules', `${BY_HAND}/slots`, '/queues/', '/queues/api/queues', '/queues/api/redis/stats', '/queues/api/job-schedulers', '/readyz?verbose']) {
    await call('GET', path);
  }
  await client.deleteRun(done.id);
  expect(await stack.deniedByRedis()).toEqual(NOTHING_DENIED);
});

test('metrics are served inside, and not on the published port', async () => {
  for (const [service, port] of [['api', 8082], ['worker', 8081]] as const) {
    const script = `fetch('http://${service}:${port}/metrics').then(async (answer) => console.log(await answer.text()))`;
    expect(await stack.compose('exec', '-T', 'demo-model', 'node', '-e', script)).toContain(`runyard_build_info{`);
  }
  expect((await httpCall(stack.url, '/metrics', { headers: await bearer() })).status).toBe(404);
});

test.each(['api', 'worker'] as const)('the user %s of Redis keeps to the keys of Runyard and cannot harm the server', async (role) => {
  expect(await stack.asRedisUser(role, 'SET runyard:test 1', 'DEL runyard:test', 'CONFIG GET maxmemory-policy')).toEqual(['OK', '1', 'maxmemory-policy', 'noeviction']);
  const forbidden = [
    'FLUSHALL', 'FLUSHDB', 'CONFIG SET maxmemory 1', 'CONFIG REWRITE', 'KEYS runyard:*', 'GET other', 'SET other 1', 'SUBSCRIBE other', 'PUBLISH other 1',
    'ACL LIST', 'ACL SETUSER x', 'SHUTDOWN', 'MONITOR', 'SCRIPT FLUSH', 'FUNCTION FLUSH', 'REPLICAOF 127.0.0.1 1', 'SWAPDB 0 1', 'CLIENT KILL ID 1', 'BGREWRITEAOF',
    'SAVE', 'MODULE LIST', 'LATENCY RESET', `EVAL 'return redis.call("get","other")' 0`, `EVAL 'return redis.call("flushall")' 0`,
  ];
  const answers = await stack.asRedisUser(role, ...forbidden);
  expect(answers.filter((answer) => !/^NOPERM|^ERR ACL failure/.test(answer))).toEqual([]);
  expect(answers).toHaveLength(forbidden.length);
});

test('what tools leave behind is reaped', async () => {
  // The shell ends at once; its children lose their parent and end a moment later.
  await stack.shell('worker', `sh -c '(sleep 0.3 &) ; (sleep 0.3 &)'`);
  const states = () => stack.shell('worker', 'ps -eo stat=,comm= | grep -E "sleep|^Z" || true');
  await waitFor(async () => (await states()) === '', { what: 'the orphans to be gone' });
});

test('each image holds what its part needs, the CLI only where it runs, our own code last and small', async () => {
  const has = async (service: string, path: string) => (await stack.shell(service, `test -e ${path} && echo yes || echo no`)) === 'yes';
  expect(await stack.shell('worker', 'claude --version')).toMatch(/^\d+\.\d+\.\d+ /);
  expect(await Promise.all([has('api', '/usr/local/bin/claude'), has('demo-model', '/usr/local/bin/claude')])).toEqual([false, false]);
  expect(await Promise.all([has('worker', '/app/node_modules/@nestjs'), has('api', '/app/node_modules/@nestjs')])).toEqual([false, true]);
  for (const service of ['api', 'worker', 'demo-model']) {
    expect(await stack.shell(service, `find /app/apps/*/dist /app/libs/*/dist -name '*.ts'; find /app -path '*/node_modules/vitest' -o -path '*/node_modules/typescript'`)).toBe('');
    const layers = (await docker('history', '--human=false', '--no-trunc', '--format', '{{.Size}} {{.CreatedBy}}', `runyard-${service}:${inject('testRun')}`)).split('\n');
    const [last = ''] = layers.filter((layer) => !layer.startsWith('0 '));
    expect(last).toContain(`COPY /out/${service} `);
    expect(Number.parseInt(last, 10)).toBeLessThan(2_000_000);
  }
});

test('a schedule makes a run each minute, one for each slot', async () => {
  const slots = async () => ((await call('GET', `${EVERY_MINUTE}/slots`)) as { data: { status: string; reason: string | null; run_id: string }[] }).data;
  await waitFor(async () => (await slots()).length > 0, { what: 'the first minute to be over', timeoutMs: 120_000 });
  const made = await slots();
  expect(made.map(({ status, reason }) => ({ status, reason }))).toEqual(made.map(() => ({ status: 'created', reason: null })));
  const runs = await Promise.all(made.map((slot) => client.run(slot.run_id, { wait: 60 })));
  expect(runs.map((run) => [run.status, run.trigger])).toEqual(runs.map(() => ['succeeded', 'schedule']));
});

/** A request that has to succeed; the answer parsed. */
async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await httpCall(stack.url, path, { method, headers: await bearer(), ...(body === undefined ? {} : { body }) });
  expect(answer.status, `${method} ${path}: ${answer.text.slice(0, 500)}`).toBeLessThan(300);
  return answer.json;
}

let key: Promise<string> | undefined;
async function bearer(): Promise<{ authorization: string }> {
  key ??= stack.compose('exec', '-T', 'api', 'runyard', 'key');
  return { authorization: `Bearer ${(await key).trim()}` };
}
