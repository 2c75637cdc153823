// A handler attached in the same turn is in time
const log = s => console.log(String(s));
process.on('unhandledRejection', e => log('unheard ' + e.message));
const p = (async () => { throw new Error('x'); })();
queueMicrotask(() => process.nextTick(() => p.catch(() => log('heard'))));
