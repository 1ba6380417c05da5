/* Keeps a block of bytes for the maps on the page, under the name of its content.

   A map's colours change often, its positions and strings seldom. Each comes in an element of its own, so that the
   server sends what did not change as a reference to what the browser already has. */

const held = (globalThis[Symbol.for("tunescope.held")] ??= { parts: new Map(), news: new EventTarget() });
const names = new WeakMap();

function release(element, name) {
  const part = held.parts.get(name);
  part?.owners.delete(element);
  if (part && !part.owners.size) held.parts.delete(name);
}

export default function ({ data, parentElement: element }) {
  const name = new TextDecoder().decode(data.subarray(0, 16));
  const before = names.get(element);
  if (before !== name) {
    const part = held.parts.get(name) ?? { bytes: data.slice(16), owners: new Set() };
    part.owners.add(element);
    held.parts.set(name, part);
    names.set(element, name);
    if (before) release(element, before);
    held.news.dispatchEvent(new Event("news"));
  }
  return () => {
    if (names.get(element) === name) {
      names.delete(element);
      release(element, name);
    }
  };
}
