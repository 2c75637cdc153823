// An unheard error is told before the next immediate of the phase
const log = s => console.log(String(s));
process.on('unhandledRejection', e => log('unheard ' + e.message));
setImmediate(async () => { log('first'); await null; queueMicrotask(() => log('micro')); throw new Error('x'); });
setImmediate(() => log('second'));
