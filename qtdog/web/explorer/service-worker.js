// The page without a network: its files as they were when this version came, all or none.

/** @typedef {{path: string, sha256: string}} Kept */

const VERSION = "of no version";
const SHELL_PREFIX = "qtdog-shell-", SHELL = SHELL_PREFIX + VERSION.slice(0, 16);
const FILES = "qtdog-files";  // as download.js calls it, which keeps what is large
const LARGE = /^(graphs\/|numbers\/|parts\/|.*\.wasm$)/;
const worker = /** @type {any} */ (self);
const home = new URL(".", worker.location.href).href;

/** @param {ArrayBuffer} bytes */
async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * A file's answer, if its content is the right one. Of what the browser's own cache holds it is told
 * to ask again.
 * @param {string} path
 * @param {string} hash
 * @returns {Promise<Response>}
 */
async function right(path, hash) {
  for (const cache of /** @type {RequestCache[]} */ (["no-cache", "reload"])) {
    const response = await fetch(new URL(path, home), { cache });
    const bytes = await response.clone().arrayBuffer();
    if (response.ok && (await sha256(bytes)) === hash) return response;
  }
  throw new Error(`${path} is not the one of this version.`);
}

async function fill() {
  const manifest = await right("manifest.json", VERSION);
  const { files } = /** @type {{files: Kept[]}} */ (await manifest.clone().json());
  const cache = await caches.open(SHELL);
  const small = files.filter((one) => !LARGE.test(one.path));
  await Promise.all(small.map(async ({ path, sha256: hash }) => {
    const address = new URL(path === "index.html" ? "." : path, home).href;
    await cache.put(address, await right(path, hash));
  }));
  await cache.put(new URL("manifest.json", home).href, manifest);
}

/** Let go of other versions, and of files that this one does not know. */
async function tidy() {
  for (const name of await caches.keys()) {
    if (name.startsWith(SHELL_PREFIX) && name !== SHELL) await caches.delete(name);
  }
  const manifest = await caches.match(new URL("manifest.json", home).href, { cacheName: SHELL });
  if (!manifest) return;
  const { files, index } = await manifest.json();
  const set = await caches.open(FILES);
  const listed = await set.match(new URL(`${index.path}?sha256=${index.sha256.slice(0, 16)}`, home).href);
  if (!listed) return;
  const { checkpoints } = await listed.json();
  const known = [index, ...files, ...checkpoints.flatMap((/** @type {any} */ one) => one.files)];
  const hashes = new Set(known.map((one) => one.sha256.slice(0, 16)));
  for (const request of await set.keys()) {
    const hash = new URL(request.url).searchParams.get("sha256");
    if (request.url.startsWith(home) && !hashes.has(hash)) await set.delete(request);
  }
}

worker.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(fill().then(() => worker.skipWaiting()));
});
worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(tidy().then(() => worker.clients.claim()));
});
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event, address = new URL(request.url);
  if (request.method !== "GET" || !request.url.startsWith(home)) return;
  if (address.searchParams.has("sha256")) {  // all else the page looks up by itself
    if (request.destination === "script") event.respondWith(kept(request.url, FILES, request));
    return;
  }
  const place = request.mode === "navigate" && /\/(index\.html)?$/.test(address.pathname)
    ? home : address.origin + address.pathname;
  event.respondWith(kept(place, SHELL, request));
});

/** @param {string} place @param {string} cacheName @param {Request} request @returns {Promise<Response>} */
async function kept(place, cacheName, request) {
  return (await caches.match(place, { cacheName })) ?? fetch(request);
}
