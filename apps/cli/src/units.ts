// Durations, ages, costs and counts as people read them, and durations as they write them.

/** `0:07`, `12:34`, `1:02:03`. */
export function formatDuration(durationMs: number): string {
  const total = Math.max(0, Math.floor(durationMs / 1000));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** How long ago, in the largest whole unit: `8s`, `5m`, `3h`, `12d`. */
export function formatAge(iso: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** How long until then, in the largest whole unit: `in 8s`, `in 5m`; `now` when the time has come. */
export function formatUntil(iso: string, nowMs: number): string {
  const untilMs = Date.parse(iso) - nowMs;
  return untilMs < 1000 ? 'now' : `in ${formatAge(new Date(nowMs).toISOString(), nowMs + untilMs)}`;
}

/** `$1.23`; small amounts with more digits; `~` before an estimate. */
export function formatCost(usd: number, estimated = false): string {
  return `${estimated ? '~' : ''}$${usd === 0 || usd >= 1 ? usd.toFixed(2) : usd.toFixed(4)}`;
}

/** `950`, `1.2k`, `3.4M`. */
export function formatCount(count: number): string {
  if (count < 1000) return String(count);
  return count < 999_950 ? `${(count / 1000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}

/** `1 turn`, `2 turns`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Whole seconds of `90`, `90s`, `15m`, `2h` or `1d`, or undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhd]?)$/.exec(text.trim());
  const unit = UNIT_SECONDS[match?.[2] ?? '-'];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}
