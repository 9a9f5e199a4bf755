// All markers by name, and their list for people.
import { faultMarkers } from './fault-markers.js';
import type { Marker } from './marker.js';
import { proseMarkers } from './prose-markers.js';
import { scriptMarkers } from './script-marker.js';
import { toolMarkers } from './tool-markers.js';

export const knownMarkers: ReadonlyMap<string, Marker> = new Map(
  Object.entries({ ...proseMarkers, ...toolMarkers, ...scriptMarkers, ...faultMarkers }),
);

/** One line per marker: how it is written and what it does. */
export function markerList(): string {
  return [...knownMarkers.values()].map((marker) => `- \`${marker.usage}\`: ${marker.about}`).join('\n');
}
