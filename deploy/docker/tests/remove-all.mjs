// Removes everything that carries the name of a test run, whatever state it is in. Plain JavaScript: the runner uses it without a build.
import { spawnSync } from 'node:child_process';

/** @param {readonly string[]} words */
function docker(...words) {
  return spawnSync('docker', words, { encoding: 'utf8' }).stdout.split('\n').filter((line) => line !== '');
}

/**
 * Containers, networks, volumes and images; nothing happens when there are none.
 * @param {string} testRun begins the names of containers, networks and volumes, and is the tag of the images
 */
export function removeAll(testRun) {
  const kinds = [
    { list: ['ps', '-aq', '--filter', `name=${testRun}`], remove: ['rm', '-f', '-v'] },
    { list: ['network', 'ls', '-q', '--filter', `name=${testRun}`], remove: ['network', 'rm'] },
    { list: ['volume', 'ls', '-q', '--filter', `name=${testRun}`], remove: ['volume', 'rm', '-f'] },
    { list: ['image', 'ls', '--filter', `reference=*:${testRun}`, '--format', '{{.Repository}}:{{.Tag}}'], remove: ['image', 'rm', '-f'] },
  ];
  for (const { list, remove } of kinds) {
    const found = docker(...list);
    if (found.length > 0) docker(...remove, ...found);
  }
}
