// What lets the pages run without a network, once they have run with one?
//
// The site's service worker (sw.js) keeps what was fetched. Where a browser has none, as in some
// private windows or on http, everything works as before, with the network.

export async function keep(root) {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register(`${root}sw.js`);
    // What this page fetches next should go through it, so that it is fetched once.
    if (!navigator.serviceWorker.controller) await controlled();
  } catch {
    // The page runs without it.
  }
}

const controlled = () =>
  new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
    setTimeout(resolve, 1000);
  });

// The other pages, when there is time.
export const keepPages = () => navigator.serviceWorker?.controller?.postMessage("keep pages");
