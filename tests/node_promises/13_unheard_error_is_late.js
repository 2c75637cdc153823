// An error that nobody hears is told after ticks and microtasks
const log = s => console.log(String(s));
process.on('unhandledRejection', e => log('unheard ' + e.message));
(async () => { throw new Error('x'); })();
process.nextTick(() => log('tick')); queueMicrotask(() => { log('micro'); process.nextTick(() => log('tick 2')); });
setImmediate(() => log('immediate'));
