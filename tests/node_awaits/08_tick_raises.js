// An error in a tick: the other ticks still come before what awaits
const log = s => console.log(String(s));
process.on('uncaughtException', e => log('uncaught ' + e.message));
(async () => { await null; log('await'); })();
process.nextTick(() => { log('one'); throw new Error('x'); });
process.nextTick(() => log('two'));
setImmediate(() => log('immediate'));
