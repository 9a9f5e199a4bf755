// Makes a Node process whose event loop can be blocked from outside, as by code that never yields. The program knows nothing of it.

/** The signal that blocks it. */
export const BLOCK_SIGNAL = 'SIGUSR2';

/** Environment for a process that stands still for `ms` milliseconds each time it gets BLOCK_SIGNAL: no timer, no input, no signal handler runs. */
export function blockable(ms: number): { readonly NODE_OPTIONS: string } {
  const program = `process.on('${BLOCK_SIGNAL}',()=>{for(const end=performance.now()+${ms};performance.now()<end;);})`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` };
}
