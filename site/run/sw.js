// How does the site work without a network?
//
// Of a page the network's copy is the better one, and the kept one serves without a network. What
// lies in a folder with a hash in its name never changes, so the kept copy is as good.

import { filesOf } from "./tar.js";

const CACHE = `minirt ${RUN_FOLDER}`;
const ROOT = self.registration.scope;
const FOR_EVER = ROOT + RUN_FOLDER;

addEventListener("install", () => skipWaiting());

addEventListener("activate", (event) => event.waitUntil(tidy().then(() => clients.claim())));

// What an older site has left.
async function tidy() {
  const names = (await caches.keys()).filter((name) => name.startsWith("minirt ") && name !== CACHE);
  await Promise.all(names.map((name) => caches.delete(name)));
}

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(ROOT)) return;
  event.respondWith(request.url.startsWith(FOR_EVER) ? keptFirst(request) : networkFirst(request));
});

async function keptFirst(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) ?? fetchedAndKept(cache, request);
}

async function networkFirst(request) {
  const cache = await caches.open(CACHE);
  try {
    return await fetchedAndKept(cache, request);
  } catch (error) {
    const address = request.url.split(/[?#]/)[0];
    const kept = await cache.match(address.endsWith("/") ? `${address}index.html` : address, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

async function fetchedAndKept(cache, request) {
  const response = await fetch(request);
  if (response.status === 200) cache.put(request, response.clone()).catch(() => {}); // the disk may be full
  return response;
}

addEventListener("message", (event) => {
  if (event.data === "keep pages") event.waitUntil(keepPages().catch(() => {}));
});

const TYPES = {
  css: "text/css",
  html: "text/html",
  js: "text/javascript",
  png: "image/png",
  svg: "image/svg+xml",
};

// All pages come in one piece, which is small.
async function keepPages() {
  const cache = await caches.open(CACHE);
  const address = `${ROOT}pages.gzip`;
  if (await cache.match(address)) return;
  const response = await fetch(address);
  if (!response.ok) return;
  const stream = response.body.pipeThrough(new DecompressionStream("gzip"));
  const tar = new Uint8Array(await new Response(stream).arrayBuffer());
  for (const [path, content] of filesOf(tar)) {
    const type = TYPES[path.split(".").at(-1)];
    const kept = new Response(content, { headers: { "Content-Type": type } });
    await cache.put(ROOT + path, kept);
  }
  await cache.put(address, new Response("kept"));
}
