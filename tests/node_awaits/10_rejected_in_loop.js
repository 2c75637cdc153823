// An error that is awaited again and again is raised each time
const log = s => console.log(String(s));
const p = (async () => { throw new Error('x'); })();
(async () => { for (let i = 0; i < 3; i++) { try { await p; } catch (e) { log(e.message + i); } } })();
queueMicrotask(() => log('micro'));
