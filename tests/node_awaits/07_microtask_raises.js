// An error in a microtask is told at once, and the microtasks go on
const log = s => console.log(String(s));
process.on('uncaughtException', e => log('uncaught ' + e.message));
queueMicrotask(() => { log('one'); throw new Error('x'); });
queueMicrotask(() => log('two'));
(async () => { await null; log('await'); })();
process.nextTick(() => log('tick'));
